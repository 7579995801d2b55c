//! How long `CallClient` holds the thread that gives it a command: 16 threads at once, in a live call with sound and
//! pictures both ways, its events consumed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ringwire_client::{CallClient, CallKey};
use ringwire_tests::{Lab, Person, VIDEO};
use serde_json::{Value, json};

use crate::figures::{self, quantile, rounded};

const THREADS: usize = 16;
/// Rounds of each thread; a round gives each kind of command once.
const ROUNDS: usize = 4_000;
/// Between two rounds of a thread: together 16,000 rounds in a second are asked for, far more than any app does.
const PAUSE: Duration = Duration::from_millis(1);
/// One thread turns the microphone off or on in one round of so many.
const TOGGLE_EVERY: usize = 50;

/// What is measured, in this order.
const KINDS: [&str; 5] = [
    "set_microphone",
    "set_camera",
    "accept",
    "stats",
    "snapshot",
];
/// How many of [`KINDS`] go to the client's task; the others only read.
const COMMANDS: usize = 3;

/// Microseconds of each call of each kind.
#[derive(Default)]
struct Taken {
    kinds: [Vec<f64>; KINDS.len()],
    refused: usize,
}

pub(crate) async fn run(out: &Path) -> Result<()> {
    let lab = Lab::start_with(|config| config.rate_factor = 1_000).await?;
    let (mut alice, mut bob) = (lab.person("alice").await?, lab.person("bob").await?);
    alice.film()?;
    bob.film()?;
    let call = alice.call(&lab.conversation("alice", "bob")?)?;
    let key = bob.until_rings().await?;
    bob.client.accept(key, VIDEO)?;
    bob.until_active(key).await?;
    bob.until_picture(key).await?;
    alice.until_picture(call).await?;

    println!("{THREADS} threads, {ROUNDS} rounds each, in a live call");
    let listening = [listen(&alice, call), listen(&bob, key)];
    let pictures_before = pictures(&bob.client, key);
    let client = bob.client.clone();
    let (taken, span) = tokio::task::spawn_blocking(move || load(&client, key)).await??;
    let seen = pictures(&bob.client, key) - pictures_before;
    ensure!(seen > 0, "no picture came while commands were given");
    for task in listening {
        task.abort();
    }
    alice.client.hang_up(call)?;
    alice.until_ended(call).await?;
    alice.client.close().await;
    bob.client.close().await;
    lab.gateway.shutdown().await;

    let commands: Vec<f64> = taken.kinds[..COMMANDS].concat();
    let reads: Vec<f64> = taken.kinds[COMMANDS..].concat();
    let mut rows = vec![
        ["", "n", "p50", "p99", "p99.9", "most"]
            .map(str::to_owned)
            .to_vec(),
    ];
    let named = KINDS.iter().zip(&taken.kinds);
    let all = [("all commands", &commands), ("all reads", &reads)];
    for (name, samples) in named.map(|(name, samples)| (*name, samples)).chain(all) {
        rows.push(row(name, samples));
    }
    print!("\nmicroseconds\n{}", figures::table(&rows));
    println!(
        "\n{} of {} commands refused because 1,024 waited; {seen} pictures came in {:.1} s",
        taken.refused,
        commands.len(),
        span.as_secs_f64()
    );
    let mut figures = summary(&commands);
    figures["unit"] = json!("us");
    figures["threads"] = json!(THREADS);
    figures["commands"] = json!(commands.len());
    figures["refused"] = json!(taken.refused);
    figures["per_second"] = json!((commands.len() as f64 / span.as_secs_f64()).round());
    figures["pictures_received"] = json!(seen);
    let named = KINDS.iter().zip(&taken.kinds);
    figures["kinds"] = named
        .map(|(name, samples)| ((*name).to_owned(), summary(samples)))
        .collect();
    figures["snapshot"] = figures["kinds"]["snapshot"].clone();
    figures["machine"] = figures::machine();
    figures::write(out, "commands", &figures)
}

/// Takes all events and pictures, as an app does.
fn listen(person: &Person, key: CallKey) -> tokio::task::JoinHandle<()> {
    let client = person.client.clone();
    let sink = client.video_sink(key);
    tokio::spawn(async move {
        let events = async { while client.next_event().await.is_some() {} };
        let pictures = async { while sink.next_async().await.is_some() {} };
        tokio::join!(events, pictures);
    })
}

fn pictures(client: &CallClient, key: CallKey) -> u64 {
    client.stats(key).map_or(0, |stats| stats.frames_received)
}

fn load(client: &CallClient, key: CallKey) -> Result<(Taken, Duration)> {
    let go = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let (client, go) = (client.clone(), Arc::clone(&go));
            thread::spawn(move || {
                while !go.load(Relaxed) {
                    thread::yield_now();
                }
                give(&client, key, number)
            })
        })
        .collect();
    let start = Instant::now();
    go.store(true, Relaxed);
    let mut all = Taken::default();
    for thread in threads {
        let one = thread.join().ok().context("a thread panicked")?;
        all.refused += one.refused;
        for (kind, samples) in all.kinds.iter_mut().zip(one.kinds) {
            kind.extend(samples);
        }
    }
    Ok((all, start.elapsed()))
}

fn give(client: &CallClient, key: CallKey, number: usize) -> Taken {
    let mut taken = Taken::default();
    for round in 0..ROUNDS {
        let on = number != 0 || (round / TOGGLE_EVERY).is_multiple_of(2);
        let refused = [
            taken.time(0, || client.set_microphone(key, on).is_err()),
            taken.time(1, || client.set_camera(key, true).is_err()),
            taken.time(2, || client.accept(key, VIDEO).is_err()),
        ];
        taken.refused += refused.into_iter().filter(|refused| *refused).count();
        taken.time(3, || client.stats(key));
        taken.time(4, || client.snapshot());
        thread::sleep(PAUSE);
    }
    taken
}

impl Taken {
    fn time<T>(&mut self, kind: usize, command: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = command();
        self.kinds[kind].push(start.elapsed().as_secs_f64() * 1e6);
        done
    }
}

fn summary(samples: &[f64]) -> Value {
    json!({
        "n": samples.len(),
        "p50_us": rounded(quantile(samples, 0.5), 2),
        "p99_us": rounded(quantile(samples, 0.99), 2),
        "p999_us": rounded(quantile(samples, 0.999), 2),
        "max_us": rounded(quantile(samples, 1.0), 2),
    })
}

fn row(name: &str, samples: &[f64]) -> Vec<String> {
    let mut row = vec![name.to_owned(), samples.len().to_string()];
    row.extend([0.5, 0.99, 0.999, 1.0].map(|part| format!("{:.2}", quantile(samples, part))));
    row
}
