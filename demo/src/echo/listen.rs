//! What comes in: pictures counted and written as IVF, sound pulled at the pace of a loudspeaker,
//! measured and written as WAV.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;
use std::time::Duration;

use hound::{SampleFormat, WavSpec, WavWriter};
use parking_lot::Mutex;
use ringwire_client::{AudioSink, VideoSink};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::measure::{Dump, Measurements};
use crate::beeps::BeepDetector;
use crate::clip::SAMPLE_RATE;
use crate::ivf::{IvfWriter, key_frame_size};

const BLOCK: Duration = Duration::from_millis(10);
const BLOCK_SAMPLES: usize = SAMPLE_RATE as usize / 100;
/// Blocks whose level is told as one.
const LEVEL_BLOCKS: usize = 100;

/// Takes pictures until the call is over, and completes the file.
pub(super) async fn watch_pictures(
    pictures: VideoSink,
    dump: Option<Dump>,
    measured: Arc<Mutex<Measurements>>,
    mut over: watch::Receiver<bool>,
) {
    let mut file = dump.and_then(|dump| said(IvfWriter::create(&dump.video)));
    let mut first = None;
    loop {
        let frame = tokio::select! {
            biased;
            frame = pictures.next_async() => frame,
            _ = over.wait_for(|over| *over) => None,
        };
        let Some(frame) = frame else { break };
        {
            let mut measured = measured.lock();
            let video = &mut measured.video;
            video.frames += 1;
            video.key_frames += u64::from(frame.key_frame);
            video.bytes += frame.data.len() as u64;
            if let Some((width, height)) = key_frame_size(&frame.data) {
                (video.width, video.height) = (width, height);
            }
        }
        let first = *first.get_or_insert(frame.timestamp);
        let shown = frame.timestamp.saturating_sub(first).as_secs_f64();
        let ticks = (shown * f64::from(IvfWriter::CLOCK_HZ)).round() as u64;
        if let Some(writer) = &mut file
            && said(writer.write(&frame.data, ticks)).is_none()
        {
            file = None;
        }
    }
    if let Some(file) = file {
        said(file.finish());
    }
}

/// Hears sound until the call is over, and completes the file.
pub(super) async fn hear(
    sound: AudioSink,
    dump: Option<Dump>,
    measured: Arc<Mutex<Measurements>>,
    mut over: watch::Receiver<bool>,
) {
    let mut file = dump.and_then(|dump| said(create_wav(&dump)));
    let mut beeps = BeepDetector::default();
    let mut energy = Energy::default();
    let mut pcm = [0; BLOCK_SAMPLES];
    let mut pace = interval(BLOCK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            biased;
            _ = over.wait_for(|over| *over) => break,
            _ = pace.tick() => {}
        }
        sound.pull(&mut pcm);
        beeps.hear(&pcm);
        energy.add(&pcm);
        {
            let mut measured = measured.lock();
            let audio = &mut measured.audio;
            audio.seconds = energy.samples as f64 / f64::from(SAMPLE_RATE);
            audio.rms = energy.rms();
            audio.level = energy.level;
            audio.beeps = beeps.beeps();
        }
        if let Some(writer) = &mut file
            && said(write_wav(writer, &pcm)).is_none()
        {
            file = None;
        }
    }
    if let Some(file) = file {
        said(file.finalize().map_err(io::Error::other));
    }
}

/// Power of sound, as a whole and of its last second.
#[derive(Debug, Default)]
struct Energy {
    samples: u64,
    sum: f64,
    blocks: usize,
    recent: f64,
    level: f64,
}

impl Energy {
    fn add(&mut self, pcm: &[i16]) {
        let power: f64 = pcm
            .iter()
            .map(|sample| (f64::from(*sample) / 32_768.0).powi(2))
            .sum();
        self.samples += pcm.len() as u64;
        self.sum += power;
        self.recent += power;
        self.blocks += 1;
        if self.blocks == LEVEL_BLOCKS {
            self.level = (self.recent / (LEVEL_BLOCKS * BLOCK_SAMPLES) as f64).sqrt();
            (self.blocks, self.recent) = (0, 0.0);
        }
    }

    fn rms(&self) -> f64 {
        (self.sum / self.samples.max(1) as f64).sqrt()
    }
}

fn create_wav(dump: &Dump) -> io::Result<WavWriter<BufWriter<File>>> {
    let spec = WavSpec {
        channels: 1,
        sample_rate: SAMPLE_RATE,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    WavWriter::create(&dump.audio, spec).map_err(io::Error::other)
}

fn write_wav(writer: &mut WavWriter<BufWriter<File>>, pcm: &[i16]) -> io::Result<()> {
    pcm.iter()
        .try_for_each(|sample| writer.write_sample(*sample))
        .map_err(io::Error::other)
}

/// A file that cannot be written is told and left out; the call goes on.
fn said<T>(result: io::Result<T>) -> Option<T> {
    result
        .inspect_err(|error| warn!(%error, "a dump cannot be written"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_square_wave_has_an_rms_of_one_and_silence_of_none() {
        let mut energy = Energy::default();
        for _ in 0..LEVEL_BLOCKS {
            energy.add(&[-32_768; BLOCK_SAMPLES]);
        }
        assert_eq!((energy.rms(), energy.level), (1.0, 1.0));
        for _ in 0..LEVEL_BLOCKS {
            energy.add(&[0; BLOCK_SAMPLES]);
        }
        assert!((energy.rms() - 0.5f64.sqrt()).abs() < 1e-9 && energy.level == 0.0);
    }
}
