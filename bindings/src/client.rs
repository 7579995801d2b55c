//! The client: one object, commands in, events and a snapshot out.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use ringwire_client as core;
use ringwire_client::protocol::auth::{Identity, TokenType};
use ringwire_client::protocol::{CallType, ConversationId, DeviceId};
use ringwire_client::{CallKey, LocalMedia};

use crate::diagnostics;
use crate::error::CallError;
use crate::inside;
use crate::media::{AudioSink, AudioSource, VideoCodec, VideoSink, VideoSource};
use crate::state::{CallStats, ClientSnapshot};
use crate::streams::{CallAnswer, EventStream, SnapshotStream};

/// What a client is started with.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ClientConfig {
    /// Address of the gateway, such as `https://calls.example.org`: `https`, `http`, `wss` or `ws`, a
    /// host, and a port and a path prefix where there are some. A host is written in ASCII, `xn--…` where needed.
    pub url: String,
    /// The JWT of the user, or a guest's session token.
    pub token: String,
    /// Id of this installation, the same at every start: 1–128 printable ASCII characters.
    pub device_id: String,
    /// Name of the app.
    pub app_name: String,
    /// Version of the app.
    pub app_version: String,
    /// Certificates in PEM to trust beside the public ones.
    #[uniffi(default = None)]
    pub extra_roots: Option<String>,
    /// A second call may ring while one is going on; else it is declined as busy by itself.
    #[uniffi(default = true)]
    pub call_waiting: bool,
    /// `token` is a guest's.
    #[uniffi(default = false)]
    pub guest: bool,
    /// What this phone can encode and decode, the preferred first; empty for VP8 alone.
    #[uniffi(default = [])]
    pub video_codecs: Vec<VideoCodec>,
}

/// One person on one device: connects to the gateway, makes and takes calls.
///
/// Commands may come from any thread, at any time, and return at once; what comes of them is told by `events` and shown
/// by `snapshot`. A call is named by a number from its first moment on. Once the client is closed, commands fail with
/// `Closed`, streams and sinks end, and `snapshot` shows the last state.
#[derive(uniffi::Object)]
pub struct CallClient {
    inner: core::CallClient,
    app: diagnostics::App,
}

#[uniffi::export]
impl CallClient {
    /// Starts a client, which stays connected until it is closed or dropped.
    ///
    /// # Errors
    /// `InvalidInput` names the field that cannot be read; `System` when no thread can be had.
    #[uniffi::constructor]
    pub fn new(config: ClientConfig) -> Result<Arc<Self>, CallError> {
        let device = DeviceId::new(&config.device_id)
            .map_err(|error| CallError::invalid("device_id", error))?;
        let app = diagnostics::App {
            name: config.app_name.clone(),
            version: config.app_version.clone(),
        };
        let mut settings = core::Config::user(config.url, String::new(), device);
        settings.identity = identity(config.token, config.guest);
        settings.name = config.app_name;
        settings.version = config.app_version;
        settings.extra_roots = config.extra_roots;
        settings.call_waiting = config.call_waiting;
        if !config.video_codecs.is_empty() {
            let codecs = config.video_codecs.into_iter();
            settings.video_codecs = codecs.map(core::VideoCodec::from).collect();
        }
        Ok(Arc::new(Self {
            inner: core::CallClient::connect(settings)?,
            app,
        }))
    }

    /// Calls a conversation; returns the call's number. Calls that are answered are put on hold; while
    /// another of one's own has no answer, a `CallFailed` event says `ALREADY_IN_CALL`.
    ///
    /// # Errors
    /// `InvalidInput` for an id that is none, `Closed`, `Overloaded`. What the gateway refuses comes
    /// as an event.
    pub fn call(&self, conversation_id: String, video: bool) -> Result<u64, CallError> {
        let conversation = ConversationId::new(conversation_id)
            .map_err(|error| CallError::invalid("conversation_id", error))?;
        let call_type = if video {
            CallType::Video
        } else {
            CallType::Audio
        };
        let media = LocalMedia {
            microphone: true,
            camera: video,
            screen: false,
        };
        Ok(self.inner.call(conversation, call_type, media)?.get())
    }

