//! Holds the table of states and inputs in the crate's documentation to the code.

use super::phone::*;
use crate::{
    AckFailure, CallKey, CallState, Command, ConnectionEvent, ConnectionId, Input, PathState,
};

const STATES: [&str; 8] = [
    "calling",
    "ringing",
    "incoming",
    "offered",
    "connecting",
    "active",
    "reconnecting",
    "ended",
];

/// A phone whose call is in this state, and the call's key.
fn phone_in(state: &str) -> (Phone, CallKey) {
    let called = || {
        let mut phone = Phone::new();
        phone.call();
        phone.initiate_acked();
        phone
    };
    let mut phone = match state {
        "calling" => called(),
        "ringing" => {
            let mut phone = called();
            phone.bob_rings();
            phone
        }
        "incoming" => {
            let mut phone = Phone::new();
            phone.bob_calls();
            return (phone, FIRST_RING);
        }
        "offered" => {
            let mut phone = Phone::new();
            phone.call();
            phone.fail("call:initiate", AckFailure::Refused(glare("bob", "group")));
            phone
        }
        "connecting" => {
            let mut phone = called();
            phone.bob_joins();
            phone.offer_made();
            phone
        }
        "active" => Phone::in_own_call(),
        "reconnecting" => {
            let mut phone = Phone::in_own_call();
            phone.path(PathState::Broken);
            phone.offer_made();
            phone
        }
        "ended" => {
            let mut phone = Phone::in_own_call();
            phone.command(Command::HangUp { key: MINE });
            phone
        }
        other => panic!("no state {other}"),
    };
    phone.last.clear();
    (phone, MINE)
}

fn connection_says(phone: &mut Phone, event: ConnectionEvent) {
    let opened = phone.done.iter().rev().find_map(|effect| match effect {
        crate::Effect::Open { connection, .. } => Some(*connection),
        _ => None,
    });
    phone.feed(Input::Connection {
        connection: opened.unwrap_or(ConnectionId::from_raw(999)),
        event,
    });
}

type Does = fn(&mut Phone, CallKey);

