//! Wakes webrtc-rs's driver where it would sleep on although there is work: it looks at its timers only when something
//! wakes it, and two things that need it at once do not. A remote candidate that is added would wait for the next round
//! of checks, and so would the first flight of DTLS when the path is found: up to 20 ms each.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;

tokio::task_local! {
    /// Set on the driver's task only: other sleeps of the engine are time limits, which must not end early.
    static DRIVER: Nudge;
}

/// A clone is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Nudge(Arc<Notify>);

impl Nudge {
    /// The driver handles its timers now, or as soon as it is about to sleep.
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }

    /// Runs the driver, whose sleeps end when it is woken.
    pub(crate) async fn drive(self, driver: impl Future<Output = ()>) {
        DRIVER.scope(self, driver).await;
    }

    /// Sleeps for so long; on the driver's task, until it is woken at most.
    pub(crate) async fn sleep(driver: Option<Self>, duration: Duration) {
        let sleep = tokio::time::sleep(duration);
        match driver {
            Some(Self(woken)) => tokio::select! {
                () = sleep => {}
                () = woken.notified() => {}
            },
            None => sleep.await,
        }
    }

    /// That of the task that asks, if it is the driver.
    pub(crate) fn of_this_task() -> Option<Self> {
        DRIVER.try_with(Clone::clone).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const LONG: Duration = Duration::from_secs(3_600);

    #[tokio::test]
    async fn a_wake_ends_the_sleep_of_the_driver_even_if_it_came_before() {
        let nudge = Nudge::default();
        nudge.wake();
        let driver = async { Nudge::sleep(Nudge::of_this_task(), LONG).await };
        nudge.clone().drive(driver).await;
    }

    #[tokio::test]
    async fn other_sleeps_are_left_alone() {
        let nudge = Nudge::default();
        nudge.wake();
        let sleep = Nudge::sleep(Nudge::of_this_task(), LONG);
        assert!(sleep.now_or_never().is_none());
    }
}
