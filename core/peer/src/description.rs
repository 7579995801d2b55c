//! A look at a description before the engine sees it. The engine takes a media section without any codec of ours
//! and then cannot make another offer, so such a description must not reach it.

use crate::event::PeerError;

/// Refuses what cannot become a connection: no credentials, no fingerprint (RFC 8829 §5.10), or a section of
/// sound or pictures, not rejected, that holds none of `video` (names of `a=rtpmap`) or no Opus.
pub(crate) fn check(sdp: &str, video: &[&str]) -> Result<(), PeerError> {
    if !sdp.starts_with("v=0") {
        return Err(refused("no v=0"));
    }
    for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"] {
        if !sdp.lines().any(|held| held.starts_with(line)) {
            return Err(refused(line));
        }
    }
    let mut sections = sdp.split("\nm=").skip(1).peekable();
    if sections.peek().is_none() {
        return Err(refused("no m= line"));
    }
    for section in sections {
        let mut words = section.split_ascii_whitespace();
        let (kind, port) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let codecs = match kind {
            _ if port == "0" => continue,
            "audio" => &["opus"][..],
            "video" => video,
            _ => continue,
        };
        if !rtpmaps(section).any(|name| codecs.iter().any(|codec| codec.eq_ignore_ascii_case(name)))
        {
            return Err(refused("no codec of ours in a media section"));
        }
    }
    Ok(())
}

/// Names of the codecs of a section: `VP8` of `a=rtpmap:96 VP8/90000`.
fn rtpmaps(section: &str) -> impl Iterator<Item = &str> {
    let maps = section
        .lines()
        .filter_map(|line| line.strip_prefix("a=rtpmap:"));
    maps.filter_map(|map| map.split_once(' ')?.1.split('/').next())
}

fn refused(why: &str) -> PeerError {
    PeerError::Sdp(format!("refused: {}", why.trim_end_matches(':')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "v=0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:sha-256 00\r\n";

    fn checked(sections: &str) -> Result<(), PeerError> {
        check(&format!("{HEAD}{sections}"), &["VP8"])
    }

    #[test]
    fn sections_with_a_codec_of_ours_pass() {
        let opus = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=rtpmap:111 OPUS/48000/2\r\n";
        let vp8 = "m=video 9 UDP/TLS/RTP/SAVPF 98 96\r\na=rtpmap:98 VP9/90000\r\na=rtpmap:96 VP8/90000\r\n";
        assert_eq!(checked(opus), Ok(()));
        assert_eq!(
            checked(&format!("{opus}{vp8}m=application 9 UDP/DTLS/SCTP x\r\n")),
            Ok(())
        );
        assert_eq!(
            checked(&format!("{vp8}m=video 0 UDP/TLS/RTP/SAVPF 98\r\n")),
            Ok(())
        );
    }

    #[test]
    fn sections_without_one_are_refused() {
        assert!(checked("m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=rtpmap:98 VP9/90000\r\n").is_err());
        assert!(checked("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n").is_err());
        assert!(checked("").is_err());
        assert!(
            check(
                "v=0\r\nm=audio 9 x 111\r\na=rtpmap:111 opus/48000/2\r\n",
                &["VP8"]
            )
            .is_err()
        );
        assert!(check("hello", &["VP8"]).is_err());
    }
}
