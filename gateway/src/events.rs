//! What is done about each event of a client: limits, the command that it becomes, its answer.

use std::time::Instant;

use ringwire_life::{Actor, Command, Refused, Reply, Start, Transition};
use ringwire_protocol::ack::{ActiveCalls, HeartbeatData, InitiateData, JoinData};
use ringwire_protocol::client::{Initiate, Join};
use ringwire_protocol::limits::{RATE_OTHER, Rate};
use ringwire_protocol::server::IceServersRefreshed;
use ringwire_protocol::{
    Ack, CallError, CallId, ClientEvent, ConversationId, ErrorCode, MediaType, ServerEvent, timers,
};

use crate::calls::{broken, not_found};
use crate::hub::tell_socket;
use crate::ids;
use crate::incoming::{Answer, Incoming};
use crate::shared::{Shared, now};

/// Does what an event asks, and answers it.
pub(crate) async fn handle(shared: &Shared, by: &Actor, incoming: Incoming) {
    let Incoming {
        name,
        payload,
        answer,
    } = incoming;
    tracing::debug!(event = name, from = %by.peer, "received");
    // An error says which call it is about, whatever else is wrong: it must not touch another one.
    let named = payload
        .get("callId")
        .and_then(|id| id.as_str())
        .and_then(|id| CallId::new(id).ok());
    let parsed = ClientEvent::parse(&name, payload);
    let (rate, call) = match &parsed {
        Ok(event) => (event.rate(), event.call_id()),
        Err(_) => (("malformed", RATE_OTHER), named.as_ref()),
    };
    if let Err(error) = admit(shared, by, rate, call) {
        return answer.refuse(*error);
    }
    match parsed {
        Ok(event) => dispatch(shared, by, event, answer).await,
        Err(error) => {
            let mut error = error.to_call_error();
            error.call_id = named;
            answer.refuse(error);
        }
    }
}

