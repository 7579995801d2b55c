//! Orders of offers and answers, and what must fail without harm.

use crate::two_ends::{Camera, End, TwoEnds};
use ringwire_peer::{PeerError, PeerEvent, PeerState};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_holds_sound_and_pictures_both_ways() {
    let mut end = End::open();
    end.peer.create_offer(7, false);
    let PeerEvent::Offer { op: 7, sdp } = end.next().await else {
        panic!("{:?}", end.log)
    };
    for line in [
        "m=audio",
        "m=video",
        "VP8/90000",
        "rtx/90000",
        "opus/48000",
        "transport-wide-cc",
        "nack pli",
    ] {
        assert!(sdp.contains(line), "{line} not in {sdp}");
    }
    assert_eq!(sdp.matches("a=sendrecv").count(), 2, "{sdp}");
    assert!(!sdp.contains("H264"), "{sdp}");
    // Then its candidates, closed by an empty one.
    let mut candidates = 0;
    loop {
        match end.next().await {
            PeerEvent::Candidate { candidate, .. } if candidate.is_empty() => break,
            PeerEvent::Candidate { candidate, .. } => {
                assert!(candidate.starts_with("candidate:"), "{candidate}");
                candidates += 1;
            }
            _ => {}
        }
    }
    assert!(candidates > 0);
    end.peer.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_fails_and_the_connection_still_works() {
    let mut ends = TwoEnds::open();
    let offer =
        "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n";
    let no_codec = format!(
        "{offer}a=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:sha-256 00\r\n"
    );
    let garbage = [
        "",
        "v=0",
        "\u{0}\u{1}",
        "m=audio",
        "v=0\r\nm=\r\n",
        offer,
        &no_codec,
    ];
    for (op, sdp) in garbage.into_iter().enumerate() {
        let op = op as u64;
        ends.a.peer.accept_offer(op, sdp.to_owned());
        let event = ends.a.next().await;
        assert!(
            matches!(event, PeerEvent::Failed { op: failed, .. } if failed == op),
            "{sdp:?}: {event:?}"
        );
    }
    ends.a.peer.create_offer(20, false);
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    for candidate in [
        "candidate:",
        "candidate:1 1 udp",
        "candidate:a b c d e f g h",
        "\u{0}",
    ] {
        ends.a
            .peer
            .add_candidate(candidate.into(), Some("0".into()), Some(9_999));
        let event = ends.a.next().await;
        assert!(
            matches!(
                event,
                PeerEvent::Refused {
                    error: PeerError::Candidate(_)
                }
            ),
            "{candidate:?}: {event:?}"
        );
    }
    assert!(ends.a.is_connected());
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_no_offer_fails() {
    let mut ends = TwoEnds::open();
    ends.a.peer.accept_answer(3, "v=0\r\n".into());
    let event = ends.a.next().await;
    assert!(
        matches!(
            event,
            PeerEvent::Failed {
                op: 3,
                error: PeerError::State(_)
            }
        ),
        "{event:?}"
    );
    // A late second copy of a true answer.
    ends.a.peer.create_offer(4, false);
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    let answer = ends.b.log.iter().find_map(|event| match event {
        PeerEvent::Answer { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    ends.a.peer.accept_answer(5, answer.unwrap());
    loop {
        match ends.a.next().await {
            PeerEvent::Failed {
                op: 5,
                error: PeerError::State(_),
            } => break,
            PeerEvent::Candidate { .. } | PeerEvent::State(PeerState::Connected) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(ends.a.is_connected());
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_end_may_offer_next() {
    let mut ends = TwoEnds::connected().await;
    ends.b.peer.create_offer(2, false);
    ends.until(|ends| ends.b.log.contains(&PeerEvent::Applied { op: 2 }))
        .await;
    ends.a.peer.create_offer(3, false);
    ends.until(|ends| ends.a.log.contains(&PeerEvent::Applied { op: 3 }))
        .await;
    ends.a.allow_all();
    ends.b.allow_all();
    let _cameras = [&ends.a, &ends.b].map(|end| Camera::start(end.media.video_source.clone()));
    let seen = |end: &End| end.log.contains(&PeerEvent::FirstVideoFrame);
    ends.until(|ends| seen(&ends.a) && seen(&ends.b)).await;
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_of_the_other_end_rolls_ours_back() {
    let mut ends = TwoEnds::open();
    ends.b.peer.create_offer(1, false);
    assert!(matches!(ends.b.next().await, PeerEvent::Offer { .. }));
    // Its offer is lost; ours wins.
    ends.a.peer.create_offer(2, false);
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    assert!(ends.a.log.contains(&PeerEvent::Applied { op: 2 }));
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_without_a_socket_reports_why() {
    let media = crate::two_ends::media();
    let config = ringwire_peer::PeerConfig {
        bind: vec!["192.0.2.1:9".into()],
        ..crate::two_ends::config(media)
    };
    let (peer, mut events) = ringwire_peer::Peer::open(config, &tokio::runtime::Handle::current());
    peer.create_offer(1, false);
    assert_eq!(
        events.recv().await,
        Some(PeerEvent::State(PeerState::Failed))
    );
    let failed = events.recv().await;
    assert!(
        matches!(
            failed,
            Some(PeerEvent::Failed {
                op: 1,
                error: PeerError::SetUp(_)
            })
        ),
        "{failed:?}"
    );
    peer.close().await;
    assert_eq!(
        events.recv().await,
        Some(PeerEvent::State(PeerState::Closed))
    );
    assert_eq!(events.recv().await, None);
}
