//! What a push says to a device that sleeps: a call rings, or rings no more. Its data is a map from
//! string to string, in an FCM data message as in an APNs payload.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::error::ProtocolError;
use crate::ids::BadId;
use crate::{CallId, ConversationId, ErrorCode, IceServer, PeerId, Timestamp};

/// A push of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Push {
    /// `type: call`: a call rings.
    Ring(RingPush),
    /// `type: call_cancel`: it rings no more.
    Cancel(CallId),
    /// `type: call_answered_elsewhere`: another device of mine has answered.
    AnsweredElsewhere(CallId),
}

/// The data of a ring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RingPush {
    /// The call.
    pub call_id: CallId,
    /// Where.
    pub conversation_id: ConversationId,
    /// Name to show.
    pub caller_name: String,
    /// Who calls.
    pub caller_user_id: PeerId,
    /// Address of a picture.
    pub caller_avatar: Option<String>,
    /// Video, else audio.
    pub is_video: bool,
    /// STUN and TURN; empty where the push holds none.
    pub ice_servers: Vec<IceServer>,
    /// When the ring ends.
    pub ring_deadline: Option<Timestamp>,
}

impl Push {
    /// Reads the data of a push; `None` when it is not about a call.
    ///
    /// # Errors
    /// VALIDATION_ERROR that names the field which is missing or wrong.
    pub fn parse(data: &BTreeMap<String, String>) -> Result<Option<Self>, ProtocolError> {
        Ok(Some(match data.get("type").map(String::as_str) {
            Some("call") => Self::Ring(RingPush {
                call_id: id(data, "callId")?,
                conversation_id: id(data, "conversationId")?,
                caller_name: data.get("callerName").cloned().unwrap_or_default(),
                caller_user_id: id(data, "callerUserId")?,
                caller_avatar: data
                    .get("callerAvatar")
                    .filter(|it| !it.is_empty())
                    .cloned(),
                is_video: data.get("isVideo").is_none_or(|it| it != "false"),
                ice_servers: ice_servers(data)?,
                ring_deadline: ring_deadline(data)?,
            }),
            Some("call_cancel") => Self::Cancel(id(data, "callId")?),
            Some("call_answered_elsewhere") => Self::AnsweredElsewhere(id(data, "callId")?),
            _ => return Ok(None),
        }))
    }

    /// The data of this push.
    pub fn to_data(&self) -> BTreeMap<String, String> {
        let mut data = BTreeMap::new();
        let mut put = |name: &str, value: String| data.insert(name.to_owned(), value);
        match self {
            Self::Ring(ring) => {
                put("type", "call".into());
                put("callId", ring.call_id.to_string());
                put("conversationId", ring.conversation_id.to_string());
                put("callerName", ring.caller_name.clone());
                put("callerUserId", ring.caller_user_id.to_string());
                put(
                    "callerAvatar",
                    ring.caller_avatar.clone().unwrap_or_default(),
                );
                put("isVideo", ring.is_video.to_string());
                let servers = serde_json::to_string(&ring.ice_servers);
                put("iceServers", servers.unwrap_or_else(|_| "[]".into()));
                if let Some(deadline) = ring.ring_deadline {
                    put("ringDeadline", deadline.to_string());
                }
            }
            Self::Cancel(call) => {
                put("type", "call_cancel".into());
                put("callId", call.to_string());
            }
            Self::AnsweredElsewhere(call) => {
                put("type", "call_answered_elsewhere".into());
                put("callId", call.to_string());
            }
        }
        data
    }

    /// The call that the push is about.
    pub fn call_id(&self) -> &CallId {
        match self {
            Self::Ring(ring) => &ring.call_id,
            Self::Cancel(call) | Self::AnsweredElsewhere(call) => call,
        }
    }
}

fn wrong(field: &str, problem: impl Into<String>) -> ProtocolError {
    ProtocolError::new("push", field, problem, ErrorCode::ValidationError)
}

fn id<T: FromStr<Err = BadId>>(
    data: &BTreeMap<String, String>,
    field: &str,
) -> Result<T, ProtocolError> {
    let text = data
        .get(field)
        .ok_or_else(|| wrong(field, "it is missing"))?;
    text.parse()
        .map_err(|bad: BadId| wrong(field, bad.to_string()))
}

fn ice_servers(data: &BTreeMap<String, String>) -> Result<Vec<IceServer>, ProtocolError> {
    match data.get("iceServers").filter(|it| !it.is_empty()) {
        Some(json) => serde_json::from_str(json)
            .map_err(|error| wrong("iceServers", format!("not a JSON list of servers: {error}"))),
        None => Ok(Vec::new()),
    }
}

fn ring_deadline(data: &BTreeMap<String, String>) -> Result<Option<Timestamp>, ProtocolError> {
    let Some(text) = data.get("ringDeadline").filter(|it| !it.is_empty()) else {
        return Ok(None);
    };
    let wanted = "an instant in RFC 3339, such as 2026-11-23T09:30:00Z";
    Timestamp::parse(text)
        .map(Some)
        .ok_or_else(|| wrong("ringDeadline", wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> Push {
        Push::Ring(RingPush {
            call_id: CallId::new("c").unwrap(),
            conversation_id: ConversationId::new("v").unwrap(),
            caller_name: "Alice".into(),
            caller_user_id: PeerId::new("a").unwrap(),
            caller_avatar: None,
            is_video: false,
            ice_servers: vec![IceServer {
                urls: vec!["stun:stun.example:3478".into()],
                username: None,
                credential: None,
            }],
            ring_deadline: Timestamp::parse("2026-11-23T09:30:00Z"),
        })
    }

    #[test]
    fn every_push_is_read_as_it_was_written() {
        let call = CallId::new("c").unwrap();
        for push in [
            ring(),
            Push::Cancel(call.clone()),
            Push::AnsweredElsewhere(call),
        ] {
            assert_eq!(Push::parse(&push.to_data()), Ok(Some(push)));
        }
    }

    #[test]
    fn a_push_of_something_else_is_none_of_ours() {
        let data = BTreeMap::from([("type".to_owned(), "message".to_owned())]);
        assert_eq!(Push::parse(&data), Ok(None));
        assert_eq!(Push::parse(&BTreeMap::new()), Ok(None));
    }

    #[test]
    fn a_bad_field_is_named() {
        for (field, value) in [
            ("callId", ""),
            ("callerUserId", "ü"),
            ("iceServers", "[{"),
            ("ringDeadline", "soon"),
        ] {
            let mut data = ring().to_data();
            data.insert(field.into(), value.into());
            assert_eq!(Push::parse(&data).unwrap_err().field, field);
            let wants_it = !matches!(field, "iceServers" | "ringDeadline");
            data.remove(field);
            assert_eq!(Push::parse(&data).is_err(), wants_it);
        }
    }
}
