//! What a connection is given when it opens: servers, policy, addresses, sources and sinks.
//! Nothing here runs.

use std::fmt;

use crate::audio_sink::AudioSink;
use crate::audio_source::AudioSource;
use crate::video_sink::VideoSink;
use crate::video_source::VideoSource;

pub use ringwire_media::VideoCodec;

/// A STUN or TURN server (RFC 7064, RFC 7065).
#[derive(Clone, Default, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:host:port` or `turn:host:port?transport=udp`. Other transports are skipped: the TURN client
    /// speaks UDP only.
    pub urls: Vec<String>,
    /// Empty for STUN.
    pub username: String,
    /// Empty for STUN. Never logged.
    pub credential: String,
}

impl fmt::Debug for IceServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IceServer")
            .field("urls", &self.urls)
            .finish_non_exhaustive()
    }
}

/// Which candidates may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IcePolicy {
    /// Host, reflexive and relayed.
    #[default]
    All,
    /// Relayed only: nobody learns an address of ours.
    Relay,
}

/// Where sound and pictures come from and go to. Cheap to clone; made by the caller, outlives the connection.
#[derive(Debug, Clone)]
pub struct PeerMedia {
    /// May feed several connections at once.
    pub audio_source: AudioSource,
    /// The camera. May feed several connections at once.
    pub video_source: VideoSource,
    /// The screen. May feed several connections at once.
    pub screen_source: VideoSource,
    /// One per remote person.
    pub audio_sink: AudioSink,
    /// The other end's camera. One per remote person.
    pub video_sink: VideoSink,
    /// The other end's screen. One per remote person.
    pub screen_sink: VideoSink,
}

/// All that a connection needs.
#[derive(Debug, Clone)]
pub struct PeerConfig {
    /// STUN and TURN servers, used in order.
    pub ice_servers: Vec<IceServer>,
    /// Which candidates may be used.
    pub ice_policy: IcePolicy,
    /// Local addresses to bind, `address:port`. A wildcard means one socket per interface of its family.
    pub bind: Vec<String>,
    /// Resolve `.local` candidates. Phones leave it off: iOS asks the person for leave.
    pub mdns: bool,
    /// Codecs that this end can encode and decode, the preferred first. Not empty.
    pub video_codecs: Vec<VideoCodec>,
    /// Our offers hold a second video section, for the screen. An offer's second video section is answered as the
    /// screen whatever this says.
    pub screen: bool,
    /// Sources and sinks.
    pub media: PeerMedia,
}

impl PeerConfig {
    /// No servers, all candidates, every interface of both families, no mDNS, VP8, no screen.
    pub fn new(media: PeerMedia) -> Self {
        Self {
            ice_servers: Vec::new(),
            ice_policy: IcePolicy::All,
            // The first alone gathers no IPv6, which phones need.
            bind: vec!["0.0.0.0:0".into(), "[::]:0".into()],
            mdns: false,
            video_codecs: vec![VideoCodec::Vp8],
            screen: false,
            media,
        }
    }
}
