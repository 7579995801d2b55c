// The log and the file of a call, and that no secret is in either.

import Foundation
import Laboratory
import Ringwire
import XCTest

final class DiagnosticsTests: Story, @unchecked Sendable {
    override func tearDown() {
        setLogLevel(level: .off)
        super.tearDown()
    }

    func testTheLogIsPulledInBatchesAndHoldsNoSecret() async throws {
        setLogLevel(level: .debug)
        try await talkAndHangUp { _ in }
        var lines: [LogLine] = []
        while true {
            let batch = takeLogs(most: 50)
            if batch.lines.isEmpty { break }
            XCTAssertLessThanOrEqual(batch.lines.count, 50)
            lines += batch.lines
        }
        XCTAssertGreaterThan(lines.count, 10)
        XCTAssertTrue(lines.contains { $0.target.hasPrefix("ringwire") && $0.level == .debug })
        for line in lines {
            XCTAssertNotEqual(line.level, .off)
            XCTAssertGreaterThan(line.atMs, 1_700_000_000_000)
            assertNoSecret(line.message)
        }
        XCTAssertEqual(takeLogs(most: 10).lines, [])
    }

    func testAtTraceTooNothingThatMustNotBeToldIsTold() async throws {
        setLogLevel(level: .trace)
        try await talkAndHangUp { _ in }
        setLogLevel(level: .off)
        var taken = 0
        while true {
            let batch = takeLogs(most: 500)
            if batch.lines.isEmpty { break }
            taken += batch.lines.count
            batch.lines.forEach { assertNoSecret($0.message) }
        }
        XCTAssertGreaterThan(taken, 0)
    }

    func testWhatNobodyTookIsCountedAsLost() async throws {
        while !takeLogs(most: 2_000).lines.isEmpty {}
        setLogLevel(level: .trace)
        try await talkAndHangUp { talk in
            for turn in 0..<3_000 {
                try? talk.caller.client.setMicrophone(call: 4_711, on: turn % 2 == 0)
                if turn % 500 == 0 { await Task.yield() }
            }
        }
        setLogLevel(level: .off)
        let batch = takeLogs(most: 10_000)
        XCTAssertEqual(batch.lines.count, 2_000)
        XCTAssertGreaterThan(batch.lost, 0)
    }

    func testTheFileOfACallHoldsWhatHappenedAndNoSecret() async throws {
        setLogLevel(level: .debug)
        let text = try await talkAndHangUp { talk in
            try await eventually("measured") { talk.caller.client.stats(call: talk.mine) != nil }
        }
        let file = try XCTUnwrap(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        let app = try XCTUnwrap(file["app"] as? [String: String])
        XCTAssertEqual(app, ["name": "Laboratory", "version": "1.0"])
        XCTAssertNotNil(file["format"])
        XCTAssertFalse(try XCTUnwrap(file["log"] as? [Any]).isEmpty)
        let call = try XCTUnwrap(file["call"] as? [String: Any])
        XCTAssertFalse(try XCTUnwrap(call["timeline"] as? [Any], "\(call.keys)").isEmpty)
        XCTAssertFalse(try XCTUnwrap(call["statistics"] as? [Any], "\(call.keys)").isEmpty)
        assertNoSecret(text)
    }

    /// A call with pictures, talked and over: the file that its caller has of it.
    @discardableResult
    private func talkAndHangUp(_ meanwhile: @escaping @Sendable (Talk) async throws -> Void) async throws -> String {
        let file = Kept()
        try await talking { talk in
            let filming = Filming(talk.caller.client)
            let watching = Watching(talk.callee.client, talk.theirs)
            try await eventually("10 pictures") { watching.pictures.value >= 10 }
            try await meanwhile(talk)
            filming.stop()
            watching.stop()
            try talk.caller.client.hangUp(call: talk.mine)
            _ = try await talk.callee.ended(talk.theirs)
            file.text = try XCTUnwrap(talk.caller.client.exportDiagnostics(call: talk.mine))
            XCTAssertNil(talk.caller.client.exportDiagnostics(call: 4_711))
        }
        return file.text
    }

    private func assertNoSecret(_ text: String, file: StaticString = #filePath, line: UInt = #line) {
        for token in Lab.here.tokens.values { XCTAssertFalse(text.contains(token), "a token", file: file, line: line) }
        for word in ["v=0\r\n", "v=0\\r\\n", "a=candidate"] {
            XCTAssertFalse(text.contains(word), "\(word) in \(text.prefix(300))", file: file, line: line)
        }
        for pattern in [#"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b"#, #"ice-pwd[:=]\s*[^<\s]"#] {
            let found = text.range(of: pattern, options: .regularExpression)
            XCTAssertNil(found, "\(found.map { text[$0] } ?? "") in \(text.prefix(300))", file: file, line: line)
        }
    }
}

private final class Kept: @unchecked Sendable {
    var text = ""
}
