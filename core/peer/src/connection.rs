//! A connection's task: carries out commands one after the other and reports what the engine tells.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::PeerConnection;

use crate::audio_source::AudioOutlet;
use crate::config::{IcePolicy, IceServer, PeerConfig, PeerMedia, VideoCodec};
use crate::description::{self, Media, Remote};
use crate::engine;
use crate::event::{PeerError, PeerEvent, PeerState, TrackKind};
use crate::handler::Notice;
use crate::link::Link;
use crate::negotiate::Negotiation;
use crate::nudge::Nudge;
use crate::peer::Command;
use crate::permission::Permitted;
use crate::receive::{self, Acceptance, Formats, VideoTally};
use crate::send::{self, Sender};
use crate::stats::{self, PeerStats};
use crate::video_source::VideoOutlet;

/// Remote tracks that are read; more are not looked at.
const MAX_TRACKS: usize = 8;

struct Connection {
    engine: Arc<dyn PeerConnection>,
    negotiation: Negotiation,
    /// Our codecs for pictures, the preferred first.
    codecs: Vec<VideoCodec>,
    /// Our first offer holds the screen.
    offers_screen: bool,
    media: PeerMedia,
    link: Arc<Link>,
    events: mpsc::UnboundedSender<PeerEvent>,
    state: PeerState,
    audio: Sending<AudioOutlet>,
    video: Sending<VideoOutlet>,
    /// From the first description that has a place for it.
    screen: Option<Sending<VideoOutlet>>,
    permitted: Permitted,
    formats: Arc<Mutex<Formats>>,
    tally: Arc<Mutex<VideoTally>>,
    /// Kinds that have a track.
    remote: Vec<TrackKind>,
    tasks: JoinSet<()>,
}

/// One kind of media on its way out.
struct Sending<Outlet> {
    sender: Sender,
    outlet: Arc<Outlet>,
    /// A payload type was agreed, and the other end receives.
    agreed: bool,
    /// It was let through when that was last looked at.
    was_open: bool,
}

/// Runs a connection from opening to closing.
pub(crate) async fn run(
    config: PeerConfig,
    permitted: Permitted,
    mut commands: mpsc::Receiver<Command>,
    events: mpsc::UnboundedSender<PeerEvent>,
) {
    let (notify, mut notices) = mpsc::unbounded_channel();
    match Connection::open(config, permitted, &notify, &events).await {
        Ok(mut connection) => {
            let served = connection.serve(&mut commands, &mut notices);
            if AssertUnwindSafe(served).catch_unwind().await.is_err() {
                tracing::error!("a connection panicked and is closed");
                connection.tell(PeerEvent::State(PeerState::Failed));
            }
            connection.close().await;
        }
        Err(error) => {
            tracing::warn!(%error, "connection not opened");
            let _ = events.send(PeerEvent::State(PeerState::Failed));
            refuse(&mut commands, &events, &error).await;
        }
    }
    commands.close();
    while let Ok(command) = commands.try_recv() {
        refuse_one(&command, &events, &PeerError::Closed);
    }
    let _ = events.send(PeerEvent::State(PeerState::Closed));
}

/// Answers every operation with `error` until the caller closes.
async fn refuse(
    commands: &mut mpsc::Receiver<Command>,
    events: &mpsc::UnboundedSender<PeerEvent>,
    error: &PeerError,
) {
    while let Some(command) = commands.recv().await {
        if matches!(command, Command::Close) {
            return;
        }
        refuse_one(&command, events, error);
    }
}

fn refuse_one(command: &Command, events: &mpsc::UnboundedSender<PeerEvent>, error: &PeerError) {
    if let Some(op) = command.op() {
        let error = error.clone();
        let _ = events.send(PeerEvent::Failed { op, error });
    }
}

impl Connection {
    async fn open(
        config: PeerConfig,
        permitted: Permitted,
        notify: &mpsc::UnboundedSender<Notice>,
        events: &mpsc::UnboundedSender<PeerEvent>,
    ) -> Result<Self, PeerError> {
        let (camera, screen) = (
            config.media.video_source.clone(),
            config.media.screen_source.clone(),
        );
        let link = Arc::new(Link::new(move |kind| match kind {
            TrackKind::Screen => screen.want_key_frame(),
            _ => camera.want_key_frame(),
        }));
        let nudge = Nudge::default();
        let engine = engine::build(&config, &link, notify, &nudge).await?;
        let (audio, video) = match add_tracks(&engine, &config.video_codecs).await {
            Ok(senders) => senders,
            Err(error) => {
                shut(&engine).await;
                return Err(error);
            }
        };
        let mut tasks = JoinSet::new();
        let (source, allowed) = (&config.media.audio_source, &permitted.send);
        let (outlet, packets) = source.attach(link.clone(), allowed.clone());
        tasks.spawn(send::send_audio(audio.writer(), outlet.clone(), packets));
        let audio = Sending::new(audio, outlet);
        let source = &config.media.video_source;
        let (outlet, frames) = source.attach(TrackKind::Video, link.clone(), allowed.clone());
        tasks.spawn(send::send_video(video.writer(), outlet.clone(), frames));
        let video = Sending::new(video, outlet);
        Ok(Self {
            negotiation: Negotiation::new(engine.clone(), nudge, &config),
            engine,
            codecs: config.video_codecs,
            offers_screen: config.screen,
            media: config.media,
            link,
            events: events.clone(),
            state: PeerState::New,
            audio,
            video,
            screen: None,
            permitted,
            formats: Arc::default(),
            tally: Arc::default(),
            remote: Vec::new(),
            tasks,
        })
    }

