// What this process holds, as Linux tells it.

import Foundation
import XCTest

enum Held {
    /// Threads of the core.
    static func threads() throws -> Int {
        let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")
        return tasks.filter { task in
            let name = try? String(contentsOfFile: "/proc/self/task/\(task)/comm", encoding: .utf8)
            return name?.hasPrefix("ringwire") == true
        }.count
    }

    /// Open sockets, except local ones: the runtime keeps a pair for signals.
    static func sockets() throws -> Int {
        let unix = try String(contentsOfFile: "/proc/self/net/unix", encoding: .utf8)
        let local = Set(unix.split(separator: "\n").compactMap { line in
            line.split(separator: " ").dropFirst(6).first.map { "socket:[\($0)]" }
        })
        let files = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        return files.filter { file in
            let what = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(file)")
            return what.map { $0.hasPrefix("socket:") && !local.contains($0) } == true
        }.count
    }

    /// Memory in use, bytes.
    static func resident() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        return Int(pages[1])! * 4096
    }

    static func skipUnlessKnown() throws {
        try XCTSkipUnless(FileManager.default.fileExists(atPath: "/proc/self/task"), "no /proc here")
    }

    /// Until no client of this process has left a thread or a socket.
    static func untilClean() async throws {
        do {
            try await eventually("gone, threads and sockets") {
                (try? threads() == 0 && sockets() == 0) == true
            }
        } catch is Late {
            throw Late(description: try "\(threads()) threads, \(sockets()) sockets")
        }
    }
}
