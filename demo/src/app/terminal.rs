//! The demo that a person uses: an address to open, then each call's steps and quality as it goes.

use std::io::{IsTerminal, Write};
use std::path::Path;

use anyhow::Result;
use ringwire_demo::echo::{Measurements, Step, Update};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::house::{House, Plan};
use super::lan::{self, Lan};

/// Runs until Ctrl-C.
pub(crate) async fn run(out: &Path, port: Option<u16>, lan: bool) -> Result<()> {
    let mut terminal = Terminal::new();
    let lan = lan.then(|| Lan::find(&out.join("lan"))).transpose()?;
    let plan = Plan {
        out,
        port,
        lan: lan.as_ref(),
        dump_dir: None,
    };
    let house = House::start(plan, &mut |step| terminal.passing(step)).await?;
    terminal.welcome(&house, lan.as_ref());
    let mut updates = house.echo().updates();
    let mut terminate = signal(SignalKind::terminate())?;
    loop {
        tokio::select! {
            update = updates.recv() => match update {
                Ok(update) => terminal.show(&update),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            },
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break;
            }
            _ = terminate.recv() => break,
        }
    }
    terminal.line("");
    terminal.passing("Hanging up and closing");
    house.close().await;
    terminal.line("Closed.");
    Ok(())
}

struct Terminal {
    /// A person looks at it: colours, and one line that is written over.
    alive: bool,
    /// The last line is to be written over.
    passing: bool,
    last_measured: Option<std::time::Instant>,
}

impl Terminal {
    fn new() -> Self {
        let alive = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self {
            alive,
            passing: false,
            last_measured: None,
        }
    }

    /// A line that stays.
    fn line(&mut self, text: &str) {
        let mut out = std::io::stdout().lock();
        let clear = if self.passing { "\r\x1b[2K" } else { "" };
        // A terminal that has gone ends the demo by its own signal.
        let _ = writeln!(out, "{clear}{text}");
        self.passing = false;
    }

