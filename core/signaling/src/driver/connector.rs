//! From an address to an open WebSocket: name, TCP, TLS, upgrade, each in its time.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use ringwire_protocol::limits::MAX_FRAME;
use rustls::ClientConfig;
use rustls::pki_types::{IpAddr, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::{Host, Url};

use super::socket::Socket;
use crate::limits::{DNS, NEXT_ADDRESS, TCP, UPGRADE, told};

/// A byte stream, plain or with TLS.
pub(super) trait Bytes: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Bytes for T {}

/// A WebSocket over whatever carries it.
pub(super) type WebSocket = WebSocketStream<Box<dyn Bytes>>;

/// Opens sockets to one address. Clones share TLS tickets, so that a reconnect is a round trip
/// shorter.
#[derive(Clone)]
pub(super) struct Connector {
    url: Url,
    tls: Arc<ClientConfig>,
}

impl Connector {
    pub(super) fn new(url: Url, tls: Arc<ClientConfig>) -> Self {
        Self { url, tls }
    }

    /// Opens a socket. Dropping the future stops it.
    pub(super) fn open(&self) -> BoxFuture<'static, Result<Socket, String>> {
        let this = self.clone();
        Box::pin(async move {
            let addresses = this.addresses().await?;
            let tcp = match timeout(TCP, first_of(addresses)).await {
                Ok(tcp) => tcp?,
                Err(_) => return Err("TCP: no connection in time".into()),
            };
            match timeout(UPGRADE, this.upgrade(tcp)).await {
                Ok(socket) => socket,
                Err(_) => Err("TLS or WebSocket: no answer in time".into()),
            }
        })
    }

    async fn addresses(&self) -> Result<Vec<SocketAddr>, String> {
        let port = self.url.port_or_known_default().unwrap_or(443);
        let name = match self.url.host() {
            Some(Host::Ipv4(ip)) => return Ok(vec![(ip, port).into()]),
            Some(Host::Ipv6(ip)) => return Ok(vec![(ip, port).into()]),
            Some(Host::Domain(name)) => name,
            None => return Err("the address has no host".into()),
        };
        let found = match timeout(DNS, tokio::net::lookup_host((name, port))).await {
            Ok(Ok(found)) => found,
            Ok(Err(error)) => return Err(format!("DNS: {error}")),
            Err(_) => return Err("DNS: no answer in time".into()),
        };
        Ok(alternate(found.collect()))
    }

    async fn upgrade(&self, tcp: TcpStream) -> Result<Socket, String> {
        // Signals are small and urgent.
        tcp.set_nodelay(true)
            .map_err(|error| format!("TCP: {error}"))?;
        let bytes: Box<dyn Bytes> = match self.url.scheme() {
            "wss" => {
                let tls = TlsConnector::from(self.tls.clone());
                let tls = tls.connect(self.server_name()?, tcp).await;
                Box::new(tls.map_err(|error| format!("TLS: {error}"))?)
            }
            _ => Box::new(tcp),
        };
        // Buffers grow with what they hold: calls send little.
        let config = WebSocketConfig::default()
            .read_buffer_size(16 << 10)
            .write_buffer_size(16 << 10)
            .max_message_size(Some(MAX_FRAME))
            .max_frame_size(Some(MAX_FRAME));
        let opened = client_async_with_config(self.url.as_str(), bytes, Some(config)).await;
        match opened {
            Ok((websocket, _)) => Ok(Socket::new(websocket)),
            Err(WsError::Http(response)) => Err(format!(
                "WebSocket: the server answered {}",
                response.status()
            )),
            Err(error) => Err(told(&format!("WebSocket: {error}"))),
        }
    }

    fn server_name(&self) -> Result<ServerName<'static>, String> {
        match self.url.host() {
            Some(Host::Ipv4(ip)) => Ok(ServerName::IpAddress(IpAddr::from(
                std::net::IpAddr::from(ip),
            ))),
            Some(Host::Ipv6(ip)) => Ok(ServerName::IpAddress(IpAddr::from(
                std::net::IpAddr::from(ip),
            ))),
            Some(Host::Domain(name)) => ServerName::try_from(name.to_owned())
                .map_err(|_| "TLS: the host is no name that a certificate can hold".into()),
            None => Err("the address has no host".into()),
        }
    }
}

/// The families by turns, beginning with the one that the system prefers (RFC 8305 §4).
fn alternate(found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(v6_first) = found.first().map(SocketAddr::is_ipv6) else {
        return found;
    };
    let (first, second): (Vec<_>, Vec<_>) = found
        .into_iter()
        .partition(|address| address.is_ipv6() == v6_first);
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    loop {
        match (first.next(), second.next()) {
            (None, None) => return mixed,
            (a, b) => mixed.extend(a.into_iter().chain(b)),
        }
    }
}

/// The first address that connects; each next one starts when the one before has failed or had
/// its start of [`NEXT_ADDRESS`].
async fn first_of(addresses: Vec<SocketAddr>) -> Result<TcpStream, String> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut problem = String::from("the name has no address");
    loop {
        let more = match waiting.next() {
            Some(address) => {
                running.push(TcpStream::connect(address));
                true
            }
            None => false,
        };
        tokio::select! {
            Some(ended) = running.next() => match ended {
                Ok(tcp) => return Ok(tcp),
                Err(error) => problem = error.to_string(),
            },
            () = sleep(NEXT_ADDRESS), if more => {}
            else => return Err(format!("TCP: {problem}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let v6 = |n: u16| SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, n], 1));
        let v4 = |n: u8| SocketAddr::from(([127, 0, 0, n], 1));
        assert_eq!(
            alternate(vec![v6(1), v6(2), v6(3), v4(1)]),
            [v6(1), v4(1), v6(2), v6(3)]
        );
        assert_eq!(alternate(vec![v4(1), v6(1)]), [v4(1), v6(1)]);
        assert!(alternate(vec![]).is_empty());
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let dead = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = {
            let address = dead.local_addr().unwrap();
            drop(dead);
            address
        };
        let live = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let live = (live.local_addr().unwrap(), live);
        let tcp = first_of(vec![dead, live.0]).await.unwrap();
        assert_eq!(tcp.peer_addr().unwrap(), live.0);
        assert!(first_of(vec![dead]).await.unwrap_err().contains("TCP"));
        assert!(first_of(vec![]).await.unwrap_err().contains("no address"));
    }
}
