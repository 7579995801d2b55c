//! How a goodbye is said, and said again until it is heard. What is kept of it is in `past`.

use ringwire_protocol::client::{End, OfCall, OfConversation};
use ringwire_protocol::{CallEndReason, CallId, CallSession, ClientEvent, ConversationId};

use crate::call::{Row, is_here};
use crate::outbox::{Cx, Purpose};

/// Says a goodbye, now or when the socket is back.
pub(crate) fn say_goodbye(id: CallId, event: ClientEvent, cx: &mut Cx<'_>) {
    cx.past.keep_goodbye(id.clone(), event.clone(), cx.now);
    say_again(id, event, cx);
}

/// Says a goodbye that is kept already.
pub(crate) fn say_again(id: CallId, event: ClientEvent, cx: &mut Cx<'_>) {
    match event {
        ClientEvent::End(_) => cx.ask(Purpose::Goodbye(id), event),
        // A leave is not acked; `call:ended`, `participant-left` or check-active say that it came.
        _ => cx.tell(event),
    }
}

/// Ends a call of mine that was cancelled before its name was known.
pub(crate) fn cancel(id: CallId, cx: &mut Cx<'_>) {
    cx.past.bury(&id);
    let call_id = id.clone();
    let event = match cx.line.is_extended() {
        true => ClientEvent::End(End {
            call_id,
            reason: Some(CallEndReason::Cancelled),
        }),
        false => ClientEvent::Leave(OfCall { call_id }),
    };
    say_goodbye(id, event, cx);
}

/// Leaves a call that is over here, and in which the server has this device.
pub(crate) fn leave_again(session: &CallSession, cx: &mut Cx<'_>) {
    let inside = is_here(&session.participants, cx.line) == Some(Row::Here);
    if inside && !session.status.is_end() {
        let call_id = session.id.clone();
        say_goodbye(
            session.id.clone(),
            ClientEvent::Leave(OfCall { call_id }),
            cx,
        );
    }
}

/// Leaves every call of mine in a conversation, now or when the socket is back.
pub(crate) fn force_leave(conversation: ConversationId, cx: &mut Cx<'_>) {
    if cx.line.is_up() {
        cx.tell(ClientEvent::ForceLeave(OfConversation {
            conversation_id: conversation,
        }));
    } else {
        cx.past.keep_force_leave(conversation);
    }
}
