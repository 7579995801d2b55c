// The hand-written half: `for await`, commands that wait, and what becomes of them when a task is cancelled.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class SequencesTests: Story, @unchecked Sendable {
    func testCancellingACallThatRingsHangsItUp() async throws {
        try await aliceAndBob { alice, bob in
            let calling = Task {
                try await alice.client.callAndWait(
                    conversationId: Lab.here.conversation("alice-bob"), video: true)
            }
            let ring = try await bob.ring()
            calling.cancel()
            try await expectCancelled(calling)
            let reason = try await bob.ended(ring.number)
            XCTAssertEqual(reason, "cancelled")
        }
    }

    func testATaskThatIsCancelledAlreadyMakesNoCall() async throws {
        try await story(Person.connect("alice")) { alice in
            let gate = Task { try await Task.sleep(for: .seconds(3_600)) }
            let calling = Task {
                try? await gate.value
                return try await alice.client.callAndWait(
                    conversationId: Lab.here.conversation("alice-bob"), video: true)
            }
            calling.cancel()
            gate.cancel()
            try await expectCancelled(calling)
            XCTAssertEqual(alice.client.snapshot().calls, [])
        }
    }

    func testACallThatIsCancelledAtAnyMomentEnds() async throws {
        try await aliceAndBob { alice, bob in
            let accepting = Task { [client = bob.client] in
                for await event in client.events() {
                    if case .incoming(let call) = event {
                        try client.accept(call: call, microphone: true, camera: false)
                    }
                }
            }
            for turn in 0..<24 {
                let calling = Task {
                    try await alice.client.callAndWait(
                        conversationId: Lab.here.conversation("alice-bob"), video: false)
                }
                try await Task.sleep(for: .milliseconds(turn * turn / 2))
                calling.cancel()
                switch await calling.result {
                case .success(let call): try alice.client.hangUp(call: call)
                case .failure(let error as CallError) where error.code == "CALL_ALREADY_ACTIVE":
                    // The gateway has not heard yet that the last one is over, and offers it.
                    for call in alice.client.snapshot().calls where call.stage == .offered {
                        try alice.client.hangUp(call: call.number)
                    }
                case .failure(let error): XCTAssertTrue(error is CancellationError, "\(error)")
                }
                _ = try await alice.until("alone") { now in
                    now.calls.allSatisfy { $0.stage == .ended } ? true : nil
                }
                _ = try await bob.until("alone") { now in
                    now.calls.allSatisfy { $0.stage == .ended } ? true : nil
                }
            }
            accepting.cancel()
        }
    }

    func testAcceptingIsWaitedForAndCancelledToo() async throws {
        try await aliceAndBob { alice, bob in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let ring = try await bob.ring().number
            let call = try await soon("talked") {
                try await bob.client.acceptAndWait(call: ring, microphone: true, camera: true)
            }
            XCTAssertEqual(call, ring)
            try await alice.active(mine)
            let waiting = Task { try await bob.client.acceptAndWait(call: call, microphone: true, camera: true) }
            waiting.cancel()
            let answered = await waiting.result
            if case .failure(let error) = answered { XCTAssertTrue(error is CancellationError, "\(error)") }
            try? bob.client.hangUp(call: call)
            let reason = try await alice.ended(mine)
            XCTAssertEqual(reason, "completed")
        }
    }

    func testWhyNobodyTalksIsAnErrorWithACode() async throws {
        try await aliceAndBob { alice, bob in
            let calling = Task {
                try await alice.client.callAndWait(
                    conversationId: Lab.here.conversation("alice-bob"), video: true)
            }
            try bob.client.decline(call: await bob.ring().number)
            let declined = await calling.result.failure
            XCTAssertEqual(declined?.kind, .ended)
            XCTAssertEqual(declined?.code, "rejected")

            let others = Lab.here.conversation("bob-carol")
            let refused = await Result {
                try await alice.client.callAndWait(conversationId: others, video: true)
            }.failure
            XCTAssertEqual(refused?.kind, .refused)
            XCTAssertNotNil(refused?.code)

            let unknown = await Result { try await alice.client.answer(call: 4_711).answered() }.failure
            XCTAssertEqual(unknown?.kind, .unknownCall)
        }
    }

    func testAnAnswerThatIsCancelledLeavesTheCallAlone() async throws {
        try await aliceAndBob { alice, bob in
            let call = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let answer = try alice.client.answer(call: call)
            answer.cancel()
            let given = await Result { try await answer.answered() }.failure
            XCTAssertEqual(given?.kind, .cancelled)
            _ = try await bob.ring()
        }
    }

    func testCancelledEventLoopsLoseNoEventBetweenThem() async throws {
        try await story(Person.connect("alice")) { alice in
            let conversation = Lab.here.conversation("alice-carol")
            let heard = Numbers()
            let most = 400
            // The first is a call; each other is refused by an event.
            let refusing = Task {
                for number in 0..<most {
                    _ = try alice.client.call(conversationId: conversation, video: false)
                    if number % 20 == 0 { try await Task.sleep(for: .milliseconds(5)) }
                }
            }
            var turns = 0
            let late = ContinuousClock.now + deadline
            while heard.failed.count < most - 1, ContinuousClock.now < late {
                let listening = Task {
                    for await event in alice.client.events() { heard.add(event) }
                }
                try await Task.sleep(for: .milliseconds(turns % 4))
                listening.cancel()
                await listening.value
                turns += 1
            }
            try await refusing.value
            XCTAssertEqual(heard.failed, heard.failed.sorted(), "in their order")
            XCTAssertEqual(Set(heard.failed).count, most - 1, "each once")
            XCTAssertGreaterThan(turns, 3)
        }
    }

    func testAStreamThatIsCancelledEndsAndTheClientDoesNot() async throws {
        try await story(Person.connect("alice")) { alice in
            let (events, snapshots) = (alice.client.events(), alice.client.snapshots())
            events.cancel()
            snapshots.cancel()
            let event = await events.nextEvent()
            let snapshot = await snapshots.nextSnapshot()
            XCTAssertNil(event)
            XCTAssertNil(snapshot)
            try await alice.event(.connected)
        }
    }

    func testSnapshotsBeginWithTheStateOfNowAndEachLoopHasAllOfThem() async throws {
        try await aliceAndBob { alice, bob in
            let loops = (0..<3).map { _ in
                Task {
                    var seen: [ClientSnapshot] = []
                    for await now in alice.client.snapshots() { seen.append(now) }
                    return seen
                }
            }
            _ = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: false)
            _ = try await bob.ring()
            await alice.client.shutdown()
            for loop in loops {
                let seen = try await soon("the end") { await loop.value }
                XCTAssertEqual(seen.first?.connected, true)
                XCTAssertEqual(seen.last?.closed, true)
                XCTAssertEqual(seen.filter(\.closed).count, 1)
                for (one, next) in zip(seen, seen.dropFirst()) { XCTAssertNotEqual(one, next) }
            }
        }
    }

    func testPicturesAreASequenceThatEndsWithTheCall() async throws {
        try await talking { talk in
            let filming = Filming(talk.caller.client)
            let sink = talk.callee.client.videoSink(call: talk.theirs)
            let seen = try await soon("the end") {
                var seen = 0
                for await _ in sink {
                    seen += 1
                    if seen == 30 { try talk.caller.client.hangUp(call: talk.mine) }
                }
                return seen
            }
            XCTAssertGreaterThanOrEqual(seen, 30)
            XCTAssertTrue(sink.isClosed())
            filming.stop()
        }
    }

    func testACancelledPictureLoopEndsWithoutAPicture() async throws {
        try await talking { talk in
            let sink = talk.callee.client.videoSink(call: talk.theirs)
            let watching = Task { for await _ in sink { XCTFail("nobody films") } }
            watching.cancel()
            try await soon("the loop's end") { await watching.value }
            XCTAssertFalse(sink.isClosed())
        }
    }

    func testWaitingForPicturesTakesNoThreadFromTasks() async throws {
        try await talking { talk in
            let watching = (0..<32).map { _ in
                Task { for await _ in talk.callee.client.videoSink(call: talk.theirs) {} }
            }
            try await soon("a thousand other tasks") {
                await withTaskGroup(of: Void.self) { group in
                    for _ in 0..<1_000 { group.addTask { await Task.yield() } }
                }
            }
            watching.forEach { $0.cancel() }
            for task in watching { await task.value }
        }
    }

    func testConnectedThrowsOnceTheClientIsClosedAndWhenItsTaskIsCancelled() async throws {
        let alice = try await Person.connect("alice")
        try await alice.client.connected()
        await alice.client.shutdown()
        let closed = await Result { try await alice.client.connected() }.failure
        XCTAssertEqual(closed?.kind, .closed)

        // Nobody listens there.
        var config = Lab.here.config("alice", device: "alice-swift")
        config = ClientConfig(
            url: "http://127.0.0.1:9", token: config.token, deviceId: config.deviceId, appName: "Laboratory",
            appVersion: "1.0")
        let lost = try CallClient(config: config)
        let waiting = Task { try await lost.connected() }
        waiting.cancel()
        try await expectCancelled(waiting)
        await lost.shutdown()
    }

    func testAllThatAnAppHoldsMayGoToAnotherTask() {
        func sendable<T: Sendable>(_: T.Type) {}
        sendable(CallClient.self)
        sendable(EventStream.self)
        sendable(EventStream.Iterator.self)
        sendable(SnapshotStream.self)
        sendable(SnapshotStream.Iterator.self)
        sendable(CallAnswer.self)
        sendable(VideoSource.self)
        sendable(VideoSink.self)
        sendable(VideoSink.Iterator.self)
        sendable(AudioSource.self)
        sendable(AudioSink.self)
        sendable(ClientConfig.self)
        sendable(ClientSnapshot.self)
        sendable(CallEvent.self)
        sendable(CallError.self)
        sendable(CallStats.self)
        sendable(VideoFrame.self)
        sendable(LogBatch.self)
    }

    private func expectCancelled<T: Sendable>(_ task: Task<T, any Error>) async throws {
        let result = try await soon("cancelled") { await task.result }
        guard case .failure(let error) = result else { return XCTFail("it was not cancelled") }
        XCTAssertTrue(error is CancellationError, "\(error)")
    }
}

/// Which calls were refused, as the events say.
private final class Numbers: @unchecked Sendable {
    private let lock = NSLock()
    private var numbers: [UInt64] = []

    var failed: [UInt64] { lock.withLock { numbers } }

    func add(_ event: CallEvent) {
        if case .callFailed(let call?, _, _) = event { lock.withLock { numbers.append(call) } }
        if event == .resync { XCTFail("the queue overflowed") }
    }
}
