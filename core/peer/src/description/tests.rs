//! Descriptions without an engine: what is taken of them, and where the rest goes.

use super::*;
use VideoCodec::{H264, Vp8};

const HEAD: &str = "v=0\r\na=ice-ufrag:a\r\na=ice-pwd:b\r\na=fingerprint:sha-256 00\r\n";
const SOUND: &str = "m=audio 9 UDP/TLS/RTP/SAVPF 0 111\r\na=mid:s\r\na=rtpmap:111 OPUS/48000/2\r\n";

fn pictures(mid: &str) -> String {
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF 100 98 99 96 97\r\na=mid:{mid}\r\na=rtpmap:100 VP9/90000\r\n\
        a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42c02a\r\n\
        a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtcp-fb:98 nack\r\na=rtcp-fb:* ccm fir\r\n\
        a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n\
        a=msid:x y\r\na=ssrc:5 cname:x\r\na=ssrc:5 msid:x y\r\na=rid:1 send\r\na=sendonly\r\n"
    )
}

fn terms(ours: &[VideoCodec]) -> Terms<'_> {
    Terms {
        ours,
        agreed: [None, None],
        slots: &[],
    }
}

fn offered(sections: &str, ours: &[VideoCodec]) -> Result<Remote, PeerError> {
    Remote::offer(&format!("{HEAD}{sections}"), &terms(ours))
}

fn codecs(remote: &Remote) -> [Option<VideoCodec>; 2] {
    [TrackKind::Video, TrackKind::Screen]
        .map(|kind| remote.media(kind).and_then(|media| media.codec))
}

#[test]
fn what_cannot_become_a_connection_is_refused() {
    for sections in [
        "",
        "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n",
        "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n",
        "m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n",
    ] {
        assert!(offered(sections, &[Vp8]).is_err(), "{sections}");
    }
    assert!(Remote::offer("hello", &terms(&[Vp8])).is_err());
    let open = format!("v=0\r\n{SOUND}");
    let error = Remote::offer(&open, &terms(&[Vp8])).unwrap_err();
    assert!(error.to_string().contains("ice-ufrag"), "{error}");
    assert!(offered(SOUND, &[Vp8]).is_ok());
}

#[test]
fn an_offer_is_cut_to_the_codec_that_we_prefer() {
    let remote = offered(&format!("{SOUND}{}", pictures("v")), &[Vp8, H264]).unwrap();
    assert_eq!(codecs(&remote), [Some(Vp8), None]);
    let shown = Sdp::parse(&remote.for_engine());
    let video = &shown.sections[1];
    assert_eq!(video.payload_types().collect::<Vec<_>>(), [96, 97]);
    assert_eq!(video.of_payload_type("rtpmap", 98), None);
    assert_eq!(video.of_payload_type("rtcp-fb", 98), None);
    assert!(video.lines.contains(&"a=rtcp-fb:* ccm fir".to_owned()));
    assert_eq!(video.direction(), Direction::BOTH);
    assert_eq!(
        video.attributes("msid").collect::<Vec<_>>(),
        ["remote camera"]
    );
    assert_eq!(
        video.attributes("ssrc").collect::<Vec<_>>(),
        ["5 cname:remote"]
    );
    assert_eq!(video.attributes("rid").count(), 0);
    // Another level is the same codec, and the engine is told so.
    let remote = offered(&pictures("v"), &[H264]).unwrap();
    let shown = Sdp::parse(&remote.for_engine());
    let fmtp = shown.sections[0].of_payload_type("fmtp", 98);
    assert_eq!(fmtp, Some(H264_FMTP));
}

#[test]
fn an_answer_counts_from_its_top_and_keeps_what_else_may_come() {
    let slots = offer(&format!("{HEAD}{SOUND}{}", pictures("v")), &[]).1;
    let terms = Terms {
        slots: &slots,
        ..terms(&[Vp8, H264])
    };
    let text = format!("{HEAD}{SOUND}{}", pictures("v"));
    let remote = Remote::answer_to_ours(&text, &terms).unwrap();
    assert_eq!(codecs(&remote), [Some(H264), None]);
    let shown = Sdp::parse(&remote.for_engine());
    let types: Vec<u8> = shown.sections[1].payload_types().collect();
    assert_eq!(types, [98, 99, 96, 97]);
    // What was agreed stays, wherever it stands.
    let agreed = Terms {
        agreed: [Some(Vp8), None],
        ..terms
    };
    let remote = Remote::answer_to_ours(&text, &agreed).unwrap();
    assert_eq!(codecs(&remote), [Some(Vp8), None]);
    let shown = Sdp::parse(&remote.for_engine());
    assert_eq!(shown.sections[1].payload_types().next(), Some(96));
}

