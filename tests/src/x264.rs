//! A moving picture in H.264, constrained baseline, as libx264 makes it; shown by a core where H.264
//! was agreed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use ringwire_client::{Rotation, VideoCodec, VideoFrame, VideoSource};
use ringwire_demo::tools;
use tokio::time::Instant;

use crate::{assets, assets_folder};

const FPS: u32 = 15;
/// The access unit delimiter, which begins each picture (ITU-T H.264 §7.4.1.2.3).
const DELIMITER: [u8; 5] = [0, 0, 0, 1, 9];

/// The file of four seconds of pictures, each an access unit in the byte stream format; a key frame each second. Made
/// once.
///
/// # Errors
/// ffmpeg is missing or cannot encode.
pub fn file(folder: &Path) -> Result<PathBuf> {
    let file = folder.join("pictures.h264");
    if file.exists() {
        return Ok(file);
    }
    let source = format!("testsrc2=size=320x240:rate={FPS}");
    let half = tempfile::NamedTempFile::new_in(folder)?;
    let made = Command::new(tools::ffmpeg())
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args(["-f", "lavfi", "-i", &source, "-t", "4"])
        .args(["-pix_fmt", "yuv420p", "-c:v", "libx264"])
        .args(["-profile:v", "baseline", "-tune", "zerolatency"])
        .args(["-g", &FPS.to_string(), "-b:v", "300k"])
        .args(["-x264-params", "aud=1:repeat-headers=1:scenecut=0"])
        .args(["-f", "h264"])
        .arg(half.path())
        .status()
        .context("starting ffmpeg")?;
    ensure!(made.success(), "ffmpeg could not encode the clip");
    // Whole or not there, whoever makes it at the same time.
    half.persist(&file)?;
    Ok(file)
}

/// Its pictures.
///
/// # Errors
/// ffmpeg is missing or cannot encode.
pub fn clip() -> Result<Vec<Bytes>> {
    assets()?;
    let stream = Bytes::from(std::fs::read(file(&assets_folder())?)?);
    let mut starts: Vec<usize> = (0..stream.len().saturating_sub(DELIMITER.len()))
        .filter(|at| stream[*at..].starts_with(&DELIMITER))
        .collect();
    ensure!(
        starts.len() == 4 * FPS as usize,
        "{} pictures",
        starts.len()
    );
    starts[0] = 0;
    starts.push(stream.len());
    let pictures = starts.windows(2);
    Ok(pictures.map(|at| stream.slice(at[0]..at[1])).collect())
}

/// Shows the clip in a loop until cancelled, whenever H.264 is what was agreed.
pub async fn show(clip: Vec<Bytes>, camera: VideoSource) {
    let gop = FPS as usize;
    let start = Instant::now();
    let mut place = 0usize;
    for count in 0u32.. {
        let at = Duration::from_secs(1) / FPS * count;
        tokio::time::sleep_until(start + at).await;
        if camera.take_key_frame_wanted() {
            place = place.next_multiple_of(gop) % clip.len();
        }
        if camera.codec() == Some(VideoCodec::H264) {
            let frame = VideoFrame {
                codec: VideoCodec::H264,
                data: clip[place].clone(),
                timestamp: at,
                key_frame: place.is_multiple_of(gop),
                rotation: Rotation::None,
            };
            camera.push(&frame).expect("libx264 makes what it says");
        }
        place = (place + 1) % clip.len();
    }
}
