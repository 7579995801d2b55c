//! A connection's figures as people and the gateway are told them.

use std::time::Duration;

use ringwire_peer::PeerStats;
use ringwire_protocol::client::{BitrateKbps, QualityLevel, QualityStats};

/// From two measurements, `span` apart: rates from their difference, the rest from the later one.
pub(crate) fn quality(before: Option<&PeerStats>, now: &PeerStats, span: Duration) -> QualityStats {
    let packet_loss = 100.0
        * f64::from(
            now.audio
                .inbound
                .fraction_lost
                .max(now.video.inbound.fraction_lost)
                .max(now.screen.inbound.fraction_lost),
        )
        .clamp(0.0, 1.0);
    let rtt = millis(now.rtt.unwrap_or_default());
    let pictures = |stats: &PeerStats| stats.video.bytes_sent + stats.screen.bytes_sent;
    let bitrate = before.map(|before| BitrateKbps {
        audio: kbps(before.audio.bytes_sent, now.audio.bytes_sent, span),
        video: kbps(pictures(before), pictures(now), span),
    });
    QualityStats {
        level: Some(level(packet_loss, rtt)),
        packet_loss,
        rtt,
        jitter: Some(millis(
            now.audio.inbound.jitter.max(now.video.inbound.jitter),
        )),
        bitrate,
        bytes_sent: Some(now.audio.bytes_sent + pictures(now)),
        bytes_received: Some(
            now.audio.bytes_received + now.video.bytes_received + now.screen.bytes_received,
        ),
        available_outgoing_bitrate_bps: Some(now.available_outgoing_bps as f64),
    }
}

/// Quality in a word, from loss in percent and round trip in milliseconds (ITU-T G.114: talking is
/// easy up to 150 ms one way and hard from 400 ms on).
fn level(loss: f64, rtt: f64) -> QualityLevel {
    match () {
        () if loss < 1.0 && rtt < 150.0 => QualityLevel::Excellent,
        () if loss < 3.0 && rtt < 300.0 => QualityLevel::Good,
        () if loss < 8.0 && rtt < 600.0 => QualityLevel::Fair,
        () => QualityLevel::Poor,
    }
}

fn millis(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn kbps(before: u64, now: u64, span: Duration) -> f64 {
    let bits = now.saturating_sub(before) as f64 * 8.0;
    bits / span.as_secs_f64().max(1e-3) / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_come_from_the_difference_and_loss_from_the_worse_stream() {
        let mut before = PeerStats::default();
        before.video.bytes_sent = 1_000;
        let mut now = before.clone();
        now.video.bytes_sent = 126_000;
        now.video.inbound.fraction_lost = 0.05;
        now.rtt = Some(Duration::from_millis(80));
        let told = quality(Some(&before), &now, Duration::from_secs(1));
        assert_eq!(
            told.bitrate,
            Some(BitrateKbps {
                audio: 0.0,
                video: 1_000.0
            })
        );
        assert!((told.packet_loss - 5.0).abs() < 1e-3);
        assert_eq!((told.rtt, told.level), (80.0, Some(QualityLevel::Fair)));
    }

    #[test]
    fn words_get_worse_with_loss_and_with_round_trip() {
        assert_eq!(level(0.0, 20.0), QualityLevel::Excellent);
        assert_eq!(level(2.0, 20.0), QualityLevel::Good);
        assert_eq!(level(0.0, 500.0), QualityLevel::Fair);
        assert_eq!(level(20.0, 20.0), QualityLevel::Poor);
    }
}
