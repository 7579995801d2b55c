//! Pushes to devices that sleep: what one is, who sends it, and the task that decides which are due.
//!
//! | module | holds |
//! | --- | --- |
//! | `webhook` | the sender that posts each push as JSON to an address |
//! | `wake` | the task: which device is to be woken or silenced now, from the database |
//! | `deliver` | one push on its way: time-out and retries |

mod deliver;
mod wake;
mod webhook;

use std::collections::{BTreeMap, HashSet};

use async_trait::async_trait;
use parking_lot::Mutex;
use ringwire_protocol::{CallId, DeviceId, PeerId, Push, Timestamp};
use serde::{Serialize, Serializer};
use tokio::sync::Notify;

pub(crate) use wake::run;
pub use webhook::Webhook;

/// Sends pushes on to the services of the phones' makers.
#[async_trait]
pub trait PushSender: std::fmt::Debug + Send + Sync {
    /// Sends one push. It may be called again for the same one, and is given 5 s.
    ///
    /// # Errors
    /// [`PushError`] says whether trying again, or keeping the device, makes sense.
    async fn send(&self, parcel: &Parcel) -> Result<(), PushError>;
}

/// Why a push was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PushError {
    /// The token is good no more: the device is forgotten.
    #[error("the token is good no more")]
    Gone,
    /// It is not taken, now or later.
    #[error("refused: {0}")]
    Refused(String),
    /// It may be taken later.
    #[error("not reachable: {0}")]
    Unreachable(String),
}

/// The service by which a push goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Channel {
    /// Firebase Cloud Messaging: a data message.
    Fcm,
    /// Apple: an ordinary push.
    Apns,
    /// Apple: a VoIP push, which iOS demands to be shown as a call.
    ApnsVoip,
}

/// One push for one device.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Parcel {
    /// By which service.
    pub channel: Channel,
    /// Always `high`.
    pub priority: &'static str,
    /// The device's token at that service.
    pub token: String,
    /// Whose device.
    pub user_id: PeerId,
    /// The device.
    pub device_id: DeviceId,
    /// As it was registered.
    pub platform: String,
    /// As it was registered: `production` or `sandbox`.
    pub environment: String,
    /// Of no use afterwards.
    pub expires_at: Timestamp,
    /// What it says: on the wire a map from string to string.
    #[serde(rename = "data", serialize_with = "as_data")]
    pub push: Push,
}

impl std::fmt::Debug for Parcel {
    /// Without token and credentials, so that logs may hold it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parcel")
            .field("channel", &self.channel)
            .field("user", &self.user_id)
            .field("device", &self.device_id)
            .field("call", self.push.call_id())
            .finish_non_exhaustive()
    }
}

fn as_data<S: Serializer>(push: &Push, serializer: S) -> Result<S::Ok, S::Error> {
    let data: BTreeMap<String, String> = push.to_data();
    data.serialize(serializer)
}

/// Calls whose rings have changed since the task last looked.
#[derive(Debug, Default)]
pub(crate) struct Hints {
    calls: Mutex<HashSet<CallId>>,
    changed: Notify,
}

impl Hints {
    /// Rings of this call have changed.
    pub(crate) fn changed(&self, call: &CallId) {
        self.calls.lock().insert(call.clone());
        self.changed.notify_one();
    }

    fn take(&self) -> HashSet<CallId> {
        std::mem::take(&mut self.calls.lock())
    }
}
