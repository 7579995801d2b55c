//! A device: the real call store, and what a shell keeps around it.

use std::sync::Arc;

use ringwire_call::{CallKey, CallState, CallStore, CallView, Config, OpId, Snapshot};
use ringwire_life::Actor;
use ringwire_protocol::{CallEndReason, CallId, Capability, DeviceId, Instant, PeerId, Timestamp};
use ringwire_signaling::Session;

use crate::gateway::timestamp;
use crate::peers::Connection;
use crate::plan::{DevicePlan, KINDS, PEOPLE};
use crate::queue::Time;
use crate::world::Parcel;

/// Never.
pub(crate) const NEVER: Time = Time::MAX;

/// Where the device's socket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Down { retry_at: Time },
    Opening { link: usize },
    Up { link: usize, since: Time },
}

/// What the app was told of one call.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) key: CallKey,
    pub(crate) id: Option<CallId>,
    pub(crate) since: Time,
    pub(crate) rings: bool,
    /// Somebody has tapped accept here.
    pub(crate) accepted: bool,
    pub(crate) ended: Option<(CallEndReason, Time)>,
}

/// One device.
#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) plan: DevicePlan,
    pub(crate) peer: PeerId,
    pub(crate) id: DeviceId,
    /// Counts the processes; what belongs to an earlier one is ignored.
    pub(crate) life: u32,
    pub(crate) running: bool,
    pub(crate) store: CallStore,
    /// When the store wants to be woken, as it said after its last input.
    pub(crate) wake: Option<Instant>,
    pub(crate) snapshot: Arc<Snapshot>,
    pub(crate) session: Option<Box<Session>>,
    pub(crate) line: Line,
    pub(crate) failures: u32,
    /// Acks that are awaited, with their deadlines; the session's own business where there is one.
    pub(crate) awaited: Vec<(OpId, Time)>,
    /// Which call a question is about that asks to make it or to get into it.
    pub(crate) questions: Vec<(OpId, CallKey)>,
    pub(crate) network: bool,
    pub(crate) asleep_until: Time,
    pub(crate) awake_since: Time,
    /// What came while it slept.
    pub(crate) waiting: Vec<Parcel>,
    pub(crate) connections: Vec<Connection>,
    pub(crate) told: Vec<Told>,
    pub(crate) calls_made: u64,
    /// When the device has to be woken, and by when a view must have changed.
    pub(crate) timer: Time,
    pub(crate) must_change_by: Time,
    /// Until then the gateway may be refusing to answer its questions.
    pub(crate) limited_until: Time,
}

impl Device {
    pub(crate) fn new(plan: &DevicePlan, seed: u64) -> Self {
        let person = PEOPLE[plan.person];
        let id = device_id(&format!("{person}-{}", KINDS[plan.kind]));
        Self {
            peer: PeerId::new(person).expect("a name is an id"),
            store: store(plan, &id, seed),
            wake: None,
            plan: plan.clone(),
            id,
            life: 0,
            running: true,
            snapshot: Arc::default(),
            session: None,
            line: Line::Down { retry_at: 0 },
            failures: 0,
            awaited: Vec::new(),
            questions: Vec::new(),
            network: true,
            asleep_until: 0,
            awake_since: 0,
            waiting: Vec::new(),
            connections: Vec::new(),
            told: Vec::new(),
            calls_made: 0,
            timer: 0,
            must_change_by: NEVER,
            limited_until: 0,
        }
    }

    /// The process is gone and another one begins: it knows nothing.
    pub(crate) fn forget(&mut self, seed: u64) {
        self.life += 1;
        self.store = store(
            &self.plan,
            &self.id,
            seed.wrapping_add(u64::from(self.life)),
        );
        self.wake = None;
        self.snapshot = Arc::default();
        self.session = None;
        self.awaited.clear();
        self.questions.clear();
        self.connections.clear();
        self.told.clear();
        self.must_change_by = NEVER;
    }

    pub(crate) fn name(&self) -> String {
        format!("{}'s {}", PEOPLE[self.plan.person], KINDS[self.plan.kind])
    }

    /// Who the gateway takes it for; `fresh` names a device that does not name itself.
    pub(crate) fn actor(&self, fresh: usize) -> Actor {
        match self.plan.old {
            true => Actor {
                peer: self.peer.clone(),
                device: device_id(&format!("unnamed-{fresh}")),
                named: false,
                capabilities: Vec::new(),
            },
            false => Actor {
                peer: self.peer.clone(),
                device: self.id.clone(),
                named: true,
                capabilities: capabilities(),
            },
        }
    }

    /// Its own clock.
    pub(crate) fn instant(&self, now: Time) -> Instant {
        Instant::from_millis(self.plan.origin + now)
    }

    /// The story's time of one of its instants, rounded up.
    pub(crate) fn time_of(&self, at: Instant) -> Time {
        at.as_micros()
            .div_ceil(1_000)
            .saturating_sub(self.plan.origin)
    }

    /// What its calendar says.
    pub(crate) fn calendar(&self, now: Time) -> Timestamp {
        Timestamp::from_millis(timestamp(now).as_millis() + self.plan.skew)
    }

    pub(crate) fn is_asleep(&self, now: Time) -> bool {
        now < self.asleep_until
    }

    pub(crate) fn told_of(&mut self, key: CallKey) -> Option<&mut Told> {
        self.told.iter_mut().find(|told| told.key == key)
    }

    /// Calls that are not over, as they are shown.
    pub(crate) fn live(&self) -> impl Iterator<Item = &CallView> {
        self.snapshot.calls.iter().filter(|call| !is_over(call))
    }
}

pub(crate) fn is_over(call: &CallView) -> bool {
    matches!(call.state, CallState::Ended { .. })
}

/// What our devices know beyond the basic contract.
pub(crate) fn capabilities() -> Vec<Capability> {
    vec![
        Capability::Ringing,
        Capability::Negotiate,
        Capability::Version,
        Capability::Screen,
        Capability::Hold,
    ]
}

fn store(plan: &DevicePlan, id: &DeviceId, seed: u64) -> CallStore {
    CallStore::new(Config {
        device: id.clone(),
        capabilities: if plan.old { Vec::new() } else { capabilities() },
        seed,
        call_waiting: plan.call_waiting,
    })
}

fn device_id(text: &str) -> DeviceId {
    DeviceId::new(text).expect("a name is an id")
}
