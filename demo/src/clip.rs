//! Echo's picture and voice: how they are made once and how they are read. Playing them in real
//! time is [`crate::echo`]'s business.

mod glyphs;
mod make;
mod scene;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::ivf::Ivf;

pub use make::make_assets;

/// File of the moving clip.
const CLIP: &str = "echo.ivf";
/// File of the voice.
const VOICE: &str = "echo.wav";
/// Samples of sound per second.
pub const SAMPLE_RATE: u32 = 48_000;

/// What Echo shows and says.
#[derive(Debug, Clone)]
pub struct Assets {
    /// VP8, 640x360, 30 frames per second, a key frame at least each second; ends as it begins.
    pub clip: Ivf,
    /// 48 kHz, mono.
    pub voice: Vec<i16>,
}

impl Assets {
    /// Reads what [`make_assets`] has made in a folder.
    ///
    /// # Errors
    /// A file is missing or is not what it should be.
    pub fn load(folder: &Path) -> Result<Self> {
        let clip = Ivf::read(&folder.join(CLIP))?;
        ensure!(
            clip.frames.first().is_some_and(|frame| frame.key_frame),
            "the clip does not begin with a key frame"
        );
        let path = folder.join(VOICE);
        let voice = read_voice(&path).with_context(|| format!("reading {}", path.display()))?;
        Ok(Self { clip, voice })
    }
}

fn read_voice(path: &Path) -> Result<Vec<i16>> {
    let mut wav = hound::WavReader::open(path)?;
    let spec = wav.spec();
    ensure!(
        spec.channels == 1 && spec.sample_rate == SAMPLE_RATE && spec.bits_per_sample == 16,
        "the voice must be 48 kHz mono with 16 bits, it is {spec:?}"
    );
    let voice = wav.samples::<i16>().collect::<Result<Vec<_>, _>>()?;
    ensure!(!voice.is_empty(), "the voice is empty");
    Ok(voice)
}
