//! The receiving half of a connection: one task per remote track, which takes every packet at once and hands
//! what the person has accepted to the sink. Pictures are asked for until the first key frame is there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use ringwire_media::{
    Rotation, RtpPacket, VideoAssembler, VideoAssemblerConfig, VideoCodec, VideoStatistics,
};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep_until;
use webrtc::media_stream::track_remote::{TrackRemote, TrackRemoteEvent};

use crate::audio_sink::AudioSink;
use crate::codec::Offered;
use crate::event::PeerEvent;
use crate::video_sink::VideoSink;

/// Shortest time between two key frames that the shell's decoder asks for.
const ASK_AGAIN: Duration = Duration::from_millis(300);

/// What both tasks share with their connection.
#[derive(Clone)]
pub(crate) struct Acceptance {
    /// Whether what arrives is handed on or discarded.
    pub(crate) accepted: watch::Receiver<bool>,
    pub(crate) events: mpsc::UnboundedSender<PeerEvent>,
    pub(crate) formats: Arc<Mutex<Formats>>,
}

/// What was agreed about the packets of pictures that come in.
#[derive(Debug, Default)]
pub(crate) struct Formats {
    pub(crate) codecs: Vec<Offered>,
    /// Identifier of the video-orientation extension.
    pub(crate) orientation: Option<u8>,
}

impl Formats {
    fn codec(&self, payload_type: u8) -> Option<VideoCodec> {
        let mut codecs = self.codecs.iter();
        let found = codecs.find(|offered| offered.payload_type == payload_type);
        found.map(|offered| offered.codec)
    }
}

impl Acceptance {
    fn tell(&self, event: PeerEvent) {
        // The caller may have stopped listening.
        let _ = self.events.send(event);
    }
}

/// Counts of one remote video track over all its streams.
#[derive(Debug, Default)]
pub(crate) struct VideoTally {
    ended: VideoStatistics,
    present: VideoStatistics,
}

impl VideoTally {
    pub(crate) fn frames(&self) -> u64 {
        self.ended.frames_assembled + self.present.frames_assembled
    }

    pub(crate) fn key_frames(&self) -> u64 {
        self.ended.key_frames + self.present.key_frames
    }

    pub(crate) fn frames_dropped(&self) -> u64 {
        self.ended.frames_dropped + self.present.frames_dropped
    }

    fn end_stream(&mut self) {
        let present = std::mem::take(&mut self.present);
        self.ended.frames_assembled += present.frames_assembled;
        self.ended.key_frames += present.key_frames;
        self.ended.frames_dropped += present.frames_dropped;
    }
}

/// Takes and discards. For tracks that nobody asked for.
pub(crate) async fn discard(track: Arc<dyn TrackRemote>) {
    while track.poll().await.is_some() {}
}

/// Runs until the track ends.
pub(crate) async fn receive_audio(
    track: Arc<dyn TrackRemote>,
    sink: AudioSink,
    acceptance: Acceptance,
) {
    let mut stream = None;
    let mut heard = false;
    while let Some(event) = track.poll().await {
        let TrackRemoteEvent::OnRtpPacket(packet) = event else {
            continue;
        };
        if !*acceptance.accepted.borrow() {
            stream = None;
            continue;
        }
        let ssrc = packet.header.ssrc;
        if stream != Some(ssrc) {
            stream = Some(ssrc);
            if let Err(error) = sink.start_stream() {
                tracing::warn!(%error, "no decoder for this stream");
            }
        }
        match sink.push(parsed(packet, None)) {
            Ok(()) if !heard => {
                heard = true;
                acceptance.tell(PeerEvent::FirstAudio);
            }
            Ok(()) => {}
            Err(error) => tracing::debug!(%error, "audio packet refused"),
        }
    }
}

/// Runs until the track ends.
pub(crate) async fn receive_video(
    track: Arc<dyn TrackRemote>,
    sink: VideoSink,
    acceptance: Acceptance,
    tally: Arc<Mutex<VideoTally>>,
    first: PeerEvent,
) {
    let mut receiver = VideoReceiver {
        track,
        sink,
        acceptance,
        tally,
        first: Some(first),
        stream: None,
        assembler: None,
        asked: None,
    };
    receiver.run().await;
}

