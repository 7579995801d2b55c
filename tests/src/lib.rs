//! The laboratory of the integration tests: a real gateway on loopback with SQLite on disk, and
//! people with clients of their own. Waiting is for events, with a deadline that only a hang meets.

mod line;
pub mod peers;
pub mod tap;
pub mod x264;

pub use line::Line;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::FutureExt as _;
use ringwire_client::{
    CallClient, CallEvent, CallKey, CallState, CallView, Config, Event, LocalMedia, Snapshot,
    VideoSink,
};
use ringwire_demo::clip::{Assets, make_assets};
use ringwire_demo::echo::play;
use ringwire_gateway::{Database, Gateway, demo};
use ringwire_protocol::{CallType, ConversationId, DeviceId};
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Longer than anything takes on a busy machine; a test that meets it has found a hang.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Sound and camera.
pub const VIDEO: LocalMedia = LocalMedia {
    microphone: true,
    camera: true,
    screen: false,
};

/// A gateway of its own, with demo people, until dropped.
pub struct Lab {
    /// The gateway.
    pub gateway: Gateway,
    config: ringwire_gateway::Config,
    _folder: tempfile::TempDir,
}

impl Lab {
    /// Starts a gateway with the contract's timers.
    ///
    /// # Errors
    /// No socket or no disk.
    pub async fn start() -> Result<Self> {
        Self::start_with(|_| ()).await
    }

    /// Starts a gateway whose configuration is changed first.
    ///
    /// # Errors
    /// No socket or no disk.
    pub async fn start_with(change: impl FnOnce(&mut ringwire_gateway::Config)) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut config = ringwire_gateway::Config {
            database: Database::File(folder.path().join("gateway.db")),
            web_root: std::env::var_os("RINGWIRE_WEB").map(Into::into),
            web_vendor: std::env::var_os("RINGWIRE_WEB_VENDOR").map(Into::into),
            demo: true,
            jwt_secret: Some("of the laboratory".into()),
            ..Default::default()
        };
        change(&mut config);
        let gateway = Gateway::start(config.clone()).await?;
        Ok(Self {
            gateway,
            config,
            _folder: folder,
        })
    }

    /// Ends the gateway and starts another at the same address with the same database.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn restart(mut self) -> Result<Self> {
        self.config.listen = self.gateway.address();
        self.gateway.shutdown().await;
        self.gateway = Gateway::start(self.config.clone()).await?;
        Ok(self)
    }

    /// Address of the gateway.
    pub fn url(&self) -> String {
        format!("http://{}", self.gateway.address())
    }

    /// Signs a demo person in and waits until the client is connected.
    ///
    /// # Errors
    /// Unknown person, or no connection.
    pub async fn person(&self, username: &str) -> Result<Person> {
        self.device(username, &format!("{username}-phone")).await
    }

    /// The same on a device of its own.
    ///
    /// # Errors
    /// Unknown person, or no connection.
    pub async fn device(&self, username: &str, device: &str) -> Result<Person> {
        self.device_at(&self.url(), username, device).await
    }

    /// The same through another address: a [`tap::Tap`], or a server of the seed's day.
    ///
    /// # Errors
    /// Unknown person, or no connection.
    pub async fn device_at(&self, url: &str, username: &str, device: &str) -> Result<Person> {
        let person = self.device_with(username, device, |config| config.url = url.into())?;
        person.until("connected", |now| now.me.is_some()).await?;
        Ok(person)
    }

    /// Signs a demo person in with a configuration that is changed first; waits for nothing.
    ///
    /// # Errors
    /// Unknown person.
    pub fn device_with(
        &self,
        username: &str,
        device: &str,
        change: impl FnOnce(&mut Config),
    ) -> Result<Person> {
        let token = self.token(username)?;
        let mut config = Config::user(self.url(), token, DeviceId::new(device)?);
        config.bind = vec!["127.0.0.1:0".into()];
        change(&mut config);
        Ok(Person {
            client: CallClient::connect(config)?,
            told: Mutex::default(),
            playing: Vec::new(),
        })
    }

    /// A line to the gateway that can be cut.
    ///
    /// # Errors
    /// No socket.
    pub async fn line(&self, open: bool) -> Result<Line> {
        Line::to(self.gateway.address(), open).await
    }

    /// A tap between a client and this gateway.
    ///
    /// # Errors
    /// No socket.
    pub async fn tap(&self, name: &str, log: &tap::Log) -> Result<tap::Tap> {
        let address = self.gateway.address();
        tap::Tap::start(name, address, address, log).await
    }

    /// A fresh token of a demo person.
    ///
    /// # Errors
    /// Unknown person.
    pub fn token(&self, username: &str) -> Result<String> {
        let person =
            demo::person(username).with_context(|| format!("no {username} in the demo"))?;
        Ok(self.gateway.mint_token(person.as_str())?)
    }

    /// What a program of another language needs to take part: a JSON object.
    ///
    /// | key | value |
    /// | --- | --- |
    /// | `url` | address of the gateway |
    /// | `tokens` | token of each person: `alice`, `bob`, `carol` |
    /// | `ids` | user id of each person, `echo` too |
    /// | `conversations` | id of the direct conversation of each two: `alice-bob`, `alice-carol`, `alice-echo`, … |
    /// | `clip` | path of a moving picture: IVF, VP8, 640x360, 30 a second, a key frame at least each second |
    /// | `clipH264` | path of one in H.264: Annex B, 320x240, 15 a second, a delimiter before each picture |
    ///
    /// # Errors
    /// ffmpeg or espeak-ng are missing.
    pub fn offer(&self) -> Result<Value> {
        let (mut tokens, mut ids, mut conversations) = (Map::new(), Map::new(), Map::new());
        for (place, (id, one, _)) in demo::PEOPLE.iter().enumerate() {
            ids.insert((*one).to_owned(), json!(id));
            if *one != "echo" {
                tokens.insert((*one).to_owned(), json!(self.token(one)?));
            }
            for (_, other, _) in &demo::PEOPLE[place + 1..] {
                let id = self.conversation(one, other)?;
                conversations.insert(format!("{one}-{other}"), json!(id.as_str()));
            }
        }
        assets()?;
        let folder = assets_folder().canonicalize()?;
        Ok(json!({
            "url": self.url(),
            "tokens": tokens,
            "ids": ids,
            "conversations": conversations,
            "clip": folder.join("echo.ivf"),
            "clipH264": x264::file(&folder)?,
        }))
    }

    /// The direct conversation of two demo people.
    ///
    /// # Errors
    /// There is none.
    pub fn conversation(&self, one: &str, other: &str) -> Result<ConversationId> {
        demo::direct(one, other).with_context(|| format!("{one} and {other} have no conversation"))
    }
}

