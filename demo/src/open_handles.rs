//! What a process holds open, counted from outside in `/proc/PID`: threads, sockets, other files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Open things of a process at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenHandles {
    /// Threads, which the kernel calls tasks.
    pub tasks: usize,
    /// File descriptors that are sockets, but for `accepted`.
    pub sockets: usize,
    /// TCP connections that came in on a port on which the process listens. Browsers keep some of
    /// them open and close them when they like.
    pub accepted: usize,
    /// All other file descriptors.
    pub files: usize,
    /// Threads by name.
    pub threads: BTreeMap<String, usize>,
}

impl OpenHandles {
    /// Counts `/proc/PID/task` and `/proc/PID/fd`.
    ///
    /// # Errors
    /// The process has ended, is somebody else's, or there is no `/proc`.
    pub fn of(pid: u32) -> io::Result<Self> {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let mut open = Self::default();
        for task in fs::read_dir(process.join("task"))? {
            // A thread may end between the listing and the look.
            let Ok(name) = fs::read_to_string(task?.path().join("comm")) else {
                continue;
            };
            open.tasks += 1;
            *open.threads.entry(name.trim().to_owned()).or_default() += 1;
        }
        let mut sockets = Vec::new();
        for descriptor in fs::read_dir(process.join("fd"))? {
            let Ok(target) = fs::read_link(descriptor?.path()) else {
                continue;
            };
            match socket_number(&target.to_string_lossy()) {
                Some(number) => sockets.push(number),
                None => open.files += 1,
            }
        }
        let tcp = ["net/tcp", "net/tcp6"].map(|table| fs::read_to_string(process.join(table)));
        let tcp: BTreeMap<u64, TcpSocket> = tcp
            .iter()
            .flatten()
            .flat_map(|table| table.lines().filter_map(tcp_socket))
            .collect();
        let mine = || sockets.iter().filter_map(|number| tcp.get(number));
        let ports: BTreeSet<u16> = mine()
            .filter(|socket| socket.listens)
            .map(|socket| socket.port)
            .collect();
        open.accepted = mine()
            .filter(|socket| !socket.listens && ports.contains(&socket.port))
            .count();
        open.sockets = sockets.len() - open.accepted;
        Ok(open)
    }

    /// Whether nothing is open beyond what was open before.
    pub fn is_back_to(&self, before: &Self) -> bool {
        self.tasks <= before.tasks && self.sockets <= before.sockets
    }
}

/// A row of `/proc/PID/net/tcp`.
#[derive(Debug, PartialEq, Eq)]
struct TcpSocket {
    port: u16,
    listens: bool,
}

/// `socket:[12345]`.
fn socket_number(target: &str) -> Option<u64> {
    target
        .strip_prefix("socket:[")?
        .strip_suffix(']')?
        .parse()
        .ok()
}

/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12345 …`: the
/// socket's number, port and state.
fn tcp_socket(row: &str) -> Option<(u64, TcpSocket)> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let (_, port) = words.get(1)?.rsplit_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    Some((
        words.get(9)?.parse().ok()?,
        TcpSocket {
            port,
            listens: *words.get(3)? == "0A",
        },
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream, UdpSocket};

    #[test]
    fn sockets_of_mine_are_seen_and_accepted_ones_told_apart() {
        let me = std::process::id();
        let _media = UdpSocket::bind("127.0.0.1:0").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _outgoing = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let _accepted = listener.accept().unwrap();
        let open = OpenHandles::of(me).unwrap();
        assert!(open.tasks >= 1 && open.sockets >= 3, "{open:?}");
        assert!(open.accepted >= 1, "{open:?}");
    }

    #[test]
    fn a_row_of_the_table_is_read() {
        let row = "   1: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4711 1 0 100";
        assert_eq!(
            tcp_socket(row),
            Some((
                4711,
                TcpSocket {
                    port: 8080,
                    listens: true
                }
            ))
        );
        assert_eq!(
            tcp_socket("  sl  local_address rem_address   st tx_queue"),
            None
        );
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(OpenHandles::of(u32::MAX).is_err());
    }
}
