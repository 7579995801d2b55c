// People of the laboratory, and waiting for what they see: one generous deadline, no sleeps.

import Foundation
import Laboratory
import Ringwire
import XCTest

/// Longer than anything takes on a busy machine.
let deadline: Duration = .seconds(60)

struct Late: Error, CustomStringConvertible {
    let description: String
}

/// Fails when it takes longer than the deadline.
func soon<T: Sendable>(_ what: String, _ work: @escaping @Sendable () async throws -> T) async throws -> T {
    try await withThrowingTaskGroup(of: T.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: deadline)
            throw Late(description: "never \(what)")
        }
        defer { group.cancelAll() }
        return try await group.next()!
    }
}

/// What comes of threads is looked for again and again, because it wakes nobody.
func eventually(_ what: String, _ so: @escaping @Sendable () -> Bool) async throws {
    try await soon(what) {
        while !so() { try await Task.sleep(for: .milliseconds(20)) }
    }
}

/// Somebody with a client.
final class Person: Sendable {
    let client: CallClient

    init(_ client: CallClient) {
        self.client = client
    }

    /// Connected, on a device of this name.
    static func connect(
        _ name: String, device: String = "swift", callWaiting: Bool = true, codecs: [VideoCodec] = []
    ) async throws -> Person {
        let person = Person(
            try CallClient(
                config: Lab.here.config(
                    name, device: "\(name)-\(device)", callWaiting: callWaiting, codecs: codecs)))
        try await soon("connected") { try await person.client.connected() }
        return person
    }

    /// What the first snapshot says of which this is not nothing.
    func until<T: Sendable>(
        _ what: String, _ said: @escaping @Sendable (ClientSnapshot) -> T?
    ) async throws -> T {
        do {
            return try await soon(what) { [client] in
                for await now in client.snapshots() {
                    if let said = said(now) { return said }
                }
                throw Late(description: "the client ended before: \(what)")
            }
        } catch is Late {
            throw Late(description: "never \(what): \(client.snapshot())")
        }
    }

    /// A call as soon as it is so.
    @discardableResult
    func until(
        _ call: UInt64, _ what: String, _ so: @escaping @Sendable (Call) -> Bool
    ) async throws -> Call {
        try await until(what) { now in now.calls.first { $0.number == call && so($0) } }
    }

    @discardableResult
    func active(_ call: UInt64) async throws -> Call {
        try await until(call, "active") { $0.stage == .active }
    }

    /// Why the call ended.
    func ended(_ call: UInt64) async throws -> String? {
        try await until(call, "ended") { $0.stage == .ended }.endReason
    }

    /// The next call that rings here.
    func ring() async throws -> Call {
        try await until("ringing") { now in now.calls.first { $0.stage == .incoming } }
    }

    /// The first event of which this is not nothing; those before are gone. One consumer at a time.
    @discardableResult
    func event<T: Sendable>(
        _ what: String, _ wanted: @escaping @Sendable (CallEvent) -> T?
    ) async throws -> T {
        try await soon(what) { [client] in
            for await event in client.events() {
                if let wanted = wanted(event) { return wanted }
            }
            throw Late(description: "the events ended before: \(what)")
        }
    }

    @discardableResult
    func event(_ wanted: CallEvent) async throws -> CallEvent {
        try await event("\(wanted)") { $0 == wanted ? $0 : nil }
    }
}

/// A call that goes on.
struct Talk: Sendable {
    let caller: Person
    let mine: UInt64
    let callee: Person
    let theirs: UInt64

    /// Rings and accepts.
    static func begin(_ caller: Person, _ callee: Person, _ pair: String = "alice-bob") async throws -> Talk {
        let mine = try caller.client.call(conversationId: Lab.here.conversation(pair), video: true)
        let theirs = try await callee.ring().number
        try callee.client.accept(call: theirs, microphone: true, camera: true)
        try await caller.active(mine)
        try await callee.active(theirs)
        return Talk(caller: caller, mine: mine, callee: callee, theirs: theirs)
    }
}

/// A test with people who are gone after it, and that ends the process if it hangs.
class Story: XCTestCase, @unchecked Sendable {
    private var watchdog: DispatchWorkItem?

    override func setUp() {
        let name = name
        let dog = DispatchWorkItem {
            FileHandle.standardError.write(Data("\(name) hangs\n".utf8))
            abort()
        }
        DispatchQueue.global().asyncAfter(deadline: .now() + 300, execute: dog)
        watchdog = dog
    }

    override func tearDown() {
        watchdog?.cancel()
    }

    /// The story of one person.
    func story(
        _ one: Person, _ tell: @Sendable (Person) async throws -> Void
    ) async throws {
        try await with([one]) { try await tell(one) }
    }

    /// Alice and Bob, connected.
    func aliceAndBob(_ tell: @Sendable (Person, Person) async throws -> Void) async throws {
        let alice = try await Person.connect("alice")
        let bob = try await Person.connect("bob")
        try await with([alice, bob]) { try await tell(alice, bob) }
    }

    /// Alice and Bob in a call that Alice has made.
    func talking(_ tell: @Sendable (Talk) async throws -> Void) async throws {
        try await aliceAndBob { alice, bob in try await tell(Talk.begin(alice, bob)) }
    }

    /// Ends these people's calls and shuts them down when the story is told, also when it fails.
    func with(_ people: [Person], _ tell: () async throws -> Void) async throws {
        let told = await Result { try await tell() }
        for (place, person) in people.enumerated() {
            // What the first has hung up ends for the others when the gateway has said so: the next story calls in
            // the same conversations.
            if place > 0 { await person.alone(within: .seconds(2)) }
            person.hangUpAll()
        }
        for person in people { await person.client.shutdown() }
        try told.get()
    }
}

extension Person {
    /// Until all calls are over, or so long.
    fileprivate func alone(within patience: Duration) async {
        let waiting = Task { [client] in
            for await now in client.snapshots() where now.calls.allSatisfy({ $0.stage == .ended }) { return }
        }
        let late = Task {
            try await Task.sleep(for: patience)
            waiting.cancel()
        }
        await waiting.value
        late.cancel()
    }

    fileprivate func hangUpAll() {
        for call in client.snapshot().calls where call.stage != .ended { try? client.hangUp(call: call.number) }
    }
}

/// The error of a command that is refused.
func refusal<T>(_ command: () throws -> T) -> CallError? {
    do {
        _ = try command()
        return nil
    } catch {
        return error as? CallError
    }
}
