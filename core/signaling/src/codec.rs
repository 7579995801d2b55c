//! Engine.IO 4 and Socket.IO 5 as text, namespace `/`, both ways. What a packet means for the
//! session is decided elsewhere.
//!
//! A frame is `<engine type>[data]`; a message's data is
//! `<socket type>[<attachments>-][<namespace>,][<ack id>][JSON]` (Engine.IO protocol 4, Socket.IO
//! protocol 5). Frames are at most 1 MiB. Binary packets are recognised and carry nothing.

use std::fmt::Write;
use std::time::Duration;

use ringwire_protocol::limits::MAX_FRAME;
use ringwire_protocol::{ProtocolError, parse_frame, timers};
use serde_json::Value;

use crate::limits::told;

/// A packet of Engine.IO.
#[derive(Debug, Clone, PartialEq)]
pub enum EnginePacket {
    /// The server's greeting.
    Open(Handshake),
    /// The other end closes.
    Close,
    /// The server asks for life; the data comes back in the pong.
    Ping(String),
    /// The answer to a ping.
    Pong(String),
    /// A packet of Socket.IO.
    Message(Packet),
    /// The transport changes; never over a WebSocket from the start.
    Upgrade,
    /// Nothing.
    Noop,
}

/// `open` of Engine.IO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handshake {
    /// The engine's session.
    pub sid: String,
    /// Time between two pings of the server.
    pub ping_interval: Duration,
    /// Time that a ping may be late.
    pub ping_timeout: Duration,
    /// Longest frame that the server takes, bytes; at most 1 MiB.
    pub max_payload: usize,
}

/// A packet of Socket.IO in the namespace `/`.
#[derive(Debug, Clone, PartialEq)]
pub enum Packet {
    /// To the server with `auth`, to the client with `{sid}`.
    Connect(Value),
    /// The other end leaves the namespace.
    Disconnect,
    /// An event.
    Event {
        /// Under this number an ack is awaited.
        ack: Option<u64>,
        /// Its name.
        name: String,
        /// What follows the name.
        args: Vec<Value>,
    },
    /// The answer to an event.
    Ack {
        /// Number of the event.
        id: u64,
        /// The answer.
        args: Vec<Value>,
    },
    /// The server refuses CONNECT.
    ConnectError(Value),
    /// An event or ack with binary attachments, which the contract does not have.
    Binary,
}

/// Why a text is no frame.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum CodecError {
    /// It has no character.
    #[error("an empty frame")]
    Empty,
    /// Over 1 MiB.
    #[error("a frame of {0} bytes, at most {MAX_FRAME} are allowed")]
    TooLong(usize),
    /// Engine.IO has no such packet.
    #[error("no packet of Engine.IO begins with {0:?}")]
    EngineType(char),
    /// Socket.IO has no such packet.
    #[error("no packet of Socket.IO begins with {0:?}")]
    SocketType(char),
    /// A message without a packet in it.
    #[error("a message without a packet of Socket.IO")]
    NoPacket,
    /// Another namespace than `/`.
    #[error("a packet for the namespace {0:?}")]
    Namespace(String),
    /// An ack without a number, or one that no u64 holds.
    #[error("a packet whose ack id is missing or too large")]
    AckId,
    /// Not JSON, or nested too deep.
    #[error("{0}")]
    Json(#[from] ProtocolError),
    /// JSON of another shape.
    #[error("{0}")]
    Shape(&'static str),
}

/// Longest span that a handshake may name.
const MAX_PING: Duration = Duration::from_secs(600);

impl EnginePacket {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`CodecError`] says what is wrong with it.
    pub fn decode(text: &str) -> Result<Self, CodecError> {
        if text.len() > MAX_FRAME {
            return Err(CodecError::TooLong(text.len()));
        }
        let mut rest = text.chars();
        let kind = rest.next().ok_or(CodecError::Empty)?;
        let rest = rest.as_str();
        Ok(match kind {
            '0' => Self::Open(Handshake::parse(&parse_frame(rest)?)?),
            '1' => Self::Close,
            '2' => Self::Ping(told(rest)),
            '3' => Self::Pong(told(rest)),
            '4' => Self::Message(Packet::decode(rest)?),
            '5' => Self::Upgrade,
            '6' => Self::Noop,
            // Engine.IO's text form of a binary message.
            'b' => Self::Message(Packet::Binary),
            other => return Err(CodecError::EngineType(other)),
        })
    }

    /// As it goes over the wire.
    pub fn encode(&self) -> String {
        match self {
            Self::Open(handshake) => format!("0{}", handshake.to_json()),
            Self::Close => "1".into(),
            Self::Ping(data) => format!("2{data}"),
            Self::Pong(data) => format!("3{data}"),
            Self::Message(packet) => packet.encode(),
            Self::Upgrade => "5".into(),
            Self::Noop => "6".into(),
        }
    }
}