/// Every input that may change a state.
const INPUTS: [(&str, Does); 39] = [
    ("accept", |phone, key| {
        phone.command(Command::Accept {
            key,
            media: BOTH_ON,
        });
    }),
    ("join", |phone, key| {
        phone.command(Command::Join {
            key,
            media: BOTH_ON,
        });
    }),
    ("decline", |phone, key| {
        phone.command(Command::Decline { key, busy: false })
    }),
    ("decline, busy", |phone, key| {
        phone.command(Command::Decline { key, busy: true })
    }),
    ("hang up", |phone, key| {
        phone.command(Command::HangUp { key })
    }),
    ("microphone off", |phone, key| {
        phone.command(Command::SetMicrophone { key, on: false });
    }),
    ("hold", |phone, key| {
        phone.command(Command::Hold { key, on: true });
    }),
    ("leave the conversation by force", |phone, _| {
        phone.command(Command::ForceLeave {
            conversation: "v1".parse().unwrap(),
        });
    }),
    ("`call:initiated` again", |phone, _| phone.bob_calls()),
    ("push of the ring", |phone, _| phone.push("call")),
    ("push of its cancel", |phone, _| phone.push("call_cancel")),
    ("push of an answer elsewhere", |phone, _| {
        phone.push("call_answered_elsewhere")
    }),
    ("`call:ringing`", |phone, _| phone.bob_rings()),
    ("`participant-joined`, the other", |phone, _| {
        phone.bob_joins()
    }),
    ("`participant-joined`, me elsewhere", |phone, _| {
        let elsewhere = ANN.replace("ann-1", "ann-2");
        phone.event(
            "call:participant-joined",
            &format!(r#"{{"callId":"c1","mode":"p2p","participant":{elsewhere}}}"#),
        );
    }),
    ("`participant-left`, the other", |phone, _| {
        phone.event(
            "call:participant-left",
            r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p"}"#,
        );
    }),
    ("the same, 2 s later", |phone, _| {
        phone.event(
            "call:participant-left",
            r#"{"callId":"c1","participantId":"row-bob","userId":"bob","mode":"p2p"}"#,
        );
        phone.pass(secs(2));
    }),
    ("`call:ended` without a reason, by the other", |phone, _| {
        phone.ended(r#","endedBy":"bob""#);
    }),
    ("`call:ended`, rejected", |phone, _| {
        phone.ended(r#","reason":"rejected","endedBy":"bob""#);
    }),
    ("`call:ended`, busy", |phone, _| {
        phone.ended(r#","reason":"busy","endedBy":"bob""#);
    }),
    ("`call:missed`", |phone, _| {
        phone.event(
            "call:missed",
            r#"{"callId":"c1","conversationId":"v1","callerId":"bob"}"#,
        );
    }),
    ("`already-answered`, on another device", |phone, _| {
        phone.event(
            "call:already-answered",
            r#"{"callId":"c1","deviceId":"ann-2"}"#,
        );
    }),
    ("`call:force-leave`", |phone, _| {
        phone.event("call:force-leave", r#"{"callId":"c1"}"#);
    }),
    (
        "`call:force-leave`, answered on another device",
        |phone, _| {
            phone.event(
                "call:force-leave",
                r#"{"callId":"c1","code":"answeredElsewhere"}"#,
            );
        },
    ),
    ("`call:error` of this call", |phone, _| {
        phone.event(
            "call:error",
            r#"{"code":"SIGNAL_FAILED","message":"no","callId":"c1"}"#,
        );
    }),
    ("`call:error` of another call", |phone, _| {
        phone.event(
            "call:error",
            r#"{"code":"CALL_ENDED","message":"no","callId":"c2"}"#,
        );
    }),
    ("rate limit", |phone, _| {
        phone.event(
            "call:error",
            r#"{"code":"RATE_LIMIT_EXCEEDED","message":"no"}"#,
        );
    }),
    ("the other's offer", |phone, _| phone.bob_offers(9)),
    ("the other's answer", |phone, _| {
        phone.bob_answers(1);
    }),
    ("path connected", |phone, _| {
        connection_says(phone, ConnectionEvent::Path(PathState::Connected));
    }),
    ("path disturbed for 2 s", |phone, _| {
        connection_says(phone, ConnectionEvent::Path(PathState::Disturbed));
        phone.pass(secs(2));
    }),
    ("path broken", |phone, _| {
        connection_says(phone, ConnectionEvent::Path(PathState::Broken));
    }),
    ("socket down", |phone, _| phone.feed(Input::SocketDown)),
    ("socket up, the server lists it as active", |phone, key| {
        let mine = if key == MINE { "ann" } else { "bob" };
        phone.socket_up();
        let listed = session(mine, "active", 9).replace(r#","deviceId":"ann-1""#, "");
        phone.ack("call:check-active", &format!(r#"{{"calls":[{listed}]}}"#));
    }),
    ("socket up, the server does not list it", |phone, _| {
        phone.socket_up();
        phone.ack("call:check-active", r#"{"calls":[]}"#);
    }),
    ("another network", |phone, _| {
        phone.feed(Input::NetworkChanged)
    }),
    ("30 s", |phone, _| phone.pass(secs(30))),
    ("60 s", |phone, _| phone.pass(secs(60))),
    ("120 s", |phone, _| phone.pass(secs(120))),
];

fn name(state: Option<CallState>) -> String {
    match state {
        None => "gone".into(),
        Some(CallState::Calling) => "calling".into(),
        Some(CallState::Ringing) => "ringing".into(),
        Some(CallState::Incoming) => "incoming".into(),
        Some(CallState::Offered) => "offered".into(),
        Some(CallState::Connecting) => "connecting".into(),
        Some(CallState::Active) => "active".into(),
        Some(CallState::Reconnecting { .. }) => "reconnecting".into(),
        Some(CallState::Ended { reason }) => reason.to_string(),
    }
}

fn last_state(phone: &Phone, key: CallKey) -> Option<CallState> {
    let told = news(&phone.last).into_iter().find_map(|event| match event {
        crate::CallEvent::Ended { key: ended, reason } if ended == key => {
            Some(CallState::Ended { reason })
        }
        _ => None,
    });
    told.or_else(|| phone.snapshot().call(key).map(|call| call.state.clone()))
}

fn table() -> String {
    let mut table = format!("| | {} |\n", STATES.join(" | "));
    table += &format!("| --- |{}\n", " --- |".repeat(STATES.len()));
    for (input, does) in INPUTS {
        table += &format!("| {input} |");
        for state in STATES {
            let (mut phone, key) = phone_in(state);
            let before = phone.state(key);
            does(&mut phone, key);
            let after = last_state(&phone, key);
            let (before, after) = (name(Some(before)), name(after));
            let cell = if before == after { "·" } else { &after };
            table += &format!(" {cell} |");
        }
        table += "\n";
    }
    table
}

#[test]
fn the_table_in_the_documentation_is_what_the_code_does() {
    let made = table();
    let written = include_str!("../table.md");
    assert!(
        written.ends_with(&made),
        "src/table.md does not end with what the code does:\n\n{made}"
    );
}