/// Counts an event against its limit.
pub(crate) fn admit(
    shared: &Shared,
    by: &Actor,
    rate: (&'static str, Rate),
    call: Option<&CallId>,
) -> Result<(), Refused> {
    shared
        .rates
        .admit(&by.peer, rate, call, Instant::now())
        .map_err(|wait| {
            let mut error = CallError::new(ErrorCode::RateLimitExceeded, "too many of these");
            error.call_id = call.cloned();
            error.retry_after = Some((wait.as_secs_f64() * 1_000.0).ceil() / 1_000.0);
            Box::new(error)
        })
}

async fn dispatch(shared: &Shared, by: &Actor, event: ClientEvent, answer: Answer) {
    let (call, command) = match event {
        ClientEvent::Initiate(initiate) => return start(shared, by, initiate, answer).await,
        ClientEvent::Join(join) => {
            let command = Command::Join {
                row: ids::id(),
                settings: join.settings.clone().unwrap_or_default(),
            };
            return match own_device(by, &join) {
                Ok(()) => act(shared, by, join.call_id, command, answer).await,
                Err(error) => answer.refuse(*error),
            };
        }
        ClientEvent::ForceLeave(of) => {
            return force_leave(shared, by, &of.conversation_id, answer).await;
        }
        ClientEvent::CheckActive(_) => return check_active(shared, by, answer).await,
        ClientEvent::RequestIceServers(of) => {
            return ice_servers(shared, by, of.call_id, answer).await;
        }
        ClientEvent::Subscribe(subscribe) => {
            let message = "calls do not go through an SFU here";
            let error = CallError::new(ErrorCode::InvalidCallMode, message);
            return answer.refuse(error.about(&subscribe.call_id));
        }
        ClientEvent::Unknown { name } => {
            tracing::debug!(event = name, "not known");
            let message = format!("the event {name:.64} is not known");
            if answer.wants_ack() {
                answer.refuse(CallError::new(ErrorCode::ValidationError, message));
            }
            return;
        }
        ClientEvent::Ringing(p) => (p.call_id, Command::Ringing),
        ClientEvent::Leave(p) => (p.call_id, Command::Leave),
        ClientEvent::End(p) => (p.call_id, Command::End { reason: p.reason }),
        ClientEvent::Signal(p) => (p.call_id, Command::Signal(p.signal)),
        ClientEvent::Negotiate(p) => {
            let (to, reason) = (p.to, p.reason);
            (p.call_id, Command::Negotiate { to, reason })
        }
        ClientEvent::ToggleAudio(p) => (p.call_id, toggle(MediaType::Audio, p.enabled)),
        ClientEvent::ToggleVideo(p) => (p.call_id, toggle(MediaType::Video, p.enabled)),
        ClientEvent::ToggleScreen(p) => (p.call_id, toggle(MediaType::Screen, p.enabled)),
        ClientEvent::Hold(p) => (p.call_id, toggle(MediaType::Hold, p.enabled)),
        ClientEvent::Heartbeat(p) => (p.call_id, Command::Heartbeat),
        ClientEvent::QualityReport(p) => (p.call_id, Command::Quality(p.stats)),
        ClientEvent::Reconnecting(p) => {
            let attempt = p.attempt;
            (p.call_id, Command::Reconnecting { attempt })
        }
        ClientEvent::Reconnected(p) => {
            let attempt = p.attempt;
            (p.call_id, Command::Reconnected { attempt })
        }
        ClientEvent::Backgrounded(p) => (p.call_id, Command::Backgrounded),
        ClientEvent::Foregrounded(p) => (p.call_id, Command::Foregrounded),
        ClientEvent::TranscriptionSegment(p) => (p.call_id, Command::Said(p.segment)),
    };
    act(shared, by, call, command, answer).await;
}

fn toggle(media: MediaType, on: bool) -> Command {
    Command::Toggle { media, on }
}

/// A device joins as itself: the name is the one that it gave at CONNECT.
fn own_device(by: &Actor, join: &Join) -> Result<(), Refused> {
    match &join.device_id {
        Some(device) if by.named && *device != by.device => {
            let mut error = CallError::new(
                ErrorCode::ValidationError,
                "deviceId: not the device that connected",
            );
            error.details = Some(serde_json::json!({ "event": "call:join", "field": "deviceId" }));
            Err(Box::new(error.about(&join.call_id)))
        }
        _ => Ok(()),
    }
}

async fn act(shared: &Shared, by: &Actor, call: CallId, command: Command, answer: Answer) {
    let mut answer = Some(answer);
    let done = shared
        .act(&call, by, command, |transition| {
            if let Some(answer) = answer.take() {
                reply(shared, by, transition, answer);
            }
        })
        .await;
    if let (Err(mut error), Some(answer)) = (done, answer) {
        error.call_id.get_or_insert(call);
        answer.refuse(*error);
    }
}

/// Answers a step that was done, before anybody is told of it.
fn reply(shared: &Shared, by: &Actor, transition: &Transition, answer: Answer) {
    let ack = match &transition.reply {
        Reply::Done => Ack::Done,
        Reply::Initiated => Ack::Initiated(InitiateData {
            call_id: transition.call.id.clone(),
            mode: transition.call.mode.clone(),
            ice_servers: shared.ice_servers(&by.peer),
            ttl: timers::TURN_TTL.as_secs(),
        }),
        Reply::Joined => {
            let data = JoinData {
                call_session: transition.call.session(),
                ice_servers: shared.ice_servers(&by.peer),
            };
            tell_socket(answer.socket(), &ServerEvent::Joined(data.clone()));
            Ack::Joined(data)
        }
        Reply::Heartbeat { status, version } => Ack::Heartbeat(HeartbeatData {
            status: status.clone(),
            version: Some(*version),
        }),
    };
    answer.done(&ack.to_json());
}

async fn start(shared: &Shared, by: &Actor, initiate: Initiate, answer: Answer) {
    let place = match shared.store.place(&initiate.conversation_id).await {
        Ok(Some(place)) => place,
        Ok(None) => {
            let message = "there is no such conversation";
            return answer.refuse(CallError::new(ErrorCode::ConversationNotFound, message));
        }
        Err(error) => return answer.refuse(*broken(&error)),
    };
    if place.closed {
        let message = "this conversation takes no calls any more";
        return answer.refuse(CallError::new(ErrorCode::ConversationClosed, message));
    }
    let start = Start {
        call: ids::id(),
        row: ids::id(),
        conversation: place.conversation,
        members: place.members,
        call_type: initiate.call_type,
        settings: initiate.settings.unwrap_or_default(),
    };
    let mut answer = Some(answer);
    let done = shared
        .start_call(start, by, |transition| {
            if let Some(answer) = answer.take() {
                reply(shared, by, transition, answer);
            }
        })
        .await;
    if let (Err(error), Some(answer)) = (done, answer) {
        answer.refuse(*error);
    }
}

async fn force_leave(shared: &Shared, by: &Actor, conversation: &ConversationId, answer: Answer) {
    match shared.store.live_call_in(conversation).await {
        Ok(Some(kept)) => act(shared, by, kept.call.id, Command::ForceLeave, answer).await,
        Ok(None) => answer.done(&Ack::Done.to_json()),
        Err(error) => answer.refuse(*broken(&error)),
    }
}

/// All calls that ring for me or that I am in; those that ring are told again. A call that begins
/// meanwhile is announced after the answer.
async fn check_active(shared: &Shared, by: &Actor, answer: Answer) {
    let announce = shared.announce.read().await;
    let calls = match shared.calls_of(&by.peer).await {
        Ok(calls) => calls,
        Err(error) => return answer.refuse(*error),
    };
    let sessions = calls.iter().map(|call| call.session()).collect();
    let socket = answer.socket().clone();
    answer.done(&Ack::Active(ActiveCalls { calls: sessions }).to_json());
    drop(announce);
    for call in calls {
        if call.rings_for(&by.peer, now()) {
            shared.ring_again(&call.id, by, &socket).await;
        }
    }
}

/// Fresh TURN credentials for a call that I am in or that rings for me.
async fn ice_servers(shared: &Shared, by: &Actor, call: CallId, answer: Answer) {
    match shared.store.call(&call).await {
        Ok(Some(kept)) if kept.call.concerns(&by.peer, now()) => {
            let refreshed = IceServersRefreshed {
                call_id: call,
                ice_servers: shared.ice_servers(&by.peer),
                ttl: timers::TURN_TTL.as_secs(),
            };
            tell_socket(
                answer.socket(),
                &ServerEvent::IceServersRefreshed(refreshed),
            );
            answer.done(&Ack::Done.to_json());
        }
        Ok(Some(_)) => {
            let error = CallError::new(ErrorCode::NotInCall, "you are not in this call");
            answer.refuse(error.about(&call));
        }
        Ok(None) => answer.refuse(*not_found(&call)),
        Err(error) => answer.refuse(broken(&error).about(&call)),
    }
}
