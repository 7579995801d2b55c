//! The gateway's limits: how many events of a kind somebody may send in a sliding window.

use std::collections::VecDeque;

use ringwire_protocol::CallId;
use ringwire_protocol::limits::Rate;

use crate::queue::Time;

#[derive(Debug)]
struct Window {
    person: usize,
    kind: &'static str,
    /// Candidates are counted for each call.
    call: Option<CallId>,
    events: VecDeque<Time>,
}

/// Events of the recent past.
#[derive(Debug, Default)]
pub(crate) struct Rates(Vec<Window>);

impl Rates {
    /// Counts an event, or says how long to wait, ms.
    pub(crate) fn admit(
        &mut self,
        person: usize,
        (kind, rate): (&'static str, Rate),
        call: Option<&CallId>,
        now: Time,
    ) -> Result<(), Time> {
        let call = call.filter(|_| kind == "candidate");
        let known = self
            .0
            .iter()
            .position(|it| it.person == person && it.kind == kind && it.call.as_ref() == call);
        let at = known.unwrap_or_else(|| {
            self.0.push(Window {
                person,
                kind,
                call: call.cloned(),
                events: VecDeque::new(),
            });
            self.0.len() - 1
        });
        let events = &mut self.0[at].events;
        let length = rate.window.as_millis() as Time;
        while events.front().is_some_and(|first| first + length <= now) {
            events.pop_front();
        }
        match events.front() {
            Some(first) if events.len() >= rate.count as usize => Err(first + length - now),
            _ => {
                events.push_back(now);
                Ok(())
            }
        }
    }
}
