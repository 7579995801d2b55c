// What the border costs: alice calls bob, both film and speak, and each of alice's calls of a function is timed. Inside
// ringwire-lab; RINGWIRE_BENCH_SECONDS says how long, the first five do not count. Ends with one line of JSON.

import Foundation
import Laboratory
import Ringwire

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

let seconds = Double(ProcessInfo.processInfo.environment["RINGWIRE_BENCH_SECONDS"] ?? "20")!
let warmUp = 5.0

let alice = try CallClient(config: Lab.here.config("alice", device: "alice-bench"))
let bob = try CallClient(config: Lab.here.config("bob", device: "bob-bench"))
try await alice.connected()
try await bob.connected()
let answering = Task { try await bob.acceptAndWait(call: firstRing(), microphone: true, camera: true) }
let mine = try await alice.callAndWait(conversationId: Lab.here.conversation("alice-bob"), video: true)
let theirs = try await answering.value

let pictures = [picture(key: true), picture(key: false)]
let clock = clockCost()
let timed = ["snapshot", "video_push", "video_next", "audio_push", "audio_pull"].map { Times($0) }
let (snapshot, videoPush, videoNext, audioPush, audioPull) = (timed[0], timed[1], timed[2], timed[3], timed[4])
let threads =
    media(of: alice, mine, videoPush, videoNext, audioPush, audioPull)
    + media(of: bob, theirs, Times(""), Times(""), Times(""), Times(""))
    + [Pace(every: 0.01) { _ in _ = snapshot.time { alice.snapshot() } }]
try await Task.sleep(for: .seconds(warmUp))
timed.forEach { $0.begin() }
try await Task.sleep(for: .seconds(max(seconds - warmUp, 1)))
let results = timed.map { #""\#($0.name)":\#($0.result(clock))"# }
threads.forEach { $0.stop() }
await alice.shutdown()
await bob.shutdown()
print("{\(results.joined(separator: ",")),\"clock_us\":\(rounded(clock))}")

func firstRing() async throws -> UInt64 {
    for await now in bob.snapshots() {
        if let ring = now.calls.first(where: { $0.stage == .incoming }) { return ring.number }
    }
    throw CancellationError()
}

/// 10,000 bytes that begin as VP8 does (RFC 6386 §9.1): 640 x 480.
func picture(key: Bool) -> Data {
    let begin: [UInt8] = key ? [0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x80, 0x02, 0xE0, 0x01] : [0x11, 0, 0]
    return Data(begin) + Data((begin.count..<10_000).map { UInt8($0 % 251) })
}

/// 30 pictures and 100 blocks of sound a second, in and out, each on a thread of its own.
func media(
    of client: CallClient, _ call: UInt64, _ videoPush: Times, _ videoNext: Times, _ audioPush: Times,
    _ audioPull: Times
) -> [Pace] {
    let (camera, microphone) = (client.videoSource(), client.audioSource())
    let (screen, speaker) = (client.videoSink(call: call), client.audioSink(call: call))
    let pictures = pictures
    return [
        Pace(every: 1.0 / 30) { turn in
            let at = UInt64(turn) * 33_333
            let key = turn % 30 == 0
            let picture = pictures[key ? 0 : 1]
            videoPush.time {
                try! camera.push(data: picture, codec: .vp8, timestampUs: at, keyFrame: key, rotation: .deg0)
            }
        },
        Pace(every: 0) { _ in _ = videoNext.time(onlyIf: { $0 != nil }) { screen.next(timeoutMs: 200) } },
        Pace(every: 0.01) { _ in audioPush.time { try! microphone.push(pcm: tone) } },
        Pace(every: 0.01) { _ in
            withUnsafeTemporaryAllocation(byteCount: AudioSink.block, alignment: 2) { heard in
                audioPull.time { speaker.pull(into: heard) }
            }
        },
    ]
}

/// Microseconds of a clock.
func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
}

/// What asking for the time of the thread takes of that time.
func clockCost() -> Double {
    var taken = (0..<10_000).map { _ in
        let begin = now(CLOCK_THREAD_CPUTIME_ID)
        return now(CLOCK_THREAD_CPUTIME_ID) - begin
    }
    taken.sort()
    return taken[taken.count / 2]
}

func rounded(_ number: Double) -> Double { (number * 1_000).rounded() / 1_000 }

/// How long the calls of a function took, on one thread.
final class Times: @unchecked Sendable {
    let name: String
    private let lock = NSLock()
    private var counts = false
    private var cpu: [Double] = []
    private var inside: [Double] = []
    private var wall: [Double] = []

    init(_ name: String) { self.name = name }

    func begin() { lock.withLock { counts = true } }

    func time<T>(onlyIf: (T) -> Bool = { _ in true }, _ work: () -> T) -> T {
        let (wallBegin, cpuBegin) = (now(CLOCK_MONOTONIC), now(CLOCK_THREAD_CPUTIME_ID))
        let result = work()
        let (cpuEnd, wallEnd) = (now(CLOCK_THREAD_CPUTIME_ID), now(CLOCK_MONOTONIC))
        guard onlyIf(result) else { return result }
        lock.withLock {
            if counts {
                cpu.append(cpuEnd - cpuBegin)
                inside.append(Double(insideNs()) / 1e3)
                wall.append(wallEnd - wallBegin)
            }
        }
        return result
    }

    func result(_ clock: Double) -> String {
        lock.withLock {
            guard !cpu.isEmpty else { return #"{"n":0}"# }
            let mean = cpu.reduce(0, +) / Double(cpu.count) - clock
            let inside = inside.reduce(0, +) / Double(inside.count)
            let (cpuMedian, wallMedian) = (cpu.sorted()[cpu.count / 2] - clock, wall.sorted()[wall.count / 2] - clock)
            return #"{"n":\#(cpu.count),"cpu_us_mean":\#(rounded(mean)),"inside_us_mean":\#(rounded(inside)),"cpu_us_median":\#(rounded(cpuMedian)),"#
                + #""wall_us_median":\#(rounded(wallMedian))}"#
        }
    }
}
