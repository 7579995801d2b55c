//! The task that decides which device is to be woken or silenced. It looks at a call when its rings
//! change and when a row's time has come, asks `life` what follows, and does that: what happened in
//! between, or before a restart, makes no difference.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use ringwire_life::{Call, PushStep};
use ringwire_protocol::{CallId, Push, Timestamp, timers};
use tokio::sync::watch;
use tokio::task::{Id, JoinSet};

use crate::database::{Device, PushRow};
use crate::error::GatewayError;
use crate::push::deliver::{Outcome, deliver};
use crate::push::{Channel, Parcel, PushSender};
use crate::shared::{Shared, now, stopped};

/// Pushes that may be on their way at once; the others wait in the database.
const MAX_UNDER_WAY: usize = 64;
/// What cannot be done now is tried again after this.
const RETRY: Duration = Duration::from_secs(1);
/// A stop is of no use so long after the ring's own deadline.
const STOP_LATEST: Duration = Duration::from_secs(30);

/// A push on its way.
struct UnderWay {
    row: PushRow,
    ring: bool,
    /// False once it is not wanted any more.
    wanted: watch::Sender<bool>,
}

struct Task<'a> {
    shared: &'a Shared,
    sender: Arc<dyn PushSender>,
    under_way: HashMap<Id, UnderWay>,
    deliveries: JoinSet<Outcome>,
}

/// Runs until the gateway stops. What is on its way then is sent again by the next one.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(sender) = shared.push.clone() else {
        return;
    };
    let mut stop = shared.stop.subscribe();
    let mut task = Task {
        shared: &shared,
        sender,
        under_way: HashMap::new(),
        deliveries: JoinSet::new(),
    };
    let mut wait = match shared.store.wake_pushes().await {
        Ok(()) => Duration::ZERO,
        Err(error) => failed(&error),
    };
    loop {
        tokio::select! {
            () = stopped(&mut stop) => break,
            Some(done) = task.deliveries.join_next_with_id() => match done {
                Ok((id, outcome)) => task.delivered(id, outcome).await,
                Err(error) => {
                    tracing::error!(%error, "a push failed");
                    task.delivered(error.id(), Outcome::Settled).await;
                }
            },
            () = shared.pushes.changed.notified() => {}
            () = tokio::time::sleep(wait) => {}
        }
        wait = task.look().await.unwrap_or_else(|error| failed(&error));
    }
    task.deliveries.shutdown().await;
}

fn failed(error: &GatewayError) -> Duration {
    tracing::error!(%error, "pushes wait: the database failed");
    RETRY
}

