//! What the server and the others are told of microphone, camera, screen, hold and background.

use ringwire_protocol::client::{OfParticipant, Toggle};
use ringwire_protocol::{CallParticipant, Capability, ClientEvent, MediaSettings};

use super::{Active, Call, Membership, Reconnecting, State};
use crate::LocalMedia;
use crate::outbox::Cx;

/// What the server thinks that I send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(super) media: LocalMedia,
    pub(super) held: bool,
}

impl Call {
    /// What is to be told. To those who do not know `call:hold`, a held call has all turned off.
    fn to_tell(&self, cx: &Cx<'_>) -> Told {
        let hold_is_known =
            cx.line.knows(&Capability::Hold) && self.people.all_know(&Capability::Hold);
        let mut media = self.media;
        if self.held && !hold_is_known {
            media = LocalMedia::default();
        }
        let link = self.state.talk().and_then(|talk| talk.link.as_ref());
        media.screen &= cx.line.knows(&Capability::Screen) && link.is_none_or(|link| link.screen);
        Told {
            media,
            held: self.held && hold_is_known,
        }
    }

    /// What the call is started or joined with; the server has it from there on.
    pub(super) fn tell_settings(&mut self, cx: &Cx<'_>) -> MediaSettings {
        let media = self.to_tell(cx).media;
        self.told = Told { media, held: false };
        MediaSettings {
            audio_enabled: Some(media.microphone),
            video_enabled: Some(media.camera),
            screen_share_enabled: media.screen.then_some(true),
        }
    }

    /// Takes from my own row what the server thinks that I send, and puts it right.
    pub(super) fn told_by_row(&mut self, mine: &CallParticipant, cx: &mut Cx<'_>) {
        self.told = Told {
            media: LocalMedia {
                microphone: mine.is_audio_enabled,
                camera: mine.is_video_enabled,
                screen: mine.is_screen_sharing.unwrap_or(self.told.media.screen),
            },
            held: mine.held.unwrap_or(self.told.held),
        };
        self.tell_media(cx);
    }

    /// Tells the server what it does not know yet.
    pub(super) fn tell_media(&mut self, cx: &mut Cx<'_>) {
        let Some(id) = self.call_id().cloned() else {
            return;
        };
        let told_to_server = match &self.state {
            State::Calling(_) | State::Ringing(_) => true,
            State::Connecting(talk)
            | State::Active(Active { talk, .. })
            | State::Reconnecting(Reconnecting { talk, .. }) => talk.membership == Membership::In,
            State::Incoming(_) | State::Offered(_) | State::Ended(_) => false,
        };
        if !told_to_server || !cx.line.is_up() {
            return;
        }
        let (before, now) = (self.told, self.to_tell(cx));
        let toggle = |enabled| Toggle {
            call_id: id.clone(),
            enabled,
        };
        // A hold before what it covers, and what it covered before its end.
        if now.held && !before.held {
            cx.tell(ClientEvent::Hold(toggle(true)));
        }
        if before.media.microphone != now.media.microphone {
            cx.tell(ClientEvent::ToggleAudio(toggle(now.media.microphone)));
        }
        if before.media.camera != now.media.camera {
            cx.tell(ClientEvent::ToggleVideo(toggle(now.media.camera)));
        }
        if before.media.screen != now.media.screen {
            cx.tell(ClientEvent::ToggleScreen(toggle(now.media.screen)));
        }
        if before.held && !now.held {
            cx.tell(ClientEvent::Hold(toggle(false)));
        }
        self.told = now;
    }

    /// Tells whether the app is in the background.
    pub(crate) fn tell_background(&self, cx: &mut Cx<'_>) {
        let is_in = self
            .state
            .talk()
            .is_some_and(|talk| talk.membership == Membership::In);
        if let (true, Some(call_id), Some(participant_id)) =
            (is_in, self.call_id().cloned(), self.participant_id(cx))
        {
            let who = OfParticipant {
                call_id,
                participant_id,
            };
            cx.tell(match cx.line.background {
                true => ClientEvent::Backgrounded(who),
                false => ClientEvent::Foregrounded(who),
            });
        }
    }
}
