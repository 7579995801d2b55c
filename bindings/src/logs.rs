//! Logs go to the platform's own log: logcat, os_log, elsewhere the standard error stream.

use log::LevelFilter;

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
    /// Everything; addresses redacted.
    Trace,
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

/// Sends logs of this level and above to the platform's log. Later calls change the level only.
#[uniffi::export]
pub fn start_logs(level: LogLevel) {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(platform);
    log::set_max_level(level.into());
}

/// These write whole frames at trace, tokens included, or payloads of media: never more than this.
const CAPPED: [(&str, LevelFilter); 3] = [
    ("tungstenite", LevelFilter::Info),
    ("tokio_tungstenite", LevelFilter::Info),
    ("webrtc::peer_connection::driver", LevelFilter::Off),
];

#[cfg(target_os = "android")]
fn platform() {
    let mut filter = android_logger::FilterBuilder::new();
    filter.filter_level(LevelFilter::Trace);
    for (target, level) in CAPPED {
        filter.filter_module(target, level);
    }
    let config = android_logger::Config::default()
        .with_max_level(LevelFilter::Trace)
        .with_tag("ringwire")
        .with_filter(filter.build());
    android_logger::init_once(config);
}

#[cfg(any(target_os = "ios", target_os = "macos"))]
fn platform() {
    let mut logger = oslog::OsLogger::new("dev.ringwire").level_filter(LevelFilter::Trace);
    for (target, level) in CAPPED {
        logger = logger.category_level_filter(target, level);
    }
    // Fails only where the app has set a logger of its own, which then gets everything.
    let _ = logger.init();
}

#[cfg(not(any(target_os = "android", target_os = "ios", target_os = "macos")))]
fn platform() {
    let mut logger = env_logger::Builder::new();
    logger.filter_level(LevelFilter::Trace);
    for (target, level) in CAPPED {
        logger.filter_module(target, level);
    }
    // Fails only where the app has set a logger of its own, which then gets everything.
    let _ = logger.try_init();
}
