//! The run without a person: Chromium calls Echo, is measured for a while, hangs up; then Echo calls
//! Chromium. What is left open is counted from outside; ffmpeg judges what Echo received.

mod alice;
mod leaks;
mod server;
mod window;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ringwire_demo::browser::{Browser, Options, Page};
use ringwire_demo::echo::{Marks, Measurements};
use ringwire_demo::open_handles::OpenHandles;
use serde_json::Value;

use super::decode;
use super::findings::{BrowserSide, CoreSide, Findings, Timeline};
use super::house;
use super::report;
use alice::Alice;
use server::Server;
pub(crate) use window::{Sample, Window};

/// Longest for any step of a call.
const STEP_LIMIT: Duration = Duration::from_secs(30);
/// How long the second call, Echo's, is held.
const SECOND_CALL: Duration = Duration::from_secs(3);

/// All that a run has found, for the report.
pub(crate) struct Story {
    pub(crate) findings: Findings,
    pub(crate) seconds: u32,
    pub(crate) window: Window,
    /// The first call as it was at its end.
    pub(crate) first: Measurements,
    /// Echo's call to the page, as Echo saw it.
    pub(crate) second_call: Marks,
    pub(crate) pictures: Pictures,
}

/// PNGs.
pub(crate) struct Pictures {
    /// The page in the call.
    pub(crate) page: Vec<u8>,
    /// Echo's picture as the page had it.
    pub(crate) seen_by_browser: Option<Vec<u8>>,
    /// Chromium's picture as ffmpeg decodes what Echo got.
    pub(crate) seen_by_core: Option<Vec<u8>>,
    /// The page while Echo rings.
    pub(crate) ringing: Vec<u8>,
}

pub(crate) async fn run(
    out: &Path,
    port: Option<u16>,
    seconds: u32,
    json: Option<&Path>,
) -> Result<ExitCode> {
    house::assets(out, &mut |step| println!("  {step}"))?;
    let dump = out.join("received");
    if dump.exists() {
        std::fs::remove_dir_all(&dump).with_context(|| format!("emptying {}", dump.display()))?;
    }
    let mut server = Server::start(out, &dump, port)
        .await
        .context("starting gateway and Echo")?;
    println!(
        "  Gateway and Echo run as process {} at {}",
        server.pid(),
        server.url()
    );
    let told = drive(&mut server, seconds).await;
    let ended = server.close().await;
    let mut story = told?;
    ended?;
    println!("  Decoding what Echo received");
    judge_pictures(&mut story).await?;
    let report = out.join("report.html");
    std::fs::write(&report, report::html(&story))
        .with_context(|| format!("writing {}", report.display()))?;
    if let Some(json) = json {
        if let Some(folder) = json.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(json, serde_json::to_vec_pretty(&story.findings)?)
            .with_context(|| format!("writing {}", json.display()))?;
    }
    Ok(verdict(&story, &report))
}

