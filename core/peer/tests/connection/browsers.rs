//! Offers in the form in which browsers make them: what is answered, to the line.

use ringwire_peer::{PeerConfig, PeerEvent, VideoCodec};

use crate::two_ends::{End, config, media};

use VideoCodec::{H264, Vp8};

const SESSION: &str = "v=0\r\no=- 4611731400430051336 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n\
    a=group:BUNDLE 0 1 2\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS camera\r\n";

const TRANSPORT: &str = "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:aB3d\r\n\
    a=ice-pwd:aBcDeFgHiJkLmNoPqRsTuVwX\r\na=ice-options:trickle\r\n\
    a=fingerprint:sha-256 8B:87:09:8A:5D:C2:F3:33:EF:C5:B1:F6:84:3A:3D:D6:A3:E2:9C:17:4C:E7:46:3B:1B:CE:84:98:DD:8E:AF:7B\r\n\
    a=setup:actpass\r\n";

const CHROMIUM_AUDIO: &str = "a=mid:0\r\na=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\n\
    a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\na=sendrecv\r\na=msid:camera microphone\r\n\
    a=rtcp-mux\r\na=rtcp-rsize\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\n\
    a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n\
    a=rtpmap:9 G722/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
    a=rtpmap:13 CN/8000\r\na=rtpmap:110 telephone-event/48000\r\na=rtpmap:126 telephone-event/8000\r\n\
    a=ssrc:1001 cname:x\r\na=ssrc:1001 msid:camera microphone\r\n";

const CHROMIUM_EXTENSIONS: &str = "a=extmap:14 urn:ietf:params:rtp-hdrext:toffset\r\n\
    a=extmap:2 http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time\r\n\
    a=extmap:13 urn:3gpp:video-orientation\r\n\
    a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
    a=extmap:5 http://www.webrtc.org/experiments/rtp-hdrext/playout-delay\r\n\
    a=extmap:6 http://www.webrtc.org/experiments/rtp-hdrext/video-content-type\r\n\
    a=extmap:7 http://www.webrtc.org/experiments/rtp-hdrext/video-timing\r\n\
    a=extmap:8 http://www.webrtc.org/experiments/rtp-hdrext/color-space\r\n\
    a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
    a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n\
    a=extmap:11 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n";

/// Payload type, name, `a=fmtp`, payload type of its retransmissions.
type Codec = (u8, &'static str, &'static str, Option<u8>);

const CHROMIUM_CODECS: &[Codec] = &[
    (96, "VP8", "", Some(97)),
    (
        103,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f",
        Some(104),
    ),
    (
        107,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f",
        Some(108),
    ),
    (
        109,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
        Some(114),
    ),
    (
        115,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42e01f",
        Some(116),
    ),
    (
        117,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=4d001f",
        Some(118),
    ),
    (
        39,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=4d001f",
        Some(40),
    ),
    (45, "AV1", "level-idx=5;profile=0;tier=0", Some(46)),
    (98, "VP9", "profile-id=0", Some(99)),
    (100, "VP9", "profile-id=2", Some(101)),
    (
        112,
        "H264",
        "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=64001f",
        Some(113),
    ),
    (119, "red", "", Some(120)),
    (121, "ulpfec", "", None),
];

const FIREFOX_CODECS: &[Codec] = &[
    (120, "VP8", "max-fs=12288;max-fr=60", Some(124)),
    (121, "VP9", "max-fs=12288;max-fr=60", Some(125)),
    (
        126,
        "H264",
        "profile-level-id=42e01f;level-asymmetry-allowed=1;packetization-mode=1",
        Some(127),
    ),
    (
        97,
        "H264",
        "profile-level-id=42e01f;level-asymmetry-allowed=1",
        Some(98),
    ),
    (123, "ulpfec", "", None),
    (122, "red", "", Some(119)),
];

