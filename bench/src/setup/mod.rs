//! Accept to first remote picture: cores and browsers call each other through one gateway, one pair after the other,
//! round by round, so that whatever else the machine does weighs on all alike.
//!
//! The clock runs at the accepting end, from the tap to the first whole picture of the other person before it is
//! decoded: in the core from `CallClient::accept` to the picture in the sink, in Chromium from the handler of the
//! click to an encoded transform of the receiver.

mod page;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ringwire_client::CallKey;
use ringwire_demo::browser::{Browser, Options};
use ringwire_tests::{DEADLINE, Lab, Person, VIDEO};
use serde_json::{Map, Value, json};

use crate::figures::{self, median, quantile, rounded};
use crate::steps::Steps;
use page::{MeasuredPage, measuring_page};

/// No hand is quicker; what rings has come to rest by then.
const QUICK_HAND: Duration = Duration::from_millis(500);
/// Between two calls.
const PAUSE: Duration = Duration::from_millis(300);

/// Who calls and who accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pair {
    CoreToCore,
    CoreToChromium,
    ChromiumToCore,
    ChromiumToChromium,
}

const PAIRS: [Pair; 4] = [
    Pair::CoreToCore,
    Pair::CoreToChromium,
    Pair::ChromiumToCore,
    Pair::ChromiumToChromium,
];

/// Steps of the accepting end, in the order in which they come.
const STAGES: [&str; 6] = ["joined", "offer", "answer", "path", "connected", "frame"];

impl Pair {
    fn name(self) -> &'static str {
        match self {
            Self::CoreToCore => "core to core",
            Self::CoreToChromium => "core to Chromium",
            Self::ChromiumToCore => "Chromium to core",
            Self::ChromiumToChromium => "Chromium to Chromium",
        }
    }
}

/// Milliseconds from the tap to each of [`STAGES`], where it was seen. The last is always there.
type Marks = [Option<f64>; STAGES.len()];

/// Alice and Carol in the page, Bob and Echo in cores.
struct Stage<'a> {
    lab: Lab,
    browser: Browser,
    alice: MeasuredPage,
    carol: MeasuredPage,
    bob: Person,
    echo: Person,
    steps: &'a Steps,
}

pub(crate) async fn run(out: &Path, rounds: u32, steps: &Steps) -> Result<()> {
    let folder = measuring_page()?;
    let stage = Stage::set(folder.path(), steps).await?;
    println!("One call of each pair to warm up, then {rounds} that count");
    let mut samples: [Vec<Marks>; PAIRS.len()] = Default::default();
    for round in 0..=rounds {
        for turn in 0..PAIRS.len() {
            // Nobody is always the first.
            let place = (turn + round as usize) % PAIRS.len();
            let pair = PAIRS[place];
            let marks = stage
                .call(pair)
                .await
                .with_context(|| format!("{} in round {round}", pair.name()))?;
            if round > 0 {
                samples[place].push(marks);
            }
            tokio::time::sleep(PAUSE).await;
        }
        println!("  round {round} of {rounds}");
    }
    stage.strike().await?;

    let rows: Vec<Row> = PAIRS
        .iter()
        .zip(&samples)
        .map(|(pair, marks)| Row::new(*pair, marks))
        .collect();
    let ratio = rows[0].median / rows[PAIRS.len() - 1].median;
    print!("\n{}", table(&rows));
    println!("\ncore to core / Chromium to Chromium: {ratio:.2} (goal: at most 0.50)");
    let figures = json!({
        "unit": "ms",
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
        "ratio": { "core_to_browser": rounded(ratio, 3) },
        "machine": figures::machine(),
    });
    figures::write(out, "setup", &figures)
}

impl<'a> Stage<'a> {
    async fn set(web: &Path, steps: &'a Steps) -> Result<Self> {
        let lab = Lab::start_with(|config| {
            config.web_root = Some(web.into());
            // Four people make all the calls.
            config.rate_factor = 100;
        })
        .await?;
        let browser = Browser::start(Options::default()).await?;
        let alice = MeasuredPage::open(&browser, &lab.url(), "alice").await?;
        let carol = MeasuredPage::open(&browser, &lab.url(), "carol").await?;
        let mut bob = lab.person("bob").await?;
        bob.film()?;
        let mut echo = lab.person("echo").await?;
        echo.film()?;
        Ok(Self {
            lab,
            browser,
            alice,
            carol,
            bob,
            echo,
            steps,
        })
    }

