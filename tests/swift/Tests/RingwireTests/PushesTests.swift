// Pushes that wake a device: data as it comes in an APNs payload.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class PushesTests: Story, @unchecked Sendable {
    func testAPushThatComesBeforeTheSocketRingsAndIsAccepted() async throws {
        try await asleep { alice, mine, ring in
            let bob = Person(try CallClient(config: Lab.here.config("bob", device: "bob-swift")))
            try await with([bob]) {
                XCTAssertTrue(try bob.client.pushReceived(data: ring))
                let incoming = try await bob.ring()
                XCTAssertEqual(incoming.id, ring["callId"])
                _ = try await soon("talked") {
                    try await bob.client.acceptAndWait(call: incoming.number, microphone: true, camera: true)
                }
                XCTAssertTrue(try bob.client.pushReceived(data: ring))
                try await alice.active(mine)
                XCTAssertEqual(bob.client.snapshot().calls.count, 1)
            }
        }
    }

    func testAPushOfACallThatRingsAlreadyIsOneRing() async throws {
        try await aliceAndBob { alice, bob in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let incoming = try await bob.ring()
            XCTAssertTrue(try bob.client.pushReceived(data: push(of: incoming.id!)))
            try bob.client.decline(call: incoming.number)
            let reason = try await alice.ended(mine)
            XCTAssertEqual(reason, "rejected")
            XCTAssertEqual(bob.client.snapshot().calls.count, 1)
        }
    }

    func testACancelBeforeItsRingSilencesIt() async throws {
        try await asleep { alice, mine, ring in
            let bob = Person(try CallClient(config: Lab.here.config("bob", device: "bob-swift")))
            let carol = try await Person.connect("carol")
            try await with([bob, carol]) {
                let call = ring["callId"]!
                XCTAssertTrue(try bob.client.pushReceived(data: ["type": "call_cancel", "callId": call]))
                XCTAssertTrue(try bob.client.pushReceived(data: ring))
                try await soon("connected") { try await bob.client.connected() }
                // All that the gateway has said on the way comes before this.
                _ = try carol.client.call(conversationId: Lab.here.conversation("bob-carol"), video: true)
                let rings = try await bob.ring()
                XCTAssertEqual(rings.conversationId, Lab.here.conversation("bob-carol"))
                XCTAssertNil(bob.client.snapshot().calls.first { $0.id == call && $0.stage != .ended })
            }
        }
    }

    func testAPushOfAnswersElsewhereEndsTheRing() async throws {
        try await aliceAndBob { alice, bob in
            _ = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let incoming = try await bob.ring()
            let data = ["type": "call_answered_elsewhere", "callId": incoming.id!]
            XCTAssertTrue(try bob.client.pushReceived(data: data))
            let reason = try await bob.ended(incoming.number)
            XCTAssertEqual(reason, "answeredElsewhere")
        }
    }

    func testAForeignPushIsNotTaken() async throws {
        try await story(Person.connect("alice")) { alice in
            XCTAssertFalse(try alice.client.pushReceived(data: ["type": "message", "text": "hello"]))
            XCTAssertFalse(try alice.client.pushReceived(data: [:]))
        }
    }

    func testAPushThatCannotBeReadNamesItsField() async throws {
        try await story(Person.connect("alice")) { alice in
            for field in ["callId", "conversationId", "callerUserId"] {
                var data = push(of: "00000000-0000-4000-8000-000000000000")
                data[field] = nil
                let error = refusal { try alice.client.pushReceived(data: data) }
                XCTAssertEqual(error?.kind, .invalidInput)
                XCTAssertTrue(error?.reason.contains(field) == true, "\(field): \(String(describing: error))")
            }
        }
    }

    /// Alice calls Bob, who is not there: what a push would bring to his phone.
    private func asleep(
        _ tell: @Sendable (Person, UInt64, [String: String]) async throws -> Void
    ) async throws {
        try await story(Person.connect("alice")) { alice in
            let mine = try alice.client.call(conversationId: Lab.here.conversation("alice-bob"), video: true)
            let made = try await alice.until(mine, "made") { $0.id != nil }
            try await tell(alice, mine, push(of: made.id!))
        }
    }

    private func push(of call: String) -> [String: String] {
        [
            "type": "call", "callId": call, "conversationId": Lab.here.conversation("alice-bob"),
            "callerName": "Alice", "callerUserId": Lab.here.ids["alice"]!, "isVideo": "true",
        ]
    }
}
