//! What every task of one gateway has in hand.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use ringwire_life::Timers;
use ringwire_protocol::{IceServer, PeerId, Timestamp, timers};
use tokio::sync::{Notify, RwLock, mpsc, watch};

use crate::calls::CallLocks;
use crate::database::Store;
use crate::demo::EchoRequest;
use crate::hub::Hub;
use crate::push::{Hints, PushSender};
use crate::rates::Rates;
use crate::tokens::Tokens;
use crate::turn::IceServers;

/// What every task of one gateway has in hand.
pub(crate) struct Shared {
    pub(crate) store: Store,
    pub(crate) hub: Hub,
    pub(crate) tokens: Tokens,
    pub(crate) rates: Rates,
    pub(crate) ice: IceServers,
    pub(crate) timers: Timers,
    pub(crate) locks: CallLocks,
    /// Held while a new call is announced, and while somebody is told all their calls: a ring is in
    /// the list, or comes after it.
    pub(crate) announce: RwLock<()>,
    pub(crate) push: Option<Arc<dyn PushSender>>,
    pub(crate) pushes: Hints,
    /// A deadline may have come nearer.
    pub(crate) rearm: Notify,
    /// Tells tasks to end; sockets that close then say nothing about their people.
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) demo: bool,
    pub(crate) web_root: Option<PathBuf>,
    pub(crate) web_vendor: Option<PathBuf>,
    pub(crate) echo: Mutex<Option<mpsc::Sender<EchoRequest>>>,
    /// Each task of a socket holds a clone: when all are gone, so are the tasks.
    pub(crate) alive: Mutex<Option<mpsc::Sender<()>>>,
}

impl Shared {
    /// STUN and TURN for somebody in a call.
    pub(crate) fn ice_servers(&self, peer: &PeerId) -> Vec<IceServer> {
        self.ice.of(peer, now(), timers::TURN_TTL)
    }

    pub(crate) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }
}

/// Waits until the gateway stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that the gateway is gone altogether.
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The time of day.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}