    /// Accepts a call that rings. Calls that are answered are put on hold; one of one's own that
    /// nobody has answered is to be cancelled first: else a `CallFailed` event says
    /// `ALREADY_IN_CALL`.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn accept(&self, call: u64, microphone: bool, camera: bool) -> Result<(), CallError> {
        let media = LocalMedia {
            microphone,
            camera,
            screen: false,
        };
        Ok(self.inner.accept(CallKey::from_raw(call), media)?)
    }

    /// Joins a call whose stage is `Offered`. To leave it alone, hang it up.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn join(&self, call: u64, microphone: bool, camera: bool) -> Result<(), CallError> {
        let media = LocalMedia {
            microphone,
            camera,
            screen: false,
        };
        Ok(self.inner.join(CallKey::from_raw(call), media)?)
    }

    /// Declines a call that rings.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn decline(&self, call: u64) -> Result<(), CallError> {
        Ok(self.inner.decline(CallKey::from_raw(call))?)
    }

    /// Declines a call that rings; the caller is told that the person is busy.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn decline_busy(&self, call: u64) -> Result<(), CallError> {
        Ok(self.inner.decline_busy(CallKey::from_raw(call))?)
    }

    /// Leaves a call, or cancels one that nobody has answered.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn hang_up(&self, call: u64) -> Result<(), CallError> {
        Ok(self.inner.hang_up(CallKey::from_raw(call))?)
    }

    /// Turns the microphone on or off.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn set_microphone(&self, call: u64, on: bool) -> Result<(), CallError> {
        Ok(self.inner.set_microphone(CallKey::from_raw(call), on)?)
    }

    /// Turns the camera on or off.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn set_camera(&self, call: u64, on: bool) -> Result<(), CallError> {
        Ok(self.inner.set_camera(CallKey::from_raw(call), on)?)
    }

    /// Shares the screen beside the camera, or shares it no more. Where the other end takes none, a
    /// `CallFailed` event says `MEDIA_TOGGLE_FAILED`.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn set_screen(&self, call: u64, on: bool) -> Result<(), CallError> {
        Ok(self.inner.set_screen(CallKey::from_raw(call), on)?)
    }

    /// Puts an answered call on hold, or takes it up again, which holds the other answered ones.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn hold(&self, call: u64, on: bool) -> Result<(), CallError> {
        Ok(self.inner.hold(CallKey::from_raw(call), on)?)
    }

    /// Leaves every call of this person in a conversation, on whatever device: frees a conversation
    /// that a crash left busy.
    ///
    /// # Errors
    /// `InvalidInput` for an id that is none, `Closed`, `Overloaded`.
    pub fn force_leave(&self, conversation_id: String) -> Result<(), CallError> {
        let conversation = ConversationId::new(conversation_id)
            .map_err(|error| CallError::invalid("conversation_id", error))?;
        Ok(self.inner.force_leave(conversation)?)
    }

    /// The app is in the background, or in front again: the others in a call are told, and the gateway waits 5 minutes
    /// instead of 2 for a sign of life of an app in the background.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn app_state(&self, background: bool) -> Result<(), CallError> {
        Ok(self.inner.app_state(background)?)
    }

    /// A push has come: its data. A ring rings at once, connected or not; a cancel silences it, also
    /// before it has rung. False when the push is not about a call.
    ///
    /// # Errors
    /// `InvalidInput` names the field that is missing or wrong; `Closed`, `Overloaded`.
    pub fn push_received(&self, data: HashMap<String, String>) -> Result<bool, CallError> {
        Ok(self.inner.push_received(&data.into_iter().collect())?)
    }

    /// Gives a fresh token, after `TokenNeeded` or before the old one expires. `guest` as in the configuration.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    #[uniffi::method(default(guest = false))]
    pub fn set_token(&self, token: String, guest: bool) -> Result<(), CallError> {
        Ok(self.inner.set_token(identity(token, guest))?)
    }

    /// Tells that the phone's network has changed: a lost socket is tried again at once, and the paths of calls that
    /// are lost are repaired. Without it a dead socket is noticed after up to 45 s.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn network_changed(&self) -> Result<(), CallError> {
        Ok(self.inner.network_changed()?)
    }

    /// The whole state now, without waiting.
    pub fn snapshot(&self) -> ClientSnapshot {
        inside(|| self.inner.snapshot().as_ref().into())
    }

    /// The state now, and then each time that it is another one. Any number of streams.
    pub fn snapshots(&self) -> Arc<SnapshotStream> {
        SnapshotStream::of(&self.inner)
    }

    /// The events, in their order: one consumer at a time.
    pub fn events(&self) -> Arc<EventStream> {
        EventStream::of(&self.inner)
    }

    /// What becomes of a call that was made or accepted: to wait for. All commands that were given before count.
    ///
    /// # Errors
    /// `Closed`, `Overloaded`.
    pub fn answer(&self, call: u64) -> Result<Arc<CallAnswer>, CallError> {
        let answered = self.inner.answered(CallKey::from_raw(call))?;
        Ok(CallAnswer::of(answered))
    }

    /// What a call's connection has measured, at most a second old; nothing without a connection.
    pub fn stats(&self, call: u64) -> Option<CallStats> {
        self.inner
            .stats(CallKey::from_raw(call))
            .map(CallStats::from)
    }

    /// All that is remembered of a call, as the text of one JSON file that a user can send: what happened when, what
    /// was measured each second (the last 1,200 measurements), and the log. No token, password, description, address or
    /// name of a person is in it; ids of the call, the conversation and the people, and the app's name are. Nothing when the call never was or is
    /// long over: the last 16 calls are remembered.
    pub fn export_diagnostics(&self, call: u64) -> Option<String> {
        let made = self.inner.alarm().guard(|| {
            let known = self.inner.diagnostics(CallKey::from_raw(call))?;
            Some(diagnostics::file(&self.app, &known))
        });
        made.unwrap_or_default()
    }

    /// The camera of this client.
    pub fn video_source(&self) -> Arc<VideoSource> {
        self.source(self.inner.video_source())
    }

    /// The screen of this client.
    pub fn screen_source(&self) -> Arc<VideoSource> {
        self.source(self.inner.screen_source())
    }

    /// The microphone of this client.
    pub fn audio_source(&self) -> Arc<AudioSource> {
        Arc::new(AudioSource {
            source: self.inner.audio_source(),
            alarm: self.inner.alarm(),
        })
    }

    /// Pictures of the other person; of a call that is unknown or over, a closed sink.
    pub fn video_sink(&self, call: u64) -> Arc<VideoSink> {
        self.sink(self.inner.video_sink(CallKey::from_raw(call)))
    }

    /// The other person's screen; of a call that is unknown or over, a closed sink.
    pub fn screen_sink(&self, call: u64) -> Arc<VideoSink> {
        self.sink(self.inner.screen_sink(CallKey::from_raw(call)))
    }

    /// Sound of the other person; of a call that is unknown or over, a closed sink, which is silent.
    pub fn audio_sink(&self, call: u64) -> Arc<AudioSink> {
        Arc::new(AudioSink {
            sink: self.inner.audio_sink(CallKey::from_raw(call)),
            alarm: self.inner.alarm(),
        })
    }

    /// Hangs up every call and ends every task, thread and socket of this client; returns when that is done. Harmless
    /// the second time, and from within an event. `close` in Kotlin and the last release in Swift do the same in the
    /// background. A call that rings goes on ringing on the person's other devices.
    pub async fn shutdown(&self) {
        self.inner.close().await;
    }
}

impl CallClient {
    fn source(&self, source: core::VideoSource) -> Arc<VideoSource> {
        let alarm = self.inner.alarm();
        Arc::new(VideoSource { source, alarm })
    }

    fn sink(&self, sink: core::VideoSink) -> Arc<VideoSink> {
        let alarm = self.inner.alarm();
        Arc::new(VideoSink {
            sink,
            alarm,
            kept: Mutex::default(),
        })
    }
}

/// Breaks the core on purpose, to see that a client ends and nothing else. Not in what ships.
#[cfg(feature = "tested")]
#[uniffi::export]
impl CallClient {
    /// Panics in the client's task.
    pub fn break_inside(&self) {
        let _ = self.inner.alarm().guard(|| panic!("broken on purpose"));
    }
}

fn identity(token: String, guest: bool) -> Identity {
    if guest {
        Identity::Guest {
            session_token: token,
            session_type: TokenType::Anonymous,
        }
    } else {
        Identity::User {
            auth_token: token,
            token_type: TokenType::Jwt,
        }
    }
}
