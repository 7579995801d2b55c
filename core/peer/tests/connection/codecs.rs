//! Which codec two ends agree on, and that it is what they send, for camera and screen.

use ringwire_peer::{PeerEvent, VideoCodec};

use crate::two_ends::{Camera, End, TwoEnds, picture};

use VideoCodec::{H264, Vp8};

/// Two ends that have both `allow_all` and are connected.
async fn connected(a: &[VideoCodec], b: &[VideoCodec]) -> TwoEnds {
    let ends = TwoEnds::of(End::with_codecs(a), End::with_codecs(b));
    let ends = ends.connect().await;
    ends.a.allow_all();
    ends.b.allow_all();
    ends
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answerer_chooses_what_it_likes_best_of_what_is_offered() {
    for (offered, answering, chosen) in [
        (&[Vp8][..], &[Vp8][..], Vp8),
        (&[H264], &[H264], H264),
        (&[Vp8], &[H264, Vp8], Vp8),
        (&[H264], &[Vp8, H264], H264),
        (&[Vp8, H264], &[H264, Vp8], H264),
        (&[H264, Vp8], &[Vp8, H264], Vp8),
        (&[Vp8, H264], &[Vp8], Vp8),
        (&[Vp8, H264], &[H264], H264),
    ] {
        let mut ends = connected(offered, answering).await;
        ends.until(|ends| ends.a.codecs().is_some()).await;
        let all = [&ends.a, &ends.b];
        for end in all {
            assert_eq!(
                end.codecs(),
                Some([Some(chosen); 2]),
                "{offered:?} {answering:?}"
            );
            assert_eq!(end.media.video_source.codec(), Some(chosen));
            assert_eq!(end.media.screen_source.codec(), Some(chosen));
        }
        let _cameras = all.map(|end| Camera::start(end.media.video_source.clone()));
        for sink in all.map(|end| end.media.video_sink.clone()) {
            let first = ends.during(sink.next_async()).await.unwrap();
            assert!(first.key_frame && first.codec == chosen, "{first:?}");
        }
        ends.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_codec_in_common_sound_flows_and_the_app_is_told() {
    let mut ends = connected(&[Vp8], &[H264]).await;
    ends.until(|ends| ends.a.codecs().is_some()).await;
    for end in [&ends.a, &ends.b] {
        assert_eq!(end.codecs(), Some([None, None]));
        assert_eq!(end.media.video_source.codec(), None);
    }
    let (source, sink) = (
        ends.a.media.audio_source.clone(),
        ends.b.media.audio_sink.clone(),
    );
    let speak = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(std::time::Duration::from_millis(20));
        let mut heard = [0; 960];
        loop {
            ticks.tick().await;
            source.push(&[1_000; 960]).unwrap();
            sink.pull(&mut heard);
        }
    });
    ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstAudio))
        .await;
    // And what follows is no worse: either end may restart.
    for op in 2..4 {
        let offerer = if op == 2 { &ends.a } else { &ends.b };
        offerer.peer.create_offer(op, true);
        let applied = PeerEvent::Applied { op };
        ends.until(|ends| ends.a.log.contains(&applied) || ends.b.log.contains(&applied))
            .await;
    }
    speak.abort();
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_units_come_out_as_they_went_in_both_ways() {
    let mut ends = connected(&[H264], &[H264]).await;
    let ways = [
        (
            ends.a.media.video_source.clone(),
            ends.b.media.video_sink.clone(),
        ),
        (
            ends.b.media.video_source.clone(),
            ends.a.media.video_sink.clone(),
        ),
    ];
    let frames: Vec<_> = (0..40)
        .map(|index| picture(H264, index, index == 0, 100 + 137 * index as usize))
        .collect();
    for (source, sink) in ways {
        ends.during(source.key_frame_wanted()).await;
        let push = async {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(33));
            for frame in &frames {
                ticks.tick().await;
                source.push(frame).unwrap();
            }
        };
        let pull = async {
            for sent in &frames {
                let received = sink.next_async().await.unwrap();
                assert_eq!(received.data, sent.data);
                assert_eq!(received.key_frame, sent.key_frame);
            }
        };
        ends.during(async { tokio::join!(push, pull) }).await;
    }
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_negotiation_keeps_the_codec_whoever_offers() {
    let mut ends = connected(&[Vp8, H264], &[H264, Vp8]).await;
    ends.until(|ends| ends.a.codecs().is_some()).await;
    let _cameras = [&ends.a, &ends.b].map(|end| Camera::start(end.media.video_source.clone()));
    // `a` would choose VP8 if it were asked now.
    for op in 2..6 {
        let offerer = if op % 2 == 0 { &ends.b } else { &ends.a };
        offerer.peer.create_offer(op, op > 3);
        let applied = PeerEvent::Applied { op };
        ends.until(|ends| ends.a.log.contains(&applied) || ends.b.log.contains(&applied))
            .await;
        for end in [&ends.a, &ends.b] {
            assert_eq!(end.codecs(), Some([Some(H264); 2]), "{op}");
        }
    }
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    for sink in [&ends.a, &ends.b].map(|end| end.media.video_sink.clone()) {
        while sink.next(std::time::Duration::ZERO).is_some() {}
        assert_eq!(ends.during(sink.next_async()).await.unwrap().codec, H264);
    }
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_connections_of_one_source_may_differ_and_the_source_says_so() {
    let mut first = connected(&[H264, Vp8], &[H264]).await;
    first.until(|ends| ends.a.codecs().is_some()).await;
    let shared = first.a.media.clone();
    let a = End::configured(ringwire_peer::PeerConfig {
        video_codecs: vec![H264, Vp8],
        ..crate::two_ends::config(shared.clone())
    });
    let mut second = TwoEnds::of(a, End::with_codecs(&[Vp8])).connect().await;
    second.a.allow_all();
    second.b.allow_all();
    second.until(|ends| ends.a.codecs().is_some()).await;
    let source = shared.video_source;
    assert_eq!(
        source.codec(),
        Some(H264),
        "of the connection that opened first"
    );
    assert_eq!(source.codecs(), [H264, Vp8]);
    let both = tokio::spawn({
        let source = source.clone();
        async move {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(33));
            for index in 0.. {
                ticks.tick().await;
                for codec in [H264, Vp8] {
                    let key_frame = index % 10 == 0;
                    source.push(&picture(codec, index, key_frame, 500)).unwrap();
                }
            }
        }
    });
    let sinks = [&first.b, &second.b].map(|end| end.media.video_sink.clone());
    for (sink, codec) in sinks.iter().zip([H264, Vp8]) {
        for _ in 0..5 {
            let frame = first.during(second.during(sink.next_async())).await;
            assert_eq!(frame.unwrap().codec, codec);
        }
    }
    both.abort();
    let _ = both.await;
    first.close().await;
    assert_eq!(source.codec(), Some(Vp8));
    assert!(source.push(&picture(H264, 0, true, 100)).is_err());
    second.close().await;
    assert_eq!(source.codec(), None);
}
