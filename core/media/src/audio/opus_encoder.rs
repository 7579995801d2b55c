//! PCM in pieces of any size in, Opus packets of 20 ms out. The codec behind it is named here and in `opus_decoder` only.

use bytes::Bytes;
use ropus::{Application, Bitrate, Channels, Encoder, InbandFec};

use crate::audio::SAMPLE_RATE_HZ;
use crate::error::MediaError;

/// Samples per channel of one packet: 20 ms.
const PACKET_SAMPLES: usize = 960;
/// The longest packet of one frame (RFC 6716 §3.2.1) with its TOC.
const MAX_PACKET_LEN: usize = 1_276;

/// What an [`OpusEncoder`] makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusEncoderConfig {
    /// 1 or 2; stereo PCM is interleaved.
    pub channels: u8,
    /// Bits per second, 6,000 to 510,000.
    pub bitrate_bps: u32,
    /// Packet loss to prepare for, in percent, 0 to 100. At 0 nothing is sent twice.
    pub expected_loss_percent: u8,
    /// Whether each packet holds a coarse copy of the speech before it.
    pub fec: bool,
    /// Whether silence is sent as next to nothing.
    pub dtx: bool,
    /// Effort, 0 to 10.
    pub complexity: u8,
}

impl Default for OpusEncoderConfig {
    /// One voice: mono, 32 kbit/s, FEC for 10 % loss, no DTX.
    fn default() -> Self {
        Self {
            channels: 1,
            bitrate_bps: 32_000,
            expected_loss_percent: 10,
            fec: true,
            dtx: false,
            complexity: 5,
        }
    }
}

/// One Opus packet of 20 ms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodedAudio {
    /// The packet (RFC 6716 §3), which is also the RTP payload (RFC 7587 §4.2).
    pub data: Bytes,
    /// Where its sound begins: samples per channel pushed before it. In ticks of the RTP clock.
    pub position: u64,
}

/// Encodes 48 kHz PCM.
pub struct OpusEncoder {
    encoder: Encoder,
    channels: usize,
    /// Less than one packet's worth.
    pending: Vec<i16>,
    position: u64,
}

impl OpusEncoder {
    /// An encoder with nothing pushed yet.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] with the name of a setting that is out of its range.
    pub fn new(config: OpusEncoderConfig) -> Result<Self, MediaError> {
        let channels = match config.channels {
            1 => Channels::Mono,
            2 => Channels::Stereo,
            _ => return Err(MediaError::Invalid { field: "channels" }),
        };
        if config.complexity > 10 {
            return Err(MediaError::Invalid {
                field: "complexity",
            });
        }
        let fec = if config.fec {
            InbandFec::Enabled
        } else {
            InbandFec::Disabled
        };
        let encoder = Encoder::builder(SAMPLE_RATE_HZ, channels, Application::Voip)
            .bitrate(bitrate(config.bitrate_bps)?)
            .packet_loss_perc(percent(config.expected_loss_percent)?)
            .inband_fec(fec)
            .dtx(config.dtx)
            .complexity(config.complexity)
            .build()
            .map_err(refused)?;
        Ok(Self {
            encoder,
            channels: usize::from(config.channels),
            pending: Vec::with_capacity(PACKET_SAMPLES * usize::from(config.channels)),
            position: 0,
        })
    }

    /// Takes any number of samples and gives every packet that they complete. What is left over, less than 20 ms,
    /// waits for the next call.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] if stereo samples do not come in pairs, [`MediaError::Opus`] if the codec fails; the
    /// packet it failed at is skipped.
    pub fn push(&mut self, mut pcm: &[i16]) -> Result<Vec<EncodedAudio>, MediaError> {
        if !pcm.len().is_multiple_of(self.channels) {
            return Err(MediaError::Invalid { field: "pcm" });
        }
        let full = PACKET_SAMPLES * self.channels;
        let mut packets = Vec::with_capacity((self.pending.len() + pcm.len()) / full);
        while self.pending.len() + pcm.len() >= full {
            let (head, rest) = pcm.split_at(full - self.pending.len());
            self.pending.extend_from_slice(head);
            pcm = rest;
            let position = self.position;
            self.position += PACKET_SAMPLES as u64;
            let mut packet = [0; MAX_PACKET_LEN];
            let length = self.encoder.encode(&self.pending, &mut packet);
            self.pending.clear();
            packets.push(EncodedAudio {
                data: Bytes::copy_from_slice(&packet[..length.map_err(refused)?]),
                position,
            });
        }
        self.pending.extend_from_slice(pcm);
        Ok(packets)
    }