    /// Until the caller closes or lets go.
    async fn serve(
        &mut self,
        commands: &mut mpsc::Receiver<Command>,
        notices: &mut mpsc::UnboundedReceiver<Notice>,
    ) {
        loop {
            tokio::select! {
                command = commands.recv() => match command {
                    None | Some(Command::Close) => return,
                    Some(command) => self.carry_out(command).await,
                },
                Some(notice) = notices.recv() => self.notice(notice),
                // The outlets follow by themselves.
                Ok(()) = self.permitted.send.changed() => self.want_first_key_frames(),
            }
        }
    }

    async fn carry_out(&mut self, command: Command) {
        match command {
            Command::CreateOffer { op, ice_restart } => {
                let offer = self.create_offer(ice_restart).await;
                self.conclude(op, offer.map(|sdp| PeerEvent::Offer { op, sdp }));
            }
            Command::AcceptOffer { op, sdp } => {
                let answer = self.accept_offer(&sdp).await;
                self.conclude(op, answer.map(|sdp| PeerEvent::Answer { op, sdp }));
                self.add_waiting_candidates().await;
            }
            Command::AcceptAnswer { op, sdp } => {
                let applied = self.accept_answer(&sdp).await;
                self.conclude(op, applied.map(|()| PeerEvent::Applied { op }));
                self.add_waiting_candidates().await;
            }
            Command::AddCandidate(candidate) => {
                if let Err(error) = self.negotiation.add_candidate(candidate).await {
                    self.tell(PeerEvent::Refused { error });
                }
            }
            Command::SetIce { servers, policy } => self.set_ice(&servers, policy).await,
            Command::RequestKeyFrame => self.media.video_sink.want_key_frame(),
            Command::Stats(reply) => {
                // The caller may have given up waiting.
                let _ = reply.send(self.stats().await);
            }
            // Handled where commands are taken.
            Command::Close => {}
        }
    }

    async fn create_offer(&mut self, ice_restart: bool) -> Result<String, PeerError> {
        if self.offers_screen && self.negotiation.is_new() {
            self.add_screen().await?;
        }
        self.negotiation.create_offer(ice_restart).await
    }

    async fn accept_offer(&mut self, sdp: &str) -> Result<String, PeerError> {
        let remote = self.negotiation.read_offer(sdp, self.codecs_agreed())?;
        if remote.media(TrackKind::Screen).is_some() {
            self.add_screen().await?;
        }
        self.prepare(&remote).await;
        let answer = self.negotiation.accept_offer(&remote).await?;
        self.settle(&remote).await;
        Ok(answer)
    }

