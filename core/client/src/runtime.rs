//! The tokio runtime that all clients share: two workers, made for the first client, shut down in
//! the background after the last.

use parking_lot::Mutex;
use std::io;
use std::sync::{Arc, Weak};
use tokio::runtime::{Builder, Handle, Runtime};

static SHARED: Mutex<Weak<SharedRuntime>> = Mutex::new(Weak::new());

/// Tasks that live on the runtime of all clients of this process; 0 where there is no client. For measurements.
pub fn alive_tasks() -> usize {
    let running = SHARED.lock().upgrade();
    running.map_or(0, |running| running.handle.metrics().num_alive_tasks())
}

/// Keeps the shared runtime alive.
#[derive(Debug)]
pub(crate) struct SharedRuntime {
    // `Some` until the drop, which may happen on one of its own workers and so must not wait.
    runtime: Option<Runtime>,
    handle: Handle,
}

impl SharedRuntime {
    /// The one that is there, or a new one.
    pub(crate) fn get() -> io::Result<Arc<Self>> {
        let mut shared = SHARED.lock();
        if let Some(running) = shared.upgrade() {
            return Ok(running);
        }
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("ringwire")
            .enable_all()
            .build()?;
        let handle = runtime.handle().clone();
        let new = Arc::new(Self {
            runtime: Some(runtime),
            handle,
        });
        *shared = Arc::downgrade(&new);
        Ok(new)
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for SharedRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
