//! IVF files, the plainest container of VP8: reading Echo's clip, writing what Echo receives.
//! Knows nothing of what is inside a frame but its key-frame bit.

use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;

const FILE_HEADER: usize = 32;
const FRAME_HEADER: usize = 12;
/// Largest frame that is read; a clip has none near it.
const MAX_FRAME: usize = 4 * 1024 * 1024;

/// A VP8 file in memory.
#[derive(Debug, Clone)]
pub struct Ivf {
    /// Width in pixels, as the header says.
    pub width: u16,
    /// Height in pixels, as the header says.
    pub height: u16,
    /// Frames per second.
    pub rate: f64,
    /// The frames, in order.
    pub frames: Vec<IvfFrame>,
}

/// One encoded picture.
#[derive(Debug, Clone)]
pub struct IvfFrame {
    /// One frame of RFC 6386 §9.
    pub data: Bytes,
    /// Decodable alone.
    pub key_frame: bool,
}

/// Whether a VP8 frame is a key frame: the lowest bit of its tag is zero (RFC 6386 §9.1).
pub fn is_key_frame(vp8: &[u8]) -> bool {
    vp8.first().is_some_and(|tag| tag & 1 == 0)
}

impl Ivf {
    /// Reads a whole file.
    ///
    /// # Errors
    /// The file cannot be read, is no IVF with VP8 in it, or ends in the middle of a frame.
    pub fn read(path: &Path) -> Result<Self> {
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .with_context(|| format!("reading {}", path.display()))?;
        Self::parse(&Bytes::from(bytes)).with_context(|| format!("reading {}", path.display()))
    }

    fn parse(bytes: &Bytes) -> Result<Self> {
        ensure!(bytes.len() >= FILE_HEADER, "shorter than an IVF header");
        ensure!(&bytes[..4] == b"DKIF", "no IVF file");
        ensure!(&bytes[8..12] == b"VP80", "no VP8 inside");
        let header_len = usize::from(u16_at(bytes, 6));
        let (rate, scale) = (u32_at(bytes, 16), u32_at(bytes, 20));
        ensure!(rate > 0 && scale > 0, "a frame rate of {rate}/{scale}");
        let mut frames = Vec::new();
        let mut at = header_len.max(FILE_HEADER);
        while at < bytes.len() {
            ensure!(bytes.len() >= at + FRAME_HEADER, "ends in a frame header");
            let len = u32_at(bytes, at) as usize;
            at += FRAME_HEADER;
            ensure!(len <= MAX_FRAME, "a frame of {len} bytes");
            ensure!(bytes.len() >= at + len, "ends in a frame");
            let data = bytes.slice(at..at + len);
            frames.push(IvfFrame {
                key_frame: is_key_frame(&data),
                data,
            });
            at += len;
        }
        Ok(Self {
            width: u16_at(bytes, 12),
            height: u16_at(bytes, 14),
            rate: f64::from(rate) / f64::from(scale),
            frames,
        })
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// Writes frames as they come; the header is completed by [`IvfWriter::finish`].
#[derive(Debug)]
pub struct IvfWriter {
    file: BufWriter<File>,
    frames: u32,
    size: (u16, u16),
}

impl IvfWriter {
    /// Time stamps count this many units a second, as RTP does for pictures.
    pub const CLOCK_HZ: u32 = 90_000;

    /// Makes or empties the file.
    ///
    /// # Errors
    /// The file cannot be made or written.
    pub fn create(path: &Path) -> io::Result<Self> {
        let mut writer = Self {
            file: BufWriter::new(File::create(path)?),
            frames: 0,
            size: (0, 0),
        };
        writer.write_header()?;
        Ok(writer)
    }

    /// Adds a VP8 frame shown at `ticks` of the 90 kHz clock.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&mut self, vp8: &[u8], ticks: u64) -> io::Result<()> {
        if self.size == (0, 0) {
            self.size = key_frame_size(vp8).unwrap_or_default();
        }
        let len = u32::try_from(vp8.len()).map_err(io::Error::other)?;
        self.file.write_all(&len.to_le_bytes())?;
        self.file.write_all(&ticks.to_le_bytes())?;
        self.file.write_all(vp8)?;
        self.frames += 1;
        Ok(())
    }

    /// Completes the header and returns how many frames were written.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(mut self) -> io::Result<u32> {
        self.file.seek(SeekFrom::Start(0))?;
        self.write_header()?;
        self.file.flush()?;
        Ok(self.frames)
    }

    fn write_header(&mut self) -> io::Result<()> {
        let mut header = [0; FILE_HEADER];
        header[..4].copy_from_slice(b"DKIF");
        header[6..8].copy_from_slice(&(FILE_HEADER as u16).to_le_bytes());
        header[8..12].copy_from_slice(b"VP80");
        header[12..14].copy_from_slice(&self.size.0.to_le_bytes());
        header[14..16].copy_from_slice(&self.size.1.to_le_bytes());
        header[16..20].copy_from_slice(&Self::CLOCK_HZ.to_le_bytes());
        header[20..24].copy_from_slice(&1u32.to_le_bytes());
        header[24..28].copy_from_slice(&self.frames.to_le_bytes());
        self.file.write_all(&header)
    }
}

/// Width and height of a key frame (RFC 6386 §9.1), without the two bits of scaling.
pub fn key_frame_size(vp8: &[u8]) -> Option<(u16, u16)> {
    if !is_key_frame(vp8) || vp8.get(3..6)? != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let size = vp8.get(6..10)?;
    Some((u16_at(size, 0) & 0x3fff, u16_at(size, 2) & 0x3fff))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &[u8] = &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01, 7];
    const DELTA: &[u8] = &[0x11, 1, 2, 3];

    #[test]
    fn what_was_written_is_read_back_with_its_key_frames_and_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ivf");
        let mut writer = IvfWriter::create(&path).unwrap();
        writer.write(KEY, 0).unwrap();
        writer.write(DELTA, 3_000).unwrap();
        assert_eq!(writer.finish().unwrap(), 2);
        let ivf = Ivf::read(&path).unwrap();
        assert_eq!((ivf.width, ivf.height), (640, 360));
        let keys: Vec<bool> = ivf.frames.iter().map(|frame| frame.key_frame).collect();
        assert_eq!(keys, [true, false]);
        assert_eq!(&ivf.frames[1].data[..], DELTA);
    }

    #[test]
    fn a_file_that_ends_in_a_frame_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.ivf");
        let mut writer = IvfWriter::create(&path).unwrap();
        writer.write(KEY, 0).unwrap();
        writer.finish().unwrap();
        let whole = std::fs::read(&path).unwrap();
        for len in [0, 10, 33, whole.len() - 1] {
            assert!(
                Ivf::parse(&Bytes::copy_from_slice(&whole[..len])).is_err(),
                "{len}"
            );
        }
    }
}
