//! The line between a device and the gateway: a TCP relay on loopback that a test opens and cuts.

use std::net::SocketAddr;

use anyhow::Result;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A relay to one address. While it is cut, whoever comes is turned away. Ends when dropped.
#[derive(Debug)]
pub struct Line {
    address: SocketAddr,
    open: watch::Sender<bool>,
    relay: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.open.send_replace(false);
        self.relay.abort();
    }
}

impl Line {
    /// A line to `gateway`, open or cut.
    ///
    /// # Errors
    /// No socket.
    pub async fn to(gateway: SocketAddr, open: bool) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (open, is_open) = watch::channel(open);
        let relay = tokio::spawn(async move {
            while let Ok((device, _)) = listener.accept().await {
                if *is_open.borrow() {
                    tokio::spawn(carry(device, gateway, is_open.clone()));
                }
            }
        });
        Ok(Self {
            address,
            open,
            relay,
        })
    }

    /// Address of the device's end.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Lets devices through from now on.
    pub fn open(&self) {
        self.open.send_replace(true);
    }

    /// Cuts all that is connected, and turns away who comes.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }
}

async fn carry(mut device: TcpStream, gateway: SocketAddr, mut open: watch::Receiver<bool>) {
    let Ok(mut gateway) = TcpStream::connect(gateway).await else {
        return;
    };
    tokio::select! {
        // Either end may close as it likes; a line that is dropped is cut.
        _ = copy_bidirectional(&mut device, &mut gateway) => {}
        _ = open.wait_for(|open| !open) => {}
    }
}
