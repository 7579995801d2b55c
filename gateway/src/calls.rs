//! One step of a call: load it, let `life` decide, save it over what was read, answer, tell.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use rand::RngExt as _;
use ringwire_life::{Actor, Call, Command, Emit, Refused, Start, Transition};
use ringwire_protocol::{CallError, CallId, DeviceId, ErrorCode, PeerId, ServerEvent, Timestamp};
use socketioxide::extract::SocketRef;
use tokio::sync::{Mutex, MutexGuard};

use crate::database::{Insert, PushRow};
use crate::error::GatewayError;
use crate::hub::tell_socket;
use crate::shared::{Shared, now};

/// How often a step is tried when others write the same call.
const TRIES: u64 = 16;
/// Longest wait before a step is tried again, ms.
const MAX_PAUSE_MS: u64 = 20;

/// Keeps the events of one call in the order of its steps, within this process; the revision in
/// the database guards against other processes.
pub(crate) struct CallLocks {
    stripes: Vec<Mutex<()>>,
    hasher: RandomState,
}

impl Default for CallLocks {
    fn default() -> Self {
        Self {
            stripes: (0..64).map(|_| Mutex::new(())).collect(),
            hasher: RandomState::new(),
        }
    }
}

impl CallLocks {
    async fn lock(&self, call: &CallId) -> MutexGuard<'_, ()> {
        let place = self.hasher.hash_one(call) as usize % self.stripes.len();
        self.stripes[place].lock().await
    }
}

impl Shared {
    /// Makes a call.
    ///
    /// # Errors
    /// CALL_ALREADY_ACTIVE names the call that is there; otherwise what `life` refuses.
    pub(crate) async fn start_call(
        &self,
        start: Start,
        by: &Actor,
        answer: impl FnOnce(&Transition),
    ) -> Result<(), Refused> {
        let conversation = start.conversation.id.clone();
        let transition = Call::initiate(start, by, now(), &self.timers)?;
        let pushes = self.pushes_for(&transition.call).await;
        let _announce = self.announce.write().await;
        let _guard = self.locks.lock(&transition.call.id).await;
        for _ in 0..TRIES {
            let insert =
                self.store
                    .insert_call(&transition.call, transition.next_deadline, &pushes);
            match insert.await {
                Ok(Insert::Done) => {
                    self.rearm(None, transition.next_deadline);
                    if !pushes.is_empty() {
                        self.pushes.changed(&transition.call.id);
                    }
                    self.finish_step(transition, answer).await;
                    return Ok(());
                }
                Ok(Insert::Taken) => {}
                Err(error) => return Err(broken(&error)),
            }
            match self.store.live_call_in(&conversation).await {
                Ok(Some(there)) => return Err(Box::new(there.call.already_active())),
                // It ended between the two looks.
                Ok(None) => {}
                Err(error) => return Err(broken(&error)),
            }
        }
        Err(busy())
    }

    /// Carries out what somebody says to a call.
    ///
    /// # Errors
    /// CALL_NOT_FOUND; otherwise what `life` refuses.
    pub(crate) async fn act(
        &self,
        call: &CallId,
        by: &Actor,
        command: Command,
        answer: impl FnOnce(&Transition),
    ) -> Result<(), Refused> {
        self.step(
            call,
            |call| call.act(by, command.clone(), now(), &self.timers),
            answer,
        )
        .await
    }

    /// A socket of a device is gone; nothing is lost while the device has another one.
    pub(crate) async fn socket_lost(&self, call: &CallId, by: &Actor) -> Result<(), Refused> {
        let lost = |call: &Call| match self.hub.has_device(&by.peer, &by.device) {
            true => Ok(call.unchanged(&self.timers)),
            false => call.act(by, Command::SocketLost, now(), &self.timers),
        };
        self.step(call, lost, |_| {}).await
    }

    /// Tells of a call again, if it still rings for this person, and before any later event of it.
    pub(crate) async fn ring_again(&self, call: &CallId, by: &Actor, socket: &SocketRef) {
        let _guard = self.locks.lock(call).await;
        match self.store.call(call).await {
            Ok(Some(kept)) if kept.call.rings_for(&by.peer, now()) => {
                let mut initiated = kept.call.initiated();
                initiated.ice_servers = Some(self.ice_servers(&by.peer));
                tell_socket(socket, &ServerEvent::Initiated(initiated));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%call, %error, "a ring could not be told"),
        }
    }

    /// Whom to wake for a new call: each registered device of those who are called, at once when it
    /// has no socket in the foreground.
    async fn pushes_for(&self, call: &Call) -> Vec<PushRow> {
        if self.push.is_none() {
            return Vec::new();
        }
        let called: Vec<PeerId> = call
            .members
            .iter()
            .map(|m| m.peer.clone())
            .filter(|peer| *peer != call.initiator)
            .collect();
        let devices = match self.store.devices_of(&called).await {
            Ok(devices) => devices,
            Err(error) => {
                tracing::error!(call = %call.id, %error, "nobody is woken: the database failed");
                return Vec::new();
            }
        };
        let mut pushes = Vec::with_capacity(devices.len());
        for (peer, device) in devices {
            let due = match self.is_in_front(&peer, &device).await {
                true => call.started_at + self.timers.push_grace,
                false => call.started_at,
            };
            pushes.push(PushRow::new(call.id.clone(), peer, device, due));
        }
        pushes
    }