#[test]
fn an_answer_that_does_not_fit_our_offer_is_refused() {
    let slots = offer(&format!("{HEAD}{SOUND}"), &[]).1;
    let terms = Terms {
        slots: &slots,
        ..terms(&[Vp8])
    };
    for sections in [pictures("v"), format!("{SOUND}{}", pictures("v"))] {
        let text = format!("{HEAD}{sections}");
        assert!(Remote::answer_to_ours(&text, &terms).is_err(), "{text}");
    }
    let nameless = format!("{HEAD}{}", SOUND.replace("a=mid:s\r\n", ""));
    let remote = Remote::answer_to_ours(&nameless, &terms).unwrap();
    assert!(remote.for_engine().contains("a=mid:s\r\n"));
}

#[test]
fn sections_that_the_engine_does_not_see_keep_their_places() {
    let vp9 = "m=video 9 UDP/TLS/RTP/SAVPF 98\r\na=mid:v\r\na=rtpmap:98 VP9/90000\r\n";
    let text = "m=text 9 RTP/AVP 98\r\na=mid:t\r\n";
    let remote = offered(&format!("{vp9}{text}{SOUND}"), &[Vp8]).unwrap();
    assert_eq!(Sdp::parse(&remote.for_engine()).sections.len(), 1);
    let answer = remote.answer(&format!("v=0\r\n{SOUND}"));
    let ports = |text: &str| {
        let sections = Sdp::parse(text).sections;
        let ports = sections
            .iter()
            .map(|held| (held.mid().to_owned(), held.is_refused()));
        ports.collect::<Vec<_>>()
    };
    let expected = [("v", true), ("t", true), ("s", false)].map(|(mid, no)| (mid.to_owned(), no));
    assert_eq!(ports(&answer), expected);
    let slots = remote.slots(&[]);
    let (next, places) = offer(&format!("v=0\r\n{SOUND}{}", pictures("9")), &slots);
    assert_eq!(ports(&next)[..3], expected);
    assert_eq!(ports(&next)[3], ("9".to_owned(), false));
    assert_eq!(places.len(), 4);
    assert!(next.contains("a=sendrecv") && !next.contains("a=sendonly"));
}

#[test]
fn a_screen_without_a_camera_is_taken_only_where_a_camera_was() {
    let stopped = pictures("v").replace("m=video 9", "m=video 0");
    let both = format!("{}{}", pictures("v"), pictures("w"));
    let alone = format!("{SOUND}{stopped}{}", pictures("w"));
    let remote = offered(&alone, &[Vp8]).unwrap();
    assert_eq!(codecs(&remote), [None, None]);
    let slots = offered(&format!("{SOUND}{both}"), &[Vp8])
        .unwrap()
        .slots(&[]);
    let known = Terms {
        slots: &slots,
        ..terms(&[Vp8])
    };
    let remote = Remote::offer(&format!("{HEAD}{alone}"), &known).unwrap();
    assert_eq!(codecs(&remote), [None, Some(Vp8)]);
}

proptest::proptest! {
    #[test]
    fn random_lines_never_panic(
        lines in proptest::collection::vec(
            proptest::sample::select(vec![
                "m=audio 9 UDP/TLS/RTP/SAVPF 111", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98", "m=video 0 x 96",
                "m=", "m=video", "m=application 9 UDP/DTLS/SCTP x", "a=mid:0", "a=mid:1", "a=mid:", "a=rtpmap:96 VP8/90000",
                "a=rtpmap:97 rtx/90000", "a=fmtp:97 apt=96", "a=fmtp:97 apt=", "a=rtpmap:98 H264/90000",
                "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f", "a=rtpmap:", "a=rtpmap:999 VP8",
                "a=ssrc:1 cname:x", "a=ssrc:x", "a=ssrc-group:FID 1 2", "a=inactive", "a=sendonly", "a=extmap:4",
                "a=rtpmap:111 opus/48000/2", "a=extmap:4/x urn:3gpp:video-orientation", "", "\u{0}", "a=",
            ]),
            0..40,
        ),
        is_offer: bool,
    ) {
        let text = format!("{HEAD}{}\r\n", lines.join("\r\n"));
        let (_, slots) = offer(&text, &[]);
        let terms = Terms { ours: &[Vp8, H264], agreed: [None, Some(H264)], slots: &slots };
        let remote = if is_offer {
            Remote::offer(&text, &terms)
        } else {
            Remote::answer_to_ours(&text, &terms)
        };
        if let Ok(remote) = remote {
            let shown = remote.for_engine();
            proptest::prop_assert!(Sdp::parse(&shown).sections.len() <= slots.len());
            if is_offer {
                let answer = Sdp::parse(&remote.answer(&shown));
                proptest::prop_assert_eq!(answer.sections.len(), slots.len());
            }
            proptest::prop_assert_eq!(remote.slots(&slots).len(), slots.len());
        }
    }
}
