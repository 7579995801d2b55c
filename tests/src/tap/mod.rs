//! A tap in the line between one client and a server: it sees every frame, and a test may let it
//! drop, hold, change or add some. Both ends are untouched. Whatever is no socket (the page, REST)
//! goes through unseen, to the same server or to another one.
//!
//! | module | holds |
//! | --- | --- |
//! | [`frame`] | one frame as Socket.IO means it |
//! | [`log`] | the frames of all taps of a test, and waiting for one |
//! | `line` | one connection: two sockets and what goes between them |

pub mod frame;
mod line;
pub mod log;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

pub use frame::{Packet, Way};
use line::Line;
pub use log::{Fate, Frame, Log};

/// Acks with ids from here on are answers to [`Tap::ask`], and no client's.
const OWN_ACKS: u64 = 1_000_000;

/// What becomes of a frame.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// It goes on.
    Pass,
    /// It is lost.
    Drop,
    /// It waits for [`Tap::release`]; later ones overtake it.
    Hold,
    /// These go on in its place.
    Replace(Vec<Packet>),
}

type Rule = Box<dyn FnMut(Way, &Packet) -> Verdict + Send>;

/// A tap on loopback, until dropped.
pub struct Tap {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

/// What the tap and its lines share.
struct Shared {
    name: String,
    socket: SocketAddr,
    log: Log,
    rule: Mutex<Rule>,
    lines: Mutex<Vec<Arc<Line>>>,
    shut: AtomicBool,
    next_ack: Mutex<u64>,
}

impl Tap {
    /// A tap for the client called `name`, whose sockets go to one server and whose pages come from
    /// another, which may be the same.
    ///
    /// # Errors
    /// No socket.
    pub async fn start(
        name: &str,
        socket: SocketAddr,
        pages: SocketAddr,
        log: &Log,
    ) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            socket,
            log: log.clone(),
            rule: Mutex::new(Box::new(|_, _| Verdict::Pass)),
            lines: Mutex::default(),
            shut: AtomicBool::new(false),
            next_ack: Mutex::new(OWN_ACKS),
        });
        let inside = Arc::clone(&shared);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&inside);
                tokio::spawn(async move {
                    // A client that goes while it connects is no fault of the tap's.
                    let _ = shared.serve(stream, pages).await;
                });
            }
        });
        Ok(Self {
            address,
            shared,
            accepting,
        })
    }

    /// What the client takes for the server's address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What becomes of frames from now on. The rule must not use the tap.
    pub fn rule(&self, rule: impl FnMut(Way, &Packet) -> Verdict + Send + 'static) {
        *locked(&self.shared.rule) = Box::new(rule);
    }

    /// From now on every frame passes again.
    pub fn pass_all(&self) {
        self.rule(|_, _| Verdict::Pass);
    }

    /// Lets go what was held, in the order in which it came.
    pub fn release(&self) {
        for line in self.lines() {
            line.release(&self.shared);
        }
    }

    /// Breaks every socket, without a word to either end.
    pub fn cut(&self) {
        for line in locked(&self.shared.lines).drain(..) {
            line.cut();
        }
    }

    /// While shut, no socket gets through.
    pub fn shut(&self, shut: bool) {
        self.shared.shut.store(shut, Ordering::SeqCst);
    }

    /// Adds a frame on the newest socket, as if its sender had sent it.
    ///
    /// # Errors
    /// There is no socket.
    pub fn add(&self, way: Way, packet: Packet) -> Result<()> {
        let line = self.lines().pop().context("nobody is connected")?;
        line.send(&self.shared, way, packet, Fate::Added);
        Ok(())
    }

    /// Says something in the client's place, and waits for the server's ack, of which the client
    /// hears nothing.
    ///
    /// # Errors
    /// There is no socket, or no ack before the deadline.
    pub async fn ask(&self, name: &str, payload: Value) -> Result<Value> {
        let ack = {
            let mut next = locked(&self.shared.next_ack);
            *next += 1;
            *next
        };
        let event = Packet::Event {
            name: name.to_owned(),
            payload,
            ack: Some(ack),
        };
        self.add(Way::Up, event)?;
        let mine = |frame: &Frame| {
            frame.by == self.shared.name
                && matches!(&frame.packet, Packet::Ack { id, .. } if *id == ack)
        };
        let answer = self
            .shared
            .log
            .until_one(&format!("the answer to {name}"), mine)
            .await?;
        Ok(answer.packet.payload().clone())
    }

    fn lines(&self) -> Vec<Arc<Line>> {
        locked(&self.shared.lines).clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.accepting.abort();
        self.cut();
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, mut stream: TcpStream, pages: SocketAddr) -> Result<()> {
        if !wants_socket(&stream).await? {
            let mut server = TcpStream::connect(pages).await?;
            tokio::io::copy_bidirectional(&mut stream, &mut server).await?;
            return Ok(());
        }
        if self.shut.load(Ordering::SeqCst) {
            return Ok(());
        }
        stream.set_nodelay(true)?;
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.socket);
        let (server, _) = tokio_tungstenite::connect_async(url).await?;
        let client = tokio_tungstenite::accept_async(stream).await?;
        line::run(self, client, server).await;
        Ok(())
    }

    /// What becomes of a frame that came.
    fn verdict(&self, way: Way, packet: &Packet) -> Verdict {
        match packet {
            Packet::Ack { id, .. } if way == Way::Down && *id > OWN_ACKS => Verdict::Drop,
            packet => (locked(&self.rule))(way, packet),
        }
    }
}

/// True for a request of the socket's path; the request stays unread.
async fn wants_socket(stream: &TcpStream) -> Result<bool> {
    let mut head = [0; 64];
    loop {
        let count = stream.peek(&mut head).await?;
        let begin = &head[..count];
        if begin.contains(&b'\r') || count == head.len() || count == 0 {
            return Ok(begin.starts_with(b"GET /socket.io/"));
        }
        // The rest of the first line is on its way.
        tokio::task::yield_now().await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