    /// True for a device with a socket whose app has not said that it is in the background.
    async fn is_in_front(&self, peer: &PeerId, device: &DeviceId) -> bool {
        if !self.hub.has_device(peer, device) {
            return false;
        }
        let calls = self.store.live_calls_of(peer).await.unwrap_or_default();
        !calls.iter().any(|call| {
            call.person(peer)
                .is_some_and(|p| p.device == *device && p.background)
        })
    }

    /// Lets time do what has fallen due.
    pub(crate) async fn wake(&self, call: &CallId) -> Result<(), Refused> {
        self.step(call, |call| Ok(call.time(now(), &self.timers)), |_| {})
            .await
    }

    /// Begins everybody's clocks anew after a start of the gateway.
    pub(crate) async fn resume(&self, call: &CallId) -> Result<(), Refused> {
        self.step(call, |call| Ok(call.restarted(now(), &self.timers)), |_| {})
            .await
    }

    async fn step(
        &self,
        id: &CallId,
        decide: impl Fn(&Call) -> Result<Transition, Refused>,
        answer: impl FnOnce(&Transition),
    ) -> Result<(), Refused> {
        let _guard = self.locks.lock(id).await;
        for tried in 0..TRIES {
            if tried > 0 {
                // Another process writes this call too: let it go first.
                let pause = rand::rng().random_range(0..=tried.min(MAX_PAUSE_MS));
                tokio::time::sleep(Duration::from_millis(pause)).await;
            }
            let before = match self.store.call(id).await {
                Ok(Some(before)) => before,
                Ok(None) => return Err(not_found(id)),
                Err(error) => return Err(broken(&error)),
            };
            let transition = decide(&before.call)?;
            if transition.call != before.call || transition.next_deadline != before.deadline {
                match self
                    .store
                    .save_call(&before, &transition.call, transition.next_deadline)
                    .await
                {
                    Ok(true) => self.rearm(before.deadline, transition.next_deadline),
                    Ok(false) => continue,
                    Err(error) => return Err(broken(&error)),
                }
            }
            if transition.call.rings_otherwise_than(&before.call) && self.push.is_some() {
                self.pushes.changed(id);
            }
            self.finish_step(transition, answer).await;
            return Ok(());
        }
        Err(busy())
    }

    /// Answers first, then tells everybody, still under the call's lock.
    async fn finish_step(&self, transition: Transition, answer: impl FnOnce(&Transition)) {
        let Transition { call, emits, .. } = &transition;
        tracing::debug!(call = %call.id, status = %call.status(), version = call.version, "step");
        answer(&transition);
        for emit in emits {
            self.hub.tell(&self.with_ice_servers(emit.clone()));
        }
    }

    /// Wakes the clock when a deadline has come nearer; one that went away it finds out by itself.
    fn rearm(&self, before: Option<Timestamp>, after: Option<Timestamp>) {
        if after.is_some_and(|after| before.is_none_or(|before| after < before)) {
            self.rearm.notify_one();
        }
    }

    /// `life` knows no ICE servers: they are made here, for each reader.
    fn with_ice_servers(&self, mut emit: Emit) -> Emit {
        let peer = emit.to.peer().clone();
        match &mut emit.event {
            ServerEvent::Initiated(p) => p.ice_servers = Some(self.ice_servers(&peer)),
            ServerEvent::ParticipantJoined(p) => p.ice_servers = Some(self.ice_servers(&peer)),
            _ => {}
        }
        emit
    }

    /// Calls that concern somebody now: they are in it, or it rings for them.
    pub(crate) async fn calls_of(&self, peer: &PeerId) -> Result<Vec<Call>, Refused> {
        let now = now();
        let mut calls = self
            .store
            .live_calls_of(peer)
            .await
            .map_err(|error| broken(&error))?;
        calls.retain(|call| call.concerns(peer, now));
        Ok(calls)
    }
}

pub(crate) fn not_found(call: &CallId) -> Refused {
    Box::new(CallError::new(ErrorCode::CallNotFound, "there is no such call").about(call))
}

/// The database failed: the client may try again.
pub(crate) fn broken(error: &GatewayError) -> Refused {
    tracing::error!(%error, "the database failed");
    Box::new(CallError::new(
        ErrorCode::CallStateConflict,
        "the gateway could not do this now",
    ))
}

fn busy() -> Refused {
    Box::new(CallError::new(
        ErrorCode::CallStateConflict,
        "too many write to this call at once",
    ))
}
