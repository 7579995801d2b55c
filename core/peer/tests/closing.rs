//! Closing leaves nothing behind. One test, so that nobody else opens sockets in this process meanwhile.
#![allow(missing_docs, clippy::unwrap_used)]

mod two_ends;

use ringwire_peer::{PeerError, PeerEvent, PeerState};
use tokio::time::timeout;
use two_ends::{Camera, DEADLINE, TwoEnds};

fn sockets() -> usize {
    let entries = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let links = entries.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    links
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

fn tasks() -> usize {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_closing() {
    let (sockets_before, tasks_before) = (sockets(), tasks());
    for round in 0..5 {
        let mut ends = TwoEnds::connected().await;
        ends.a.allow_all();
        ends.b.allow_all();
        let camera = Camera::start(ends.a.media.video_source.clone());
        ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstVideoFrame))
            .await;
        camera.stop().await;
        assert!(sockets() >= sockets_before + 2);
        tokio::join!(ends.a.peer.close(), ends.b.peer.close());
        // Twice does no harm, and what comes later fails.
        ends.a.peer.close().await;
        ends.a.peer.create_offer(9, false);
        assert_eq!(ends.a.peer.stats().await, Err(PeerError::Closed));
        assert_eq!(sockets(), sockets_before, "round {round}");
        // A task counts as alive until the worker that ran it has put it away.
        let put_away = async {
            while tasks() > tasks_before {
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, put_away).await.expect("tasks are left");
        while ends.a.log.last() != Some(&PeerEvent::State(PeerState::Closed)) {
            ends.a.next().await;
        }
        assert_eq!(ends.a.events.recv().await, None);
    }
    // A handle that is dropped closes in the background; the events end when it is done.
    let ends = TwoEnds::connected().await;
    for end in [ends.a, ends.b] {
        drop(end.peer);
        let mut events = end.events;
        while events.recv().await.is_some() {}
    }
    assert_eq!(sockets(), sockets_before);
}
