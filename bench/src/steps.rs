//! When the cores of this process took their steps, from the trace lines that they write anyway.

use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::Context;

/// Where the lines come from.
const TARGETS: [&str; 2] = ["ringwire_client::steps", "ringwire_peer::steps"];

/// Lets through nothing but the steps.
pub(crate) fn filter() -> Targets {
    let all = TARGETS.map(|target| (target, tracing::Level::TRACE));
    Targets::new().with_targets(all)
}

/// Steps since [`Steps::begin`]. A clone is the same list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    taken: Arc<Mutex<Vec<(Instant, String)>>>,
}

impl Steps {
    /// Forgets what was.
    pub(crate) fn begin(&self) {
        self.taken.lock().clear();
    }

    /// Milliseconds from `start` to the first step of this name: `taken offer`, `said call:join`.
    pub(crate) fn first(&self, name: &str, start: Instant) -> Option<f64> {
        let taken = self.taken.lock();
        let (at, _) = taken
            .iter()
            .find(|(at, step)| step == name && *at >= start)?;
        Some((*at - start).as_secs_f64() * 1_000.0)
    }

    /// All that was, one line each, for a look at one call.
    pub(crate) fn story(&self, start: Instant) -> String {
        let taken = self.taken.lock();
        let line = |(at, step): &(Instant, String)| {
            let ms = at.saturating_duration_since(start).as_secs_f64() * 1_000.0;
            format!("{ms:8.1}  {step}\n")
        };
        taken.iter().map(line).collect()
    }
}

impl<S: Subscriber> Layer<S> for Steps {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let now = Instant::now();
        let mut words = Words::default();
        event.record(&mut words);
        let step = format!("{} {}", words.message, words.step);
        self.taken.lock().push((now, step));
    }
}

#[derive(Default)]
struct Words {
    message: String,
    step: String,
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "step" {
            value.clone_into(&mut self.step);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}
