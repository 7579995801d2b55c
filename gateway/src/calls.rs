//! One step of a call: load it, let `life` decide, save it over what was read, answer, tell.

use std::hash::{BuildHasher as _, RandomState};

use ringwire_life::{Actor, Call, Command, Emit, Refused, Start, Transition};
use ringwire_protocol::{CallError, CallId, ErrorCode, PeerId, ServerEvent, Timestamp};
use tokio::sync::{Mutex, MutexGuard};

use crate::database::Insert;
use crate::error::GatewayError;
use crate::shared::{Shared, now};

/// How often a step is tried when others write the same call.
const TRIES: usize = 8;

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
        let _guard = self.locks.lock(&start.call).await;
        let conversation = start.conversation.id.clone();
        let transition = Call::initiate(start, by, now(), &self.timers)?;
        for _ in 0..TRIES {
            match self
                .store
                .insert_call(&transition.call, transition.next_deadline)
                .await
            {
                Ok(Insert::Done) => {
                    self.rearm(None, transition.next_deadline);
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

    /// The last socket of a device is gone, unless another one has come in the meantime.
    pub(crate) async fn socket_lost(&self, call: &CallId, by: &Actor) -> Result<(), Refused> {
        self.step(
            call,
            |call| {
                let command = match self.hub.has_device(&by.peer, &by.device) {
                    true => Command::SocketBack,
                    false => Command::SocketLost,
                };
                call.act(by, command, now(), &self.timers)
            },
            |_| {},
        )
        .await
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
        for _ in 0..TRIES {
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
