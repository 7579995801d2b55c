//! Which payload types of a video section are codecs of ours: names, `a=fmtp`, retransmission.
//! Which of them is taken is `description`'s.

use crate::config::VideoCodec;
use crate::sdp::Section;

/// What our H.264 is (RFC 6184 §8.1): constrained baseline, level 3.1, fragments and aggregates.
pub(crate) const H264_FMTP: &str =
    "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// A codec of ours in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Offered {
    pub(crate) codec: VideoCodec,
    pub(crate) payload_type: u8,
    /// Its retransmissions (RFC 4588 §8.6).
    pub(crate) rtx: Option<u8>,
}

/// The codecs of ours that a section holds, in its order; of each codec the first form that is ours.
pub(crate) fn offered(section: &Section) -> Vec<Offered> {
    let mut found: Vec<Offered> = Vec::new();
    for payload_type in section.payload_types() {
        let Some(codec) = codec(section, payload_type) else {
            continue;
        };
        if found.iter().all(|held| held.codec != codec) {
            let rtx = rtx_of(section, payload_type);
            found.push(Offered {
                codec,
                payload_type,
                rtx,
            });
        }
    }
    found
}

/// The payload type of Opus in a section of sound.
pub(crate) fn opus(section: &Section) -> Option<u8> {
    let mut types = section.payload_types();
    types.find(|payload_type| {
        name(section, *payload_type).is_some_and(|name| name.eq_ignore_ascii_case("opus"))
    })
}

fn codec(section: &Section, payload_type: u8) -> Option<VideoCodec> {
    let name = name(section, payload_type)?;
    let fmtp = section.of_payload_type("fmtp", payload_type);
    if name.eq_ignore_ascii_case("VP8") {
        Some(VideoCodec::Vp8)
    } else if name.eq_ignore_ascii_case("H264") && is_our_h264(fmtp.unwrap_or_default()) {
        Some(VideoCodec::H264)
    } else {
        None
    }
}

/// `VP8` of `a=rtpmap:96 VP8/90000`.
fn name(section: &Section, payload_type: u8) -> Option<&str> {
    let map = section.of_payload_type("rtpmap", payload_type)?;
    map.trim().split('/').next()
}

fn rtx_of(section: &Section, payload_type: u8) -> Option<u8> {
    let mut types = section.payload_types();
    types.find(|rtx| {
        let named = name(section, *rtx).is_some_and(|name| name.eq_ignore_ascii_case("rtx"));
        let apt = section.of_payload_type("fmtp", *rtx).unwrap_or_default();
        named && parameter(apt, "apt").and_then(|apt| apt.parse().ok()) == Some(payload_type)
    })
}

/// Mode and profile must be the same at both ends, levels need not (RFC 6184 §8.2.2). Both have defaults that are
/// not ours: mode 0, baseline.
fn is_our_h264(fmtp: &str) -> bool {
    let profile_level = parameter(fmtp, "profile-level-id");
    let profile_level = profile_level.filter(|id| id.len() == 6);
    let number = profile_level.and_then(|id| u32::from_str_radix(id, 16).ok());
    parameter(fmtp, "packetization-mode") == Some("1")
        && number.is_some_and(|id| is_constrained_baseline((id >> 16) as u8, (id >> 8) as u8))
}

/// RFC 6184 §8.1, table 5.
fn is_constrained_baseline(profile_idc: u8, profile_iop: u8) -> bool {
    match profile_idc {
        0x42 => profile_iop & 0x4f == 0x40,
        0x4d => profile_iop & 0x8f == 0x80,
        0x58 => profile_iop & 0xcf == 0xc0,
        _ => false,
    }
}

fn parameter<'a>(fmtp: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = fmtp.split(';').filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sdp::Sdp;

    fn section(text: &str) -> Section {
        Sdp::parse(text).sections.remove(0)
    }

    #[test]
    fn constrained_baseline_is_told_from_its_relatives() {
        for ours in ["42e01f", "42E01F", "42c033", "4d8028", "58c00d"] {
            let fmtp = format!("packetization-mode=1; profile-level-id={ours}");
            assert!(is_our_h264(&fmtp), "{ours}");
            assert!(!is_our_h264(&fmtp.replace("mode=1", "mode=0")), "{ours}");
        }
        for other in [
            "42001f", "4d001f", "64001f", "f4001f", "640c1f", "42e0", "zz",
        ] {
            let fmtp = format!("packetization-mode=1;profile-level-id={other}");
            assert!(!is_our_h264(&fmtp), "{other}");
        }
        assert!(!is_our_h264("") && !is_our_h264("packetization-mode=1"));
        assert!(!is_our_h264("profile-level-id=42e01f"), "mode 0 by default");
    }

    #[test]
    fn codecs_come_in_the_order_of_the_section_each_with_its_retransmissions() {
        let section = section(
            "m=video 9 UDP/TLS/RTP/SAVPF 108 109 106 107 96 97\r\n\
            a=rtpmap:96 vp8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96;rtx-time=3000\r\n\
            a=rtpmap:108 H264/90000\r\na=fmtp:108 packetization-mode=0;profile-level-id=42e01f\r\n\
            a=rtpmap:109 rtx/90000\r\na=fmtp:109 apt=108\r\n\
            a=rtpmap:106 H264/90000\r\na=fmtp:106 packetization-mode=1;profile-level-id=42e01f\r\n\
            a=rtpmap:107 red/90000\r\na=fmtp:107 apt=106\r\n",
        );
        let h264 = Offered {
            codec: VideoCodec::H264,
            payload_type: 106,
            rtx: None,
        };
        let vp8 = Offered {
            codec: VideoCodec::Vp8,
            payload_type: 96,
            rtx: Some(97),
        };
        assert_eq!(offered(&section), [h264, vp8]);
    }
}
