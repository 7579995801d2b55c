//! What a device shows: how calls may change, and how long each may stay as it is.

use ringwire_call::{CallState, CallView, MAX_CALLS, Snapshot};
use ringwire_protocol::{CallEndReason, timers};

use crate::device::{NEVER, is_over};
use crate::laws::{About, Law};
use crate::queue::Time;
use crate::world::World;

impl World {
    pub(crate) fn law_of_views(
        &mut self,
        d: usize,
        about: &About,
        before: &Snapshot,
        after: &Snapshot,
    ) {
        let device = &self.devices[d];
        let mut connected: Vec<_> = device.connections.iter().map(|it| it.key).collect();
        connected.sort_unstable();
        connected.dedup();
        if connected.len() < device.connections.len() || device.awaited.len() > 256 {
            let how = format!("{} has a connection too many", device.name());
            self.broken(Law::Bounds, how);
        }
        if after.calls.len() > MAX_CALLS {
            let how = format!(
                "{} lists {} calls",
                self.devices[d].name(),
                after.calls.len()
            );
            self.broken(Law::Bounds, how);
        }
        for was in &before.calls {
            let is = after.call(was.key);
            self.law_of_view(d, about, was, is);
        }
        let mut must_change_by = NEVER;
        for call in &after.calls {
            if let (Some(id), Some(told)) = (&call.id, self.devices[d].told_of(call.key)) {
                told.id.get_or_insert_with(|| id.clone());
            }
            must_change_by = must_change_by.min(self.change_due(d, call));
            let told = self.devices[d].told.iter().find(|it| it.key == call.key);
            let rings = call.state == CallState::Incoming;
            let over = is_over(call);
            let ended = told.is_some_and(|it| it.ended.is_some());
            if let (Some((said, _)), CallState::Ended { reason }) =
                (told.and_then(|it| it.ended.as_ref()), &call.state)
                && said != reason
            {
                let how = format!(
                    "{} shows {reason}, and tells {said}",
                    self.devices[d].name()
                );
                self.broken(Law::OneReason, how);
            }
            let told = self.devices[d].told.iter().find(|it| it.key == call.key);
            if told.is_none_or(|it| it.rings != rings) || ended != over {
                let how = format!(
                    "{} shows {} as {:?}, and the app was told {told:?}",
                    self.devices[d].name(),
                    call.key,
                    call.state
                );
                self.broken(Law::ToldOnce, how);
            }
        }
        self.devices[d].must_change_by = must_change_by;
    }

    /// One call, before and after an input.
    fn law_of_view(&mut self, d: usize, about: &About, was: &CallView, is: Option<&CallView>) {
        let name = |world: &Self| world.devices[d].name();
        let Some(is) = is else {
            if !is_over(was) && self.devices[d].told_of(was.key).is_some() {
                let how = format!("{}: {} vanishes without an end", name(self), was.key);
                self.broken(Law::ToldOnce, how);
            }
            return;
        };
        let concerned = about.all || about.key == Some(was.key) || about.takes_over;
        let also = about.id.is_some() && (was.id == about.id || is.id == about.id);
        let place = about.place.as_ref() == Some(&was.conversation);
        let is_same = is.state == was.state
            && is.media == was.media
            && is.held == was.held
            && is.people == was.people
            && is.id == was.id;
        if !concerned && !also && !place && !is_same {
            let how = format!(
                "{}: {} was {:?} and is {:?}, by something about {:?}",
                name(self),
                was.key,
                was.state,
                is.state,
                about.id
            );
            self.broken(Law::Apart, how);
        }
        if let CallState::Ended { reason } = &was.state
            && is.state != was.state
        {
            let how = format!(
                "{}: {} ended as {reason}, and is {:?}",
                name(self),
                was.key,
                is.state
            );
            self.broken(Law::OneReason, how);
        }
        if let (Some(was), Some(is)) = (&was.id, &is.id)
            && was != is
        {
            let how = format!("{}: {was} has become {is}", name(self));
            self.broken(Law::Apart, how);
        }
        if let (Some((said, by_me)), true) = (&about.ended, also && !is_over(was)) {
            self.law_of_end(d, was, is, said.as_ref(), *by_me);
        }
    }

    /// The gateway's `call:ended` and what the device makes of it.
    fn law_of_end(
        &mut self,
        d: usize,
        was: &CallView,
        is: &CallView,
        said: Option<&CallEndReason>,
        by_me: bool,
    ) {
        use CallEndReason::{
            AnsweredElsewhere, Busy, Completed, DeclinedElsewhere, Missed, Rejected,
        };
        let CallState::Ended { reason } = &is.state else {
            let how = format!(
                "{} hears that {} is over, and goes on",
                self.devices[d].name(),
                is.key
            );
            return self.broken(Law::Agreement, how);
        };
        let offered = was.state == CallState::Offered;
        let rang = offered || was.state == CallState::Incoming;
        let right = match said {
            Some(Rejected | Busy) if rang && by_me => *reason == DeclinedElsewhere,
            Some(Completed) if rang && by_me => *reason == AnsweredElsewhere,
            Some(Completed) if offered => *reason == Missed,
            Some(said) => reason == said || (rang && *reason == Missed),
            None => true,
        };
        if !right {
            let how = format!(
                "{}: the gateway says {said:?}, and it shows {reason}",
                self.devices[d].name()
            );
            self.broken(Law::OneReason, how);
        }
    }

    /// By when a call must be in another state.
    fn change_due(&self, d: usize, call: &CallView) -> Time {
        let device = &self.devices[d];
        let after = |at, span: std::time::Duration| device.time_of(at + span) + 1;
        match &call.state {
            CallState::Incoming => after(call.initiated_at, timers::RING_DEADLINE),
            CallState::Calling | CallState::Ringing => {
                after(call.initiated_at, timers::NO_ANSWER_MAX)
            }
            CallState::Reconnecting { since, .. } => after(*since, timers::RECONNECT),
            CallState::Ended { .. } => call
                .timeline
                .ended
                .map_or(NEVER, |at| after(at, timers::ENDED_SHOWN)),
            CallState::Offered | CallState::Connecting | CallState::Active => NEVER,
        }
    }

    /// As time passes: nothing lasts longer than it may.
    pub(crate) fn law_of_time(&mut self) {
        for d in 0..self.devices.len() {
            let device = &self.devices[d];
            if device.must_change_by < self.now
                && device.running
                && device.asleep_until < self.now
                && device.awake_since < self.now
            {
                let late = device
                    .live()
                    .find(|call| self.change_due(d, call) < self.now);
                let what = late.map_or("a call that is over".to_owned(), |it| {
                    format!("{:?}", it.state)
                });
                let law = match late.map(|it| &it.state) {
                    Some(CallState::Incoming) => Law::Rings,
                    _ => Law::Limits,
                };
                let how = format!("{} shows {what} for too long", device.name());
                self.broken(law, how);
            }
        }
    }
}
