//! What a connection says about itself.

use crate::two_ends::{Camera, TwoEnds, pictures};
use ringwire_peer::{CandidateKind, PeerEvent};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statistics_tell_the_path_and_what_travelled() {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let source = ends.a.media.video_source.clone();
    let camera = Camera::start(source.clone());
    ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstVideoFrame))
        .await;
    let start = ends.a.peer.stats().await.unwrap().available_outgoing_bps;
    assert_eq!(source.target_bps(), Some(start));
    // Reports come once a second, feedback for the estimate ten times.
    ends.during(pictures(&source, 70)).await;
    camera.stop().await;
    let (a, b) = (
        ends.a.peer.stats().await.unwrap(),
        ends.b.peer.stats().await.unwrap(),
    );
    assert!(a.rtt.is_some() && b.rtt.is_some(), "{a:?} {b:?}");
    let path = a.path.unwrap();
    assert_eq!(path.local, CandidateKind::Host);
    // A check may come before the candidate that it was sent from (RFC 8445 §7.3.1.3).
    let seen = [CandidateKind::Host, CandidateKind::PeerReflexive];
    assert!(seen.contains(&path.remote), "{path:?}");
    assert_ne!(a.available_outgoing_bps, start, "no feedback: {a:?}");
    assert!(
        a.video.packets_sent > 150 && b.video.packets_received > 150,
        "{a:?} {b:?}"
    );
    assert!(a.video.packets_sent >= b.video.packets_received);
    assert!(b.frames_received > 60 && b.key_frames_received > 0, "{b:?}");
    assert!(a.frames_pushed > 70 && a.key_frames_pushed > 0, "{a:?}");
    assert_eq!(
        (a.video.outbound.packets_lost, b.video.inbound.packets_lost),
        (0, 0)
    );
    ends.close().await;
}