impl Handshake {
    fn parse(value: &Value) -> Result<Self, CodecError> {
        let sid = value.get("sid").and_then(Value::as_str);
        let sid = sid.ok_or(CodecError::Shape("the handshake lacks `sid`"))?;
        let span = |name, default| match value.get(name) {
            None => Ok(default),
            Some(span) => match span.as_u64().map(Duration::from_millis) {
                Some(span) if !span.is_zero() && span <= MAX_PING => Ok(span),
                _ => Err(CodecError::Shape(
                    "`pingInterval` and `pingTimeout` of the handshake are ms, 1 to 600000",
                )),
            },
        };
        let max_payload = match value.get("maxPayload") {
            None => MAX_FRAME,
            Some(bytes) => bytes
                .as_u64()
                .ok_or(CodecError::Shape(
                    "`maxPayload` of the handshake is no size",
                ))
                .map(|bytes| usize::try_from(bytes).unwrap_or(MAX_FRAME).min(MAX_FRAME))?,
        };
        Ok(Self {
            sid: told(sid),
            ping_interval: span("pingInterval", timers::PING_INTERVAL)?,
            ping_timeout: span("pingTimeout", timers::PING_TIMEOUT)?,
            max_payload,
        })
    }

    fn to_json(&self) -> Value {
        serde_json::json!({
            "sid": self.sid,
            "upgrades": [],
            "pingInterval": self.ping_interval.as_millis() as u64,
            "pingTimeout": self.ping_timeout.as_millis() as u64,
            "maxPayload": self.max_payload,
        })
    }
}

impl Packet {
    fn decode(text: &str) -> Result<Self, CodecError> {
        let mut rest = text.chars();
        let kind = rest.next().ok_or(CodecError::NoPacket)?;
        let rest = rest.as_str();
        if !matches!(kind, '0'..='6') {
            return Err(CodecError::SocketType(kind));
        }
        if matches!(kind, '5' | '6') {
            return Ok(Self::Binary);
        }
        let rest = default_namespace(rest)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (id, json) = rest.split_at(digits);
        let ack = match id {
            "" => None,
            id => Some(id.parse().map_err(|_| CodecError::AckId)?),
        };
        Ok(match kind {
            '0' => Self::Connect(json_or_null(json)?),
            '1' => Self::Disconnect,
            '2' => {
                let mut args = list(json)?;
                if args.is_empty() {
                    return Err(CodecError::Shape("an event without a name"));
                }
                let Value::String(name) = args.remove(0) else {
                    return Err(CodecError::Shape("an event whose name is no text"));
                };
                Self::Event { ack, name, args }
            }
            '3' => Self::Ack {
                id: ack.ok_or(CodecError::AckId)?,
                args: list(json)?,
            },
            _ => Self::ConnectError(json_or_null(json)?),
        })
    }

    /// As it goes over the wire, with Engine.IO's `4` in front.
    pub fn encode(&self) -> String {
        match self {
            Self::Connect(Value::Null) => "40".into(),
            Self::Connect(auth) => format!("40{auth}"),
            Self::Disconnect => "41".into(),
            Self::Event { ack, name, args } => {
                let mut text = String::from("42");
                write_id(&mut text, *ack);
                write_list(&mut text, Some(name), args);
                text
            }
            Self::Ack { id, args } => {
                let mut text = String::from("43");
                write_id(&mut text, Some(*id));
                write_list(&mut text, None, args);
                text
            }
            Self::ConnectError(Value::Null) => "44".into(),
            Self::ConnectError(error) => format!("44{error}"),
            Self::Binary => "450-".into(),
        }
    }
}

/// Takes `/,` or `/?query,` off; nothing is `/` as well.
fn default_namespace(text: &str) -> Result<&str, CodecError> {
    if !text.starts_with('/') {
        return Ok(text);
    }
    let (namespace, rest) = text.split_once(',').unwrap_or((text, ""));
    match namespace.split('?').next() {
        Some("/") => Ok(rest),
        _ => Err(CodecError::Namespace(told(namespace))),
    }
}

fn json_or_null(text: &str) -> Result<Value, CodecError> {
    match text {
        "" => Ok(Value::Null),
        text => Ok(parse_frame(text)?),
    }
}

fn list(text: &str) -> Result<Vec<Value>, CodecError> {
    match parse_frame(text)? {
        Value::Array(list) => Ok(list),
        _ => Err(CodecError::Shape("an event or ack that is no list")),
    }
}

fn write_id(text: &mut String, id: Option<u64>) {
    if let Some(id) = id {
        // Writing into a String cannot fail.
        let _ = write!(text, "{id}");
    }
}

