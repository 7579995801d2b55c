//! The Rust end of the comparison: the functions that Kotlin and Swift call, called from Rust, in the same kind of call
//! at the same pace. Its twins are `tests/kotlin/Bench.kt` and the Swift package's program `bench`.

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use nix::time::{ClockId, clock_gettime};
use ringwire::{
    AudioSink, CallClient, CallEvent, CallStage, ClientConfig, ClientSnapshot, Rotation, VideoCodec,
};
use serde_json::{Map, Value, json};

use crate::figures::{median, rounded};

/// What is not counted.
const WARM_UP: Duration = Duration::from_secs(5);
const PICTURE: usize = 10_000;
const PICTURES_PER_SECOND: u32 = 30;
const KEY_FRAME_EVERY: u64 = 30;
/// Bytes of 10 ms of sound.
const SOUND: usize = AudioSink::BLOCK;
const SOUNDS_PER_SECOND: u32 = 100;

/// Runs the call for so many seconds; prints the figures as one line of JSON. `lab` is what `RINGWIRE_LAB` holds.
pub(crate) fn run(lab: &Value, seconds: u64) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let alice = client(lab, "alice")?;
    let bob = client(lab, "bob")?;
    let conversation = lab["conversations"]["alice-bob"].as_str();
    let conversation = conversation.context("no conversation")?.to_owned();
    let (call, ring) = runtime.block_on(async {
        until(&alice, |now| now.connected).await?;
        until(&bob, |now| now.connected).await?;
        let call = alice.call(conversation, true)?;
        let rings = |now: &ClientSnapshot| {
            now.calls
                .iter()
                .any(|call| call.stage == CallStage::Incoming)
        };
        let ring = until(&bob, rings).await?.calls[0].number;
        bob.accept(ring, true, true)?;
        anyhow::Ok((alice.answer(call)?.answered().await?, ring))
    })?;
    let stop = Arc::new(AtomicBool::new(false));
    let until = Instant::now() + Duration::from_secs(seconds);
    let other = play(&bob, ring, &stop);
    let measured = play(&alice, call, &stop);
    thread::sleep(until.saturating_duration_since(Instant::now()));
    stop.store(true, Relaxed);
    for thread in other {
        thread.join().expect("it panics nowhere");
    }
    let mut figures = Map::new();
    for thread in measured {
        let (name, taken) = thread.join().expect("it panics nowhere");
        ensure!(
            taken.cpu_us.len() > 10,
            "{name}: {} calls",
            taken.cpu_us.len()
        );
        figures.insert(name.to_owned(), taken.figures());
    }
    figures.insert("clock_us".to_owned(), json!(rounded(clock_cost(), 3)));
    runtime.block_on(async {
        alice.hang_up(call)?;
        let events = bob.events();
        while let Some(event) = events.next_event().await {
            if matches!(event, CallEvent::Ended { .. }) {
                break;
            }
        }
        alice.shutdown().await;
        bob.shutdown().await;
        anyhow::Ok(())
    })?;
    println!("{}", Value::Object(figures));
    Ok(())
}

fn client(lab: &Value, person: &str) -> Result<Arc<CallClient>> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(CallClient::new(ClientConfig {
        url: text(&lab["url"]),
        token: text(&lab["tokens"][person]),
        device_id: format!("{person}-bench"),
        app_name: "bench".into(),
        app_version: "1".into(),
        extra_roots: None,
        call_waiting: true,
        guest: false,
        video_codecs: Vec::new(),
    })?)
}

async fn until(
    client: &CallClient,
    wanted: impl Fn(&ClientSnapshot) -> bool,
) -> Result<ClientSnapshot> {
    let snapshots = client.snapshots();
    while let Some(now) = snapshots.next_snapshot().await {
        if wanted(&now) {
            return Ok(now);
        }
    }
    anyhow::bail!("the client is closed")
}

/// Times of one function.
#[derive(Default)]
struct Taken {
    cpu_us: Vec<f64>,
    wall_us: Vec<f64>,
}

impl Taken {
    /// Times one call; keeps it when it counts and gave something.
    fn time<T>(
        &mut self,
        counts: bool,
        call: impl FnOnce() -> T,
        gave: impl FnOnce(&T) -> bool,
    ) -> T {
        let (wall, cpu) = (Instant::now(), thread_cpu_us());
        let given = call();
        let (cpu, wall) = (thread_cpu_us() - cpu, wall.elapsed());
        if counts && gave(&given) {
            self.cpu_us.push(cpu);
            self.wall_us.push(wall.as_secs_f64() * 1e6);
        }
        given
    }

