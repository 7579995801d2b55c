//! VP8: its RTP payload format (RFC 7741) and as much of its frame header (RFC 6386 §9.1) as a receiver needs.
//! Nothing here remembers packets; that is `video`.

mod descriptor;
mod frame_header;
mod packetizer;

pub use descriptor::{PayloadDescriptor, PictureId, TemporalLayer, Vp8Payload};
pub use frame_header::{Dimensions, FrameHeader};
pub use packetizer::Vp8Packetizer;
