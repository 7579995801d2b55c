//! What ffmpeg says about the pictures that Echo got: how many it can decode, and one to look at.

use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};
use ringwire_demo::tools::ffmpeg;
use tokio::process::Command;

/// A stream, decoded from its first frame to its last.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Pictures that came out.
    pub(crate) pictures: u64,
    /// Complaints of the decoder.
    pub(crate) complaints: Vec<String>,
}

/// Decodes a VP8 file and counts.
pub(crate) async fn decode(ivf: &Path) -> Result<Decoded> {
    // `showinfo` names each decoded picture, before anything can drop or double it for its time stamp.
    let output = Command::new(ffmpeg())
        .args([
            "-hide_banner",
            "-nostdin",
            "-nostats",
            "-loglevel",
            "info",
            "-i",
        ])
        .arg(ivf)
        .args(["-an", "-vf", "showinfo", "-f", "null", "-"])
        .stdin(Stdio::null())
        .output()
        .await
        .with_context(|| format!("starting {}", ffmpeg().to_string_lossy()))?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        bail!(
            "ffmpeg cannot read {}: {}",
            ivf.display(),
            said.lines().last().unwrap_or_default()
        );
    }
    Ok(count(&said))
}

fn count(said: &str) -> Decoded {
    let mut decoded = Decoded::default();
    for line in said.lines() {
        if line.contains("showinfo") && line.contains(" n:") && line.contains(" pts:") {
            decoded.pictures += 1;
        } else if line.starts_with("[vp8 @") || line.starts_with("[ivf @") || line.contains("rror")
        {
            decoded.complaints.push(line.to_owned());
        }
    }
    decoded
}

/// The picture at `seconds` from the beginning, as PNG.
pub(crate) async fn picture_at(ivf: &Path, seconds: f64) -> Result<Vec<u8>> {
    let output = Command::new(ffmpeg())
        .args(["-hide_banner", "-nostdin", "-loglevel", "error", "-i"])
        .arg(ivf)
        .args([
            "-ss",
            &format!("{seconds:.3}"),
            "-frames:v",
            "1",
            "-c:v",
            "png",
        ])
        .args(["-f", "image2pipe", "-"])
        .stdin(Stdio::null())
        .output()
        .await?;
    if !output.status.success() || output.stdout.is_empty() {
        bail!(
            "no picture at {seconds:.1} s: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_and_complaints_are_told_apart() {
        let said = "Input #0, ivf, from 'a.ivf':\n\
            [Parsed_showinfo_0 @ 0x1] config in time_base: 1/90000, frame_rate: 20/1\n\
            [Parsed_showinfo_0 @ 0x1] n:   0 pts:      0 pts_time:0       pos:   44 fmt:yuv420p\n\
            [vp8 @ 0x2] Header size larger than data provided\n\
            [Parsed_showinfo_0 @ 0x1] n:   1 pts:   4500 pts_time:0.05    pos:  900 fmt:yuv420p\n";
        let decoded = count(said);
        assert_eq!(decoded.pictures, 2);
        assert_eq!(decoded.complaints.len(), 1);
    }
}