/// A demo person with a client.
pub struct Person {
    /// The client.
    pub client: CallClient,
    /// Events that were waited through.
    told: Mutex<Vec<Event>>,
    playing: Vec<JoinHandle<()>>,
}

impl Drop for Person {
    fn drop(&mut self) {
        self.playing.iter().for_each(JoinHandle::abort);
    }
}

/// Where Echo's clip and voice lie.
pub fn assets_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/demo/assets")
}

/// Echo's clip and voice, made once for all tests.
///
/// # Errors
/// ffmpeg or espeak-ng are missing.
pub fn assets() -> Result<Arc<Assets>> {
    static ONCE: Mutex<Option<Arc<Assets>>> = Mutex::new(None);
    let mut made = ONCE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(assets) = &*made {
        return Ok(Arc::clone(assets));
    }
    let assets = Arc::new(make_assets(&assets_folder(), &mut |step| {
        println!("{step}")
    })?);
    *made = Some(Arc::clone(&assets));
    Ok(assets)
}

impl Person {
    /// Shows a clip to the camera and speaks into the microphone, until dropped.
    ///
    /// # Errors
    /// There is no clip.
    pub fn film(&mut self) -> Result<()> {
        let assets = assets()?;
        let camera = play::show(
            Arc::clone(&assets),
            self.client.video_source(),
            Instant::now(),
        );
        let microphone = play::speak(assets, self.client.audio_source());
        self.playing
            .extend([tokio::spawn(camera), tokio::spawn(microphone)]);
        Ok(())
    }

    /// Shows a clip as the screen, until dropped.
    ///
    /// # Errors
    /// There is no clip.
    pub fn share(&mut self) -> Result<()> {
        let screen = play::show(assets()?, self.client.screen_source(), Instant::now());
        self.playing.push(tokio::spawn(screen));
        Ok(())
    }

    /// Waits until ten whole pictures of the other have come.
    ///
    /// # Errors
    /// They did not before the deadline.
    pub async fn until_picture(&self, key: CallKey) -> Result<()> {
        until_ten(&self.client.video_sink(key)).await
    }

    /// Waits until ten whole pictures of the other's screen have come.
    ///
    /// # Errors
    /// They did not before the deadline.
    pub async fn until_screen(&self, key: CallKey) -> Result<()> {
        until_ten(&self.client.screen_sink(key)).await
    }