impl Task<'_> {
    /// Looks at everything that may be due; how long until something else may be.
    async fn look(&mut self) -> Result<Duration, GatewayError> {
        let shared = self.shared;
        let mut calls = shared.pushes.take();
        calls.extend(shared.store.due_pushes(now()).await?);
        for call in calls {
            if let Err(error) = self.look_at(&call).await {
                shared.pushes.changed(&call);
                return Err(error);
            }
        }
        Ok(match shared.store.next_push().await? {
            Some(next) => next.saturating_since(now()).max(Duration::from_millis(10)),
            None => shared.timers.sweep_interval,
        })
    }

    async fn look_at(&mut self, id: &CallId) -> Result<(), GatewayError> {
        let rows = self.shared.store.pushes_of(id).await?;
        if rows.is_empty() {
            return Ok(());
        }
        let call = self.shared.store.call(id).await?.map(|kept| kept.call);
        for (row, device) in rows {
            self.look_at_row(call.as_ref(), row, device).await?;
        }
        Ok(())
    }

    async fn look_at_row(
        &mut self,
        call: Option<&Call>,
        mut row: PushRow,
        device: Option<Device>,
    ) -> Result<(), GatewayError> {
        let store = &self.shared.store;
        let Some(device) = device else {
            return store.drop_push(&row).await;
        };
        let online = self.shared.hub.has_device(&row.peer, &row.device);
        let state = row.state(online);
        let step = match call {
            Some(call) => call.push(&row.peer, &row.device, state, now()),
            // The call could not be read and was set aside.
            None if row.pushed => PushStep::Stop(Push::Cancel(row.call.clone())),
            None => PushStep::Nothing,
        };
        let before = row.clone();
        row.rang |= call.is_some_and(|call| call.rings_on(&row.peer, &row.device));
        let under_way = self.under_way.values_mut();
        if let Some(under_way) = { under_way }.find(|it| it.row.is_same_device(&row)) {
            if under_way.ring && !matches!(step, PushStep::Ring(_)) {
                under_way.wanted.send_replace(false);
            }
            // It is looked at again when that one has arrived.
            row.next = now() + RETRY;
            under_way.row = row.clone();
            return self.keep(&before, row).await;
        }
        let full = self.under_way.len() >= MAX_UNDER_WAY;
        match step {
            PushStep::Nothing => return store.drop_push(&row).await,
            PushStep::Wait(at) => row.next = at.max(now() + Duration::from_millis(1)),
            PushStep::Ring(_) | PushStep::Stop(_) if full => row.next = now() + RETRY,
            PushStep::Ring(mut ring) => {
                let ice = &self.shared.ice;
                ring.ice_servers = ice.of(&row.peer, now(), timers::TURN_TTL_PUSH);
                let expires = ring.ring_deadline.unwrap_or(now() + timers::RING_DEADLINE);
                row.pushed = true;
                row.next = now() + RETRY;
                // Written first: a gateway that stops now knows that it may ring.
                self.keep(&before, row.clone()).await?;
                self.send(row, &device, Push::Ring(*ring), expires);
                return Ok(());
            }
            PushStep::Stop(stop) => {
                row.next = now() + RETRY;
                self.keep(&before, row.clone()).await?;
                self.send(row, &device, stop, now() + STOP_LATEST);
                return Ok(());
            }
        }
        self.keep(&before, row).await
    }

    async fn keep(&self, before: &PushRow, row: PushRow) -> Result<(), GatewayError> {
        match *before == row {
            true => Ok(()),
            false => self.shared.store.keep_push(&row).await,
        }
    }

    fn send(&mut self, row: PushRow, device: &Device, push: Push, expires: Timestamp) {
        let ring = matches!(push, Push::Ring(_));
        let (channel, token) = address(device, ring);
        let parcel = Parcel {
            channel,
            priority: "high",
            token: token.to_owned(),
            user_id: row.peer.clone(),
            device_id: row.device.clone(),
            platform: device.platform.clone(),
            environment: device.environment.clone(),
            expires_at: expires,
            push,
        };
        let (wanted, still_wanted) = watch::channel(true);
        let sender = self.sender.clone();
        let task = self.deliveries.spawn(deliver(sender, parcel, still_wanted));
        let under_way = UnderWay { row, ring, wanted };
        self.under_way.insert(task.id(), under_way);
    }

    /// A push has arrived, or has been given up.
    async fn delivered(&mut self, id: Id, outcome: Outcome) {
        let Some(UnderWay { mut row, ring, .. }) = self.under_way.remove(&id) else {
            return;
        };
        let store = &self.shared.store;
        let done = async {
            if outcome == Outcome::Gone {
                store.drop_device(&row.peer, &row.device).await?;
            }
            if !ring || outcome == Outcome::Gone {
                return store.drop_push(&row).await;
            }
            row.settled = true;
            row.next = now();
            store.keep_push(&row).await
        };
        if let Err(error) = done.await {
            tracing::error!(%error, "a push will be sent again: the database failed");
        }
    }
}

/// Where a push of a device goes. VoIP pushes carry rings only: iOS shows each one as a call.
fn address(device: &Device, ring: bool) -> (Channel, &str) {
    match (&device.platform, &device.voip_token) {
        (platform, Some(voip)) if platform.eq_ignore_ascii_case("ios") && ring => {
            (Channel::ApnsVoip, voip)
        }
        (platform, _) if platform.eq_ignore_ascii_case("ios") => (Channel::Apns, &device.token),
        _ => (Channel::Fcm, &device.token),
    }
}
