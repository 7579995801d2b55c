//! The clock of the machines: it only goes forward and keeps running while the phone sleeps. The
//! machines themselves never ask it; drivers pass its instants in.

use ringwire_protocol::Instant;

/// Reads the time since the device was started: CLOCK_BOOTTIME on Linux and Android,
/// CLOCK_MONOTONIC_RAW (which is mach_continuous_time) on Apple's systems, [`std::time::Instant`]
/// since the first reading elsewhere. All clocks of a process agree.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clock;

impl Clock {
    /// The clock.
    pub const fn new() -> Self {
        Self
    }

    /// Now.
    pub fn now(self) -> Instant {
        since_boot().unwrap_or_else(since_first_reading)
    }
}

#[cfg(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios"
))]
fn since_boot() -> Option<Instant> {
    use nix::time::{ClockId, clock_gettime};

    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::CLOCK_BOOTTIME;
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    const CLOCK: ClockId = ClockId::from_raw(nix::libc::CLOCK_MONOTONIC_RAW);

    let time = std::time::Duration::from(clock_gettime(CLOCK).ok()?);
    u64::try_from(time.as_micros())
        .ok()
        .map(Instant::from_micros)
}

#[cfg(not(any(
    target_os = "linux",
    target_os = "android",
    target_os = "macos",
    target_os = "ios"
)))]
fn since_boot() -> Option<Instant> {
    None
}

fn since_first_reading() -> Instant {
    static FIRST: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    let first = *FIRST.get_or_init(std::time::Instant::now);
    Instant::from_micros(u64::try_from(first.elapsed().as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_clocks_agree_and_never_go_back() {
        let first = Clock::new().now();
        let second = Clock::new().now();
        assert!(first <= second);
        assert!(second.saturating_since(first).as_secs() < 60);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn on_linux_it_counts_from_boot_with_suspended_time() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let seconds: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let ours = Clock::new().now().as_micros() as f64 / 1e6;
        assert!((ours - seconds).abs() < 60.0, "{ours} against {seconds}");
    }
}
