//! Logs: `tracing` and `log` of all rooms go to the platform's own log (logcat, os_log, elsewhere the standard error
//! stream) and into a memory from which the app pulls them in batches. Every line is redacted before either sees it.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use log::{LevelFilter, Log, Metadata, Record};
use parking_lot::Mutex;

use crate::redact::redacted;
use crate::trace::ToLog;

/// Lines that are remembered; the oldest go first.
const MAX_LINES: usize = 2_000;
/// Longest line; the rest is cut.
const MAX_LINE: usize = 1_000;
/// Beginning of the names of our own rooms. What is not ours tells less: at debug and trace it writes whole frames.
const OURS: &str = "ringwire";

/// How much is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// What is odd.
    Warn,
    /// The life of calls.
    Info,
    /// Every event.
    Debug,
    /// Every step.
    Trace,
}

/// One line of the log. Tokens, passwords, descriptions and addresses are cut out of it.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogLine {
    /// Milliseconds since 1970, by the device's calendar.
    pub at_ms: u64,
    /// How grave it is; never `Off`.
    pub level: LogLevel,
    /// Which room says it, such as `ringwire_client::task`.
    pub target: String,
    /// What it says, at most 1,000 bytes.
    pub message: String,
}

/// Some lines of the log, the oldest first.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Record)]
pub struct LogBatch {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// How many lines before these were overwritten because nobody took them in time.
    pub lost: u64,
}

/// Logs this level and what is graver, of all clients of this process, from now on: to the platform's log, tag
/// `ringwire`, and into a memory of 2,000 lines, see `take_logs`. Off until called; call it again to change the level.
/// From any thread. What is not the core itself says no more than at `Info`.
#[uniffi::export]
pub fn set_log_level(level: LogLevel) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        // Whoever set one before keeps it.
        let _ = log::set_logger(logger());
        let _ = tracing::subscriber::set_global_default(ToLog(logger()));
    });
    log::set_max_level(level.into());
}

/// The lines that were logged since the last batch was taken, at most so many; fewer when there are no more. From any
/// thread; one consumer. Lines taken here stay in `export_diagnostics` until 2,000 newer ones have come.
#[uniffi::export]
pub fn take_logs(most: u32) -> LogBatch {
    logger().memory.lock().take(most as usize)
}

/// The last lines, taken or not, the oldest first.
pub(crate) fn remembered() -> Vec<LogLine> {
    logger().memory.lock().lines.iter().cloned().collect()
}

struct Logger {
    platform: Box<dyn Log>,
    memory: Mutex<Memory>,
}

/// Lines with numbers that never repeat.
#[derive(Default)]
struct Memory {
    lines: VecDeque<LogLine>,
    /// Number of the first line that is here.
    first: u64,
    /// Number of the first line that was not taken.
    next: u64,
}

fn logger() -> &'static Logger {
    static LOGGER: OnceLock<Logger> = OnceLock::new();
    LOGGER.get_or_init(|| Logger {
        platform: platform(),
        memory: Mutex::default(),
    })
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let most = if metadata.target().starts_with(OURS) {
            LevelFilter::Trace
        } else if metadata.target() == "webrtc::peer_connection::driver" {
            // Writes the payload of media that it drops.
            LevelFilter::Off
        } else {
            LevelFilter::Info
        };
        metadata.level() <= most.min(log::max_level())
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let mut said = record.args().to_string();
        said.truncate(said.floor_char_boundary(4 * MAX_LINE));
        let mut message = redacted(&said).into_owned();
        message.truncate(message.floor_char_boundary(MAX_LINE));
        self.platform.log(
            &Record::builder()
                .metadata(record.metadata().clone())
                .args(format_args!("{message}"))
                .module_path(record.module_path())
                .build(),
        );
        self.memory.lock().add(LogLine {
            at_ms: now_ms(),
            level: record.level().into(),
            target: record.target().to_owned(),
            message,
        });
    }

    fn flush(&self) {
        self.platform.flush();
    }
}

impl Memory {
    fn add(&mut self, line: LogLine) {
        if self.lines.len() >= MAX_LINES {
            self.lines.pop_front();
            self.first += 1;
        }
        self.lines.push_back(line);
    }

    fn take(&mut self, most: usize) -> LogBatch {
        let lost = self.first.saturating_sub(self.next);
        self.next = self.next.max(self.first);
        let begin = usize::try_from(self.next - self.first).unwrap_or(usize::MAX);
        let lines: Vec<_> = self.lines.iter().skip(begin).take(most).cloned().collect();
        self.next += lines.len() as u64;
        LogBatch { lines, lost }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    })
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Off => LevelFilter::Off,
            LogLevel::Error => LevelFilter::Error,
            LogLevel::Warn => LevelFilter::Warn,
            LogLevel::Info => LevelFilter::Info,
            LogLevel::Debug => LevelFilter::Debug,
            LogLevel::Trace => LevelFilter::Trace,
        }
    }
}

impl From<log::Level> for LogLevel {
    fn from(level: log::Level) -> Self {
        match level {
            log::Level::Error => LogLevel::Error,
            log::Level::Warn => LogLevel::Warn,
            log::Level::Info => LogLevel::Info,
            log::Level::Debug => LogLevel::Debug,
            log::Level::Trace => LogLevel::Trace,
        }
    }
}

#[cfg(target_os = "android")]
fn platform() -> Box<dyn Log> {
    let config = android_logger::Config::default()
        .with_max_level(LevelFilter::Trace)
        .with_tag("ringwire");
    Box::new(android_logger::AndroidLogger::new(config))
}

#[cfg(any(target_os = "ios", target_os = "macos"))]
fn platform() -> Box<dyn Log> {
    Box::new(oslog::OsLogger::new("dev.ringwire").level_filter(LevelFilter::Trace))
}

#[cfg(not(any(target_os = "android", target_os = "ios", target_os = "macos")))]
fn platform() -> Box<dyn Log> {
    let mut logger = env_logger::Builder::new();
    logger.filter_level(LevelFilter::Trace);
    Box::new(logger.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(number: usize) -> LogLine {
        LogLine {
            at_ms: 0,
            level: LogLevel::Info,
            target: OURS.into(),
            message: number.to_string(),
        }
    }

    #[test]
    fn batches_follow_each_other_and_what_was_overwritten_is_counted() {
        let mut memory = Memory::default();
        (0..3).for_each(|number| memory.add(line(number)));
        assert_eq!(memory.take(2).lines, [line(0), line(1)]);
        (3..MAX_LINES + 5).for_each(|number| memory.add(line(number)));
        let batch = memory.take(1);
        assert_eq!((batch.lines, batch.lost), (vec![line(5)], 3));
        assert_eq!(memory.take(u32::MAX as usize).lines.len(), MAX_LINES - 1);
        let empty = LogBatch {
            lines: Vec::new(),
            lost: 0,
        };
        assert_eq!(memory.take(1), empty);
    }

    #[test]
    fn others_tell_less_than_our_own_rooms() {
        log::set_max_level(LevelFilter::Trace);
        let may = |target: &str, level| {
            let metadata = Metadata::builder().target(target).level(level).build();
            logger().enabled(&metadata)
        };
        assert!(may("ringwire_client::task", log::Level::Trace));
        assert!(may("tungstenite::protocol", log::Level::Info));
        assert!(!may("tungstenite::protocol", log::Level::Debug));
        assert!(!may("webrtc::peer_connection::driver", log::Level::Error));
    }
}
