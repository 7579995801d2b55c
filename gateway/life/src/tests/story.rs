//! A call on virtual time, and who was told what.

use std::time::Duration;

use ringwire_protocol::{
    CallId, CallStatus, CallType, Capability, ConversationId, DeviceId, MediaSettings,
    ParticipantId, PeerId, ServerEvent, Signal, SignalBody, Timestamp,
};

use crate::{
    Actor, Audience, Call, Command, Conversation, ConversationKind, Emit, Member, Refused, Reply,
    Start, Timers,
};

/// Somebody on a device: `alice/phone`.
pub(crate) fn actor(who: &str) -> Actor {
    let (peer, device) = who.split_once('/').unwrap_or((who, "phone"));
    Actor {
        peer: PeerId::new(peer).unwrap(),
        device: DeviceId::new(device).unwrap(),
        named: true,
        capabilities: vec![Capability::Ringing],
    }
}

pub(crate) fn peer(name: &str) -> PeerId {
    PeerId::new(name).unwrap()
}

fn member(name: &str) -> Member {
    Member {
        peer: peer(name),
        anonymous: false,
        participant: ParticipantId::new(format!("member-{name}")).unwrap(),
        username: name.to_owned(),
        display_name: Some(name.to_uppercase()),
        avatar: None,
    }
}

pub(crate) fn start(kind: ConversationKind, members: &[&str]) -> Start {
    Start {
        call: CallId::new("call").unwrap(),
        row: "row-0".parse().unwrap(),
        conversation: Conversation {
            id: ConversationId::new("conversation").unwrap(),
            kind,
            title: None,
        },
        members: members.iter().map(|name| member(name)).collect(),
        call_type: CallType::Video,
        settings: MediaSettings::default(),
    }
}

pub(crate) fn signal(kind: &str, from: &str, to: &str) -> Signal {
    let sdp = "v=0\r\nm=audio".to_owned();
    Signal {
        from: peer(from),
        to: peer(to),
        negotiation_id: None,
        from_device: None,
        to_device: None,
        connection: None,
        body: match kind {
            "offer" => SignalBody::Offer { sdp, tracks: None },
            "answer" => SignalBody::Answer { sdp },
            "restart" => SignalBody::IceRestart { sdp },
            candidate => SignalBody::Candidate {
                candidate: format!("candidate:{candidate}"),
                sdp_m_line_index: None,
                sdp_mid: None,
            },
        },
    }
}

/// A call that people talk to.
pub(crate) struct Story {
    pub(crate) call: Call,
    pub(crate) now: Timestamp,
    pub(crate) timers: Timers,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) reply: Reply,
    /// What came out of the last step.
    pub(crate) emits: Vec<Emit>,
    rows: u32,
}

impl Story {
    /// Alice calls Bob.
    pub(crate) fn direct() -> Self {
        Self::begin(ConversationKind::Direct, &["alice", "bob"])
    }

    /// Alice calls a group of six.
    pub(crate) fn group() -> Self {
        let members = ["alice", "bob", "carol", "dave", "erin", "frank"];
        Self::begin(ConversationKind::Group, &members)
    }

    fn begin(kind: ConversationKind, members: &[&str]) -> Self {
        let now = Timestamp::from_millis(1_800_000_000_000);
        let timers = Timers::default();
        let begun = Call::initiate(start(kind, members), &actor("alice"), now, &timers).unwrap();
        Self {
            call: begun.call,
            now,
            timers,
            deadline: begun.next_deadline,
            reply: begun.reply,
            emits: begun.emits,
            rows: 0,
        }
    }

    /// Alice and Bob are in an answered call.
    pub(crate) fn answered() -> Self {
        let mut story = Self::direct();
        story.join("bob");
        story.say("bob", Command::Signal(signal("answer", "bob", "alice")));
        assert_eq!(story.status(), CallStatus::Active);
        story
    }

    /// What somebody says is done.
    pub(crate) fn say(&mut self, who: &str, command: Command) {
        self.try_say(who, command).unwrap();
    }

    /// What the call becomes when an actor says something.
    pub(crate) fn act(&self, by: &Actor, command: Command) -> Call {
        let done = self.call.act(by, command, self.now, &self.timers).unwrap();
        done.call
    }

    pub(crate) fn try_say(&mut self, who: &str, command: Command) -> Result<(), Refused> {
        let done = self
            .call
            .act(&actor(who), command, self.now, &self.timers)?;
        assert!(done.call.version >= self.call.version);
        self.call = done.call;
        self.emits = done.emits;
        self.reply = done.reply;
        self.deadline = done.next_deadline;
        Ok(())
    }

    /// The code with which somebody is refused; nothing has changed then.
    pub(crate) fn refused(&mut self, who: &str, command: Command) -> String {
        let before = self.call.clone();
        let error = self.try_say(who, command).unwrap_err();
        assert_eq!(self.call, before);
        error.code.to_string()
    }

    pub(crate) fn join(&mut self, who: &str) {
        let command = self.joining();
        self.say(who, command);
    }

    pub(crate) fn joining(&mut self) -> Command {
        self.rows += 1;
        Command::Join {
            row: format!("row-{}", self.rows).parse().unwrap(),
            settings: MediaSettings::default(),
        }
    }

    /// Time passes, and the gateway wakes the call at each deadline. Keeps all that came out.
    pub(crate) fn pass(&mut self, span: Duration) {
        let until = self.now + span;
        let mut emits = Vec::new();
        while let Some(deadline) = self.deadline.filter(|deadline| *deadline <= until) {
            self.now = deadline;
            let woken = self.call.time(self.now, &self.timers);
            assert_ne!(woken.call, self.call, "woken for nothing at {deadline}");
            self.call = woken.call;
            self.deadline = woken.next_deadline;
            emits.extend(woken.emits);
        }
        self.now = until;
        self.emits = emits;
    }

    pub(crate) fn seconds(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    /// Everybody in the call sends a heartbeat every ten seconds, for so long.
    pub(crate) fn beat(&mut self, who: &[&str], seconds: u64) {
        for _ in 0..seconds / 10 {
            self.seconds(10);
            for name in who {
                self.say(name, Command::Heartbeat);
            }
        }
    }

    pub(crate) fn status(&self) -> CallStatus {
        self.call.status()
    }

    /// Why it ended.
    pub(crate) fn reason(&self) -> String {
        let end = self.call.end.as_ref().expect("the call goes on");
        end.reason.to_string()
    }

    /// `audience: event` of all that came out of the last step, in order.
    pub(crate) fn told(&self) -> Vec<String> {
        self.emits
            .iter()
            .map(|Emit { to, event }| {
                let to = match to {
                    Audience::User(peer) => format!("{peer}/*"),
                    Audience::Device(peer, device) => format!("{peer}/{device}"),
                    Audience::OtherDevices(peer, device) => format!("{peer}/!{device}"),
                };
                let name = event.name().trim_start_matches("call:");
                match event {
                    ServerEvent::Ended(p) => {
                        format!("{to}: {name} {}", p.reason.as_ref().unwrap())
                    }
                    ServerEvent::Signal(p) => format!("{to}: {}", kind(&p.signal)),
                    _ => format!("{to}: {name}"),
                }
            })
            .collect()
    }
}

fn kind(signal: &Signal) -> String {
    match &signal.body {
        SignalBody::Offer { .. } => "offer".into(),
        SignalBody::Answer { .. } => "answer".into(),
        SignalBody::IceRestart { .. } => "restart".into(),
        SignalBody::Candidate { candidate, .. } => candidate.clone(),
        SignalBody::Unknown { kind } => kind.clone(),
    }
}
