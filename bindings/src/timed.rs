//! How long a call from Kotlin or Swift took inside, without the border: what `cargo xtask bench ffi` takes off. Only with
//! the feature `tested`.

use std::cell::Cell;

use nix::time::{ClockId, clock_gettime};

thread_local! {
    static LAST: Cell<u64> = const { Cell::new(0) };
}

/// Nanoseconds of processor that the calling thread's last call of a media function or of `snapshot` took inside.
#[uniffi::export]
pub fn inside_ns() -> u64 {
    LAST.get()
}

/// Does the work of a call.
pub(crate) fn inside<T>(work: impl FnOnce() -> T) -> T {
    let before = thread_ns();
    let done = work();
    LAST.set(thread_ns().saturating_sub(before));
    done
}

fn thread_ns() -> u64 {
    // Every Unix has this clock.
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).map_or(0, |now| {
        now.tv_sec() as u64 * 1_000_000_000 + now.tv_nsec() as u64
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_inside_is_that_of_the_last_call_of_the_thread() {
        let until = |ns: u64| {
            let begun = thread_ns();
            while thread_ns() - begun < ns {}
        };
        inside(|| until(3_000_000));
        assert!(inside_ns() >= 3_000_000);
        std::thread::spawn(|| inside(|| ())).join().unwrap();
        assert!(inside_ns() >= 3_000_000);
        inside(|| ());
        assert!(inside_ns() < 3_000_000);
    }
}
