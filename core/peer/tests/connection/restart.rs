//! ICE restarts: new sockets, the same media.

use crate::two_ends::{Camera, TwoEnds};
use ringwire_peer::PeerEvent;

/// `a=ice-ufrag` of the last description that `log` holds.
fn ufrag(log: &[PeerEvent]) -> String {
    let sdp = log.iter().rev().find_map(|event| match event {
        PeerEvent::Offer { sdp, .. } | PeerEvent::Answer { sdp, .. } => Some(sdp),
        _ => None,
    });
    let line = sdp
        .unwrap()
        .lines()
        .find(|line| line.starts_with("a=ice-ufrag:"));
    line.unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_goes_on_after_restarts_by_either_end() {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let _cameras = [&ends.a, &ends.b].map(|end| Camera::start(end.media.video_source.clone()));
    let sinks = [
        ends.a.media.video_sink.clone(),
        ends.b.media.video_sink.clone(),
    ];
    let mut ufrags = vec![ufrag(&ends.a.log)];
    for op in 2..5 {
        let offerer = if op % 2 == 0 { &ends.a } else { &ends.b };
        offerer.peer.create_offer(op, true);
        let applied = PeerEvent::Applied { op };
        ends.until(|ends| ends.a.log.contains(&applied) || ends.b.log.contains(&applied))
            .await;
        ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
            .await;
        let now = ufrag(&ends.a.log);
        assert!(!ufrags.contains(&now), "restart {op} kept its credentials");
        ufrags.push(now);
        for sink in &sinks {
            while sink.next(std::time::Duration::ZERO).is_some() {}
            for _ in 0..10 {
                assert!(ends.during(sink.next_async()).await.is_some());
            }
        }
    }
    ends.close().await;
}