struct VideoReceiver {
    track: Arc<dyn TrackRemote>,
    sink: VideoSink,
    acceptance: Acceptance,
    tally: Arc<Mutex<VideoTally>>,
    /// To be told at the first frame.
    first: Option<PeerEvent>,
    /// SSRC and codec of the present stream.
    stream: Option<(u32, VideoCodec)>,
    /// Only while what arrives is accepted.
    assembler: Option<VideoAssembler>,
    /// When the shell's wish for a key frame was last passed on.
    asked: Option<Instant>,
}

enum Woken {
    Packet(rtp::Packet),
    Ended,
    /// A deadline, a wish for a key frame, a change of mind.
    Other,
}

impl VideoReceiver {
    async fn run(&mut self) {
        loop {
            match self.woken().await {
                Woken::Packet(packet) => self.take(packet),
                Woken::Ended => return,
                Woken::Other => {}
            }
            self.follow_acceptance();
            self.hand_out();
            self.ask_for_key_frame().await;
        }
    }

    async fn woken(&mut self) -> Woken {
        let deadline = self.assembler.as_ref().and_then(VideoAssembler::deadline);
        let timer = async {
            match deadline {
                Some(deadline) => sleep_until(deadline.into()).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.track.poll() => match event {
                Some(TrackRemoteEvent::OnRtpPacket(packet)) => Woken::Packet(packet),
                Some(_) => Woken::Other,
                None => Woken::Ended,
            },
            changed = self.acceptance.accepted.changed() => match changed {
                Ok(()) => Woken::Other,
                Err(_) => Woken::Ended,
            },
            () = self.sink.woken() => Woken::Other,
            () = timer => Woken::Other,
        }
    }

    fn take(&mut self, packet: rtp::Packet) {
        let (codec, orientation) = {
            let formats = self.acceptance.formats.lock();
            let codec = formats.codec(packet.header.payload_type);
            (codec, formats.orientation)
        };
        let Some(codec) = codec else {
            tracing::debug!(payload_type = packet.header.payload_type, "not agreed");
            return;
        };
        let stream = (packet.header.ssrc, codec);
        if self.stream.replace(stream) != Some(stream) {
            self.end_stream();
        }
        self.follow_acceptance();
        if let Some(assembler) = &mut self.assembler
            && let Err(error) = assembler.push(parsed(packet, orientation))
        {
            tracing::debug!(%error, "video packet refused");
        }
    }

    /// A stream is assembled from scratch when it is new or newly accepted.
    fn follow_acceptance(&mut self) {
        let accepted = *self.acceptance.accepted.borrow_and_update();
        if !accepted {
            self.end_stream();
        } else if let (None, Some((_, codec))) = (&self.assembler, self.stream) {
            let config = VideoAssemblerConfig::default();
            self.assembler = Some(VideoAssembler::new(codec, config));
        }
    }

    fn end_stream(&mut self) {
        if self.assembler.take().is_some() {
            self.tally.lock().end_stream();
        }
    }

    fn hand_out(&mut self) {
        let Some(assembler) = &mut self.assembler else {
            return;
        };
        while let Some(frame) = assembler.pop(Instant::now()) {
            self.sink.push(frame);
            if let Some(first) = self.first.take() {
                self.acceptance.tell(first);
            }
        }
        self.tally.lock().present = assembler.statistics();
    }

    async fn ask_for_key_frame(&mut self) {
        let (Some(assembler), Some((media_ssrc, _))) = (&mut self.assembler, self.stream) else {
            return;
        };
        let now = Instant::now();
        let mut needed = assembler.key_frame_needed(now);
        if self.sink.take_key_frame_wanted()
            && self.asked.is_none_or(|asked| now - asked >= ASK_AGAIN)
        {
            self.asked = Some(now);
            needed = true;
        }
        if !needed {
            return;
        }
        let pli = PictureLossIndication {
            sender_ssrc: 0,
            media_ssrc,
        };
        if let Err(error) = self.track.write_rtcp(vec![Box::new(pli)]).await {
            tracing::debug!(%error, "no key frame asked for");
        }
    }
}

fn parsed(packet: rtp::Packet, orientation: Option<u8>) -> RtpPacket {
    let turned = orientation.and_then(|id| packet.header.get_extension(id));
    let rotation = turned.and_then(|byte| byte.first().copied());
    RtpPacket {
        sequence_number: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload: packet.payload,
        rotation: rotation.map(Rotation::from_cvo),
        arrival: Instant::now(),
    }
}
