//! Two connections in one process over loopback UDP, their signaling passed from hand to hand.
#![allow(dead_code, missing_docs, unreachable_pub)]

use std::time::Duration;

use bytes::Bytes;
use ringwire_peer::{
    AudioSink, AudioSource, Peer, PeerConfig, PeerEvent, PeerEvents, PeerMedia, PeerState,
    Rotation, VideoCodec, VideoFrame, VideoSink, VideoSource,
};
use tokio::runtime::Handle;
use tokio::time::timeout;

pub const DEADLINE: Duration = Duration::from_secs(20);

pub fn media() -> PeerMedia {
    PeerMedia {
        audio_source: AudioSource::new(32_000).unwrap(),
        video_source: VideoSource::new(),
        screen_source: VideoSource::new(),
        audio_sink: AudioSink::new().unwrap(),
        video_sink: VideoSink::new(),
        screen_sink: VideoSink::new(),
    }
}

pub fn config(media: PeerMedia) -> PeerConfig {
    PeerConfig {
        bind: vec!["127.0.0.1:0".into()],
        ..PeerConfig::new(media)
    }
}

pub struct End {
    pub peer: Peer,
    pub events: PeerEvents,
    pub media: PeerMedia,
    /// All that was reported so far.
    pub log: Vec<PeerEvent>,
}

impl End {
    pub fn open() -> Self {
        Self::open_with(media())
    }

    pub fn open_with(media: PeerMedia) -> Self {
        let (peer, events) = Peer::open(config(media.clone()), &Handle::current());
        Self {
            peer,
            events,
            media,
            log: Vec::new(),
        }
    }

    pub async fn next(&mut self) -> PeerEvent {
        let event = timeout(DEADLINE, self.events.recv())
            .await
            .expect("no event in time")
            .expect("events ended");
        self.log.push(event.clone());
        event
    }

    pub fn allow_all(&self) {
        self.peer.set_send(true, true, true);
        self.peer.set_receive(true);
    }

    pub fn is_connected(&self) -> bool {
        let state = self.log.iter().rev().find_map(|event| match event {
            PeerEvent::State(state) => Some(*state),
            _ => None,
        });
        state == Some(PeerState::Connected)
    }
}

pub struct TwoEnds {
    pub a: End,
    pub b: End,
    /// Where `a` must send to reach `b`, if not to `b` itself.
    pub path: Option<std::net::SocketAddr>,
}

impl TwoEnds {
    pub fn open() -> Self {
        Self {
            a: End::open(),
            b: End::open(),
            path: None,
        }
    }

    /// `a` has offered and both are connected.
    pub async fn connected() -> Self {
        let mut ends = Self::open();
        ends.a.peer.create_offer(1, false);
        ends.until(|ends| ends.a.is_connected() && ends.b.is_connected())
            .await;
        ends
    }

    /// Carries signaling between the two until `done`.
    pub async fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let carried = async {
            while !done(self) {
                self.carry_one().await;
            }
        };
        if timeout(DEADLINE, carried).await.is_err() {
            panic!("a: {:#?}\nb: {:#?}", kinds(&self.a.log), kinds(&self.b.log));
        }
    }

    /// Carries signaling between the two for as long as `work` takes.
    pub async fn during<T>(&mut self, work: impl Future<Output = T>) -> T {
        let work = timeout(DEADLINE, work);
        tokio::pin!(work);
        loop {
            tokio::select! {
                output = &mut work => return output.expect("not done in time"),
                () = self.carry_one() => {}
            }
        }
    }

    async fn carry_one(&mut self) {
        tokio::select! {
            event = self.a.events.recv() => {
                let event = event.expect("a ended");
                self.a.log.push(event.clone());
                // Over a path `b` learns where `a` is from its checks.
                if self.path.is_none() || !matches!(event, PeerEvent::Candidate { .. }) {
                    deliver(event, &self.b.peer);
                }
            }
            event = self.b.events.recv() => {
                let event = event.expect("b ended");
                self.b.log.push(event.clone());
                deliver(self.over_path(event), &self.a.peer);
            }
        }
    }

    /// A candidate of `b` with the address of the path in place of its own.
    fn over_path(&self, mut event: PeerEvent) -> PeerEvent {
        if let (Some(path), PeerEvent::Candidate { candidate, .. }) = (self.path, &mut event)
            && !candidate.is_empty()
        {
            let mut fields: Vec<String> = candidate.split(' ').map(str::to_owned).collect();
            (fields[4], fields[5]) = (path.ip().to_string(), path.port().to_string());
            *candidate = fields.join(" ");
        }
        event
    }

    /// Where `b` listens: the address of its first candidate.
    pub fn address_of_b(&self) -> Option<std::net::SocketAddr> {
        self.b.log.iter().find_map(|event| match event {
            PeerEvent::Candidate { candidate, .. } if !candidate.is_empty() => {
                let fields: Vec<&str> = candidate.split(' ').collect();
                format!("{}:{}", fields[4], fields[5]).parse().ok()
            }
            _ => None,
        })
    }

    pub async fn close(self) {
        tokio::join!(self.a.peer.close(), self.b.peer.close());
    }
}

