//! Sound between two connections.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::two_ends::TwoEnds;
use ringwire_peer::PeerEvent;

const RATE: f64 = 48_000.0;
const TONE: f64 = 1_000.0;

/// How strong `frequency` is in `samples` (Goertzel), of a full-scale sine 1.
fn strength(samples: &[i16], frequency: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (at, sample) in samples.iter().enumerate() {
        let angle = TAU * frequency * at as f64 / RATE;
        re += f64::from(*sample) * angle.cos();
        im += f64::from(*sample) * angle.sin();
    }
    2.0 * re.hypot(im) / (samples.len() as f64 * f64::from(i16::MAX))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tone_is_heard_at_the_other_end() {
    let mut ends = TwoEnds::connected().await;
    ends.a.allow_all();
    ends.b.allow_all();
    let (source, sink) = (
        ends.a.media.audio_source.clone(),
        ends.b.media.audio_sink.clone(),
    );
    let heard = ends
        .during(async {
            let mut ticks = tokio::time::interval(Duration::from_millis(10));
            let mut at = 0;
            let mut heard = Vec::new();
            for _ in 0..300 {
                ticks.tick().await;
                let sine = |at: u64| (TAU * TONE * at as f64 / RATE).sin() * 16_000.0;
                let spoken: Vec<i16> = (at..at + 480).map(|at| sine(at) as i16).collect();
                at += 480;
                source.push(&spoken).unwrap();
                // Pieces that fit no block of the receiver.
                let mut piece = [0; 240];
                for _ in 0..2 {
                    sink.pull(&mut piece);
                    heard.extend(piece);
                }
            }
            heard
        })
        .await;
    let second = &heard[heard.len() - 48_000..];
    assert!(strength(second, TONE) > 0.3, "{}", strength(second, TONE));
    for other in [440.0, 700.0, 1_500.0, 2_000.0] {
        assert!(
            strength(second, other) < 0.05,
            "{other}: {}",
            strength(second, other)
        );
    }
    ends.until(|ends| ends.b.log.contains(&PeerEvent::FirstAudio))
        .await;
    let stats = ends.b.peer.stats().await.unwrap();
    assert!(stats.audio.packets_received > 100, "{stats:?}");
    ends.close().await;
}
