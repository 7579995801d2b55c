//! What a client's task takes in and says, one trace line each: names, never what is in them, so that a log may be
//! shown to anybody and a measurement can tell the steps of a call apart.

use ringwire_call::{Command, ConnectionEvent, Input, PathState};
use ringwire_protocol::{Ack, ClientEvent, ServerEvent, SignalBody};
use tracing::trace;

/// Target of these lines; the field `step` holds the name.
const TARGET: &str = "ringwire_client::steps";

/// Something that the call store is given; its name.
pub(crate) fn taken(input: &Input) -> &str {
    let step = name(input);
    trace!(target: TARGET, step, "taken");
    step
}

/// An event for the gateway; its name.
pub(crate) fn said(event: &ClientEvent) -> &str {
    let step = match event {
        ClientEvent::Signal(said) => signal(&said.signal.body),
        event => event.name(),
    };
    trace!(target: TARGET, step, "said");
    step
}

fn name(input: &Input) -> &str {
    match input {
        Input::Command(command) => self::command(command),
        Input::SocketUp { .. } => "socket up",
        Input::SocketDown => "socket down",
        Input::Event(ServerEvent::Signal(told)) => signal(&told.signal.body),
        Input::Event(event) => event.name(),
        Input::Ack { outcome, .. } => match outcome {
            Ok(Ack::Initiated(_)) => "initiated",
            Ok(Ack::Joined(_)) => "joined",
            Ok(_) => "ack",
            Err(_) => "no ack",
        },
        Input::Connection { event, .. } => match event {
            ConnectionEvent::OfferMade { .. } => "offer made",
            ConnectionEvent::AnswerMade { .. } => "answer made",
            ConnectionEvent::Applied { .. } => "answer applied",
            ConnectionEvent::Failed { .. } => "connection failed",
            ConnectionEvent::Candidate { .. } => "own candidate",
            ConnectionEvent::Agreed { .. } => "agreed",
            ConnectionEvent::RestartDropped => "restart dropped",
            ConnectionEvent::Path(PathState::Connecting) => "path connecting",
            ConnectionEvent::Path(PathState::Connected) => "path connected",
            ConnectionEvent::Path(PathState::Disturbed) => "path disturbed",
            ConnectionEvent::Path(PathState::Broken) => "path broken",
            ConnectionEvent::FirstAudio => "first audio",
            ConnectionEvent::FirstVideo => "first video",
        },
        Input::Quality { .. } => "quality",
        Input::NetworkChanged => "network changed",
        Input::Calendar(_) => "calendar",
        Input::Tick => "tick",
    }
}

fn command(command: &Command) -> &'static str {
    match command {
        Command::Call { .. } => "command call",
        Command::Accept { .. } => "command accept",
        Command::Join { .. } => "command join",
        Command::Decline { .. } => "command decline",
        Command::HangUp { .. } => "command hang up",
        Command::SetMicrophone { .. } => "command microphone",
        Command::SetCamera { .. } => "command camera",
        Command::SetScreen { .. } => "command screen",
        Command::Hold { .. } => "command hold",
        Command::ForceLeave { .. } => "command force leave",
        Command::Background(true) => "command background",
        Command::Background(false) => "command foreground",
        Command::Push(_) => "push",
    }
}

fn signal(body: &SignalBody) -> &'static str {
    match body {
        SignalBody::Offer { .. } => "offer",
        SignalBody::Answer { .. } => "answer",
        SignalBody::IceRestart { .. } => "ice-restart",
        SignalBody::Candidate { .. } => "ice-candidate",
        SignalBody::Unknown { .. } => "unknown signal",
    }
}