fn write_list(text: &mut String, name: Option<&str>, args: &[Value]) {
    text.push('[');
    let name = name.map(Value::from);
    for (place, value) in name.iter().chain(args).enumerate() {
        if place > 0 {
            text.push(',');
        }
        // Writing into a String cannot fail.
        let _ = write!(text, "{value}");
    }
    text.push(']');
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn packet(text: &str) -> Result<Packet, CodecError> {
        match EnginePacket::decode(text)? {
            EnginePacket::Message(packet) => Ok(packet),
            other => panic!("{other:?} is no message"),
        }
    }

    #[test]
    fn frames_of_a_real_server_are_read() {
        let open = r#"0{"sid":"lv_VI97HAXpY6yYWAAAC","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        let EnginePacket::Open(handshake) = EnginePacket::decode(open).unwrap() else {
            panic!("no handshake");
        };
        assert_eq!(handshake.ping_interval, timers::PING_INTERVAL);
        assert_eq!(handshake.ping_timeout, timers::PING_TIMEOUT);
        assert_eq!(handshake.max_payload, 1_000_000);
        assert_eq!(
            EnginePacket::decode("2probe"),
            Ok(EnginePacket::Ping("probe".into()))
        );
        assert_eq!(
            packet(r#"40{"sid":"oSO0OpakMV_3jnilAAAA"}"#),
            Ok(Packet::Connect(json!({"sid": "oSO0OpakMV_3jnilAAAA"})))
        );
        assert_eq!(
            packet(r#"42/,12["call:ended",{"callId":"c"}]"#),
            Ok(Packet::Event {
                ack: Some(12),
                name: "call:ended".into(),
                args: vec![json!({"callId": "c"})],
            })
        );
        assert_eq!(
            packet("437[]"),
            Ok(Packet::Ack {
                id: 7,
                args: vec![]
            })
        );
        assert_eq!(
            packet(r#"44{"message":"no","data":{"code":"X"}}"#),
            Ok(Packet::ConnectError(
                json!({"message": "no", "data": {"code": "X"}})
            ))
        );
        assert_eq!(packet("41"), Ok(Packet::Disconnect));
        assert_eq!(
            packet(r#"451-["hello",{"_placeholder":true,"num":0}]"#),
            Ok(Packet::Binary)
        );
        assert_eq!(packet("bAQIDBA=="), Ok(Packet::Binary));
    }

    #[test]
    fn what_is_no_frame_is_an_error_that_says_why() {
        let wrong = |text: &str| EnginePacket::decode(text).unwrap_err();
        assert_eq!(wrong(""), CodecError::Empty);
        assert_eq!(wrong("é"), CodecError::EngineType('é'));
        assert_eq!(wrong("4"), CodecError::NoPacket);
        assert_eq!(wrong("49"), CodecError::SocketType('9'));
        assert_eq!(
            wrong(r#"42/admin,["x"]"#),
            CodecError::Namespace("/admin".into())
        );
        assert_eq!(wrong("43[]"), CodecError::AckId);
        assert_eq!(wrong("4399999999999999999999[]"), CodecError::AckId);
        assert!(matches!(wrong("42[]"), CodecError::Shape(_)));
        assert!(matches!(wrong("42[1]"), CodecError::Shape(_)));
        assert!(matches!(wrong("42{}"), CodecError::Shape(_)));
        assert!(matches!(wrong("42["), CodecError::Json(_)));
        assert!(matches!(wrong("0{}"), CodecError::Shape(_)));
        assert!(matches!(
            wrong(r#"0{"sid":"s","pingInterval":0}"#),
            CodecError::Shape(_)
        ));
        assert!(matches!(
            wrong(r#"0{"sid":"s","pingTimeout":1e99}"#),
            CodecError::Shape(_)
        ));
        assert!(matches!(
            wrong(&format!("42{}", "[".repeat(100_000))),
            CodecError::Json(_)
        ));
        assert_eq!(
            wrong(&"4".repeat(MAX_FRAME + 1)),
            CodecError::TooLong(MAX_FRAME + 1)
        );
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn any_packet() -> impl Strategy<Value = Packet> {
        let args = || prop::collection::vec(value(), 0..3);
        let object = || {
            prop::collection::btree_map(".{0,4}", value(), 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect()))
        };
        prop_oneof![
            object().prop_map(Packet::Connect),
            Just(Packet::Disconnect),
            (any::<Option<u64>>(), ".{0,12}", args())
                .prop_map(|(ack, name, args)| { Packet::Event { ack, name, args } }),
            (any::<u64>(), args()).prop_map(|(id, args)| Packet::Ack { id, args }),
            object().prop_map(Packet::ConnectError),
            Just(Packet::Binary),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(packet in any_packet()) {
            let text = packet.encode();
            prop_assert_eq!(EnginePacket::decode(&text), Ok(EnginePacket::Message(packet)));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-6b]?[0-6]?.{0,40}") {
            let _ = EnginePacket::decode(&text);
        }

        #[test]
        fn no_broken_frame_makes_it_panic(
            packet in any_packet(),
            cut in any::<prop::sample::Index>(),
            put in any::<char>(),
        ) {
            let mut text: Vec<char> = packet.encode().chars().collect();
            let at = cut.index(text.len());
            text[at] = put;
            let changed: String = text.iter().collect();
            let _ = EnginePacket::decode(&changed);
            let short: String = text[..at].iter().collect();
            let _ = EnginePacket::decode(&short);
        }
    }
}
