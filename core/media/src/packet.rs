//! What this crate needs to know of an RTP packet (RFC 3550 §5.1), whoever parsed it.
//! Sequence number unwrapping lives here; nothing about payloads does.

use std::time::Instant;

use bytes::Bytes;

use crate::frame::Rotation;

/// One received RTP packet, decrypted, its header parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtpPacket {
    /// As on the wire; wraps at 2^16. For RTX the restored original number.
    pub sequence_number: u16,
    /// As on the wire, in ticks of the payload's clock; wraps at 2^32.
    pub timestamp: u32,
    /// The M bit.
    pub marker: bool,
    /// Without header, extensions and padding. Empty for packets that were only padding: pass those on
    /// too, they fill a place in the sequence.
    pub payload: Bytes,
    /// The CVO header extension, where the packet had it.
    pub rotation: Option<Rotation>,
    /// When it came off the socket.
    pub arrival: Instant,
}

/// Turns sequence numbers that wrap at 2^16 into ones that do not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SequenceUnwrapper {
    newest: Option<i64>,
}

impl SequenceUnwrapper {
    /// The unwrapped number nearest to the newest one that was accepted; does not remember it.
    pub(crate) fn peek(&self, sequence_number: u16) -> i64 {
        match self.newest {
            None => i64::from(sequence_number),
            Some(newest) => {
                let step = sequence_number.wrapping_sub(newest as u16) as i16;
                newest + i64::from(step)
            }
        }
    }

    /// The newest number seen, if any.
    pub(crate) fn newest(&self) -> Option<i64> {
        self.newest
    }

    /// Remembers `unwrapped` if it is newer than all before.
    pub(crate) fn accept(&mut self, unwrapped: i64) {
        self.newest = Some(
            self.newest
                .map_or(unwrapped, |newest| newest.max(unwrapped)),
        );
    }
}

/// Turns RTP timestamps that wrap at 2^32 into ones that do not.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TimestampUnwrapper {
    last: Option<i64>,
}

impl TimestampUnwrapper {
    /// The unwrapped timestamp nearest to the last one.
    pub(crate) fn unwrap(&mut self, timestamp: u32) -> i64 {
        let unwrapped = match self.last {
            None => i64::from(timestamp),
            Some(last) => last + i64::from(timestamp.wrapping_sub(last as u32) as i32),
        };
        self.last = Some(unwrapped);
        unwrapped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_unwrap_in_both_directions() {
        let mut unwrapper = SequenceUnwrapper::default();
        for (wire, unwrapped) in [(65_534, 65_534), (0, 65_536), (65_535, 65_535), (2, 65_538)] {
            assert_eq!(unwrapper.peek(wire), unwrapped);
            unwrapper.accept(unwrapped);
        }
        assert_eq!(unwrapper.newest(), Some(65_538));
    }

    #[test]
    fn timestamps_unwrap_in_both_directions() {
        let mut unwrapper = TimestampUnwrapper::default();
        assert_eq!(unwrapper.unwrap(u32::MAX), i64::from(u32::MAX));
        assert_eq!(unwrapper.unwrap(9), i64::from(u32::MAX) + 10);
        assert_eq!(unwrapper.unwrap(u32::MAX), i64::from(u32::MAX));
    }
}