fn deliver(event: PeerEvent, to: &Peer) {
    match event {
        PeerEvent::Offer { op, sdp } => to.accept_offer(op, sdp),
        PeerEvent::Answer { op, sdp } => to.accept_answer(op, sdp),
        PeerEvent::Candidate {
            candidate,
            sdp_mid,
            sdp_m_line_index,
        } => to.add_candidate(candidate, Some(sdp_mid), Some(sdp_m_line_index)),
        PeerEvent::Failed { op, error } => panic!("operation {op}: {error}"),
        PeerEvent::Refused { error } => panic!("refused: {error}"),
        _ => {}
    }
}

/// The events without their descriptions.
fn kinds(log: &[PeerEvent]) -> Vec<String> {
    log.iter()
        .map(|event| format!("{event:?}").chars().take(60).collect())
        .collect()
}

/// A frame with a true VP8 header (RFC 6386 §9.1) and a body that tells it from every other.
pub fn vp8(index: u64, key_frame: bool, len: usize) -> VideoFrame {
    let header_len: usize = if key_frame { 10 } else { 3 };
    let body: Vec<u8> = (0..len.max(64))
        .map(|at| (at as u64 * 31 + index * 7) as u8)
        .collect();
    let first_partition = (body.len() as u32 / 2) << 5;
    let shown = 1 << 4;
    let tag = first_partition | shown | u32::from(!key_frame);
    let mut data = tag.to_le_bytes()[..3].to_vec();
    if key_frame {
        data.extend([0x9d, 0x01, 0x2a]);
        data.extend(320u16.to_le_bytes());
        data.extend(240u16.to_le_bytes());
    }
    assert_eq!(data.len(), header_len);
    data.extend(body);
    VideoFrame {
        codec: VideoCodec::Vp8,
        data: Bytes::from(data),
        timestamp: Duration::from_nanos(index * 1_000_000_000 / 30),
        key_frame,
        rotation: Rotation::None,
    }
}

/// A camera: 30 frames a second, the first and each wanted one a key frame. Ends when dropped.
pub struct Camera(tokio::task::JoinHandle<()>);

impl Camera {
    pub fn start(source: VideoSource) -> Self {
        Self(tokio::spawn(async move {
            let mut ticks = tokio::time::interval(Duration::from_nanos(1_000_000_000 / 30));
            let mut index = 0;
            loop {
                ticks.tick().await;
                let key_frame = source.take_key_frame_wanted() || index == 0;
                let len = if key_frame { 12_000 } else { 2_500 };
                source.push(&vp8(index, key_frame, len)).unwrap();
                index += 1;
            }
        }))
    }
}

impl Camera {
    pub async fn stop(mut self) {
        self.0.abort();
        let _ = (&mut self.0).await;
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Until the camera of `source` has taken `count` more pictures.
pub async fn pictures(source: &VideoSource, count: u64) {
    let (before, _) = source.frames_pushed();
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    while source.frames_pushed().0 < before + count {
        ticks.tick().await;
    }
}