    /// Aims at another rate from the next packet on, 6,000 to 510,000 bits per second.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] outside that range.
    pub fn set_bitrate(&mut self, bitrate_bps: u32) -> Result<(), MediaError> {
        self.encoder
            .set_bitrate(bitrate(bitrate_bps)?)
            .map_err(refused)
    }

    /// Prepares for another loss from the next packet on, in percent.
    ///
    /// # Errors
    /// [`MediaError::Invalid`] over 100.
    pub fn set_expected_loss(&mut self, percent_lost: u8) -> Result<(), MediaError> {
        self.encoder
            .set_packet_loss_perc(percent(percent_lost)?)
            .map_err(refused)
    }
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusEncoder")
            .field("channels", &self.channels)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

fn bitrate(bps: u32) -> Result<Bitrate, MediaError> {
    let field = "bitrate_bps";
    if !(6_000..=510_000).contains(&bps) {
        return Err(MediaError::Invalid { field });
    }
    Bitrate::try_bits(bps).map_err(|_| MediaError::Invalid { field })
}

fn percent(percent: u8) -> Result<u8, MediaError> {
    if percent > 100 {
        return Err(MediaError::Invalid {
            field: "expected_loss_percent",
        });
    }
    Ok(percent)
}

fn refused(error: impl std::fmt::Display) -> MediaError {
    MediaError::Opus {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep() -> Vec<i16> {
        (0..48_000i32)
            .map(|index| (i64::from(index).pow(2) / 9_000 % 16_000 - 8_000) as i16)
            .collect()
    }

    #[test]
    fn the_size_of_the_pushes_does_not_matter() {
        let mut whole = OpusEncoder::new(OpusEncoderConfig::default()).unwrap();
        let expected = whole.push(&sweep()).unwrap();
        assert_eq!(expected.len(), 50);
        for size in [1, 480, 777, 5_000] {
            let mut encoder = OpusEncoder::new(OpusEncoderConfig::default()).unwrap();
            let packets: Vec<_> = sweep()
                .chunks(size)
                .flat_map(|piece| encoder.push(piece).unwrap())
                .collect();
            assert_eq!(packets, expected, "pushes of {size}");
        }
        let positions = expected.iter().map(|packet| packet.position);
        assert!(positions.eq((0..50).map(|index| index * 960)));
    }

    #[test]
    fn the_bitrate_is_kept() {
        let mut encoder = OpusEncoder::new(OpusEncoderConfig::default()).unwrap();
        for bitrate_bps in [16_000, 48_000] {
            encoder.set_bitrate(bitrate_bps).unwrap();
            encoder.push(&sweep()).unwrap();
            let bits: usize = encoder
                .push(&sweep())
                .unwrap()
                .iter()
                .map(|p| p.data.len() * 8)
                .sum();
            assert!(
                bits as f64 / f64::from(bitrate_bps) < 1.2,
                "{bits} at {bitrate_bps}"
            );
        }
    }

    #[test]
    fn settings_out_of_range_are_named() {
        let default = OpusEncoderConfig::default();
        for (config, field) in [
            (
                OpusEncoderConfig {
                    channels: 3,
                    ..default
                },
                "channels",
            ),
            (
                OpusEncoderConfig {
                    bitrate_bps: 5_999,
                    ..default
                },
                "bitrate_bps",
            ),
            (
                OpusEncoderConfig {
                    expected_loss_percent: 101,
                    ..default
                },
                "expected_loss_percent",
            ),
            (
                OpusEncoderConfig {
                    complexity: 11,
                    ..default
                },
                "complexity",
            ),
        ] {
            assert_eq!(
                OpusEncoder::new(config).err(),
                Some(MediaError::Invalid { field })
            );
        }
        let mut stereo = OpusEncoder::new(OpusEncoderConfig {
            channels: 2,
            ..default
        })
        .unwrap();
        assert_eq!(
            stereo.push(&[0; 3]),
            Err(MediaError::Invalid { field: "pcm" })
        );
    }
}
