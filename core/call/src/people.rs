//! The others in a call, and how events name them.

use ringwire_protocol::{
    CallParticipant, CallParticipantId, Capability, DeviceId, MediaType, ParticipantId, PeerId,
};

use crate::{CallEvent, CallKey};

/// People that one call lists; further ones are ignored.
const MAX_PEOPLE: usize = 64;

/// Somebody else in the call, or called.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) peer: PeerId,
    pub(crate) call_participant: Option<CallParticipantId>,
    pub(crate) participant: Option<ParticipantId>,
    pub(crate) joined: bool,
    pub(crate) display_name: Option<String>,
    pub(crate) username: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) audio: bool,
    pub(crate) video: bool,
    pub(crate) screen: bool,
    pub(crate) held: bool,
    pub(crate) device: Option<DeviceId>,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) reconnecting: bool,
}

impl Person {
    fn new(peer: PeerId) -> Self {
        Self {
            peer,
            call_participant: None,
            participant: None,
            joined: false,
            display_name: None,
            username: None,
            avatar: None,
            audio: true,
            video: true,
            screen: false,
            held: false,
            device: None,
            capabilities: Vec::new(),
            reconnecting: false,
        }
    }

    pub(crate) fn knows(&self, capability: &Capability) -> bool {
        self.capabilities.contains(capability)
    }

    /// What others are told of this person's media.
    pub(crate) fn shown(&self) -> [bool; 4] {
        [self.audio, self.video, self.screen, self.held]
    }

    /// News for the app.
    pub(crate) fn media_news(&self, key: CallKey) -> CallEvent {
        CallEvent::RemoteMedia {
            key,
            peer: self.peer.clone(),
            audio: self.audio,
            video: self.video,
            screen: self.screen,
            held: self.held,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct People(Vec<Person>);

impl People {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Person> {
        self.0.iter()
    }

    pub(crate) fn get(&self, peer: &PeerId) -> Option<&Person> {
        self.0.iter().find(|person| person.peer == *peer)
    }

    pub(crate) fn get_mut(&mut self, peer: &PeerId) -> Option<&mut Person> {
        self.0.iter_mut().find(|person| person.peer == *peer)
    }

    /// The person, listed now if not before; `None` when the list is full.
    pub(crate) fn entry(&mut self, peer: &PeerId) -> Option<&mut Person> {
        if self.get(peer).is_none() {
            if self.0.len() >= MAX_PEOPLE {
                return None;
            }
            self.0.push(Person::new(peer.clone()));
        }
        self.get_mut(peer)
    }

    /// Takes what the server says of a participant; what it leaves out stays as it was.
    pub(crate) fn merge(&mut self, said: &CallParticipant) {
        let Some(peer) = said.peer() else { return };
        let Some(person) = self.entry(peer) else {
            return;
        };
        fn take<T: Clone>(into: &mut Option<T>, said: &Option<T>) {
            if said.is_some() {
                into.clone_from(said);
            }
        }
        person.call_participant = Some(said.id.clone());
        take(&mut person.participant, &said.participant_id);
        take(&mut person.display_name, &said.display_name);
        take(&mut person.username, &said.username);
        take(&mut person.avatar, &said.avatar);
        if said.left_at.is_none() && said.device_id != person.device {
            // Another one than the device that rang; one without a name is an older app's.
            person.device.clone_from(&said.device_id);
            person.capabilities.clear();
        }
        if let Some(capabilities) = &said.capabilities {
            person.capabilities.clone_from(capabilities);
        }
        person.audio = said.is_audio_enabled;
        person.video = said.is_video_enabled;
        person.screen = said.is_screen_sharing.unwrap_or(person.screen);
        person.held = said.held.unwrap_or(person.held);
        person.joined = said.left_at.is_none();
    }

    /// Whom an event means: the user where it names one, else the member, which servers of the
    /// basic contract call by the user's id.
    pub(crate) fn named(
        &mut self,
        user: Option<&PeerId>,
        participant: &ParticipantId,
    ) -> Option<&mut Person> {
        self.0.iter_mut().find(|person| match user {
            Some(user) => person.peer == *user,
            None => {
                person.participant.as_ref() == Some(participant)
                    || person.peer.as_str() == participant.as_str()
            }
        })
    }

    /// Whom `call:participant-left` means.
    pub(crate) fn leaving(
        &mut self,
        peer: Option<&PeerId>,
        row: &CallParticipantId,
    ) -> Option<&mut Person> {
        self.0.iter_mut().find(|person| match peer {
            Some(peer) => person.peer == *peer,
            None => person.call_participant.as_ref() == Some(row),
        })
    }

    pub(crate) fn anybody_joined(&self) -> bool {
        self.0.iter().any(|person| person.joined)
    }

    /// Everybody who is in the call has said that their device knows `capability`.
    pub(crate) fn all_know(&self, capability: &Capability) -> bool {
        let mut joined = self.0.iter().filter(|person| person.joined);
        joined.all(|person| person.knows(capability))
    }
}

impl Person {
    /// Takes a toggle. True when it changed something.
    pub(crate) fn toggle(&mut self, media: &MediaType, enabled: bool) -> bool {
        let flag = match media {
            MediaType::Audio => &mut self.audio,
            MediaType::Video => &mut self.video,
            MediaType::Screen => &mut self.screen,
            MediaType::Hold => &mut self.held,
            MediaType::Unknown(_) => return false,
        };
        std::mem::replace(flag, enabled) != enabled
    }
}
