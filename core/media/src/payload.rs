//! What every packetizer of pictures gives out.

use bytes::Bytes;

/// One RTP payload, ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// The payload format's headers and a piece of the frame.
    pub data: Bytes,
    /// The M bit: this payload ends its frame.
    pub marker: bool,
}