    /// A line that the next one replaces, where that is possible.
    fn passing(&mut self, text: &str) {
        if !self.alive {
            return self.line(text);
        }
        let mut out = std::io::stdout().lock();
        let _ = write!(out, "\r\x1b[2K{text}");
        let _ = out.flush();
        self.passing = true;
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.alive {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }

    fn welcome(&mut self, house: &House, lan: Option<&Lan>) {
        let local = format!("{}/", house.url());
        let mut lines = Vec::new();
        let mut code = None;
        match lan {
            None => lines.push(format!("Open   {local}")),
            Some(lan) => {
                let port = house.port();
                lines.push(format!("Here   {local}"));
                for address in &lan.addresses {
                    lines.push(format!("Phone  {}", lan::page_address(*address, port)));
                }
                if lan.addresses.is_empty() {
                    lines.push("Phone  this machine is on no network".to_owned());
                }
                lines.push(String::new());
                lines.push("The phone must be on this network. Its browser warns".to_owned());
                lines.push("once, because nobody has signed this certificate.".to_owned());
                code = lan
                    .addresses
                    .first()
                    .and_then(|one| lan::qr(&lan::page_address(*one, port)));
            }
        }
        lines.push(String::new());
        lines.push("Sign in as somebody and call Echo, or let Echo call you.".to_owned());
        lines.push("Ctrl-C ends it.".to_owned());
        self.boxed("Ringwire", &lines);
        if let Some(code) = code {
            for row in code.lines() {
                self.line(&self.paint("97;40", row));
            }
            self.line("");
        }
    }

    fn boxed(&mut self, title: &str, lines: &[String]) {
        let width = lines
            .iter()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or_default()
            + 4;
        let rule = |count: usize| "─".repeat(count);
        let head = format!("╭─ {title} {}╮", rule(width - title.chars().count() - 3));
        self.line("");
        self.line(&self.paint("32", &head));
        for line in lines {
            let side = self.paint("32", "│");
            let pad = " ".repeat(width - line.chars().count() - 2);
            let text = if line.contains("://") {
                self.paint("1", line)
            } else {
                line.clone()
            };
            self.line(&format!("{side}  {text}{pad}{side}"));
        }
        self.line(&self.paint("32", &format!("╰{}╯", rule(width))));
        self.line("");
    }

    fn show(&mut self, update: &Update) {
        match update {
            Update::Step {
                step,
                since_start_ms,
                detail,
                ..
            } => {
                let at = format!("{:>8.3} s", *since_start_ms as f64 / 1_000.0);
                let (sign, text) = words(*step);
                let sign = self.paint(sign, "●");
                let detail = detail
                    .as_deref()
                    .map(|text| format!(": {text}"))
                    .unwrap_or_default();
                if matches!(step, Step::Incoming | Step::Calling) {
                    self.line("");
                }
                self.line(&format!("{}  {sign} {text}{detail}", self.paint("2", &at)));
            }
            Update::Measured(measured) => self.measured(measured),
            Update::Socket { state } if state == "connected" => {}
            Update::Socket { state } => {
                self.line(&self.paint("33", &format!("Echo's way to the gateway: {state}")));
            }
            Update::Failed { message } => {
                self.line(&self.paint("31", &format!("Echo has failed: {message}")));
            }
            _ => {}
        }
    }

    fn measured(&mut self, call: &Measurements) {
        // Without a person each line stays, so one in five seconds is enough.
        let over = call.marks.ended.is_some();
        let recent = self
            .last_measured
            .is_some_and(|at| at.elapsed().as_secs() < 5);
        if !self.alive && recent && !over {
            return;
        }
        self.last_measured = Some(std::time::Instant::now());
        if over {
            return self.line(&summary(call));
        }
        self.passing(&quality(call));
    }
}

fn words(step: Step) -> (&'static str, &'static str) {
    match step {
        Step::Incoming => ("36", "Somebody calls Echo"),
        Step::Calling => ("36", "Echo calls"),
        Step::Ringing => ("36", "It rings"),
        Step::Accepted => ("32", "Accepted"),
        Step::Connected => ("32", "Connected"),
        Step::FirstSound => ("32", "First sound heard"),
        Step::FirstPicture => ("32", "First picture seen"),
        Step::Reconnecting => ("33", "The path is lost, looking for another"),
        Step::Ended => ("31", "Over"),
    }
}

/// One line of a call that goes on.
fn quality(call: &Measurements) -> String {
    let rtt = call
        .path
        .rtt_ms
        .map_or("–".to_owned(), |rtt| format!("{rtt:.1} ms"));
    format!(
        "{:>10}  in {:>2.0} fps {}x{} {:>4.0} kbit/s  ·  out {:>2.0} fps {:>4.0} kbit/s  ·  \
         round trip {rtt}  ·  loss {:.1} %  ·  sound {}",
        "",
        call.video.fps,
        call.video.width,
        call.video.height,
        call.path.kbps_in,
        call.path.fps_out,
        call.path.kbps_out,
        call.path.loss_in_percent.max(call.path.loss_out_percent),
        level(call.audio.level),
    )
}

/// Ten steps from -60 dB to 0 dB.
fn level(rms: f64) -> String {
    let decibel = 20.0 * rms.max(1e-9).log10();
    let lit = ((decibel + 60.0) / 6.0).ceil().clamp(0.0, 10.0) as usize;
    format!("{}{}", "▮".repeat(lit), "▯".repeat(10 - lit))
}

/// One line of a call that is over.
fn summary(call: &Measurements) -> String {
    format!(
        "{:>10}  {} pictures, {} of them key frames, {} dropped; {:.1} s of sound at {:.0} dB",
        "",
        call.video.frames,
        call.video.key_frames,
        call.path.frames_dropped,
        call.audio.seconds,
        20.0 * call.audio.rms.max(1e-9).log10(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_lights_nothing_and_full_sound_everything() {
        assert_eq!(level(0.0), "▯".repeat(10));
        assert_eq!(level(1.0), "▮".repeat(10));
        assert_eq!(level(0.1).chars().filter(|lit| *lit == '▮').count(), 7);
    }
}