fn video(mid: u8, direction: &str, codecs: &[Codec], extensions: &str) -> String {
    let mut types = String::new();
    let mut lines = String::new();
    for (payload_type, name, fmtp, rtx) in codecs {
        types += &format!(" {payload_type}");
        lines += &format!("a=rtpmap:{payload_type} {name}/90000\r\n");
        for feedback in ["goog-remb", "transport-cc", "ccm fir", "nack", "nack pli"] {
            lines += &format!("a=rtcp-fb:{payload_type} {feedback}\r\n");
        }
        if !fmtp.is_empty() {
            lines += &format!("a=fmtp:{payload_type} {fmtp}\r\n");
        }
        if let Some(rtx) = rtx {
            types += &format!(" {rtx}");
            lines += &format!("a=rtpmap:{rtx} rtx/90000\r\na=fmtp:{rtx} apt={payload_type}\r\n");
        }
    }
    let (ssrc, rtx) = (2_000 + u32::from(mid), 3_000 + u32::from(mid));
    let sends = direction == "sendrecv" || direction == "sendonly";
    let ssrcs = if sends {
        format!(
            "a=ssrc-group:FID {ssrc} {rtx}\r\na=ssrc:{ssrc} cname:x\r\n\
            a=ssrc:{ssrc} msid:camera one\r\na=ssrc:{rtx} cname:x\r\na=ssrc:{rtx} msid:camera one\r\n"
        )
    } else {
        String::new()
    };
    format!(
        "m=video 9 UDP/TLS/RTP/SAVPF{types}\r\n{TRANSPORT}a=mid:{mid}\r\n{extensions}a={direction}\r\n\
        a=msid:camera one\r\na=rtcp-mux\r\na=rtcp-rsize\r\n{lines}{ssrcs}"
    )
}

fn offer(videos: &[String]) -> String {
    let audio = format!(
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110 126\r\n{TRANSPORT}{CHROMIUM_AUDIO}"
    );
    format!("{SESSION}{audio}{}", videos.concat())
}

