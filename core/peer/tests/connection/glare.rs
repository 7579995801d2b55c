//! Both ends offer at once: the polite one drops its offer for the other's, the impolite one does not look at the polite
//! one's (W3C WebRTC §10.7, perfect negotiation).

use std::time::Duration;

use ringwire_peer::{PeerError, PeerEvent};

use crate::two_ends::{Camera, End, TwoEnds};

/// The offer that `end` makes as operation `op`.
async fn offer(end: &mut End, op: u64, ice_restart: bool) -> String {
    end.peer.create_offer(op, ice_restart);
    loop {
        match end.next().await {
            PeerEvent::Offer { op: made, sdp } if made == op => return sdp,
            PeerEvent::Failed { error, .. } => panic!("{error}"),
            _ => {}
        }
    }
}

/// Pictures pass both ways, from now on.
async fn pictures_pass(ends: &mut TwoEnds) {
    let _cameras = [&ends.a, &ends.b].map(|end| Camera::start(end.media.video_source.clone()));
    for sink in [&ends.a, &ends.b].map(|end| end.media.video_sink.clone()) {
        while sink.next(Duration::ZERO).is_some() {}
        for _ in 0..10 {
            assert!(ends.during(sink.next_async()).await.is_some());
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_polite_end_drops_its_offer_and_the_call_goes_on() {
    for (dropped, taken) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut ends = TwoEnds::connected().await;
        ends.a.allow_all();
        ends.b.allow_all();
        offer(&mut ends.b, 2, dropped).await;
        let impolite = offer(&mut ends.a, 3, taken).await;
        ends.b.peer.accept_offer(3, impolite);
        ends.until(|ends| ends.a.log.contains(&PeerEvent::Applied { op: 3 }))
            .await;
        let is_cut_off = ends.b.log.contains(&PeerEvent::RestartDropped);
        assert_eq!(is_cut_off, dropped && !taken);
        if !is_cut_off {
            ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
                .await;
            pictures_pass(&mut ends).await;
        }
        // The polite end offers again what it wanted.
        ends.b.peer.create_offer(4, dropped);
        ends.until(|ends| ends.b.log.contains(&PeerEvent::Applied { op: 4 }))
            .await;
        ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
            .await;
        pictures_pass(&mut ends).await;
        ends.close().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_to_an_offer_that_was_dropped_is_refused() {
    let mut ends = TwoEnds::connected().await;
    let polite = offer(&mut ends.b, 2, false).await;
    ends.a.peer.accept_offer(2, polite);
    let answer = loop {
        if let PeerEvent::Answer { op: 2, sdp } = ends.a.next().await {
            break sdp;
        }
    };
    let other = offer(&mut ends.a, 3, false).await;
    ends.b.peer.accept_offer(3, other);
    ends.b.peer.accept_answer(2, answer);
    let late = PeerEvent::Failed {
        op: 2,
        error: PeerError::State("no offer waits for an answer"),
    };
    while ends.b.log.last() != Some(&late) {
        ends.b.next().await;
    }
    ends.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_offer_takes_the_place_of_one_that_was_never_answered() {
    let mut ends = TwoEnds::open();
    offer(&mut ends.a, 1, false).await;
    ends.a.peer.create_offer(2, false);
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    ends.a.allow_all();
    ends.b.allow_all();
    for ice_restart in [false, true] {
        offer(&mut ends.a, 3, ice_restart).await;
        ends.a.peer.create_offer(4, ice_restart);
        ends.until(|ends| ends.a.log.contains(&PeerEvent::Applied { op: 4 }))
            .await;
        ends.a
            .log
            .retain(|event| *event != PeerEvent::Applied { op: 4 });
        ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
            .await;
        pictures_pass(&mut ends).await;
    }
    ends.close().await;
}
