//! A stream of libx264 over a network that loses, repeats and reorders: what comes out is what ffmpeg's decoder makes
//! of the stream itself, picture by picture, without a complaint.
#![allow(missing_docs, clippy::unwrap_used)]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use ringwire_media::h264::{AccessUnit, H264Packetizer};
use ringwire_media::{
    Rotation, RtpPacket, VideoAssembler, VideoAssemblerConfig, VideoCodec, VideoFrame,
};

const FRAMES: usize = 90;
const AUD: [u8; 5] = [0, 0, 0, 1, 9];

/// ffmpeg with `args`, `input` on its standard input; its standard output and what it complained of.
fn ffmpeg(args: &[&str], input: &[u8]) -> (Vec<u8>, String) {
    let program = std::env::var_os("RINGWIRE_FFMPEG").unwrap_or_else(|| "ffmpeg".into());
    let mut child = Command::new(program)
        .args(["-hide_banner", "-loglevel", "warning"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("ffmpeg is needed: apt-get install ffmpeg, or name it in RINGWIRE_FFMPEG");
    let mut stdin = child.stdin.take().unwrap();
    let output = std::thread::scope(|scope| {
        scope.spawn(move || stdin.write_all(input));
        child.wait_with_output().unwrap()
    });
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{complaints}");
    (output.stdout, complaints)
}

/// Access units of constrained baseline, two slices each, parameter sets only before the first if `once`.
fn encode(once: bool) -> Vec<Bytes> {
    let count = FRAMES.to_string();
    let (stream, complaints) = ffmpeg(
        &[
            "-f",
            "lavfi",
            "-i",
            "testsrc2=size=320x240:rate=30",
            "-frames:v",
            &count,
            "-pix_fmt",
            "yuv420p",
            "-c:v",
            "libx264",
            "-profile:v",
            "baseline",
            "-tune",
            "zerolatency",
            "-g",
            "30",
            "-b:v",
            "1M",
            "-x264-params",
            "aud=1:slices=2:repeat-headers=1",
            "-f",
            "h264",
            "pipe:1",
        ],
        &[],
    );
    assert!(!complaints.contains("rror"), "{complaints}");
    let stream = Bytes::from(stream);
    let mut starts: Vec<usize> = (0..stream.len() - AUD.len())
        .filter(|at| stream[*at..].starts_with(&AUD))
        .collect();
    assert_eq!(starts.len(), FRAMES);
    // What x264 writes before the first delimiter is of the first access unit.
    starts[0] = 0;
    starts.push(stream.len());
    let places = starts.windows(2).enumerate();
    let access_units = places.map(|(index, pair)| {
        let access_unit = stream.slice(pair[0]..pair[1]);
        if once && index > 0 {
            without_sets(&access_unit)
        } else {
            access_unit
        }
    });
    access_units.collect()
}

/// As encoders write that give their parameter sets but once.
fn without_sets(access_unit: &[u8]) -> Bytes {
    let starts = (0..access_unit.len() - 3).filter(|at| access_unit[*at..].starts_with(&[0, 0, 1]));
    let mut starts: Vec<usize> = starts.collect();
    starts.push(access_unit.len());
    let units = starts.windows(2).map(|pair| &access_unit[pair[0]..pair[1]]);
    let kept = units.filter(|unit| !matches!(unit[3] & 0x1f, 7 | 8));
    kept.flatten().copied().collect()
}

/// A checksum of every picture.
fn pictures(stream: &[u8]) -> String {
    let args = [
        "-f",
        "h264",
        "-i",
        "pipe:0",
        "-fps_mode",
        "passthrough",
        "-f",
        "framemd5",
        "pipe:1",
    ];
    let (sums, complaints) = ffmpeg(&args, stream);
    assert_eq!(complaints, "", "the decoder complains");
    String::from_utf8(sums)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.rsplit(',').next().map(|sum| format!("{sum}\n")))
        .collect()
}

/// The packets of a stream, as a bad network delivers them: some twice, some late by up to a dozen places.
fn packets(access_units: &[Bytes]) -> Vec<RtpPacket> {
    let mut packetizer = H264Packetizer::new();
    let mut delivered: Vec<(usize, RtpPacket)> = Vec::new();
    let (mut sequence_number, arrival) = (65_000u16, Instant::now());
    for (index, data) in access_units.iter().enumerate() {
        let frame = VideoFrame {
            codec: VideoCodec::H264,
            data: data.clone(),
            timestamp: Duration::from_millis(33) * index as u32,
            key_frame: AccessUnit::parse(data).unwrap().is_key_frame(),
            rotation: Rotation::None,
        };
        for payload in packetizer.packetize(&frame, 1_120).unwrap() {
            assert!(payload.data.len() <= 1_120);
            let packet = RtpPacket {
                sequence_number,
                timestamp: index as u32 * 3_000,
                marker: payload.marker,
                payload: payload.data,
                rotation: None,
                arrival,
            };
            sequence_number = sequence_number.wrapping_add(1);
            let place = delivered.len();
            if place % 7 == 3 {
                delivered.push((place + 5, packet.clone()));
            }
            let late = if place % 5 == 1 { place % 13 } else { 0 };
            delivered.push((place + late, packet));
        }
    }
    delivered.sort_by_key(|(place, _)| *place);
    delivered.into_iter().map(|(_, packet)| packet).collect()
}

#[test]
fn ffmpeg_decodes_what_was_reassembled_as_it_decodes_what_was_encoded() {
    for once in [false, true] {
        let access_units = encode(once);
        let (mut assembled, mut key_frames, mut frames) = (Vec::new(), 0, 0);
        let mut assembler = VideoAssembler::new(VideoCodec::H264, VideoAssemblerConfig::default());
        for packet in packets(&access_units) {
            let now = packet.arrival;
            assembler.push(packet).unwrap();
            while let Some(frame) = assembler.pop(now) {
                frames += 1;
                key_frames += usize::from(frame.key_frame);
                assembled.extend_from_slice(&frame.data);
            }
        }
        assert_eq!((frames, key_frames), (FRAMES, FRAMES / 30));
        let sums = pictures(&assembled);
        assert_eq!(sums.lines().count(), FRAMES);
        assert_eq!(sums, pictures(&access_units.concat()));
        // Any key frame is enough to begin with.
        let mut begins = (0..assembled.len()).filter(|at| assembled[*at..].starts_with(&AUD));
        let second_key_frame = begins.nth(30).unwrap();
        let rest = pictures(&assembled[second_key_frame..]);
        assert_eq!(rest.lines().count(), FRAMES - 30);
    }
}

#[test]
fn a_frame_that_was_lost_is_missing_and_nothing_after_it_is_shown_before_a_key_frame() {
    let access_units = encode(false);
    let mut assembler = VideoAssembler::new(VideoCodec::H264, VideoAssemblerConfig::default());
    let start = Instant::now();
    let (mut assembled, mut frames) = (Vec::new(), 0);
    let mut packetizer = H264Packetizer::new();
    let mut sequence_number = 0u16;
    for (index, data) in access_units.iter().enumerate() {
        let arrival = start + Duration::from_millis(33) * index as u32;
        let frame = VideoFrame {
            codec: VideoCodec::H264,
            data: data.clone(),
            timestamp: Duration::from_millis(33) * index as u32,
            key_frame: false,
            rotation: Rotation::None,
        };
        let payloads = packetizer.packetize(&frame, 1_120).unwrap();
        for (place, payload) in payloads.into_iter().enumerate() {
            sequence_number += 1;
            if index == 40 && place == 0 {
                continue;
            }
            let packet = RtpPacket {
                sequence_number,
                timestamp: index as u32 * 3_000,
                marker: payload.marker,
                payload: payload.data,
                rotation: None,
                arrival,
            };
            assembler.push(packet).unwrap();
            while let Some(frame) = assembler.pop(arrival) {
                frames += 1;
                assembled.extend_from_slice(&frame.data);
            }
        }
    }
    assert_eq!(
        frames,
        40 + 30,
        "all but the frames from the lost one to the next key frame"
    );
    assert_eq!(pictures(&assembled).lines().count(), frames);
}
