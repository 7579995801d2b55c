//! Pictures between two connections: what is pushed at one end comes out of the other, and no one sees early.
#![allow(missing_docs, clippy::unwrap_used)]

mod two_ends;

use std::time::Duration;

use ringwire_peer::{PeerEvent, TrackKind};
use tokio::time::timeout;
use two_ends::{Camera, DEADLINE, TwoEnds, vp8};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_out_as_they_went_in() {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let source = ends.a.media.video_source.clone();
    timeout(DEADLINE, source.key_frame_wanted())
        .await
        .expect("a new connection wants a key frame");
    let sink = ends.b.media.video_sink.clone();
    let pushed: Vec<_> = (0..60)
        .map(|index| vp8(index, index == 0, 500 + 137 * index as usize))
        .collect();
    let push = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(33));
        for frame in &pushed {
            ticks.tick().await;
            source.push(frame).unwrap();
        }
    };
    let pull = async {
        let mut pulled = Vec::new();
        while pulled.len() < pushed.len() {
            pulled.extend(sink.next_async().await);
        }
        pulled
    };
    let ((), pulled) = ends.during(async { tokio::join!(push, pull) }).await;
    for (index, (sent, received)) in pushed.iter().zip(&pulled).enumerate() {
        assert_eq!(sent.data, received.data, "frame {index}");
        assert_eq!(sent.key_frame, received.key_frame, "frame {index}");
        let moved = received.timestamp - pulled[0].timestamp;
        assert!(
            moved.abs_diff(sent.timestamp) < Duration::from_millis(1),
            "frame {index} at {moved:?}"
        );
    }
    ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstVideoFrame))
        .await;
    assert!(ends.b.log.contains(&PeerEvent::RemoteTrack {
        kind: TrackKind::Video
    }));
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wish_of_the_other_end_reaches_the_source() {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let camera = Camera::start(ends.a.media.video_source.clone());
    ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstVideoFrame))
        .await;
    drop(camera);
    let source = ends.a.media.video_source.clone();
    source.take_key_frame_wanted();
    ends.b.peer.request_key_frame();
    ends.during(source.key_frame_wanted()).await;
    assert_eq!(
        ends.b.peer.stats().await.unwrap().plis_sent,
        ends.a.peer.stats().await.unwrap().plis_received
    );
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_seen_before_it_is_accepted() {
    let mut ends = TwoEnds::connected().await;
    let source = ends.a.media.video_source.clone();
    let _camera = Camera::start(source.clone());
    // The sender may not send yet; then it may, and the receiver has not accepted.
    ends.during(two_ends::pictures(&source, 10)).await;
    assert_eq!(ends.a.peer.stats().await.unwrap().video.packets_sent, 0);
    ends.a.peer.set_send(true, true, false);
    let seen = PeerEvent::RemoteTrack {
        kind: TrackKind::Video,
    };
    ends.until(|ends| ends.b.log.contains(&seen)).await;
    ends.during(two_ends::pictures(&source, 10)).await;
    assert_eq!(ends.b.media.video_sink.next(Duration::ZERO), None);
    ends.b.peer.set_receive(true);
    let sink = ends.b.media.video_sink.clone();
    let first = ends.during(sink.next_async()).await.unwrap();
    assert!(first.key_frame, "asked for one and waited for it");
    // A camera that is switched off stops the packets.
    ends.a.peer.set_send(true, false, false);
    let settled = ends.a.peer.stats().await.unwrap().video.packets_sent;
    ends.during(two_ends::pictures(&source, 10)).await;
    let sent = ends.a.peer.stats().await.unwrap().video.packets_sent;
    // At most the frame that was on its way.
    assert!(sent - settled < 20, "{settled} {sent}");
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_source_feeds_two_connections() {
    let mut first = TwoEnds::connected().await;
    let mut second = TwoEnds {
        a: two_ends::End::open_with(first.a.media.clone()),
        b: two_ends::End::open(),
        path: None,
    };
    second.a.peer.create_offer(1, false);
    second
        .until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    for ends in [&first, &second] {
        ends.a.allow_all();
        ends.b.allow_all();
    }
    let _camera = Camera::start(first.a.media.video_source.clone());
    let sinks = [
        first.b.media.video_sink.clone(),
        second.b.media.video_sink.clone(),
    ];
    for sink in &sinks {
        let mut frames = 0;
        first
            .during(second.during(async {
                while frames < 30 {
                    sink.next_async().await.expect("still open");
                    frames += 1;
                }
            }))
            .await;
    }
    first.close().await;
    // The source goes on for the other.
    let sink = second.b.media.video_sink.clone();
    while sink.next(Duration::ZERO).is_some() {}
    assert!(second.during(sink.next_async()).await.is_some());
    second.close().await;
}
