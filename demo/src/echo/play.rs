//! Clip and voice in real time: each frame and each block of sound has its own absolute moment, so
//! that nothing drifts.

use std::sync::Arc;
use std::time::Duration;

use ringwire_client::{AudioSource, Rotation, VideoCodec, VideoFrame, VideoSource};
use tokio::time::{Instant, sleep_until};
use tracing::warn;

use crate::clip::{Assets, SAMPLE_RATE};

/// Sound is handed over in blocks of 20 ms, one Opus packet each.
const BLOCK: Duration = Duration::from_millis(20);
const BLOCK_SAMPLES: usize = SAMPLE_RATE as usize / 50;

/// Shows the clip in a loop until cancelled. `origin` is the zero of the capture clock.
pub async fn show(assets: Arc<Assets>, camera: VideoSource, origin: Instant) {
    let clip = &assets.clip;
    let start = Instant::now();
    let mut place = 0;
    for count in 0u64.. {
        let at = start + Duration::from_secs_f64(count as f64 / clip.rate);
        sleep_until(at).await;
        if camera.take_key_frame_wanted() {
            place = next_key_frame(&assets, place);
        }
        let picture = &clip.frames[place];
        let frame = VideoFrame {
            codec: VideoCodec::Vp8,
            data: picture.data.clone(),
            timestamp: at - origin,
            key_frame: picture.key_frame,
            rotation: Rotation::None,
        };
        if let Err(error) = camera.push(&frame) {
            warn!(%error, place, "a frame of the clip was refused");
        }
        place = (place + 1) % clip.frames.len();
    }
}

/// The first key frame at or after a place, around the end if need be.
fn next_key_frame(assets: &Assets, from: usize) -> usize {
    let frames = &assets.clip.frames;
    let ahead = frames[from..].iter().position(|frame| frame.key_frame);
    ahead.map_or(0, |steps| from + steps)
}

/// Speaks in a loop until cancelled.
pub async fn speak(assets: Arc<Assets>, microphone: AudioSource) {
    let voice = &assets.voice;
    let start = Instant::now();
    let mut samples = voice.iter().copied().cycle();
    let mut block = [0; BLOCK_SAMPLES];
    for count in 0u32.. {
        sleep_until(start + BLOCK * count).await;
        block.fill_with(|| samples.next().unwrap_or_default());
        if let Err(error) = microphone.push(&block) {
            warn!(%error, "sound was refused");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ivf::{Ivf, IvfFrame};
    use bytes::Bytes;

    #[test]
    fn the_next_key_frame_is_found_around_the_end() {
        let frame = |key_frame| IvfFrame {
            data: Bytes::from_static(b"x"),
            key_frame,
        };
        let frames = [true, false, true, false].map(frame).to_vec();
        let clip = Ivf {
            width: 2,
            height: 2,
            rate: 30.0,
            frames,
        };
        let assets = Assets {
            clip,
            voice: vec![0],
        };
        let found = [0, 1, 2, 3].map(|from| next_key_frame(&assets, from));
        assert_eq!(found, [0, 2, 2, 0]);
    }
}
