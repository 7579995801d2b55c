//! Opus packets in, 48 kHz mono PCM out, with or without the packet. When to do which is `receiver`.

use ropus::{Channels, DecodeMode, Decoder};

use crate::audio::concealer::Concealer;
use crate::audio::opus_packet::OpusPacketHeader;
use crate::audio::{MAX_PACKET_SAMPLES, SAMPLE_RATE_HZ};
use crate::error::MediaError;

/// Decodes one stream to mono; stereo packets are mixed down.
pub struct OpusDecoder {
    decoder: Decoder,
    concealer: Concealer,
}

impl OpusDecoder {
    /// Room that [`decode`](Self::decode) needs at most, in samples: 120 ms.
    pub const MAX_SAMPLES: usize = MAX_PACKET_SAMPLES;

    /// A decoder that has heard nothing yet.
    ///
    /// # Errors
    /// [`MediaError::Opus`] if the codec cannot be set up.
    pub fn new() -> Result<Self, MediaError> {
        let decoder = Decoder::new(SAMPLE_RATE_HZ, Channels::Mono).map_err(refused)?;
        Ok(Self {
            decoder,
            concealer: Concealer::new(),
        })
    }

    /// Decodes one packet into the front of `out` and gives the number of samples written.
    ///
    /// # Errors
    /// [`MediaError::Truncated`] or [`MediaError::Invalid`] if the packet or the size of `out` is wrong,
    /// [`MediaError::Opus`] if the codec refuses it.
    pub fn decode(&mut self, packet: &[u8], out: &mut [i16]) -> Result<usize, MediaError> {
        let header = OpusPacketHeader::parse(packet)?;
        let room = out
            .get_mut(..header.samples)
            .ok_or(MediaError::Invalid { field: "out" })?;
        let samples = self
            .decoder
            .decode(packet, room, DecodeMode::Normal)
            .map_err(refused)?;
        self.concealer.received(&mut out[..samples]);
        Ok(samples)
    }

    /// Fills `out` with the sound just before the packet `next`, from the copy that `next` holds; the length of `out`
    /// is that of the lost packet, at most that of `next`.
    ///
    /// # Errors
    /// As [`decode`](Self::decode); [`MediaError::Invalid`] if `next` holds no copy.
    pub fn decode_fec(&mut self, next: &[u8], out: &mut [i16]) -> Result<(), MediaError> {
        let header = OpusPacketHeader::parse(next)?;
        if !header.has_fec {
            return Err(MediaError::Invalid { field: "Opus LBRR" });
        }
        if out.len() > header.samples || out.is_empty() || !out.len().is_multiple_of(120) {
            return Err(MediaError::Invalid { field: "out" });
        }
        self.decoder
            .decode(next, out, DecodeMode::Fec)
            .map_err(refused)?;
        self.concealer.received(out);
        Ok(())
    }

    /// Fills `out` with what might have come after the last sound, fading out over 70 ms. The sound decoded next is
    /// joined to it.
    pub fn conceal(&mut self, out: &mut [i16]) {
        self.concealer.make(out);
    }

    /// Something is left out before the next packet: its beginning is joined to the last sound.
    pub fn expect_break(&mut self) {
        self.concealer.expect_break();
    }
}

impl std::fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}

