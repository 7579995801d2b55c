//! What lies between a page and the gateway, in the hands of a test: it can be cut, and what the
//! gateway says can be held back for a while.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Through,
    HeldBack,
    Cut,
}

/// An address that leads to the gateway, until dropped.
pub(crate) struct Wire {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    accepting: JoinHandle<()>,
}

impl Wire {
    /// Lays a wire to a gateway.
    pub(crate) async fn to(gateway: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (mode, watched) = watch::channel(Mode::Through);
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *watched.borrow() != Mode::Cut
                    && let Ok(far) = TcpStream::connect(gateway).await
                {
                    tokio::spawn(carry(near, far, watched.clone()));
                }
            }
        });
        Ok(Self {
            address,
            mode,
            accepting,
        })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Closes every connection and takes no new one.
    pub(crate) fn cut(&self) {
        self.mode.send_replace(Mode::Cut);
    }

    /// Keeps what the gateway says; what the page says arrives.
    pub(crate) fn hold_back(&self) {
        self.mode.send_replace(Mode::HeldBack);
    }

    /// Lets everything through again, in its order.
    pub(crate) fn mend(&self) {
        self.mode.send_replace(Mode::Through);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn carry(near: TcpStream, far: TcpStream, mode: watch::Receiver<Mode>) {
    let (near_reads, near_writes) = near.into_split();
    let (far_reads, far_writes) = far.into_split();
    let mut until_cut = mode.clone();
    tokio::select! {
        () = pump(near_reads, far_writes, None) => {}
        () = pump(far_reads, near_writes, Some(mode)) => {}
        _ = until_cut.wait_for(|mode| *mode == Mode::Cut) => {}
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut held: Option<watch::Receiver<Mode>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if let Some(mode) = &mut held
            && mode.wait_for(|mode| *mode != Mode::HeldBack).await.is_err()
        {
            return;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