    fn figures(&self) -> Value {
        let clock = clock_cost();
        let mean = self.cpu_us.iter().sum::<f64>() / self.cpu_us.len() as f64;
        json!({
            "n": self.cpu_us.len(),
            "cpu_us_mean": rounded((mean - clock).max(0.0), 2),
            "cpu_us_median": rounded((median(&self.cpu_us) - clock).max(0.0), 2),
            "wall_us_median": rounded(median(&self.wall_us), 2),
        })
    }
}

type Measured = JoinHandle<(&'static str, Taken)>;

/// A person who films, speaks, looks, listens and reads the state, each on a thread of its own, until told to stop.
fn play(client: &Arc<CallClient>, call: u64, stop: &Arc<AtomicBool>) -> Vec<Measured> {
    let pictures = [picture(false), picture(true)];
    // What sound costs depends on the sound: 400 Hz in all languages.
    let wave = |at: usize| ((at as f64 * TAU * 400.0 / 48_000.0).sin() * 12_000.0) as i16;
    let tone: Vec<u8> = (0..SOUND / 2)
        .flat_map(|at| wave(at).to_le_bytes())
        .collect();
    let (camera, screen) = (client.video_source(), client.video_sink(call));
    let (microphone, speaker) = (client.audio_source(), client.audio_sink(call));
    let client = Arc::clone(client);
    vec![
        paced(
            "video_push",
            PICTURES_PER_SECOND,
            stop,
            move |taken, counts, at| {
                let micros = at * 1_000_000 / u64::from(PICTURES_PER_SECOND);
                let key_frame =
                    at.is_multiple_of(KEY_FRAME_EVERY) || camera.take_key_frame_wanted();
                let push = || {
                    camera.push(
                        &pictures[usize::from(key_frame)],
                        VideoCodec::Vp8,
                        micros,
                        key_frame,
                        Rotation::Deg0,
                    )
                };
                taken
                    .time(counts, push, Result::is_ok)
                    .expect("ten thousand bytes are a picture");
            },
        ),
        paced(
            "audio_push",
            SOUNDS_PER_SECOND,
            stop,
            move |taken, counts, _| {
                let pushed = taken.time(counts, || microphone.push(&tone), Result::is_ok);
                pushed.expect("an even number of bytes");
            },
        ),
        paced(
            "audio_pull",
            SOUNDS_PER_SECOND,
            stop,
            move |taken, counts, _| {
                let mut block = [0; AudioSink::BLOCK];
                taken.time(counts, || speaker.pull(&mut block), |_| true);
            },
        ),
        paced(
            "snapshot",
            SOUNDS_PER_SECOND,
            stop,
            move |taken, counts, _| {
                taken.time(counts, || client.snapshot(), |_| true);
            },
        ),
        // As fast as they come.
        paced("video_next", 1_000_000, stop, move |taken, counts, _| {
            taken.time(counts, || screen.next(200), Option::is_some);
        }),
    ]
}

/// Ten thousand bytes that begin as VP8 does (RFC 6386 §9.1), 640 by 360.
fn picture(key_frame: bool) -> Vec<u8> {
    let header: &[u8] = if key_frame {
        &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01]
    } else {
        &[0x11, 0, 0]
    };
    let byte = |at: usize| header.get(at).copied().unwrap_or((at % 251) as u8);
    (0..PICTURE).map(byte).collect()
}

/// Calls `work` so many times a second with the number of the time, until told to stop.
fn paced(
    name: &'static str,
    per_second: u32,
    stop: &Arc<AtomicBool>,
    mut work: impl FnMut(&mut Taken, bool, u64) + Send + 'static,
) -> Measured {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let begun = Instant::now();
        let mut taken = Taken::default();
        for at in 0u32.. {
            if stop.load(Relaxed) {
                break;
            }
            work(&mut taken, begun.elapsed() > WARM_UP, at.into());
            let next = begun + Duration::from_secs(1) / per_second * (at + 1);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        (name, taken)
    })
}

fn thread_cpu_us() -> f64 {
    let now = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has it");
    now.tv_sec() as f64 * 1e6 + now.tv_nsec() as f64 / 1e3
}

/// What reading the clock twice adds to a measurement, microseconds.
fn clock_cost() -> f64 {
    let costs: Vec<f64> = (0..1_000)
        .map(|_| {
            let before = thread_cpu_us();
            thread_cpu_us() - before
        })
        .collect();
    median(&costs)
}