fn refused(error: impl std::fmt::Display) -> MediaError {
    MediaError::Opus {
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use proptest::prelude::*;

    use super::*;
    use crate::audio::{OpusEncoder, OpusEncoderConfig};

    /// A voice that glides from 110 to 180 Hz and back, with syllables.
    fn voice(seconds: f64) -> Vec<i16> {
        let mut phase = 0.0;
        (0..(seconds * 48_000.0) as u32)
            .map(|index| {
                let time = f64::from(index) / 48_000.0;
                phase += (145.0 + 35.0 * (TAU * 0.7 * time).sin()) / 48_000.0;
                let harmonics: f64 = (1..20)
                    .map(|n| (TAU * phase * f64::from(n)).sin() / f64::from(n))
                    .sum();
                let syllable = (TAU * 2.5 * time).sin().max(0.0);
                (5_000.0 * harmonics * syllable) as i16
            })
            .collect()
    }

    fn encode(pcm: &[i16], config: OpusEncoderConfig) -> Vec<Vec<u8>> {
        let packets = OpusEncoder::new(config).unwrap().push(pcm).unwrap();
        packets
            .into_iter()
            .map(|packet| packet.data.to_vec())
            .collect()
    }

    fn decode_all(packets: &[Vec<u8>]) -> Vec<i16> {
        let mut decoder = OpusDecoder::new().unwrap();
        let mut out = vec![0; OpusDecoder::MAX_SAMPLES];
        let mut pcm = vec![];
        for packet in packets {
            let samples = decoder.decode(packet, &mut out).unwrap();
            pcm.extend_from_slice(&out[..samples]);
        }
        pcm
    }

    /// Signal to noise in dB.
    fn snr(clean: &[i16], other: &[i16]) -> f64 {
        let power = |x: f64| x * x;
        let signal: f64 = clean.iter().map(|a| power(f64::from(*a))).sum();
        let noise: f64 = clean
            .iter()
            .zip(other)
            .map(|(a, b)| power(f64::from(*a) - f64::from(*b)))
            .sum();
        10.0 * (signal / noise.max(1.0)).log10()
    }

    #[test]
    fn a_voice_comes_back_as_it_was() {
        let pcm = voice(3.0);
        let config = OpusEncoderConfig {
            bitrate_bps: 64_000,
            ..OpusEncoderConfig::default()
        };
        let decoded = decode_all(&encode(&pcm, config));
        assert_eq!(decoded.len(), pcm.len());
        // The codec delays by 6.5 ms: 312 samples, give or take its filters.
        let best = (290..330)
            .map(|delay| snr(&pcm[4_800..96_000], &decoded[4_800 + delay..96_000 + delay]))
            .fold(f64::MIN, f64::max);
        // libopus itself reaches 6.2 dB on this signal: Opus keeps how it sounds, not its waveform.
        assert!(best > 5.5, "{best} dB");
    }

    #[test]
    fn stereo_is_mixed_down() {
        let mono = voice(1.0);
        let stereo: Vec<i16> = mono.iter().flat_map(|sample| [*sample, *sample]).collect();
        let config = OpusEncoderConfig {
            channels: 2,
            bitrate_bps: 64_000,
            ..OpusEncoderConfig::default()
        };
        let packets = encode(&stereo, config);
        let decoded = decode_all(&packets);
        assert_eq!(decoded.len(), mono.len());
        let energy = |pcm: &[i16]| {
            pcm.iter()
                .map(|sample| f64::from(*sample).powi(2))
                .sum::<f64>()
        };
        let ratio = energy(&decoded) / energy(&mono);
        assert!((0.7..1.3).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_copy_is_nearer_to_what_was_lost_than_anything_made_up() {
        let packets = encode(&voice(4.0), OpusEncoderConfig::default());
        let clean = decode_all(&packets);
        let mut out = vec![0; OpusDecoder::MAX_SAMPLES];
        let (mut copied, mut made_up, mut lost) = (vec![], vec![], vec![]);
        for (with_copy, pcm) in [(true, &mut copied), (false, &mut made_up)] {
            let mut decoder = OpusDecoder::new().unwrap();
            for (index, packet) in packets.iter().enumerate() {
                let has_copy = |next: &Vec<u8>| OpusPacketHeader::parse(next).unwrap().has_fec;
                let next = packets
                    .get(index + 1)
                    .filter(|next| index % 10 == 9 && has_copy(next));
                let Some(next) = next else {
                    decoder.decode(packet, &mut out).unwrap();
                    continue;
                };
                if with_copy {
                    decoder.decode_fec(next, &mut out[..960]).unwrap();
                    lost.extend_from_slice(&clean[index * 960..(index + 1) * 960]);
                } else {
                    decoder.conceal(&mut out[..960]);
                }
                pcm.extend_from_slice(&out[..960]);
            }
        }
        assert!(lost.len() > 5 * 960, "only {} samples", lost.len());
        let (copied, made_up) = (snr(&lost, &copied), snr(&lost, &made_up));
        assert!(
            copied > 5.0 && copied > made_up + 3.0,
            "{copied} and {made_up} dB"
        );
    }

    #[test]
    fn a_packet_without_a_copy_says_so() {
        let config = OpusEncoderConfig {
            fec: false,
            ..OpusEncoderConfig::default()
        };
        let packets = encode(&voice(0.5), config);
        let refused = OpusDecoder::new()
            .unwrap()
            .decode_fec(&packets[10], &mut [0; 960]);
        assert_eq!(refused, Err(MediaError::Invalid { field: "Opus LBRR" }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        #[test]
        fn random_and_damaged_packets_never_panic(
            random in prop::collection::vec(any::<u8>(), 0..200),
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            fec_samples in 0usize..1_000,
        ) {
            let mut damaged = encode(&voice(0.06), OpusEncoderConfig::default()).pop().unwrap();
            for (index, byte) in damage {
                let at = index.index(damaged.len());
                damaged[at] = byte;
            }
            let mut decoder = OpusDecoder::new().unwrap();
            let mut out = [0; OpusDecoder::MAX_SAMPLES];
            for packet in [&random, &damaged] {
                let _ = decoder.decode(packet, &mut out);
                let _ = decoder.decode_fec(packet, &mut out[..fec_samples]);
                decoder.conceal(&mut out[..fec_samples]);
            }
        }
    }
}
