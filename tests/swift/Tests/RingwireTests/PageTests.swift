// The program of docs/swift.md, those very lines.

import Foundation
import Laboratory
import XCTest

final class PageTests: Story, @unchecked Sendable {
    func testTheProgramOfThePageCallsEchoAndSeesIt() async throws {
        let program = Process()
        program.executableURL = place.appendingPathComponent("CallEcho")
        program.arguments = [
            Lab.here.url, Lab.here.tokens["alice"]!, Lab.here.conversation("alice-echo"), Lab.here.clip,
        ]
        let output = Pipe()
        program.standardOutput = output
        try program.run()
        let said = output.fileHandleForReading.readDataToEndOfFile()
        program.waitUntilExit()
        XCTAssertEqual(program.terminationStatus, 0)
        // A library that tells of each call prints more.
        let lines = String(decoding: said, as: UTF8.self).split(separator: "\n")
        XCTAssertEqual(lines.filter { $0.contains("pictures") }, ["90 pictures, completed"])
    }

    /// The folder of what was compiled, these tests among it.
    private var place: URL {
        #if os(macOS)
            Bundle(for: Self.self).bundleURL.deletingLastPathComponent()
        #else
            URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        #endif
    }
}
