//! What the caller does not let out is not sent, whatever the connection is busy with.
#![allow(missing_docs, clippy::unwrap_used)]

mod two_ends;

use std::time::Duration;

use ringwire_peer::{PeerError, PeerEvent, PeerMedia};
use two_ends::{End, TwoEnds, vp8};

/// More than the commands that may wait.
const MANY: usize = 300;

/// A key frame and as much sound, `count` times; `first` tells the pictures from others.
async fn film_and_speak(media: &PeerMedia, first: u64, count: u64) {
    let mut ticks = tokio::time::interval(Duration::from_millis(20));
    for index in first..first + count {
        ticks.tick().await;
        push(media, index);
    }
}

fn push(media: &PeerMedia, index: u64) {
    media.video_source.push(&vp8(index, true, 500)).unwrap();
    media.audio_source.push(&[1_000; 960]).unwrap();
}

/// Packets of sound and pictures that came in.
async fn received(end: &End) -> (u64, u64) {
    let stats = end.peer.stats().await.unwrap();
    (stats.audio.packets_received, stats.video.packets_received)
}

/// Two ends, and so many pictures pushed until packets of both kinds came to `b`.
async fn talking() -> (TwoEnds, u64) {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let mut pushed = 0;
    while received(&ends.b).await.0 < 5 || received(&ends.b).await.1 < 5 {
        let media = ends.a.media.clone();
        ends.during(film_and_speak(&media, pushed, 10)).await;
        pushed += 10;
        assert!(pushed < 1_000, "nothing arrives");
    }
    (ends, pushed)
}

/// Pushes on until nothing that was on its way comes any more. Returns what came in all, and so many pushed.
async fn silent(ends: &mut TwoEnds, mut pushed: u64) -> ((u64, u64), u64) {
    let media = ends.a.media.clone();
    for _ in 0..50 {
        let before = received(&ends.b).await;
        ends.during(film_and_speak(&media, pushed, 10)).await;
        pushed += 10;
        if received(&ends.b).await == before {
            return (before, pushed);
        }
    }
    panic!("still sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_muted_does_not_arrive_and_comes_back() {
    let (mut ends, pushed) = talking().await;
    let media = ends.a.media.clone();
    ends.a.peer.set_send(false, false, false);
    let (settled, pushed) = silent(&mut ends, pushed).await;
    ends.during(film_and_speak(&media, pushed, 60)).await;
    assert_eq!(received(&ends.b).await, settled);

    ends.a.peer.set_send(true, true, false);
    ends.during(film_and_speak(&media, pushed + 60, 30)).await;
    let after = received(&ends.b).await;
    assert!(after.0 > settled.0 && after.1 > settled.1, "{after:?}");
    ends.close().await;
}

/// On one thread: the connection's task runs only where this test waits.
#[tokio::test]
async fn muting_is_not_held_up_by_commands_that_wait() {
    let (mut ends, pushed) = talking().await;
    // Nothing is on its way.
    ends.a.peer.set_send(false, false, false);
    let (settled, pushed) = silent(&mut ends, pushed).await;
    ends.a.peer.set_send(true, true, false);
    let sink = ends.b.media.video_sink.clone();
    while sink.next(Duration::ZERO).is_some() {}

    for _ in 0..MANY {
        ends.a.peer.add_candidate(String::new(), None, None);
    }
    ends.a.peer.create_offer(99, false);
    ends.a.peer.set_send(false, false, false);
    // Few enough for the queue of the connection, if it took them.
    for index in pushed..pushed + 10 {
        push(&ends.a.media, index);
    }
    let refused = PeerEvent::Failed {
        op: 99,
        error: PeerError::Overloaded,
    };
    let told: Vec<_> = std::iter::from_fn(|| ends.a.events.try_recv().ok()).collect();
    assert!(told.contains(&refused), "the queue was not full: {told:?}");

    // The task takes its commands, and goes on as it was told last.
    let media = ends.a.media.clone();
    ends.during(film_and_speak(&media, pushed + 10, 20)).await;
    assert_eq!(received(&ends.b).await, settled);
    assert_eq!(sink.next(Duration::ZERO), None);

    // And receiving likewise: what is sent again is not seen.
    for _ in 0..MANY {
        ends.b.peer.add_candidate(String::new(), None, None);
    }
    ends.b.peer.set_receive(false);
    ends.a.peer.set_send(true, true, false);
    ends.during(film_and_speak(&media, pushed + 30, 20)).await;
    let after = received(&ends.b).await;
    assert!(after.0 > settled.0 && after.1 > settled.1, "{after:?}");
    assert_eq!(sink.next(Duration::ZERO), None);
    ends.close().await;
}
