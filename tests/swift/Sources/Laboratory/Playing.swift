// Threads that do what an app's camera, microphone, screen and loudspeaker do.

import Foundation
import Ringwire

/// A thread that does something at a steady pace until it is stopped.
public final class Pace: @unchecked Sendable {
    private let state = NSCondition()
    private var stopping = false
    private var running = true

    /// Does it with the number of the turn, from 0. Late turns are made up for.
    public init(every seconds: Double, _ turn: @escaping @Sendable (Int) -> Void) {
        let thread = Thread { [self] in
            let began = Date()
            var number = 0
            while goesOn(until: began.addingTimeInterval(Double(number) * seconds)) {
                turn(number)
                number += 1
            }
            state.withLock {
                running = false
                state.broadcast()
            }
        }
        thread.start()
    }

    private func goesOn(until: Date) -> Bool {
        state.withLock {
            while !stopping, state.wait(until: until) {}
            return !stopping
        }
    }

    /// Ends the thread; returns when it has ended.
    public func stop() {
        state.withLock {
            stopping = true
            state.broadcast()
            while running { state.wait() }
        }
    }
}

/// A number that any thread changes.
public final class Count: @unchecked Sendable {
    private let lock = NSLock()
    private var number = 0

    public init() {}

    public var value: Int { lock.withLock { number } }

    public func add(_ more: Int) { lock.withLock { number += more } }

    public func raise(to least: Int) { lock.withLock { number = max(number, least) } }
}

/// Plays a clip into a camera or a screen, at its own pace, and begins again with a key frame when one is wanted.
public func play(_ clip: Clip, into source: VideoSource) -> Pace {
    let next = Count()
    return Pace(every: 1 / Double(clip.perSecond)) { turn in
        if source.takeKeyFrameWanted() { next.add(-next.value) }
        let picture = clip.pictures[next.value % clip.pictures.count]
        next.add(1)
        // Refused while the other end has agreed on another codec.
        try? source.push(
            data: picture.data, codec: clip.codec, timestampUs: UInt64(turn * 1_000_000 / clip.perSecond),
            keyFrame: picture.keyFrame, rotation: .deg0)
    }
}

/// 10 ms of a tone of 400 Hz, which goes on without a gap.
public let tone: Data = {
    let samples = (0..<480).map { Int16(12_000 * sin(Double($0) * 2 * .pi * 400 / 48_000)) }
    return samples.reduce(into: Data()) { pcm, sample in
        withUnsafeBytes(of: sample.littleEndian) { pcm.append(contentsOf: $0) }
    }
}()

/// Says the tone into a microphone.
public func speak(into source: AudioSource) -> Pace {
    Pace(every: 0.01) { _ in try? source.push(pcm: tone) }
}

/// The loudest of samples with 16 bits, little-endian.
public func peak(_ pcm: Data) -> Int {
    let bytes = [UInt8](pcm)
    return stride(from: 0, to: bytes.count - 1, by: 2).reduce(0) { loudest, at in
        max(loudest, abs(Int(Int16(bitPattern: UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8))))
    }
}

/// Sees and hears the other end of a call.
public final class Watching: Sendable {
    public let pictures = Count()
    public let loudest = Count()
    private let threads: [Pace]

    public init(_ client: CallClient, _ call: UInt64) {
        let screen = client.videoSink(call: call)
        let speaker = client.audioSink(call: call)
        let (pictures, loudest) = (pictures, loudest)
        threads = [
            Pace(every: 0) { _ in if screen.next(timeoutMs: 100) != nil { pictures.add(1) } },
            Pace(every: 0.01) { _ in loudest.raise(to: peak(speaker.pull())) },
        ]
    }

    public func stop() { threads.forEach { $0.stop() } }
}

/// Camera and microphone of a client.
public final class Filming: Sendable {
    private let threads: [Pace]

    public init(_ client: CallClient, _ clip: Clip = .vp8()) {
        threads = [play(clip, into: client.videoSource()), speak(into: client.audioSource())]
    }

    public func stop() { threads.forEach { $0.stop() } }
}
