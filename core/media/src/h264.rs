//! H.264: its RTP payload format (RFC 6184) in packetization mode 1, and as much of its bitstream (ITU-T H.264 §7.3.1,
//! annex B) as carrying it needs. Nothing here remembers packets; that is `video`.

mod access_unit;
mod nal;
mod packetizer;
mod parameter_sets;
mod payload;

pub use access_unit::AccessUnit;
pub use packetizer::H264Packetizer;
pub use payload::{Fragment, H264Payload};

pub(crate) use nal::{NalType, START_CODE};
pub(crate) use parameter_sets::ParameterSets;
