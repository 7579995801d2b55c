//! What a connection does before and after each description: tracks, codecs, formats, outlets.

use crate::config::VideoCodec;
use crate::connection::{Connection, Sending};
use crate::description::Remote;
use crate::event::{PeerError, PeerEvent, TrackKind};
use crate::send;

impl Connection {
    pub(super) async fn create_offer(&mut self, ice_restart: bool) -> Result<String, PeerError> {
        if self.offers_screen && self.negotiation.is_new() {
            self.add_screen().await?;
        }
        self.negotiation.create_offer(ice_restart).await
    }

    pub(super) async fn accept_offer(&mut self, sdp: &str) -> Result<String, PeerError> {
        let remote = self.negotiation.read_offer(sdp, self.codecs_agreed())?;
        if remote.media(TrackKind::Screen).is_some() {
            self.add_screen().await?;
        }
        self.prepare(&remote).await;
        let drops_restart = self.negotiation.drops_restart(&remote);
        let answer = self.negotiation.accept_offer(&remote).await;
        // Even if theirs could not be taken in the end.
        if drops_restart && !self.negotiation.is_offering() {
            self.tell(PeerEvent::RestartDropped);
        }
        let answer = answer?;
        self.settle(&remote).await;
        Ok(answer)
    }

    pub(super) async fn accept_answer(&mut self, sdp: &str) -> Result<(), PeerError> {
        let remote = self.negotiation.read_answer(sdp, self.codecs_agreed())?;
        self.prepare(&remote).await;
        self.negotiation.accept_answer(&remote).await?;
        self.settle(&remote).await;
        Ok(())
    }

    /// Adds the track of the screen, unless it is there.
    async fn add_screen(&mut self) -> Result<(), PeerError> {
        if self.screen.is_some() {
            return Ok(());
        }
        let ssrc: u32 = rand::random();
        self.link.set_our_screen(vec![ssrc, send::rtx_ssrc(ssrc)]);
        let sender = send::add_video(&self.engine, ssrc, &self.codecs).await?;
        let (source, allowed) = (&self.media.screen_source, &self.permitted.send);
        let link = self.link.clone();
        let (outlet, frames) = source.attach(TrackKind::Screen, link, allowed.clone());
        let sending = send::send_video(sender.writer(), outlet.clone(), frames);
        self.tasks.spawn(sending);
        self.screen = Some(Sending::new(sender, outlet));
        Ok(())
    }

    /// Camera and screen.
    fn codecs_agreed(&self) -> [Option<VideoCodec>; 2] {
        let screen = self.screen.as_ref();
        [
            self.video.sender.codec(),
            screen.and_then(|screen| screen.sender.codec()),
        ]
    }

    /// Before a description is applied, after which packets may come and go at once.
    async fn prepare(&self, remote: &Remote) {
        *self.formats.lock() = self.negotiation.formats(remote);
        if let Some(media) = remote.media(TrackKind::Screen) {
            self.link.set_their_screen(media.ssrcs.clone());
        }
        let codec = |kind| remote.media(kind).and_then(|media| media.codec);
        self.video.sender.prepare(codec(TrackKind::Video)).await;
        if let Some(screen) = &self.screen {
            screen.sender.prepare(codec(TrackKind::Screen)).await;
        }
    }

    /// After a negotiation has come to its end.
    async fn settle(&mut self, remote: &Remote) {
        let audio = remote.media(TrackKind::Audio);
        let has_type = self.audio.sender.settle(None).await;
        self.audio.agreed = has_type && audio.is_some_and(|audio| audio.direction.receive);
        let video = self.video.settle(remote.media(TrackKind::Video)).await;
        let screen = match &mut self.screen {
            Some(screen) => screen.settle(remote.media(TrackKind::Screen)).await,
            None => None,
        };
        self.switch_outlets();
        self.tell(PeerEvent::Codecs { video, screen });
    }
}
