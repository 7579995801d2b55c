//! A screen beside the camera: its own pictures, its own requests; absent where one end has no place for it. And pictures
//! that come late.

use std::time::Duration;

use ringwire_peer::{PeerConfig, PeerEvent, Rotation, TrackKind, VideoCodec};

use crate::two_ends::{Camera, End, TwoEnds, config, media, picture};

const BOTH: [VideoCodec; 2] = [VideoCodec::H264, VideoCodec::Vp8];

async fn connected() -> TwoEnds {
    let ends = TwoEnds::of(End::with_codecs(&BOTH), End::with_codecs(&BOTH));
    let ends = ends.connect().await;
    ends.a.allow_all();
    ends.b.allow_all();
    ends
}

/// The sections of a description: kind and port.
fn sections(sdp: &str) -> Vec<(String, String)> {
    let lines = sdp.lines().filter_map(|line| line.strip_prefix("m="));
    let words = lines.map(|line| line.split(' ').map(str::to_owned).collect::<Vec<_>>());
    words
        .map(|words| (words[0].clone(), words[1].clone()))
        .collect()
}

/// The description without all from its `count`th section on.
fn first_sections(sdp: &str, count: usize) -> String {
    let mut parts = sdp.split("m=");
    let session = parts.next().unwrap().to_owned();
    parts
        .take(count)
        .fold(session, |sdp, part| sdp + "m=" + part)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn camera_and_screen_travel_at_once_and_are_not_confused() {
    let mut ends = connected().await;
    let codec = VideoCodec::H264;
    let filming = tokio::spawn({
        let media = [ends.a.media.clone(), ends.b.media.clone()];
        async move {
            let mut ticks = tokio::time::interval(Duration::from_millis(33));
            for index in 0.. {
                ticks.tick().await;
                let key_frame = index % 10 == 0;
                for media in &media {
                    let camera = picture(codec, 2 * index, key_frame, 600);
                    let screen = picture(codec, 2 * index + 1, key_frame, 900);
                    let _ = media.video_source.push(&camera);
                    let _ = media.screen_source.push(&screen);
                }
            }
        }
    });
    for end in [&ends.a, &ends.b].map(|end| end.media.clone()) {
        for (sink, longest) in [(end.video_sink, 700), (end.screen_sink, 1_000)] {
            for _ in 0..10 {
                let frame = ends.during(sink.next_async()).await.unwrap();
                assert!((longest - 100..longest).contains(&frame.data.len()));
            }
        }
    }
    for kind in [TrackKind::Video, TrackKind::Screen] {
        let seen = PeerEvent::RemoteTrack { kind };
        ends.until(|ends| ends.a.log.contains(&seen) && ends.b.log.contains(&seen))
            .await;
    }
    ends.until(|ends| ends.a.log.contains(&PeerEvent::FirstScreenFrame))
        .await;
    let stats = ends.a.peer.stats().await.unwrap();
    for pictures in [stats.video, stats.screen] {
        assert!(
            pictures.packets_sent >= 10 && pictures.packets_received >= 10,
            "{stats:?}"
        );
    }
    // Switched off each by itself.
    ends.a.peer.set_send(true, false, true);
    let settled = ends.a.peer.stats().await.unwrap();
    let source = ends.a.media.screen_source.clone();
    ends.during(crate::two_ends::pictures(&source, 10)).await;
    let after = ends.a.peer.stats().await.unwrap();
    assert!(after.video.packets_sent - settled.video.packets_sent < 10);
    assert!(after.screen.packets_sent > settled.screen.packets_sent);
    filming.abort();
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_for_a_key_frame_reaches_the_source_that_is_meant() {
    let mut ends = connected().await;
    let sources = [
        ends.a.media.video_source.clone(),
        ends.a.media.screen_source.clone(),
    ];
    let cameras = sources.clone().map(Camera::start);
    let seen = [PeerEvent::FirstVideoFrame, PeerEvent::FirstScreenFrame];
    ends.until(|ends| seen.iter().all(|event| ends.b.log.contains(event)))
        .await;
    for camera in cameras {
        camera.stop().await;
    }
    for source in &sources {
        source.take_key_frame_wanted();
    }
    ends.b.media.screen_sink.want_key_frame();
    ends.during(sources[1].key_frame_wanted()).await;
    assert!(!sources[0].take_key_frame_wanted());
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_offers_no_screen_still_answers_with_one_and_offers_none() {
    let plain = || {
        End::configured(PeerConfig {
            video_codecs: BOTH.to_vec(),
            ..config(media())
        })
    };
    let mut ends = TwoEnds::of(End::with_codecs(&BOTH), plain())
        .connect()
        .await;
    ends.until(|ends| ends.a.codecs().is_some()).await;
    assert_eq!(ends.a.codecs(), Some([Some(VideoCodec::H264); 2]));
    ends.close().await;

    let mut ends = TwoEnds::of(plain(), End::with_codecs(&BOTH))
        .connect()
        .await;
    ends.until(|ends| ends.a.codecs().is_some()).await;
    for end in [&ends.a, &ends.b] {
        assert_eq!(end.codecs(), Some([Some(VideoCodec::H264), None]));
        assert_eq!(end.media.screen_source.codec(), None);
    }
    ends.b.peer.create_offer(2, true);
    ends.until(|ends| ends.b.log.contains(&PeerEvent::Applied { op: 2 }))
        .await;
    assert_eq!(ends.b.codecs(), Some([Some(VideoCodec::H264), None]));
    ends.close().await;
}

/// An older end: it refuses every section of pictures from the `taken`th on.
fn refusing(sdp: &str, taken: usize) -> String {
    let mut parts = sdp.split("m=video 9 ");
    let mut text = parts.next().unwrap().to_owned();
    for (index, part) in parts.enumerate() {
        let port = if index < taken { "9" } else { "0" };
        text = text + &format!("m=video {port} ") + part;
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_without_a_place_for_the_screen_or_for_any_picture_is_taken() {
    for taken in [1, 0] {
        let mut ends = TwoEnds::of(End::with_codecs(&BOTH), End::with_codecs(&BOTH));
        for op in 1..4 {
            ends.a.peer.create_offer(op, op == 2);
            let offer = loop {
                if let PeerEvent::Offer { sdp, .. } = ends.a.next().await {
                    break sdp;
                }
            };
            let kinds: Vec<_> = sections(&offer).into_iter().map(|(kind, _)| kind).collect();
            assert_eq!(kinds, ["audio", "video", "video"], "{offer}");
            ends.b.peer.accept_offer(op, offer);
            let answer = loop {
                if let PeerEvent::Answer { sdp, .. } = ends.b.next().await {
                    break sdp;
                }
            };
            ends.a.peer.accept_answer(op, refusing(&answer, taken));
            let applied = PeerEvent::Applied { op };
            ends.until(|ends| ends.a.log.contains(&applied)).await;
            let camera = (taken == 1).then_some(VideoCodec::H264);
            assert_eq!(ends.a.codecs(), Some([camera, None]), "{taken} {op}");
        }
        // In the end it takes them.
        ends.a.peer.create_offer(9, false);
        ends.until(|ends| ends.a.log.contains(&PeerEvent::Applied { op: 9 }))
            .await;
        assert_eq!(ends.a.codecs(), Some([Some(VideoCodec::H264); 2]));
        ends.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_that_is_switched_on_later_renegotiates_nothing() {
    let mut ends = connected().await;
    ends.a.peer.set_send(true, false, false);
    let source = ends.a.media.video_source.clone();
    let _camera = Camera::start(source.clone());
    ends.during(crate::two_ends::pictures(&source, 10)).await;
    let negotiated = |ends: &TwoEnds| {
        let log = ends.a.log.iter().chain(&ends.b.log);
        let descriptions =
            log.filter(|event| matches!(event, PeerEvent::Offer { .. } | PeerEvent::Answer { .. }));
        descriptions.count()
    };
    let before = negotiated(&ends);
    ends.a.peer.set_send(true, true, false);
    let sink = ends.b.media.video_sink.clone();
    assert!(ends.during(sink.next_async()).await.unwrap().key_frame);
    assert_eq!(negotiated(&ends), before);
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_that_began_with_sound_alone_may_add_pictures_by_a_new_offer() {
    let mut ends = TwoEnds::of(End::with_codecs(&BOTH), End::with_codecs(&BOTH));
    ends.a.peer.create_offer(1, false);
    let PeerEvent::Offer { sdp, .. } = ends.a.next().await else {
        panic!("{:?}", ends.a.log)
    };
    ends.b.peer.accept_offer(1, first_sections(&sdp, 1));
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    for end in [&ends.a, &ends.b] {
        assert_eq!(end.codecs(), Some([None, None]));
        end.allow_all();
    }
    ends.a.peer.create_offer(2, false);
    ends.until(|ends| ends.a.log.contains(&PeerEvent::Applied { op: 2 }))
        .await;
    for end in [&ends.a, &ends.b] {
        assert_eq!(end.codecs(), Some([Some(VideoCodec::H264); 2]));
    }
    let _cameras = [&ends.a, &ends.b].map(|end| Camera::start(end.media.video_source.clone()));
    for sink in [&ends.a, &ends.b].map(|end| end.media.video_sink.clone()) {
        assert!(ends.during(sink.next_async()).await.is_some());
    }
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_travels_with_the_pictures() {
    let mut ends = connected().await;
    let source = ends.a.media.video_source.clone();
    let sink = ends.b.media.video_sink.clone();
    ends.during(source.key_frame_wanted()).await;
    let turns = [
        Rotation::Quarter,
        Rotation::Quarter,
        Rotation::Half,
        Rotation::None,
        Rotation::None,
        Rotation::ThreeQuarters,
    ];
    for (index, rotation) in turns.into_iter().enumerate() {
        // The last begins anew with a key frame.
        let key_frame = index == 0 || index == 4;
        let mut frame = picture(VideoCodec::H264, index as u64, key_frame, 3_000);
        frame.rotation = rotation;
        source.push(&frame).unwrap();
        let received = ends.during(sink.next_async()).await.unwrap();
        assert_eq!(received.data, frame.data);
        assert_eq!(received.rotation, rotation, "frame {index}");
    }
    ends.close().await;
}
