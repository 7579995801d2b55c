// What is refused, and that the error names it.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class ErrorsTests: Story, @unchecked Sendable {
    func testAnErrorNamesTheFieldThatCannotBeRead() async throws {
        let good = Lab.here.config("alice", device: "alice-swift")
        func config(url: String? = nil, device: String? = nil, roots: String? = nil) -> ClientConfig {
            ClientConfig(
                url: url ?? good.url, token: good.token, deviceId: device ?? good.deviceId, appName: "Laboratory",
                appVersion: "1.0", extraRoots: roots)
        }
        for (bad, field) in [
            (config(url: "ftp://nowhere"), "url"), (config(device: ""), "device_id"),
            (config(device: "gerät"), "device_id"), (config(roots: "no PEM"), "extra_roots"),
        ] {
            let error = refusal { try CallClient(config: bad) }
            XCTAssertEqual(error?.kind, .invalidInput, field)
            XCTAssertTrue(error?.reason.contains(field) == true, "\(field): \(String(describing: error))")
            XCTAssertNil(error?.code)
            XCTAssertEqual(error?.localizedDescription, error?.reason)
        }
    }

    func testACommandNamesTheIdThatIsNone() async throws {
        try await story(Person.connect("alice")) { alice in
            for refused in [
                refusal { try alice.client.call(conversationId: "", video: true) },
                refusal { try alice.client.forceLeave(conversationId: "") },
            ] {
                XCTAssertEqual(refused?.kind, .invalidInput)
                XCTAssertTrue(refused?.reason.contains("conversation_id") == true, "\(String(describing: refused))")
            }
        }
    }

    func testMediaThatIsNoneIsRefused() async throws {
        try await talking { talk in
            let client = talk.caller.client
            let odd = refusal { try client.audioSource().push(pcm: Data([1, 2, 3])) }
            XCTAssertEqual(odd?.kind, .invalidInput)
            XCTAssertTrue(odd?.reason.contains("pcm") == true)
            try client.audioSource().push(pcm: Data())
            func picture(_ data: Data, _ codec: VideoCodec) -> CallError? {
                refusal {
                    try client.videoSource().push(
                        data: data, codec: codec, timestampUs: 0, keyFrame: true, rotation: .deg0)
                }
            }
            for refused in [
                picture(Data(), .vp8), picture(Data(count: (2 << 20) + 1), .vp8), picture(Data([1, 2, 3]), .h264),
            ] {
                XCTAssertEqual(refused?.kind, .invalidInput)
                XCTAssertTrue(refused?.reason.contains("data") == true, "\(String(describing: refused))")
            }
        }
    }

    func testARefusedTokenIsToldAndAnotherConnects() async throws {
        var config = Lab.here.config("alice", device: "alice-swift")
        config = ClientConfig(
            url: config.url, token: "no.such.token", deviceId: config.deviceId, appName: "Laboratory",
            appVersion: "1.0")
        try await story(Person(CallClient(config: config))) { alice in
            let refused = try await soon("refused") { await Result { try await alice.client.connected() } }
            XCTAssertEqual(refused.failure?.kind, .refused)
            let code = try await alice.event("token needed") { event in
                if case .tokenNeeded(let code, _) = event { code } else { nil }
            }
            XCTAssertEqual(refused.failure?.code, code)
            XCTAssertEqual(alice.client.snapshot().tokenNeeded, code)
            try alice.client.setToken(token: Lab.here.tokens["alice"]!)
            try await soon("connected") { try await alice.client.connected() }
            try await alice.event(.connected)
            XCTAssertEqual(alice.client.snapshot().me, Lab.here.ids["alice"])
        }
    }

    func testAGuestsTokenThatIsNoneIsRefusedAndAUsersConnects() async throws {
        let config = ClientConfig(
            url: Lab.here.url, token: "no-such-session", deviceId: "guest-swift", appName: "Laboratory",
            appVersion: "1.0", guest: true)
        try await story(Person(CallClient(config: config))) { guest in
            _ = try await guest.until("token needed") { $0.tokenNeeded }
            try guest.client.setToken(token: "no-other-session", guest: true)
            _ = try await guest.until("token needed again") { $0.tokenNeeded }
            try guest.client.setToken(token: Lab.here.tokens["bob"]!, guest: false)
            try await soon("connected") { try await guest.client.connected() }
        }
    }

    func testACallThatIsRefusedIsAnEventWithACode() async throws {
        try await story(Person.connect("alice")) { alice in
            let call = try alice.client.call(conversationId: Lab.here.conversation("bob-carol"), video: true)
            let code = try await alice.event("refused") { event in
                if case .callFailed(call, let code, let message) = event, !message.isEmpty { code } else { nil }
            }
            XCTAssertFalse(code.isEmpty)
            let reason = try await alice.event("ended") { event in
                if case .ended(call, let reason) = event { reason } else { nil }
            }
            XCTAssertEqual(reason, "failed")
            XCTAssertTrue(alice.client.videoSink(call: call).isClosed())
        }
    }

    func testAWayThatIsLostIsToldWithTheTimeUntilTheNextTry() async throws {
        let token = Lab.here.tokens["alice"]!
        let config = ClientConfig(
            url: "http://127.0.0.1:9", token: token, deviceId: "alice-swift", appName: "Laboratory", appVersion: "1.0")
        try await story(Person(CallClient(config: config))) { alice in
            let retry = try await alice.event("disconnected") { event in
                if case .disconnected(let reason, let retryInMs) = event, !reason.isEmpty { retryInMs } else { nil }
            }
            XCTAssertGreaterThan(retry, 0)
        }
    }
}
