//! Makes the clip and the voice once, with ffmpeg and espeak-ng.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

use super::scene::{FPS, FRAMES, HEIGHT, Scene, WIDTH};
use super::{Assets, CLIP, SAMPLE_RATE, VOICE};
use crate::tools::ffmpeg;

/// Names what is made here; another value makes all anew.
const EDITION: &str = "1";
const STAMP: &str = "edition";

const WORDS: &str = "Hello! I am Echo. \
    I am not a browser. I am a program, written in Rust, and I can see and hear you. \
    What you see of me is a moving picture, thirty frames in each second. \
    While we talk, I count every frame that you send, and I listen to every sound. \
    Wave at me, say something, and then have a look at my terminal. \
    It was nice to talk to you!";

/// Makes the files in `folder` unless they are there already. `say` is told each step.
///
/// # Errors
/// ffmpeg or espeak-ng is missing or fails, or the folder cannot be written.
pub fn make_assets(folder: &Path, say: &mut dyn FnMut(&str)) -> Result<Assets> {
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|edition| edition == EDITION)
        && let Ok(assets) = Assets::load(folder)
    {
        return Ok(assets);
    }
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    make_clip(&folder.join(CLIP), say)?;
    say("Recording Echo's voice");
    make_voice(folder)?;
    fs::write(&stamp, EDITION)?;
    Assets::load(folder)
}

fn make_clip(path: &Path, say: &mut dyn FnMut(&str)) -> Result<()> {
    let fps = FPS.to_string();
    let mut encoder = Command::new(ffmpeg())
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y"])
        .args([
            "-f",
            "rawvideo",
            "-pix_fmt",
            "rgb24",
            "-video_size",
            &format!("{WIDTH}x{HEIGHT}"),
        ])
        .args([
            "-framerate",
            &fps,
            "-i",
            "pipe:0",
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libvpx",
        ])
        .args([
            "-b:v", "800k", "-maxrate", "1000k", "-bufsize", "500k", "-qmin", "4", "-qmax", "48",
        ])
        // No frame that is not shown, and a key frame each second.
        .args([
            "-auto-alt-ref",
            "0",
            "-lag-in-frames",
            "0",
            "-error-resilient",
            "1",
        ])
        .args([
            "-g",
            &fps,
            "-keyint_min",
            &fps,
            "-deadline",
            "good",
            "-cpu-used",
            "3",
        ])
        .args(["-f", "ivf"])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", ffmpeg().to_string_lossy()))?;
    let mut pictures = encoder.stdin.take().context("ffmpeg has no input")?;
    let scene = Scene::new();
    for index in 0..FRAMES {
        if index % FPS == 0 {
            say(&format!(
                "Drawing Echo's clip, second {} of {}",
                index / FPS + 1,
                FRAMES / FPS
            ));
        }
        if pictures.write_all(&scene.frame(index)).is_err() {
            break; // It has ended, and its status says why.
        }
    }
    drop(pictures);
    let status = encoder.wait()?;
    ensure!(
        status.success(),
        "ffmpeg could not encode the clip ({status})"
    );
    Ok(())
}

fn make_voice(folder: &Path) -> Result<()> {
    let spoken = folder.join("spoken.wav");
    run(Command::new("espeak-ng")
        .args(["-v", "en-gb+f3", "-s", "148", "-p", "46", "-g", "4", "-w"])
        .arg(&spoken)
        .arg(WORDS))?;
    run(Command::new(ffmpeg())
        .args(["-hide_banner", "-loglevel", "error", "-nostdin", "-y", "-i"])
        .arg(&spoken)
        .args([
            "-af",
            "highpass=f=90,loudnorm=I=-18:TP=-2:LRA=7,apad=pad_dur=1.5",
        ])
        .args([
            "-ar",
            &SAMPLE_RATE.to_string(),
            "-ac",
            "1",
            "-c:a",
            "pcm_s16le",
        ])
        .args(["-fflags", "+bitexact"])
        .arg(folder.join(VOICE)))?;
    fs::remove_file(&spoken).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    })?;
    Ok(())
}

fn run(command: &mut Command) -> Result<()> {
    let program = PathBuf::from(command.get_program());
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed ({}): {}",
            program.display(),
            output.status,
            said.trim()
        );
    }
    Ok(())
}
