//! A path that loses packets: retransmissions fill the holes, and each is asked for about once.

use std::net::SocketAddr;
use std::time::Duration;

use crate::two_ends::{TwoEnds, vp8};
use tokio::net::UdpSocket;

/// One in this many media packets from `a` to `b` is lost.
const LOSS: u32 = 20;

/// Carries packets between two sockets and the ends behind them, and loses some.
async fn lossy(facing_a: UdpSocket, facing_b: UdpSocket, b: SocketAddr) {
    let (mut from_a, mut from_b) = ([0; 2048], [0; 2048]);
    let (mut a, mut media) = (None, 0u32);
    loop {
        tokio::select! {
            received = facing_a.recv_from(&mut from_a) => {
                let (len, address) = received.unwrap();
                a = Some(address);
                // RFC 7983: media between 128 and 191; RFC 5761: RTCP has 192 to 223 behind that.
                let is_rtp = (128..192).contains(&from_a[0]) && !(192..224).contains(&from_a[1]);
                media += u32::from(is_rtp);
                if !(is_rtp && media % LOSS == 7) {
                    facing_b.send_to(&from_a[..len], b).await.unwrap();
                }
            }
            received = facing_b.recv_from(&mut from_b) => {
                let (len, _) = received.unwrap();
                if let Some(a) = a {
                    facing_a.send_to(&from_b[..len], a).await.unwrap();
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_packets_are_sent_again_and_no_frame_is_missing() {
    let facing_a = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let facing_b = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut ends = TwoEnds::open();
    ends.path = Some(facing_a.local_addr().unwrap());
    ends.a.peer.create_offer(1, false);
    ends.until(|ends| ends.address_of_b().is_some()).await;
    let path = tokio::spawn(lossy(facing_a, facing_b, ends.address_of_b().unwrap()));
    ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
        .await;
    ends.a.allow_all();
    ends.b.allow_all();
    let source = ends.a.media.video_source.clone();
    ends.during(source.key_frame_wanted()).await;
    const FRAMES: u64 = 120;
    let push = async {
        let mut ticks = tokio::time::interval(Duration::from_millis(33));
        // The last frames only push out what was lost before them.
        for index in 0..FRAMES + 10 {
            ticks.tick().await;
            source.push(&vp8(index, index == 0, 4_000)).unwrap();
        }
    };
    let sink = ends.b.media.video_sink.clone();
    let pull = async {
        for index in 0..FRAMES {
            let frame = sink.next_async().await.unwrap();
            assert_eq!(
                frame.data,
                vp8(index, index == 0, 4_000).data,
                "frame {index}"
            );
        }
    };
    ends.during(async { tokio::join!(push, pull) }).await;
    let (a, b) = (
        ends.a.peer.stats().await.unwrap(),
        ends.b.peer.stats().await.unwrap(),
    );
    let sent_first = (FRAMES + 10) * 4;
    let sent_again = a.video.packets_sent - sent_first;
    let lost = a.video.packets_sent / u64::from(LOSS);
    assert!(
        b.video.nacks_sent > 0 && a.video.nacks_received > 0,
        "{a:?} {b:?}"
    );
    assert!(
        sent_again >= lost / 2 && sent_again <= lost * 2,
        "{sent_again} for {lost}"
    );
    assert_eq!(b.frames_dropped, 0, "{b:?}");
    ends.close().await;
    path.abort();
}