    async fn accept_answer(&mut self, sdp: &str) -> Result<(), PeerError> {
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
        self.link.add_screen([ssrc, send::rtx_ssrc(ssrc)]);
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
            self.link.add_screen(media.ssrcs.iter().copied());
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

    fn conclude(&mut self, op: u64, result: Result<PeerEvent, PeerError>) {
        self.tell(result.unwrap_or_else(|error| PeerEvent::Failed { op, error }));
    }

    async fn add_waiting_candidates(&mut self) {
        for error in self.negotiation.add_waiting_candidates().await {
            self.tell(PeerEvent::Refused { error });
        }
    }

    async fn set_ice(&self, servers: &[IceServer], policy: IcePolicy) {
        let configuration = engine::configuration(servers, policy);
        if let Err(error) = self.engine.set_configuration(configuration).await {
            let error = PeerError::IceServers(error.to_string());
            self.tell(PeerEvent::Refused { error });
        }
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
            } => self.tell(PeerEvent::Candidate {
                candidate,
                sdp_mid,
                sdp_m_line_index,
            }),
            Notice::GatheringComplete => self.tell(PeerEvent::Candidate {
                candidate: String::new(),
                sdp_mid: String::new(),
                sdp_m_line_index: 0,
            }),
            Notice::State(state) => self.enter(state),
            Notice::Track(track) => self.read(track),
            Notice::DriverEnded => {
                tracing::error!("the engine of a connection ended by itself");
                self.enter(PeerState::Failed);
            }
        }
    }

    fn enter(&mut self, state: PeerState) {
        if self.state == state {
            return;
        }
        tracing::debug!("{:?} -> {state:?}", self.state);
        self.state = state;
        if state == PeerState::Connected {
            // Whatever was sent while the path was broken is lost.
            for pictures in self.pictures() {
                pictures.outlet.set_broken();
                pictures.was_open = false;
            }
        }
        self.switch_outlets();
        self.tell(PeerEvent::State(state));
    }

    fn pictures(&mut self) -> impl Iterator<Item = &mut Sending<VideoOutlet>> {
        std::iter::once(&mut self.video).chain(&mut self.screen)
    }

    /// Tells the outlets whether the connection carries what they let through.
    fn switch_outlets(&mut self) {
        // A path that went silent may come back: it is still sent to.
        let connected = matches!(self.state, PeerState::Connected | PeerState::Disconnected);
        self.audio.outlet.set_ready(connected && self.audio.agreed);
        for pictures in self.pictures() {
            pictures.outlet.set_ready(connected && pictures.agreed);
        }
        self.want_first_key_frames();
    }

    /// Pictures that are let through begin with a key frame.
    fn want_first_key_frames(&mut self) {
        let sources = [
            self.media.video_source.clone(),
            self.media.screen_source.clone(),
        ];
        for (pictures, source) in self.pictures().zip(sources) {
            let open = pictures.outlet.is_open();
            let was_open = std::mem::replace(&mut pictures.was_open, open);
            if open && !was_open {
                source.want_key_frame();
            }
        }
    }

    /// Starts to read a remote track. The first of each kind is handed on, others are discarded.
    fn read(&mut self, track: Arc<dyn TrackRemote>) {
        if self.remote.len() >= MAX_TRACKS {
            return;
        }
        // Known to the track without waiting: nothing else holds its lock yet.
        let name = track.track_id().now_or_never().unwrap_or_default();
        let kind = description::kind_of_track(&name).filter(|kind| !self.remote.contains(kind));
        let Some(kind) = kind else {
            self.tasks.spawn(receive::discard(track));
            return;
        };
        self.remote.push(kind);
        self.tell(PeerEvent::RemoteTrack { kind });
        let acceptance = Acceptance {
            accepted: self.permitted.receive.clone(),
            events: self.events.clone(),
            formats: self.formats.clone(),
        };
        let (sink, tally, first) = match kind {
            TrackKind::Audio => {
                let sink = self.media.audio_sink.clone();
                self.tasks
                    .spawn(receive::receive_audio(track, sink, acceptance));
                return;
            }
            TrackKind::Video => (
                self.media.video_sink.clone(),
                self.tally.clone(),
                PeerEvent::FirstVideoFrame,
            ),
            TrackKind::Screen => (
                self.media.screen_sink.clone(),
                Arc::default(),
                PeerEvent::FirstScreenFrame,
            ),
        };
        let receiving = receive::receive_video(track, sink, acceptance, tally, first);
        self.tasks.spawn(receiving);
    }

    async fn stats(&self) -> PeerStats {
        let sources = stats::Sources {
            counters: self.link.counters(),
            target_bps: self.link.target_bps(),
            pushed: self.media.video_source.frames_pushed(),
            sink_dropped: self.media.video_sink.frames_dropped(),
            playout: self.media.audio_sink.statistics(),
        };
        stats::read(&self.engine, sources, &self.tally).await
    }

    /// Ends everything that the connection started.
    async fn close(mut self) {
        self.media.audio_source.detach(&self.audio.outlet);
        self.media.video_source.detach(&self.video.outlet);
        if let Some(screen) = &self.screen {
            self.media.screen_source.detach(&screen.outlet);
        }
        shut(&self.engine).await;
        self.tasks.shutdown().await;
    }

    fn tell(&self, event: PeerEvent) {
        // The caller may have stopped listening.
        let _ = self.events.send(event);
    }
}

impl<Outlet> Sending<Outlet> {
    fn new(sender: Sender, outlet: Arc<Outlet>) -> Self {
        Self {
            sender,
            outlet,
            agreed: false,
            was_open: false,
        }
    }
}

impl Sending<VideoOutlet> {
    /// Learns what was agreed. What we send from now on, or would.
    async fn settle(&mut self, media: Option<&Media>) -> Option<VideoCodec> {
        let codec = media.and_then(|media| media.codec);
        let has_type = self.sender.settle(codec).await;
        self.agreed = has_type && media.is_some_and(|media| media.direction.receive);
        let codec = codec.filter(|_| self.agreed);
        self.outlet.set_codec(codec);
        codec
    }
}

/// Sound and camera. An offer holds both, both ways, so that toggles never renegotiate.
async fn add_tracks(
    engine: &Arc<dyn PeerConnection>,
    codecs: &[VideoCodec],
) -> Result<(Sender, Sender), PeerError> {
    let audio = send::add_audio(engine, rand::random()).await?;
    let video = send::add_video(engine, rand::random(), codecs).await?;
    Ok((audio, video))
}

/// An engine that is dropped without this leaks a task and its sockets.
async fn shut(engine: &Arc<dyn PeerConnection>) {
    if let Err(error) = engine.close().await {
        tracing::warn!(%error, "the engine did not close cleanly");
    }
}
