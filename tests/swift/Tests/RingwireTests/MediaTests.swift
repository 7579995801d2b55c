// Pictures and sound as they go in and come out.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class MediaTests: Story, @unchecked Sendable {
    func testPicturesComeOutAsTheyWentInWithTheirRotation() async throws {
        try await talking { talk in
            let clip = Clip.vp8()
            let whole = Set(clip.pictures.map { Data($0.data) })
            XCTAssertTrue(clip.pictures.contains { $0.data.startIndex != 0 }, "slices go in")
            let camera = talk.caller.client.videoSource()
            let key = clip.pictures.first { $0.keyFrame }!
            let filming = Pace(every: 0.03) { turn in
                try? camera.push(
                    data: key.data, codec: .vp8, timestampUs: UInt64(turn) * 30_000, keyFrame: true,
                    rotation: .deg90)
            }
            let sink = talk.callee.client.videoSink(call: talk.theirs)
            let seen = try await soon("three pictures") {
                var seen: [VideoFrame] = []
                for await picture in sink {
                    seen.append(picture)
                    if seen.count == 3 { break }
                }
                return seen
            }
            filming.stop()
            XCTAssertEqual(seen.count, 3)
            for picture in seen {
                XCTAssertEqual(picture.codec, .vp8)
                XCTAssertEqual(picture.rotation, .deg90)
                XCTAssertTrue(picture.keyFrame)
                XCTAssertTrue(whole.contains(picture.data))
            }
            XCTAssertLessThan(seen[0].timestampUs, seen[2].timestampUs)
        }
    }

    func testH264GoesBothWaysWhereBothPreferIt() async throws {
        let alice = try await Person.connect("alice", codecs: [.h264, .vp8])
        let bob = try await Person.connect("bob", codecs: [.h264, .vp8])
        try await with([alice, bob]) {
            let talk = try await Talk.begin(alice, bob)
            let filming = [alice, bob].map { Filming($0.client, .h264()) }
            for (person, call) in [(alice, talk.mine), (bob, talk.theirs)] {
                let sink = person.client.videoSink(call: call)
                let seen = try await soon("15 pictures") {
                    var seen: [VideoFrame] = []
                    for await picture in sink {
                        seen.append(picture)
                        if seen.count == 15 { break }
                    }
                    return seen
                }
                XCTAssertTrue(seen.allSatisfy { $0.codec == .h264 && $0.data.starts(with: [0, 0, 0, 1]) })
                XCTAssertTrue(seen[0].keyFrame, "what is shown first needs no other")
                XCTAssertEqual(person.client.videoSource().codec(), .h264)
            }
            filming.forEach { $0.stop() }
        }
    }

    func testAnEncoderIsToldWhatToMakeAndWhenAKeyFrameIsWanted() async throws {
        let alice = try await Person.connect("alice")
        let bob = try await Person.connect("bob")
        try await with([alice, bob]) {
            let camera = alice.client.videoSource()
            XCTAssertNil(camera.codec())
            XCTAssertNil(camera.targetBps())
            let talk = try await Talk.begin(alice, bob)
            try await eventually("a bit rate") { camera.codec() == .vp8 && (camera.targetBps() ?? 0) > 0 }
            let filming = Pace(every: 0.03) { turn in
                let key = Clip.first
                try? camera.push(
                    data: key.data, codec: .vp8, timestampUs: UInt64(turn) * 30_000, keyFrame: true,
                    rotation: .deg0)
            }
            let sink = bob.client.videoSink(call: talk.theirs)
            try await eventually("a picture") { sink.next(timeoutMs: 0) != nil }
            // A new connection has wanted one of its own.
            _ = camera.takeKeyFrameWanted()
            try await eventually("a key frame wanted") {
                sink.wantKeyFrame()
                return camera.takeKeyFrameWanted()
            }
            try await eventually("counted at both ends") {
                (bob.client.stats(call: talk.theirs)?.keyFramesAsked ?? 0) > 0
                    && (alice.client.stats(call: talk.mine)?.keyFramesWanted ?? 0) > 0
            }
            filming.stop()
        }
    }

    func testAScreenGoesBesideTheCamera() async throws {
        try await talking { talk in
            try talk.caller.client.setScreen(call: talk.mine, on: true)
            try await talk.callee.until(talk.theirs, "screen there") { $0.people.first?.screen == true }
            let threads = [
                play(.vp8(), into: talk.caller.client.screenSource()),
                play(.vp8(), into: talk.caller.client.videoSource()),
            ]
            for sink in [
                talk.callee.client.screenSink(call: talk.theirs), talk.callee.client.videoSink(call: talk.theirs),
            ] {
                try await eventually("10 pictures") { (0..<10).allSatisfy { _ in sink.next(timeoutMs: 2_000) != nil } }
            }
            threads.forEach { $0.stop() }
        }
    }

    func testSoundGoesInFromASliceAndComesOutInTensOfMilliseconds() async throws {
        try await talking { talk in
            let microphone = talk.caller.client.audioSource()
            let padded = Data([1, 2, 3, 4]) + tone
            let slice = padded[4...]
            let speaking = Pace(every: 0.01) { _ in try? microphone.push(pcm: slice) }
            let speaker = talk.callee.client.audioSink(call: talk.theirs)
            let sizes = Count()
            let loudest = Count()
            let hearing = Pace(every: 0.01) { _ in
                let pcm = speaker.pull()
                if pcm.count != 960 { sizes.add(1) }
                loudest.raise(to: peak(pcm))
            }
            try await eventually("a tone") { loudest.value >= 8_000 }
            speaking.stop()
            hearing.stop()
            XCTAssertEqual(sizes.value, 0)
            XCTAssertFalse(speaker.isClosed())
            try talk.caller.client.hangUp(call: talk.mine)
            try await eventually("closed") { speaker.isClosed() }
            XCTAssertEqual(peak(speaker.pull()), 0)
            XCTAssertGreaterThan(insideNs(), 0)
        }
    }

    func testSoundComesOutIntoMemoryOfTheAppAndNothingBesideItIsTouched() async throws {
        try await talking { talk in
            let speaking = speak(into: talk.caller.client.audioSource())
            let speaker = talk.callee.client.audioSink(call: talk.theirs)
            let (loudest, touched) = (Count(), Count())
            let hearing = Pace(every: 0.01) { _ in
                var memory = [UInt8](repeating: 0x55, count: 7 + AudioSink.block + 7)
                memory.withUnsafeMutableBytes { speaker.pull(into: .init(rebasing: $0[7..<(7 + AudioSink.block)])) }
                loudest.raise(to: peak(Data(memory[7...].prefix(AudioSink.block))))
                touched.add((memory.prefix(7) + memory.suffix(7)).filter { $0 != 0x55 }.count)
            }
            try await eventually("a tone") { loudest.value >= 8_000 }
            speaking.stop()
            hearing.stop()
            XCTAssertEqual(touched.value, 0)
        }
    }

    func testAPictureOf200KilobytesComesOutWholeAndTheNextOneAfterIt() async throws {
        try await talking { talk in
            let small = Clip.first.data
            let large = small + Data((0..<200_000).map { UInt8(truncatingIfNeeded: $0 * 31) })
            let camera = talk.caller.client.videoSource()
            let filming = Pace(every: 0.1) { turn in
                let data = turn % 2 == 0 ? large : small
                try? camera.push(data: data, codec: .vp8, timestampUs: UInt64(turn) * 100_000, keyFrame: true)
            }
            let screen = talk.callee.client.videoSink(call: talk.theirs)
            for _ in 0..<2 {
                for wanted in [large, small] {
                    try await eventually("\(wanted.count) bytes") { screen.next(timeoutMs: 2_000)?.data == wanted }
                }
            }
            filming.stop()
        }
    }
}

extension Clip {
    static let first = Clip.vp8().pictures.first { $0.keyFrame }!
}
