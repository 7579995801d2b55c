//! A source and connections that are only outlets.

use bytes::Bytes;

use super::*;

fn frame(index: u64, key_frame: bool, len: usize) -> VideoFrame {
    VideoFrame {
        codec: VideoCodec::Vp8,
        data: Bytes::from(vec![u8::from(!key_frame); len]),
        timestamp: Duration::from_millis(index * 33),
        key_frame,
        rotation: Rotation::None,
    }
}

/// `frame` fills key frames with zeros.
fn is_key_frame(packets: &VideoPackets) -> bool {
    packets.payloads[0].data.last() == Some(&0)
}

/// A connection that is ready, and the caller's leave to send to it.
fn attach(
    source: &VideoSource,
) -> (
    watch::Sender<Outgoing>,
    Arc<VideoOutlet>,
    mpsc::Receiver<Arc<VideoPackets>>,
) {
    let allowed = watch::Sender::default();
    let link = Arc::new(Link::new(|_| ()));
    let (outlet, frames) = source.attach(TrackKind::Video, link, allowed.subscribe());
    outlet.set_ready(true);
    outlet.set_codec(Some(VideoCodec::Vp8));
    (allowed, outlet, frames)
}

const PICTURES: Outgoing = Outgoing {
    audio: false,
    video: true,
    screen: false,
};

#[test]
fn nothing_is_sent_before_a_key_frame_and_one_is_wanted() {
    let source = VideoSource::new();
    let (allowed, _outlet, mut frames) = attach(&source);
    source.push(&frame(0, true, 100)).unwrap();
    assert!(frames.try_recv().is_err(), "sent while closed");
    allowed.send_replace(PICTURES);
    assert!(!source.take_key_frame_wanted());
    source.push(&frame(1, false, 100)).unwrap();
    assert!(frames.try_recv().is_err(), "sent without its key frame");
    assert!(source.take_key_frame_wanted());
    source.push(&frame(2, true, 100)).unwrap();
    source.push(&frame(3, false, 3_000)).unwrap();
    assert!(is_key_frame(&frames.try_recv().unwrap()));
    let packets = frames.try_recv().unwrap();
    let markers: Vec<bool> = packets
        .payloads
        .iter()
        .map(|payload| payload.marker)
        .collect();
    assert_eq!(markers, [false, false, true]);
}

#[test]
fn a_full_queue_drops_to_the_next_key_frame() {
    let source = VideoSource::new();
    let (allowed, _outlet, mut frames) = attach(&source);
    allowed.send_replace(PICTURES);
    for index in 0..QUEUE as u64 + 5 {
        source.push(&frame(index, index == 0, 100)).unwrap();
    }
    assert!(source.take_key_frame_wanted());
    let mut queued = 0;
    while frames.try_recv().is_ok() {
        queued += 1;
    }
    assert_eq!(queued, QUEUE);
    source.push(&frame(90, false, 100)).unwrap();
    assert!(frames.try_recv().is_err(), "a frame after a hole");
    source.push(&frame(91, true, 100)).unwrap();
    assert!(is_key_frame(&frames.try_recv().unwrap()));
}

#[test]
fn one_slow_connection_does_not_disturb_another() {
    let source = VideoSource::new();
    let (slow, _slow_outlet, _slow_frames) = attach(&source);
    let (quick, _quick_outlet, mut quick_frames) = attach(&source);
    slow.send_replace(PICTURES);
    quick.send_replace(PICTURES);
    for index in 0..100 {
        source.push(&frame(index, index == 0, 100)).unwrap();
        assert!(quick_frames.try_recv().is_ok(), "frame {index}");
    }
}

fn h264(units: &[&[u8]]) -> VideoFrame {
    let start_code = [0, 0, 1];
    let units = units.iter().map(|unit| [&start_code[..], unit].concat());
    VideoFrame {
        codec: VideoCodec::H264,
        data: units.collect::<Vec<_>>().concat().into(),
        ..frame(0, false, 1)
    }
}

#[test]
fn each_connection_gets_the_codec_that_it_agreed_on() {
    let source = VideoSource::new();
    assert_eq!(source.codec(), None);
    source.push(&frame(0, true, 100)).unwrap();
    let (first, first_outlet, mut first_frames) = attach(&source);
    let (second, second_outlet, mut second_frames) = attach(&source);
    for allowed in [&first, &second] {
        allowed.send_replace(PICTURES);
    }
    assert_eq!(source.codec(), Some(VideoCodec::Vp8));
    let (sets, idr): ([&[u8]; 2], &[u8]) = (
        [&[0x67, 0x42, 0xe0, 0x1f, 0x80], &[0x68, 0x80]],
        &[0x65, 1, 1],
    );
    let refused = source.push(&h264(&[idr])).unwrap_err().to_string();
    assert_eq!(refused, "a frame of H.264 where VP8 is wanted");

    second_outlet.set_codec(Some(VideoCodec::H264));
    assert_eq!(source.codecs(), [VideoCodec::Vp8, VideoCodec::H264]);
    source.push(&h264(&sets)).unwrap();
    assert_eq!(source.frames_pushed().0, 1, "sets are no picture");
    source.push(&h264(&[idr])).unwrap();
    let key_frame = second_frames.try_recv().unwrap();
    assert!(key_frame.key_frame, "whatever the shell says");
    assert_eq!(key_frame.payloads.len(), 2, "the sets come first");
    assert!(first_frames.try_recv().is_err());
    source.push(&frame(1, true, 100)).unwrap();
    assert!(is_key_frame(&first_frames.try_recv().unwrap()));
    assert!(second_frames.try_recv().is_err());

    first_outlet.set_codec(None);
    assert_eq!(source.codec(), Some(VideoCodec::H264));
    assert!(source.push(&frame(2, true, 100)).is_err());
}

#[test]
fn bad_frames_are_refused() {
    let source = VideoSource::new();
    assert!(source.push(&frame(0, true, 0)).is_err());
    assert!(source.push(&frame(0, true, MAX_FRAME + 1)).is_err());
}

#[tokio::test]
async fn a_wish_for_a_key_frame_wakes_who_waits() {
    let source = VideoSource::new();
    source.want_key_frame();
    source.key_frame_wanted().await;
    assert!(!source.take_key_frame_wanted());
}
