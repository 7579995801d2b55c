//! Where a call is in its life: a type for each state, with what it needs there and nothing else.

use ringwire_protocol::{CallEndReason, Instant, timers};

use crate::early::EarlySignals;
use crate::link::Link;

/// Where a call is in its life, with what it needs there.
#[derive(Debug)]
pub(crate) enum State {
    Calling(Calling),
    Ringing(Ringing),
    Incoming(Incoming),
    Offered(Offered),
    Connecting(Talk),
    Active(Active),
    Reconnecting(Reconnecting),
    Ended(Ended),
}

#[derive(Debug)]
pub(crate) struct Calling {
    pub(super) initiate: Initiate,
    pub(super) no_answer: Instant,
    /// How often `call:initiate` was said.
    pub(super) tries: u32,
}

/// How far `call:initiate` has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initiate {
    /// Waits for the socket.
    Queued,
    /// Said; no answer yet.
    Said,
    /// Said, and the answer is lost: the server may have made the call or not.
    Doubtful,
    /// The call has a name.
    Made,
}

#[derive(Debug)]
pub(crate) struct Ringing {
    pub(super) no_answer: Instant,
}

#[derive(Debug)]
pub(crate) struct Incoming {
    pub(super) deadline: Instant,
    pub(super) early: EarlySignals,
}

/// A call that goes on without this device, which may join.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(super) until: Instant,
    pub(super) standing: Standing,
    pub(super) early: EarlySignals,
}

/// Where I stand in a call that is offered to me.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It does not wait for me.
    Outside,
    /// It rings for me.
    Rung,
    /// The server has this device in the call: it was there before it was restarted.
    Inside,
}

/// What an accepted call has.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(super) membership: Membership,
    pub(super) accepted_at: Instant,
    /// Offer and answer have met, or the server says so.
    pub(super) answered: bool,
    pub(super) early: EarlySignals,
    pub(super) link: Option<Link>,
    pub(super) heartbeat_at: Instant,
    pub(super) report_at: Instant,
    /// Since when nobody else is in the call.
    pub(super) alone_since: Option<Instant>,
    /// This device was in the call before it was restarted: it begins the connection anew.
    pub(super) rejoins: bool,
    /// The attempt that was told with `call:reconnecting` and not taken back yet.
    pub(super) told_reconnecting: Option<u32>,
}

#[derive(Debug)]
pub(crate) struct Active {
    pub(super) since: Instant,
    pub(super) talk: Talk,
}

#[derive(Debug)]
pub(crate) struct Reconnecting {
    pub(super) lost_since: Instant,
    pub(super) active_since: Instant,
    pub(super) talk: Talk,
}

#[derive(Debug)]
pub(crate) struct Ended {
    pub(super) reason: CallEndReason,
    pub(super) at: Instant,
    pub(super) active_since: Option<Instant>,
}

/// Am I in the call, as far as the server is concerned?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Membership {
    /// Accepted here; the join waits for the socket.
    Wanted,
    /// The first join is on its way.
    Asked,
    /// I am in.
    In,
    /// I was in when the socket was lost.
    Away,
    /// The socket is back, the join on its way again.
    Returning,
}

impl Membership {
    /// The server has let me in once.
    pub(super) fn was_in(self) -> bool {
        match self {
            Self::Wanted | Self::Asked => false,
            Self::In | Self::Away | Self::Returning => true,
        }
    }
}

impl State {
    /// The state after this one, by itself: a path is there for the first time, is lost, or is back.
    pub(super) fn followed(self, now: Instant) -> Self {
        match self {
            Self::Connecting(talk) => Self::Active(Active { since: now, talk }),
            Self::Active(Active { since, talk }) => Self::Reconnecting(Reconnecting {
                lost_since: talk.lost_since().unwrap_or(now),
                active_since: since,
                talk,
            }),
            Self::Reconnecting(reconnecting) => Self::Active(Active {
                since: reconnecting.active_since,
                talk: reconnecting.talk,
            }),
            state @ (Self::Calling(_)
            | Self::Ringing(_)
            | Self::Incoming(_)
            | Self::Offered(_)
            | Self::Ended(_)) => state,
        }
    }

    pub(super) fn talk(&self) -> Option<&Talk> {
        match self {
            Self::Connecting(talk)
            | Self::Active(Active { talk, .. })
            | Self::Reconnecting(Reconnecting { talk, .. }) => Some(talk),
            Self::Calling(_)
            | Self::Ringing(_)
            | Self::Incoming(_)
            | Self::Offered(_)
            | Self::Ended(_) => None,
        }
    }

    pub(super) fn talk_mut(&mut self) -> Option<&mut Talk> {
        match self {
            Self::Connecting(talk)
            | Self::Active(Active { talk, .. })
            | Self::Reconnecting(Reconnecting { talk, .. }) => Some(talk),
            Self::Calling(_)
            | Self::Ringing(_)
            | Self::Incoming(_)
            | Self::Offered(_)
            | Self::Ended(_) => None,
        }
    }
}

impl Talk {
    pub(super) fn new(membership: Membership, early: EarlySignals, now: Instant) -> Self {
        Self {
            membership,
            accepted_at: now,
            answered: false,
            early,
            link: None,
            heartbeat_at: now + timers::HEARTBEAT,
            report_at: now,
            alone_since: None,
            rejoins: false,
            told_reconnecting: None,
        }
    }

    /// Media can flow.
    pub(super) fn is_up(&self) -> bool {
        self.link.as_ref().is_some_and(|link| link.is_up())
    }

    /// Since when a path that was there once is lost.
    pub(super) fn lost_since(&self) -> Option<Instant> {
        let link = self.link.as_ref().filter(|link| link.was_up)?;
        link.lost_since()
    }
}
