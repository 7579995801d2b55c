// How clients end: shut down, let go, broken; and that nothing of them stays.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class LifetimesTests: Story, @unchecked Sendable {
    func testShuttingDownTwiceIsHarmless() async throws {
        let alice = try await Person.connect("alice")
        await alice.client.shutdown()
        await alice.client.shutdown()
        let end = alice.client.snapshot()
        XCTAssertTrue(end.closed)
        XCTAssertFalse(end.connected)
    }

    func testAfterTheShutdownEveryCommandSaysClosedAndNothingComes() async throws {
        let alice = try await Person.connect("alice")
        let client = alice.client
        await client.shutdown()
        let conversation = Lab.here.conversation("alice-bob")
        let commands: [() throws -> Void] = [
            { _ = try client.call(conversationId: conversation, video: true) },
            { try client.accept(call: 1, microphone: true, camera: true) },
            { try client.join(call: 1, microphone: true, camera: true) },
            { try client.decline(call: 1) },
            { try client.declineBusy(call: 1) },
            { try client.hangUp(call: 1) },
            { try client.hold(call: 1, on: true) },
            { try client.setMicrophone(call: 1, on: true) },
            { try client.setCamera(call: 1, on: true) },
            { try client.setScreen(call: 1, on: true) },
            { try client.setToken(token: "t") },
            { try client.networkChanged() },
            { try client.appState(background: true) },
            { try client.forceLeave(conversationId: conversation) },
            { _ = try client.pushReceived(data: ["type": "call_cancel", "callId": conversation]) },
            { _ = try client.answer(call: 1) },
        ]
        for (number, command) in commands.enumerated() {
            XCTAssertEqual(refusal(command)?.kind, .closed, "command \(number)")
        }
        let event = await client.events().nextEvent()
        XCTAssertNotNil(event, "what waits is still told")
        let sink = client.videoSink(call: 1)
        XCTAssertNil(sink.next(timeoutMs: 60_000))
        XCTAssertTrue(sink.isClosed() && client.screenSink(call: 1).isClosed())
        XCTAssertTrue(client.audioSink(call: 1).isClosed())
        XCTAssertNil(client.stats(call: 1))
        XCTAssertNil(client.exportDiagnostics(call: 1))
        let last = await client.snapshots().nextSnapshot()
        XCTAssertEqual(last?.closed, true)
    }

    func testAClientThatIsLetGoInACallLeavesItAndItsThreadsAndSocketsGo() async throws {
        try Held.skipUnlessKnown()
        try await Held.untilClean()
        let alice = try await Person.connect("alice")
        try await with([alice]) {
            let mine = try await leaveByLettingGo(alice)
            let reason = try await alice.ended(mine)
            XCTAssertEqual(reason, "completed")
        }
        try await Held.untilClean()
    }

    /// Bob's client lives as long as this function.
    private func leaveByLettingGo(_ alice: Person) async throws -> UInt64 {
        let bob = try await Person.connect("bob")
        return try await Talk.begin(alice, bob).mine
    }

    func testTheLastReleaseMayComeFromAnyThread() async throws {
        try Held.skipUnlessKnown()
        try await Held.untilClean()
        for _ in 0..<8 {
            let person = try await Person.connect("alice")
            let stream = person.client.events()
            Thread { _ = (person, stream) }.start()
        }
        try await Held.untilClean()
    }

    func testAStreamKeepsNoClientAliveAndEndsWithIt() async throws {
        var alice: Person? = try await Person.connect("alice")
        let (events, snapshots) = (alice!.client.events(), alice!.client.snapshots())
        alice = nil
        let last = try await soon("the last event") {
            var last: CallEvent?
            for await event in events { last = event }
            return last
        }
        XCTAssertEqual(last, .closed)
        let end = try await soon("the last snapshot") {
            var end: ClientSnapshot?
            for await now in snapshots { end = now }
            return end
        }
        XCTAssertEqual(end?.closed, true)
    }

    func testAClientMayBeShutDownFromWithinAnEvent() async throws {
        let client = try CallClient(config: Lab.here.config("alice", device: "alice-swift"))
        let told = try await soon("the end") {
            var told: [CallEvent] = []
            for await event in client.events() {
                told.append(event)
                if event == .connected { await client.shutdown() }
            }
            return told
        }
        XCTAssertEqual(told.filter { $0 != .connecting }, [.connected, .closed])
    }

    func testWhoeverWaitsIsWokenByTheShutdown() async throws {
        try await aliceAndBob { alice, bob in
            let client = alice.client
            let call = try client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            _ = try await bob.ring()
            let (events, snapshots) = (client.events(), client.snapshots())
            let answer = try client.answer(call: call)
            let sink = client.videoSink(call: call)
            let blocked = expectation(description: "the thread is woken")
            Thread {
                while sink.next(timeoutMs: 3_600_000) != nil {}
                blocked.fulfill()
            }.start()
            async let event: Void = { for await _ in events {} }()
            async let snapshot: Void = { for await _ in snapshots {} }()
            async let pictures: Void = { for await _ in client.videoSink(call: call) {} }()
            async let answered = Result { try await answer.answered() }
            await client.shutdown()
            _ = await (event, snapshot, pictures)
            // The call is hung up first, so that it may end before the client does.
            let kind = await answered.failure?.kind
            XCTAssertTrue(kind == .closed || kind == .ended, "\(String(describing: kind))")
            await fulfillment(of: [blocked], timeout: 60)
        }
    }

    func testTenClientsAtOnce() async throws {
        let names = ["alice", "bob", "carol"]
        let people = try await withThrowingTaskGroup(of: Person.self) { group in
            for number in 0..<10 {
                group.addTask { try await Person.connect(names[number % 3], device: "ten-\(number)") }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        XCTAssertEqual(people.count, 10)
        XCTAssertTrue(people.allSatisfy { $0.client.snapshot().connected })
        await withTaskGroup(of: Void.self) { group in
            for person in people { group.addTask { await person.client.shutdown() } }
        }
        XCTAssertTrue(people.allSatisfy { $0.client.snapshot().closed })
    }

    func testAThousandClientsOneAfterAnotherLeaveNothingBehind() async throws {
        try Held.skipUnlessKnown()
        try await Held.untilClean()
        var early = 0
        for number in 1...1_000 {
            let person = try await Person.connect(["alice", "bob", "carol"][number % 3], device: "one-\(number % 7)")
            _ = person.client.videoSource()
            // Each second one is let go instead.
            if number % 2 == 0 { await person.client.shutdown() }
            if number == 100 { early = try Held.resident() }
        }
        try await Held.untilClean()
        let grown = try Held.resident() - early
        XCTAssertLessThan(grown, 16 << 20, "bytes more after the thousandth than after the hundredth")
    }

    func testAPanicInsideEndsThatClientAndNoOther() async throws {
        try await talking { talk in
            let broken = try await Person.connect("carol")
            broken.client.breakInside()
            let told = try await soon("the end") {
                var told: [CallEvent] = []
                for await event in broken.client.events() { told.append(event) }
                return told
            }
            XCTAssertEqual(told.suffix(2), [.clientFailed(message: "broken on purpose"), .closed])
            XCTAssertEqual(refusal { try broken.client.hangUp(call: 1) }?.kind, .closed)
            await broken.client.shutdown()
            let filming = Filming(talk.caller.client)
            let watching = Watching(talk.callee.client, talk.theirs)
            try await eventually("30 pictures at the others") { watching.pictures.value >= 30 }
            filming.stop()
            watching.stop()
        }
    }

    func testAQueueThatNobodyReadsBecomesResync() async throws {
        try await story(Person.connect("alice")) { alice in
            let conversation = Lab.here.conversation("alice-carol")
            // Each beyond the first is refused by an event.
            for _ in 0..<400 { _ = try alice.client.call(conversationId: conversation, video: false) }
            let last = try alice.client.answer(call: alice.client.call(conversationId: conversation, video: false))
            do { _ = try await last.answered() } catch {}
            let first = try await soon("an event") { await alice.client.events().nextEvent() }
            XCTAssertEqual(first, .resync)
        }
    }
}

extension Result where Failure == any Error, Success: Sendable {
    init(_ work: () async throws -> Success) async {
        do { self = .success(try await work()) } catch { self = .failure(error) }
    }

    var failure: CallError? {
        if case .failure(let error) = self { error as? CallError } else { nil }
    }
}
