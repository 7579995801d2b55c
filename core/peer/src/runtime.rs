//! The runtime that webrtc-rs runs on: tokio's, with larger socket buffers, a driver that can be woken, and a
//! notice when it ends.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};
use std::time::Duration;

use socket2::SockRef;
use tokio::sync::mpsc;
use webrtc::runtime::{
    AsyncInterval, AsyncTcpListener, AsyncTcpStream, AsyncUdpSocket, JoinHandle, Runtime,
    TokioRuntime,
};

use crate::handler::Notice;
use crate::nudge::Nudge;

/// What a key frame and a burst of retransmissions need; the system may grant less.
const BUFFER_BYTES: usize = 4 << 20;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[derive(Debug)]
pub(crate) struct PeerRuntime {
    notices: mpsc::UnboundedSender<Notice>,
    nudge: Nudge,
    driver_spawned: AtomicBool,
}

/// Tells, when dropped, that the driver has ended: by itself, by a panic or by being aborted.
struct DriverEnds(mpsc::UnboundedSender<Notice>);

impl Drop for DriverEnds {
    fn drop(&mut self) {
        // Nobody listens while the connection closes.
        let _ = self.0.send(Notice::DriverEnded);
    }
}

impl PeerRuntime {
    pub(crate) fn new(notices: mpsc::UnboundedSender<Notice>, nudge: Nudge) -> Self {
        Self {
            notices,
            nudge,
            driver_spawned: AtomicBool::new(false),
        }
    }
}

impl Runtime for PeerRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) -> Box<dyn JoinHandle> {
        // The driver is the first task of a connection; the others open TCP streams.
        if self.driver_spawned.swap(true, AcqRel) {
            return TokioRuntime.spawn(future);
        }
        let ends = DriverEnds(self.notices.clone());
        let nudge = self.nudge.clone();
        TokioRuntime.spawn(Box::pin(async move {
            let _ends = ends;
            nudge.drive(future).await;
        }))
    }

    fn wrap_udp_socket(&self, socket: std::net::UdpSocket) -> io::Result<Arc<dyn AsyncUdpSocket>> {
        let options = SockRef::from(&socket);
        for granted in [
            options.set_recv_buffer_size(BUFFER_BYTES),
            options.set_send_buffer_size(BUFFER_BYTES),
        ] {
            if let Err(error) = granted {
                tracing::debug!(%error, "socket buffer stays as it is");
            }
        }
        TokioRuntime.wrap_udp_socket(socket)
    }

    fn wrap_tcp_listener(
        &self,
        listener: std::net::TcpListener,
    ) -> io::Result<Arc<dyn AsyncTcpListener>> {
        TokioRuntime.wrap_tcp_listener(listener)
    }

    fn connect_tcp<'a>(
        &'a self,
        address: SocketAddr,
    ) -> Boxed<'a, io::Result<Arc<dyn AsyncTcpStream>>> {
        TokioRuntime.connect_tcp(address)
    }

    fn resolve_host<'a>(&'a self, host: &'a str) -> Boxed<'a, io::Result<Vec<SocketAddr>>> {
        TokioRuntime.resolve_host(host)
    }

    fn sleep(&self, duration: Duration) -> Boxed<'static, ()> {
        Box::pin(Nudge::sleep(Nudge::of_this_task(), duration))
    }

    fn interval(&self, period: Duration) -> Box<dyn AsyncInterval> {
        TokioRuntime.interval(period)
    }

    fn block_on(&self, future: Pin<Box<dyn Future<Output = ()> + '_>>) {
        TokioRuntime.block_on(future);
    }

    fn name(&self) -> &'static str {
        "ringwire"
    }
}