fn verdict(story: &Story, report: &Path) -> ExitCode {
    println!();
    let goals = story.findings.goals(story.seconds);
    for goal in &goals {
        println!(
            "  {}  {}",
            if goal.met { "ok    " } else { "FAILED" },
            goal.text
        );
    }
    println!("\n  Report: {}", report.display());
    if goals.iter().all(|goal| goal.met) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Everything but what ffmpeg says.
async fn drive(server: &mut Server, seconds: u32) -> Result<Story> {
    leaks::fill_pool(server.url()).await?;
    let alone = leaks::idle(server).await?;
    let browser = Browser::start(Options::default()).await?;
    let story = both_calls(server, &browser, seconds).await;
    browser.close().await?;
    let mut story = story?;
    leaks::settle_alone(server, alone, &mut story.findings.leaks).await?;
    Ok(story)
}

async fn both_calls(server: &mut Server, browser: &Browser, seconds: u32) -> Result<Story> {
    let alice = Alice::sign_in(browser, server.url()).await?;
    let before = leaks::idle(server).await?.open;

    println!("  Alice calls Echo");
    alice.call_echo().await?;
    alice.sees_echo().await?;
    let first = server.wait_for(STEP_LIMIT, |calls| {
        calls
            .iter()
            .find(|call| call.incoming && call.marks.first_frame.is_some())
            .cloned()
    });
    let first = first
        .await
        .context("no picture of Chromium came to the core")?;
    println!("  Both see each other; measuring for {seconds} s");
    let window = Window::measure(&alice, server, first.key, seconds).await?;
    let in_call = OpenHandles::of(server.pid())?;
    let page = alice.page().screenshot().await?;
    let seen_by_browser = alice.snapshot_of_echo().await?;
    alice.hang_up().await?;
    let first = server.wait_for(STEP_LIMIT, |calls| {
        calls
            .iter()
            .find(|call| call.key == first.key && call.marks.ended.is_some())
            .cloned()
    });
    let first = first.await.context("Echo's call did not end")?;
    let timeline = timeline(&alice.state().await?, &first.marks);

    println!("  Echo calls Alice");
    let (second_call, ringing) = second_call(server, &alice).await?;
    println!("  Waiting until nothing is left open");
    let leaks = leaks::settle(server, before, in_call).await?;

    let browser = BrowserSide {
        fps: window.browser_fps(),
        frames_decoded: window.browser_frames(),
        audio_energy: window.browser_energy(),
    };
    let core = CoreSide {
        fps: window.core_fps(),
        frames_valid: 0,
        frames_broken: first.video.frames,
        audio_rms: first.audio.rms,
        beeps: first.audio.beeps,
        decoder_complaints: 0,
    };
    let findings = Findings {
        timeline_ms: timeline,
        browser,
        core,
        leaks,
    };
    let pictures = Pictures {
        page,
        seen_by_browser,
        seen_by_core: None,
        ringing,
    };
    Ok(Story {
        findings,
        seconds,
        window,
        first,
        second_call,
        pictures,
    })
}

async fn second_call(server: &mut Server, alice: &Alice) -> Result<(Marks, Vec<u8>)> {
    alice.let_echo_call().await?;
    let ringing = alice.page().screenshot().await?;
    alice.accept().await?;
    alice.sees_echo().await?;
    let call = server.wait_for(STEP_LIMIT, |calls| {
        calls
            .iter()
            .find(|call| !call.incoming && call.marks.first_frame.is_some())
            .cloned()
    });
    let call = call
        .await
        .context("no picture of Chromium came to the core in Echo's call")?;
    tokio::time::sleep(SECOND_CALL).await;
    alice.hang_up().await?;
    let call = server.wait_for(STEP_LIMIT, |calls| {
        calls
            .iter()
            .find(|one| one.key == call.key && one.marks.ended.is_some())
            .cloned()
    });
    let call = call.await.context("Echo's own call did not end")?;
    ensure!(call.video.frames > 0, "Echo got no picture in its own call");
    Ok((call.marks, ringing))
}

/// Page and core have one clock, since they are on one machine.
fn timeline(page: &Value, core: &Marks) -> Timeline {
    let mark = |name: &str| page["timeline"][name].as_i64();
    let start = mark("initiate");
    let since = |at: Option<i64>| at.zip(start).map(|(at, start)| at - start);
    Timeline {
        initiate: since(start),
        ringing: since(mark("ringing")),
        accepted: since(mark("accepted")),
        ice_connected: since(mark("iceConnected")),
        first_frame_browser: since(mark("firstFrame")),
        first_frame_core: since(core.first_frame),
        ended: since(mark("ended")),
    }
}

/// Fills in what ffmpeg says about the first call's pictures.
async fn judge_pictures(story: &mut Story) -> Result<()> {
    let call = &story.first;
    let dump = call.dump.as_ref().context("Echo wrote nothing down")?;
    let file: PathBuf = dump.video.clone();
    let handed_out = call.video.frames;
    let middle = match (call.marks.first_frame, call.marks.ended) {
        (Some(first), Some(ended)) => (ended - first) as f64 / 2_000.0,
        _ => 0.0,
    };
    let decoded = decode::decode(&file).await?;
    let core = &mut story.findings.core;
    core.frames_valid = decoded.pictures;
    core.frames_broken = handed_out.saturating_sub(decoded.pictures);
    core.decoder_complaints = decoded.complaints.len();
    core.fps *= decoded.pictures.min(handed_out) as f64 / handed_out.max(1) as f64;
    story.pictures.seen_by_core = match decode::picture_at(&file, middle).await {
        Ok(picture) => Some(picture),
        Err(error) => {
            println!("  {error:#}");
            None
        }
    };
    Ok(())
}

/// Waits for a page to say something.
async fn until(page: &Page, what: &str, script: &str) -> Result<Value> {
    page.until(script, STEP_LIMIT)
        .await
        .with_context(|| what.to_owned())
}