/// The sections of the answer of an end with `codecs` to `offer`, and what it tells of codecs.
async fn answer(codecs: &[VideoCodec], offer: String) -> (Vec<String>, [Option<VideoCodec>; 2]) {
    let mut end = End::configured(PeerConfig {
        video_codecs: codecs.to_vec(),
        ..config(media())
    });
    end.peer.accept_offer(1, offer);
    let answer = loop {
        match end.next().await {
            PeerEvent::Answer { sdp, .. } => break sdp,
            PeerEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    };
    let told = end.codecs().unwrap();
    end.peer.close().await;
    let sections = answer.split("m=").skip(1);
    (sections.map(str::to_owned).collect(), told)
}

fn has(section: &str, line: &str) -> bool {
    section.lines().any(|held| held == line)
}

#[tokio::test]
async fn chromium_is_answered_with_the_codec_that_we_prefer_and_no_other() {
    let fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";
    for (ours, chosen, types) in [
        (&[H264, Vp8][..], H264, "109 114"),
        (&[Vp8, H264], Vp8, "96 97"),
        (&[Vp8], Vp8, "96 97"),
        (&[H264], H264, "109 114"),
    ] {
        let offer = offer(&[video(1, "sendrecv", CHROMIUM_CODECS, CHROMIUM_EXTENSIONS)]);
        let (sections, told) = answer(ours, offer).await;
        assert_eq!(told, [Some(chosen), None]);
        assert_eq!(sections.len(), 2);
        assert!(
            sections[0].starts_with("audio 9 UDP/TLS/RTP/SAVPF 111\r\n"),
            "{}",
            sections[0]
        );
        let video = &sections[1];
        assert!(
            video.starts_with(&format!("video 9 UDP/TLS/RTP/SAVPF {types}\r\n")),
            "{video}"
        );
        let (first, rtx) = types.split_once(' ').unwrap();
        for line in [
            "a=mid:1".to_owned(),
            "a=sendrecv".to_owned(),
            "a=extmap:13 urn:3gpp:video-orientation".to_owned(),
            format!("a=rtpmap:{rtx} rtx/90000"),
            format!("a=fmtp:{rtx} apt={first}"),
            format!("a=rtcp-fb:{first} nack pli"),
            format!("a=rtcp-fb:{first} transport-cc"),
        ] {
            assert!(has(video, &line), "{line} not in {video}");
        }
        assert_eq!(has(video, &format!("a=fmtp:109 {fmtp}")), chosen == H264);
        for other in [
            "VP9",
            "AV1",
            "red",
            "ulpfec",
            "packetization-mode=0",
            "42001f",
        ] {
            assert!(!video.contains(other), "{other} in {video}");
        }
        assert!(
            !video.contains("playout-delay"),
            "an extension that we do not know"
        );
    }
}

#[tokio::test]
async fn firefox_writes_the_same_otherwise() {
    let extensions = "a=extmap:3 urn:ietf:params:rtp-hdrext:sdes:mid\r\n\
        a=extmap:7 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n\
        a=extmap:8/recvonly urn:ietf:params:rtp-hdrext:toffset\r\n";
    for (ours, types) in [(&[H264, Vp8][..], "126 127"), (&[Vp8], "120 124")] {
        let offer = offer(&[video(1, "sendrecv", FIREFOX_CODECS, extensions)]);
        let (sections, _) = answer(ours, offer).await;
        let video = &sections[1];
        assert!(
            video.starts_with(&format!("video 9 UDP/TLS/RTP/SAVPF {types}\r\n")),
            "{video}"
        );
    }
}

#[tokio::test]
async fn pictures_that_we_cannot_decode_are_refused_and_sound_is_not() {
    let foreign: Vec<Codec> = CHROMIUM_CODECS
        .iter()
        .copied()
        .filter(|(_, name, fmtp, _)| {
            *name != "VP8" && !fmtp.contains("mode=1;profile-level-id=42e0")
        })
        .collect();
    let offer = offer(&[
        video(1, "sendrecv", &foreign, CHROMIUM_EXTENSIONS),
        video(2, "sendrecv", CHROMIUM_CODECS, CHROMIUM_EXTENSIONS),
    ]);
    let (sections, told) = answer(&[H264, Vp8], offer).await;
    assert_eq!(told, [None, None], "no screen without a camera");
    assert!(has(&sections[0], "a=sendrecv"), "{}", sections[0]);
    for (section, mid) in sections[1..].iter().zip(["1", "2"]) {
        assert!(
            section.starts_with("video 0 UDP/TLS/RTP/SAVPF "),
            "{section}"
        );
        assert!(has(section, &format!("a=mid:{mid}")), "{section}");
    }
}

#[tokio::test]
async fn a_second_section_is_the_screen_and_a_third_is_refused() {
    let offer = offer(&[
        video(1, "sendrecv", CHROMIUM_CODECS, CHROMIUM_EXTENSIONS),
        video(2, "sendonly", CHROMIUM_CODECS, CHROMIUM_EXTENSIONS),
        video(3, "sendrecv", CHROMIUM_CODECS, CHROMIUM_EXTENSIONS),
    ]);
    let (sections, told) = answer(&[H264], offer).await;
    assert_eq!(told, [Some(H264), None], "it takes no screen of ours");
    let ports: Vec<_> = sections
        .iter()
        .map(|section| section.split(' ').nth(1).unwrap())
        .collect();
    assert_eq!(ports, ["9", "9", "9", "0"]);
    assert!(
        has(&sections[1], "a=sendrecv") && has(&sections[2], "a=recvonly"),
        "{sections:?}"
    );
}

#[tokio::test]
async fn each_direction_is_answered_with_its_reverse() {
    for (offered, answered, sends) in [
        ("sendrecv", "a=sendrecv", true),
        ("sendonly", "a=recvonly", false),
        ("recvonly", "a=sendonly", true),
        ("inactive", "a=inactive", false),
    ] {
        let offer = offer(&[video(1, offered, CHROMIUM_CODECS, CHROMIUM_EXTENSIONS)]);
        let (sections, told) = answer(&[Vp8], offer).await;
        assert!(has(&sections[1], answered), "{offered}: {}", sections[1]);
        assert_eq!(told[0].is_some(), sends, "{offered}");
    }
}

#[tokio::test]
async fn a_browser_that_turns_its_section_off_and_on_again_is_sent_to_again() {
    let mut end = End::configured(config(media()));
    let directions = ["sendrecv", "inactive", "sendonly", "recvonly", "sendrecv"];
    for (op, direction) in directions.into_iter().enumerate() {
        let op = op as u64;
        let offer = offer(&[video(1, direction, CHROMIUM_CODECS, CHROMIUM_EXTENSIONS)]);
        end.peer.accept_offer(op, offer);
        while !matches!(end.log.last(), Some(PeerEvent::Answer { op: answered, .. }) if *answered == op)
        {
            end.next().await;
        }
        let takes = matches!(direction, "sendrecv" | "recvonly");
        assert_eq!(
            end.media.video_source.codec().is_some(),
            takes,
            "{direction}"
        );
    }
    end.peer.close().await;
}
