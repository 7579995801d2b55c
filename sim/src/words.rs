//! A story in words.

use ringwire_call::{CallEvent, OpId};
use ringwire_life::Call;
use ringwire_protocol::{Ack, CallError, ClientEvent, ServerEvent};

use crate::plan::What;
use crate::queue::Time;
use crate::world::World;

/// The lines of a story.
#[derive(Debug, Default)]
pub(crate) struct Words {
    pub(crate) lines: Vec<(Time, String)>,
}

impl World {
    fn say(&mut self, line: impl FnOnce(&Self) -> String) {
        if self.words.is_some() {
            let line = line(self);
            let now = self.now;
            if let Some(words) = &mut self.words {
                words.lines.push((now, line));
            }
        }
    }

    pub(crate) fn tell_act(&mut self, what: What) {
        self.say(|world| {
            let name = |d: usize| world.devices[d].name();
            let s = |span: Time| format!("{:.1} s", span as f64 / 1_000.0);
            match what {
                What::Call { device, .. } => format!("* {}: a call is tapped", name(device)),
                What::Answer { .. } => "* somebody accepts what rings".to_owned(),
                What::Decline { device, .. } => format!("* {}: decline is tapped", name(device)),
                What::HangUp { device, .. } => format!("* {}: hang up is tapped", name(device)),
                What::Microphone { device, .. } => {
                    format!("* {}: the microphone is tapped", name(device))
                }
                What::Camera { device, .. } => format!("* {}: the camera is tapped", name(device)),
                What::Screen { device, .. } => format!("* {}: the screen is tapped", name(device)),
                What::Hold { device, .. } => format!("* {}: hold is tapped", name(device)),
                What::Join { device, .. } => format!("* {}: join is tapped", name(device)),
                What::ForceLeave { device, .. } => format!("* {}: leaves by force", name(device)),
                What::Background { device, span } => {
                    format!("* {} goes to the background for {}", name(device), s(span))
                }
                What::Cut {
                    device,
                    device_notices,
                    gateway_notices,
                } => format!(
                    "* {}: the socket breaks; it notices after {}, the gateway after {}",
                    name(device),
                    s(device_notices),
                    s(gateway_notices)
                ),
                What::Offline { device, span } => {
                    format!("* {}: no network for {}", name(device), s(span))
                }
                What::NoPath { span } => format!("* media finds no way for {}", s(span)),
                What::Sleep { device, span } => {
                    format!("* {} sleeps for {}", name(device), s(span))
                }
                What::Crash { device, span } => {
                    format!(
                        "* {} crashes and starts again after {}",
                        name(device),
                        s(span)
                    )
                }
                What::GatewayCrash {
                    span,
                    at_commit: true,
                } => {
                    format!(
                        "* the gateway will crash after its next commit, for {}",
                        s(span)
                    )
                }
                What::GatewayCrash { span, .. } => {
                    format!("* the gateway crashes, for {}", s(span))
                }
                What::Pass => String::new(),
            }
        });
    }

    pub(crate) fn tell_said(&mut self, d: usize, event: &ClientEvent) {
        self.say(|world| {
            let call = event
                .call_id()
                .map_or_else(String::new, |id| format!(" {id}"));
            let more = match event {
                ClientEvent::End(said) => format!(" {:?}", said.reason),
                ClientEvent::Signal(said) => format!(" {}", brief(&said.signal.body)),
                _ => String::new(),
            };
            format!(
                "  {} → {}{call}{more}",
                world.devices[d].name(),
                event.name()
            )
        });
    }

    pub(crate) fn tell_heard(&mut self, d: usize, event: &ServerEvent) {
        self.say(|world| {
            let call = event
                .call_id()
                .map_or_else(String::new, |id| format!(" {id}"));
            let version = event
                .version()
                .map_or_else(String::new, |it| format!(" v{it}"));
            let more = match event {
                ServerEvent::Ended(said) => format!(" {:?}", said.reason),
                ServerEvent::Signal(said) => format!(" {}", brief(&said.signal.body)),
                ServerEvent::Error(said) => format!(" {}", said.code),
                _ => String::new(),
            };
            format!(
                "  {} ← {}{call}{version}{more}",
                world.devices[d].name(),
                event.name()
            )
        });
    }

    pub(crate) fn tell_ack(&mut self, d: usize, op: OpId, outcome: &Result<Ack, CallError>) {
        self.say(|world| {
            let answer = match outcome {
                Ok(Ack::Done) => "done".to_owned(),
                Ok(Ack::Initiated(said)) => format!("made {}", said.call_id),
                Ok(Ack::Joined(said)) => format!("joined {}", said.call_session.id),
                Ok(Ack::Heartbeat(said)) => format!("{} v{:?}", said.status, said.version),
                Ok(Ack::Active(said)) => {
                    let ids: Vec<_> = said.calls.iter().map(|it| it.id.to_string()).collect();
                    format!("active {ids:?}")
                }
                Err(error) => format!("refused {}", error.code),
            };
            format!(
                "  {} ← answer {}: {answer}",
                world.devices[d].name(),
                op.get()
            )
        });
    }

    pub(crate) fn tell_news(&mut self, d: usize, event: &CallEvent) {
        self.say(|world| {
            let news = match event {
                CallEvent::Incoming { key } => format!("{key} rings"),
                CallEvent::StopRinging { key } => format!("{key} rings no more"),
                CallEvent::Changed { key } => {
                    let state = world.devices[d].snapshot.call(*key).map(|it| &it.state);
                    format!("{key} is {state:?}")
                }
                CallEvent::Ended { key, reason } => format!("{key} has ended: {reason}"),
                CallEvent::Failed { key, error } => {
                    format!("{key:?} failed: {} {}", error.code, error.message)
                }
                other => format!("{other:?}"),
            };
            format!("    {}: {news}", world.devices[d].name())
        });
    }

    pub(crate) fn tell_connected(&mut self, d: usize) {
        self.say(|world| format!("  {} is connected", world.devices[d].name()));
    }

    pub(crate) fn tell_push(&mut self, d: usize, push: &ringwire_protocol::Push) {
        self.say(|world| {
            let what = match push {
                ringwire_protocol::Push::Ring(_) => "ring",
                ringwire_protocol::Push::Cancel(_) => "cancel",
                ringwire_protocol::Push::AnsweredElsewhere(_) => "answered elsewhere",
            };
            format!(
                "  {} ← push: {what} {}",
                world.devices[d].name(),
                push.call_id()
            )
        });
    }

    pub(crate) fn tell_crash(&mut self) {
        self.say(|_| "  the gateway is down".to_owned());
    }

    pub(crate) fn tell_step(&mut self, at: usize, before: &Call) {
        self.say(|world| {
            let call = &world.gateway.calls[at].call;
            let inside: Vec<_> = call.present().map(|it| it.device.as_str()).collect();
            let end = call
                .end
                .as_ref()
                .map_or_else(String::new, |end| format!(" ({})", end.reason));
            match call.version == before.version {
                true => String::new(),
                false => format!(
                    "      gateway: {} v{} is {}{end}, with {}",
                    call.id,
                    call.version,
                    call.status(),
                    inside.join(", ")
                ),
            }
        });
    }
}

fn brief(body: &ringwire_protocol::SignalBody) -> &'static str {
    use ringwire_protocol::SignalBody;
    match body {
        SignalBody::Offer { .. } => "offer",
        SignalBody::Answer { .. } => "answer",
        SignalBody::Candidate { .. } => "candidate",
        SignalBody::IceRestart { .. } => "restart",
        SignalBody::Unknown { .. } => "?",
    }
}