    async fn call(&self, pair: Pair) -> Result<Marks> {
        match pair {
            Pair::CoreToCore => {
                let call = self.echo.call(&self.lab.conversation("echo", "bob")?)?;
                let (key, marks) = self.bob_accepts().await?;
                self.echo.client.hang_up(call)?;
                self.echo.until_ended(call).await?;
                self.bob.until_ended(key).await?;
                Ok(marks)
            }
            Pair::CoreToChromium => {
                let call = self.bob.call(&self.lab.conversation("bob", "alice")?)?;
                let marks = self.alice.accepts(QUICK_HAND).await?;
                self.bob.client.hang_up(call)?;
                self.bob.until_ended(call).await?;
                self.alice.until_over().await?;
                Ok(marks)
            }
            Pair::ChromiumToCore => {
                self.carol.calls("bob").await?;
                let (key, marks) = self.bob_accepts().await?;
                self.bob.client.hang_up(key)?;
                self.bob.until_ended(key).await?;
                self.carol.until_over().await?;
                Ok(marks)
            }
            Pair::ChromiumToChromium => {
                self.carol.calls("alice").await?;
                let marks = self.alice.accepts(QUICK_HAND).await?;
                self.carol.hangs_up().await?;
                self.carol.until_over().await?;
                self.alice.until_over().await?;
                Ok(marks)
            }
        }
    }

    /// Bob's core rings, Bob accepts, the other's first picture is there.
    async fn bob_accepts(&self) -> Result<(CallKey, Marks)> {
        let client = &self.bob.client;
        let key = self.bob.until_rings().await?;
        tokio::time::sleep(QUICK_HAND).await;
        let sink = client.video_sink(key);
        self.steps.begin();
        let start = Instant::now();
        client.accept(key, VIDEO)?;
        let picture = tokio::time::timeout(DEADLINE, sink.next_async()).await;
        let taken = start.elapsed().as_secs_f64() * 1_000.0;
        picture
            .ok()
            .flatten()
            .with_context(|| format!("no picture came:\n{}", self.steps.story(start)))?;
        tracing::debug!("\n{}{taken:8.1}  picture in hand", self.steps.story(start));
        let first = |name| self.steps.first(name, start);
        let marks = [
            first("taken joined"),
            first("taken offer"),
            first("said answer"),
            first("ice connected"),
            first("taken path connected"),
            Some(taken),
        ];
        Ok((key, marks))
    }

    async fn strike(self) -> Result<()> {
        self.bob.client.close().await;
        self.echo.client.close().await;
        self.browser.close().await?;
        self.lab.gateway.shutdown().await;
        Ok(())
    }
}

/// One pair's figures, in milliseconds.
struct Row {
    pair: Pair,
    samples: Vec<f64>,
    median: f64,
    stages: [Option<f64>; STAGES.len()],
}

impl Row {
    fn new(pair: Pair, marks: &[Marks]) -> Self {
        let stage = |place: usize| -> Vec<f64> { marks.iter().filter_map(|m| m[place]).collect() };
        let samples = stage(STAGES.len() - 1);
        let mut stages = [None; STAGES.len()];
        for (place, median_of) in stages.iter_mut().enumerate() {
            let seen = stage(place);
            *median_of = (!seen.is_empty()).then(|| median(&seen));
        }
        Self {
            pair,
            median: median(&samples),
            samples,
            stages,
        }
    }

    fn json(&self) -> Value {
        let stages: Map<String, Value> = STAGES
            .iter()
            .zip(self.stages)
            .filter_map(|(name, at)| Some(((*name).to_owned(), json!(rounded(at?, 1)))))
            .collect();
        json!({
            "name": self.pair.name(),
            "n": self.samples.len(),
            "median": rounded(self.median, 1),
            "p10": rounded(quantile(&self.samples, 0.1), 1),
            "p90": rounded(quantile(&self.samples, 0.9), 1),
            "stages": stages,
            "samples": self.samples.iter().map(|ms| rounded(*ms, 1)).collect::<Vec<_>>(),
        })
    }
}

fn table(rows: &[Row]) -> String {
    let mut cells = vec![vec![
        "ms from accept".to_owned(),
        "n".to_owned(),
        "p10".to_owned(),
        "median".to_owned(),
        "p90".to_owned(),
    ]];
    cells[0].extend(STAGES.iter().map(|stage| (*stage).to_owned()));
    for row in rows {
        let mut line = vec![row.pair.name().to_owned(), row.samples.len().to_string()];
        line.extend([0.1, 0.5, 0.9].map(|part| format!("{:.1}", quantile(&row.samples, part))));
        let stages = row.stages.iter();
        line.extend(stages.map(|at| at.map_or_else(String::new, |at| format!("{at:.1}"))));
        cells.push(line);
    }
    figures::table(&cells)
}
