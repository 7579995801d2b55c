// One end of a call between two languages: `Between caller|callee CONVERSATION PERSON`, inside ringwire-lab. Prints
// what came as one line of JSON.

import Foundation
import Laboratory
import Ringwire

let words = CommandLine.arguments
guard words.count == 4, ["caller", "callee"].contains(words[1]) else {
    fatalError("usage: Between caller|callee CONVERSATION PERSON")
}
let calls = words[1] == "caller"
let client = try CallClient(config: Lab.here.config(words[3], device: "\(words[3])-swift"))
try await client.connected()

let number: UInt64
if calls {
    // Should the other end still be on its way: it rings as soon as it is there.
    number = try await client.callAndWait(conversationId: Lab.here.conversation(words[2]), video: true)
} else {
    number = try await client.acceptAndWait(call: firstRing(), microphone: true, camera: true)
}
let filming = Filming(client)
let watching = Watching(client, number)

if calls {
    // More than the other end must have seen when this one hangs up.
    let late = Date(timeIntervalSinceNow: 60)
    while watching.pictures.value < 90 || watching.loudest.value < 1_000, Date() < late {
        try await Task.sleep(for: .milliseconds(20))
    }
    try client.hangUp(call: number)
}
var ended = "not at all"
for await case .ended(number, let reason) in client.events() {
    ended = reason
    break
}
filming.stop()
watching.stop()
await client.shutdown()
print(#"{"pictures":\#(watching.pictures.value),"loudest":\#(watching.loudest.value),"ended":"\#(ended)"}"#)

func firstRing() async throws -> UInt64 {
    for await now in client.snapshots() {
        if let ring = now.calls.first(where: { $0.stage == .incoming }) { return ring.number }
    }
    throw CancellationError()
}
