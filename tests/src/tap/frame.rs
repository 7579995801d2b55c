//! One frame of a socket as Socket.IO 5 over Engine.IO 4 means it. No I/O.

use serde_json::Value;

/// Which way a frame goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Way {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What a frame says.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// Engine.IO's greeting.
    Open(Value),
    /// Engine.IO: `1` close, `2` ping, `3` pong, and what else there is.
    Engine(String),
    /// CONNECT of a client, or its answer.
    Connect(Value),
    /// CONNECT_ERROR.
    Refused(Value),
    /// DISCONNECT.
    Disconnect,
    /// An event.
    Event {
        /// Its name.
        name: String,
        /// Its first argument; `Null` where there is none.
        payload: Value,
        /// The id of the ack that is wanted.
        ack: Option<u64>,
    },
    /// The answer to an event.
    Ack {
        /// As in the event.
        id: u64,
        /// Its first argument; `Null` where there is none.
        payload: Value,
    },
}

impl Packet {
    /// Reads a text frame. What is none of Socket.IO's is kept as Engine.IO's.
    pub fn read(text: &str) -> Self {
        let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
        let engine = || Self::Engine(text.to_owned());
        let (kind, rest) = match text.split_at_checked(2) {
            Some(("4", _)) | None => return engine(),
            Some(split) => split,
        };
        match kind {
            "40" => Self::Connect(json(rest)),
            "41" => Self::Disconnect,
            "42" | "43" => {
                let begin = rest.find('[').unwrap_or(rest.len());
                let (id, body) = rest.split_at(begin);
                let id = id.parse().ok();
                let Value::Array(body) = json(body) else {
                    return engine();
                };
                let mut body = body.into_iter();
                match (kind, id) {
                    ("43", Some(id)) => Self::Ack {
                        id,
                        payload: body.next().unwrap_or_default(),
                    },
                    ("42", ack) => match body.next() {
                        Some(Value::String(name)) => Self::Event {
                            name,
                            payload: body.next().unwrap_or_default(),
                            ack,
                        },
                        _ => engine(),
                    },
                    _ => engine(),
                }
            }
            "44" => Self::Refused(json(rest)),
            _ if text.starts_with('0') => Self::Open(json(&text[1..])),
            _ => engine(),
        }
    }

    /// The frame's text.
    pub fn write(&self) -> String {
        let args = |first: Option<&str>, payload: &Value| {
            let mut args: Vec<Value> = first.into_iter().map(Value::from).collect();
            if !payload.is_null() {
                args.push(payload.clone());
            }
            Value::Array(args)
        };
        let id = |id: &Option<u64>| id.map(|id| id.to_string()).unwrap_or_default();
        let optional = |body: &Value| match body {
            Value::Null => String::new(),
            body => body.to_string(),
        };
        match self {
            Self::Open(body) => format!("0{body}"),
            Self::Engine(text) => text.clone(),
            Self::Connect(body) => format!("40{}", optional(body)),
            Self::Refused(body) => format!("44{}", optional(body)),
            Self::Disconnect => "41".to_owned(),
            Self::Event { name, payload, ack } => {
                format!("42{}{}", id(ack), args(Some(name), payload))
            }
            Self::Ack { id, payload } => format!("43{id}{}", args(None, payload)),
        }
    }

    /// The event's name.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::Event { name, .. } => Some(name),
            _ => None,
        }
    }

    /// What it carries; `Null` where it carries nothing.
    pub fn payload(&self) -> &Value {
        match self {
            Self::Open(payload)
            | Self::Connect(payload)
            | Self::Refused(payload)
            | Self::Event { payload, .. }
            | Self::Ack { payload, .. } => payload,
            Self::Engine(_) | Self::Disconnect => &Value::Null,
        }
    }

    /// True for `call:signal` of this `type`.
    pub fn is_signal(&self, kind: &str) -> bool {
        self.name() == Some("call:signal") && self.payload()["signal"]["type"] == kind
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_are_written_as_they_were_read() {
        for text in [
            r#"0{"pingInterval":25000,"sid":"x"}"#,
            "2",
            "3",
            "40",
            r#"40{"authToken":"t"}"#,
            r#"42["call:leave",{"callId":"1"}]"#,
            r#"4217["call:check-active"]"#,
            r#"4317[{"success":true}]"#,
            "430[]",
            "41",
            r#"44{"message":"no"}"#,
            "451-[]",
        ] {
            assert_eq!(Packet::read(text).write(), text);
        }
        let event = Packet::read(r#"425["call:signal",{"signal":{"type":"offer"}}]"#);
        assert!(event.is_signal("offer") && !event.is_signal("answer"));
        let wanted = Packet::Ack {
            id: 5,
            payload: json!({ "success": true }),
        };
        assert_eq!(Packet::read(r#"435[{"success":true}]"#), wanted);
    }
}
