// Pictures and sound, in and out of memory of the app. Numbers and addresses are what crosses the border; the core
// lays out the same bytes in bindings/src/raw.rs.

import Foundation

/// Bytes before a picture's own: its moment (8), its codec, 1 for a key frame, its rotation, 0.
private let header = 12

/// Room for most pictures.
private let usualRoom = 64 * 1024

extension VideoSource {
    /// Takes one encoded picture; `data` is read before the function returns, neither copied on the way nor kept.
    /// `timestampUs` is the moment of the capture in microseconds of any clock that runs on. Whether H.264 is a key frame
    /// is read from it, whatever `keyFrame` says; its parameter sets may come with each key frame, with the first, or
    /// before it in a frame of their own. Never waits for the network: where it is slower than the camera, pictures are
    /// dropped up to the next key frame, which is then wanted. From any thread, one at a time.
    ///
    /// Throws `CallError`: `.invalidInput` when `data` is empty, larger than 2 MiB, or not of a codec that is wanted
    /// (see `codec`); VP8 is not looked into. `.internal`.
    public func push(
        data: Data, codec: VideoCodec, timestampUs: UInt64, keyFrame: Bool, rotation: Rotation = .deg0
    ) throws {
        try data.withUnsafeBytes {
            try push(data: $0, codec: codec, timestampUs: timestampUs, keyFrame: keyFrame, rotation: rotation)
        }
    }

    /// The same from memory, such as that of a `CMBlockBuffer`.
    public func push(
        data: UnsafeRawBufferPointer, codec: VideoCodec, timestampUs: UInt64, keyFrame: Bool,
        rotation: Rotation = .deg0
    ) throws {
        try pushAt(
            address: address(data.baseAddress), length: UInt64(data.count), codec: codec.number,
            timestampUs: timestampUs, keyFrame: keyFrame, rotation: rotation.number)
    }
}

extension VideoSink {
    /// The next whole picture; nothing after so many milliseconds, and at once when the call or the client is over.
    /// Blocks the calling thread: never on the main thread, nor in a task. 30 pictures wait; one more drops all up to
    /// the next key frame.
    public func next(timeoutMs: UInt32) -> VideoFrame? {
        var room = usualRoom
        var (frame, length) = taken(timeoutMs: timeoutMs, room: room)
        // One for which there was no room is the next one still.
        while length > room {
            room = length
            (frame, length) = taken(timeoutMs: 0, room: room)
        }
        return frame
    }

    private func taken(timeoutMs: UInt32, room: Int) -> (frame: VideoFrame?, length: Int) {
        withUnsafeTemporaryAllocation(byteCount: room, alignment: 8) { bytes in
            let length = Int(
                nextAt(timeoutMs: timeoutMs, address: address(bytes.baseAddress), room: UInt64(room)))
            guard length > 0, length <= room else { return (nil, length) }
            let frame = VideoFrame(
                codec: bytes[8] == 1 ? .h264 : .vp8,
                data: Data(UnsafeRawBufferPointer(rebasing: bytes[header..<length])),
                timestampUs: UInt64(littleEndian: bytes.load(as: UInt64.self)),
                keyFrame: bytes[9] == 1,
                rotation: Rotation.all[Int(bytes[10])])
            return (frame, length)
        }
    }
}

extension AudioSource {
    /// Takes samples, any number of them: signed 16 bit, little-endian, mono, 48 kHz. They are read before the function
    /// returns, neither copied on the way nor kept. Encodes on the calling thread (Opus, a fraction of a millisecond for
    /// 10 ms): not for a real-time audio callback. Never waits for the network. From one thread at a time.
    ///
    /// Throws `CallError`: `.invalidInput` for an odd number of bytes; `.internal`.
    public func push(pcm: Data) throws {
        try pcm.withUnsafeBytes(push(pcm:))
    }

    /// The same from memory, such as that of an `AVAudioPCMBuffer`.
    public func push(pcm: UnsafeRawBufferPointer) throws {
        try pushAt(address: address(pcm.baseAddress), length: UInt64(pcm.count))
    }
}

extension AudioSink {
    /// Bytes of a block of sound: 10 ms, 480 samples.
    public static let block = 960

    /// The next 10 ms: 480 samples, signed 16 bit, little-endian, mono, 48 kHz, 960 bytes; silence while nothing comes
    /// and once the call is over. Never waits: pull it at the pace of the loudspeaker, from one thread, which is no
    /// real-time audio callback.
    public func pull() -> Data {
        var pcm = Data(count: Self.block)
        pcm.withUnsafeMutableBytes { pull(into: $0) }
        return pcm
    }

    /// The same into the first 960 bytes of memory, such as that of an `AVAudioPCMBuffer`; `pcm` must have them.
    public func pull(into pcm: UnsafeMutableRawBufferPointer) {
        precondition(pcm.count >= Self.block, "a block needs \(Self.block) bytes, there are \(pcm.count)")
        pullAt(address: address(pcm.baseAddress))
    }
}

private func address(_ pointer: UnsafeRawPointer?) -> UInt64 {
    UInt64(UInt(bitPattern: pointer))
}

extension VideoCodec {
    fileprivate var number: UInt8 {
        switch self {
        case .vp8: 0
        case .h264: 1
        }
    }
}

extension Rotation {
    fileprivate static let all: [Rotation] = [.deg0, .deg90, .deg180, .deg270]

    fileprivate var number: UInt8 {
        switch self {
        case .deg0: 0
        case .deg90: 1
        case .deg180: 2
        case .deg270: 3
        }
    }
}