    /// Waits until the other is heard: a peak of a tenth of full scale.
    ///
    /// # Errors
    /// Nobody was before the deadline.
    pub async fn until_sound(&self, key: CallKey) -> Result<()> {
        let sink = self.client.audio_sink(key);
        let listening = async {
            let mut pull = tokio::time::interval(Duration::from_millis(10));
            let mut pcm = [0; 480];
            while pcm.iter().all(|sample: &i16| sample.unsigned_abs() < 3_276) {
                pull.tick().await;
                sink.pull(&mut pcm);
            }
        };
        tokio::time::timeout(DEADLINE, listening)
            .await
            .context("nothing was heard")
    }

    /// Events so far that are as wanted: those that were waited through, and what waits still.
    pub fn count_told(&self, wanted: impl Fn(&CallEvent) -> bool) -> usize {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(Some(event)) = self.client.next_event().now_or_never() {
            told.push(event);
        }
        let calls = told.iter().filter_map(|event| match event {
            Event::Call(event) => Some(event),
            _ => None,
        });
        calls.filter(|event| wanted(event)).count()
    }

    /// Calls with sound and camera.
    ///
    /// # Errors
    /// The client is closed.
    pub fn call(&self, conversation: &ConversationId) -> Result<CallKey> {
        Ok(self
            .client
            .call(conversation.clone(), CallType::Video, VIDEO)?)
    }

    /// Waits until the snapshot is as wanted, event by event.
    ///
    /// # Errors
    /// It was not before the deadline; the error shows the last snapshot.
    pub async fn until(
        &self,
        what: &str,
        wanted: impl Fn(&Snapshot) -> bool,
    ) -> Result<Arc<Snapshot>> {
        let waiting = async {
            loop {
                let now = self.client.snapshot();
                if wanted(&now) {
                    return Ok(now);
                }
                match self.client.next_event().await {
                    Some(Event::Failed { message }) => bail!("the client failed: {message}"),
                    Some(event) => self
                        .told
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(event),
                    None => bail!("the client is closed"),
                }
            }
        };
        match tokio::time::timeout(DEADLINE, waiting).await {
            Ok(done) => done,
            Err(_) => bail!("never {what}: {:#?}", self.client.snapshot()),
        }
    }

    /// Waits until a call of this person is as wanted.
    ///
    /// # Errors
    /// It was not before the deadline.
    pub async fn until_call(
        &self,
        what: &str,
        wanted: impl Fn(&CallView) -> bool,
    ) -> Result<CallView> {
        let now = self
            .until(what, |now| now.calls.iter().any(&wanted))
            .await?;
        now.calls
            .iter()
            .find(|call| wanted(call))
            .cloned()
            .context("it was there a moment ago")
    }

    /// Waits until a call rings here.
    ///
    /// # Errors
    /// It did not before the deadline.
    pub async fn until_rings(&self) -> Result<CallKey> {
        Ok(self
            .until_call("ringing", |call| call.state == CallState::Incoming)
            .await?
            .key)
    }

    /// Waits until a call is active.
    ///
    /// # Errors
    /// It was not before the deadline.
    pub async fn until_active(&self, key: CallKey) -> Result<CallView> {
        self.until_call("active", |call| {
            call.key == key && call.state == CallState::Active
        })
        .await
    }

    /// Waits until a call has ended; says why.
    ///
    /// # Errors
    /// It did not before the deadline.
    pub async fn until_ended(&self, key: CallKey) -> Result<String> {
        // The snapshot shows an end for some seconds only; its event stays.
        let shown = |now: &Snapshot| {
            now.calls.iter().find_map(|call| match &call.state {
                CallState::Ended { reason } if call.key == key => Some(reason.to_string()),
                _ => None,
            })
        };
        let told = || {
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.iter().find_map(|event| match event {
                Event::Call(CallEvent::Ended { key: of, reason }) if *of == key => {
                    Some(reason.to_string())
                }
                _ => None,
            })
        };
        let now = self
            .until("ended", |now| shown(now).is_some() || told().is_some())
            .await?;
        shown(&now)
            .or_else(told)
            .context("it was there a moment ago")
    }
}

async fn until_ten(sink: &VideoSink) -> Result<()> {
    for count in 0..10 {
        let picture = tokio::time::timeout(DEADLINE, sink.next_async()).await;
        let picture = picture.with_context(|| format!("only {count} pictures came"))?;
        ensure!(
            picture.is_some(),
            "the call was over after {count} pictures"
        );
    }
    Ok(())
}
