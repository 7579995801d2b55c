//! The process that is looked at: one client that accepts every ring, films, speaks, sees and hears. Whoever started
//! it says by JSON lines who it is, and is told what happens; counting is done from outside, but for tasks.

use std::io::{BufRead as _, Write as _, stdin, stdout};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use ringwire_client::{CallClient, CallEvent, CallKey, Config, Event, LocalMedia, SocketState};
use ringwire_demo::clip::Assets;
use ringwire_demo::echo::play;
use ringwire_protocol::DeviceId;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Sound is pulled in blocks of so long.
const BLOCK: Duration = Duration::from_millis(10);
const BLOCK_SAMPLES: usize = 480;

/// The first line that the process reads.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Who {
    pub(super) url: String,
    pub(super) token: String,
    /// Folder with clip and voice.
    pub(super) assets: PathBuf,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Line {
    Connected,
    /// The first picture of the other is in the sink.
    Picture,
    /// The call is over.
    Ended,
    /// Answer to any further line that it reads: tasks on the clients' runtime.
    Tasks(usize),
}

/// Runs until its input ends.
pub(crate) fn run() -> Result<()> {
    let mut first = String::new();
    stdin().read_line(&mut first)?;
    let who: Who = serde_json::from_str(&first).context("reading who I am")?;
    // Nothing of it but the client's own threads and this one and the reader's.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (asked, questions) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in stdin().lock().lines() {
            if line.is_err() || asked.send(()).is_err() {
                return;
            }
        }
    });
    runtime.block_on(live(who, questions))
}

async fn live(who: Who, mut questions: mpsc::UnboundedReceiver<()>) -> Result<()> {
    let assets = Arc::new(Assets::load(&who.assets)?);
    let config = Config::user(who.url, who.token, DeviceId::new("measured")?);
    let client = CallClient::connect(config)?;
    let camera = play::show(Arc::clone(&assets), client.video_source(), Instant::now());
    let microphone = play::speak(assets, client.audio_source());
    let filming = [tokio::spawn(camera), tokio::spawn(microphone)];
    let mut listening: Option<[tokio::task::JoinHandle<()>; 2]> = None;
    loop {
        let event = tokio::select! {
            event = client.next_event() => event,
            question = questions.recv() => match question {
                Some(()) => {
                    say(Line::Tasks(ringwire_client::alive_tasks()))?;
                    continue;
                }
                None => break,
            },
        };
        match event.context("the client has ended")? {
            Event::Socket(SocketState::Connected) => say(Line::Connected)?,
            Event::Call(CallEvent::Incoming { key }) => {
                listening = Some([
                    tokio::spawn(watch(client.clone(), key)),
                    tokio::spawn(hear(client.clone(), key)),
                ]);
                client.accept(
                    key,
                    LocalMedia {
                        microphone: true,
                        camera: true,
                        screen: false,
                    },
                )?;
            }
            Event::Call(CallEvent::Ended { .. }) => {
                for task in listening.take().into_iter().flatten() {
                    task.abort();
                }
                say(Line::Ended)?;
            }
            _ => {}
        }
    }
    filming.iter().for_each(tokio::task::JoinHandle::abort);
    client.close().await;
    Ok(())
}

/// Takes pictures until the call is over.
async fn watch(client: CallClient, key: CallKey) {
    let sink = client.video_sink(key);
    drop(client);
    let mut told = false;
    while sink.next_async().await.is_some() {
        if !std::mem::replace(&mut told, true) {
            // Whoever started us is gone when this fails, and so are we, soon.
            let _ = say(Line::Picture);
        }
    }
}

/// Pulls sound at the pace of a loudspeaker.
async fn hear(client: CallClient, key: CallKey) {
    let sink = client.audio_sink(key);
    drop(client);
    let mut pace = interval(BLOCK);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pcm = [0; BLOCK_SAMPLES];
    loop {
        pace.tick().await;
        sink.pull(&mut pcm);
    }
}

fn say(line: Line) -> Result<()> {
    let mut text = serde_json::to_vec(&line)?;
    text.push(b'\n');
    let mut out = stdout().lock();
    out.write_all(&text)?;
    Ok(out.flush()?)
}
