//! The task that wakes calls when their time has come: it sleeps until the earliest deadline in
//! the database, and looks at every call once per sweep.

use std::sync::Arc;
use std::time::{Duration, Instant};

use ringwire_protocol::CallId;

use crate::error::GatewayError;
use crate::shared::{Shared, now, stopped};

/// A call that cannot be woken is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// Calls of an earlier run go on: everybody has the time of a lost socket to come back.
pub(crate) async fn resume(shared: &Shared) -> Result<(), GatewayError> {
    for call in shared.store.live_calls().await? {
        if let Err(error) = shared.resume(&call).await {
            tracing::error!(%call, %error.message, "a call could not be resumed");
        }
    }
    Ok(())
}

/// Runs until the gateway stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    let mut sweep_at = Instant::now() + shared.timers.sweep_interval;
    loop {
        let wait = match shared.store.next_deadline().await {
            Ok(Some(deadline)) => deadline.saturating_since(now()),
            Ok(None) => shared.timers.sweep_interval,
            Err(error) => {
                tracing::error!(%error, "the clock cannot read the database");
                RETRY
            }
        };
        let wait = wait.min(sweep_at.saturating_duration_since(Instant::now()));
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = shared.rearm.notified() => continue,
            () = tokio::time::sleep(wait) => {}
        }
        let sweeps = Instant::now() >= sweep_at;
        let calls = match sweeps {
            true => shared.store.live_calls().await,
            false => shared.store.due_calls(now()).await,
        };
        match calls {
            Ok(calls) => wake_all(&shared, calls).await,
            Err(error) => tracing::error!(%error, "the clock cannot read the database"),
        }
        if sweeps {
            if let Err(error) = shared.store.expire_guests(now()).await {
                tracing::error!(%error, "guests whose time is over stay");
            }
            shared.rates.sweep(Instant::now());
            sweep_at = Instant::now() + shared.timers.sweep_interval;
        }
    }
}

async fn wake_all(shared: &Shared, calls: Vec<CallId>) {
    let mut failed = false;
    for call in calls {
        if let Err(error) = shared.wake(&call).await {
            tracing::error!(%call, %error.message, "a call could not be woken");
            failed = true;
        }
    }
    if failed {
        tokio::time::sleep(RETRY).await;
    }
}
