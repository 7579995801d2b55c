// The pictures of a sink, for `for await`. `next(timeoutMs:)` blocks its thread, so it runs on a queue of its own and
// never on the threads that tasks share.

import Dispatch
import Foundation

/// Longest that a cancelled task goes on waiting for a picture.
private let patienceMs: UInt32 = 100

extension VideoSink: AsyncSequence {
    public typealias Element = VideoFrame

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let sink: VideoSink
        let queue = DispatchQueue(label: "ringwire.pictures")

        /// The next picture; nothing once the call is over or the task cancelled, then within a tenth of a second.
        public func next() async -> VideoFrame? {
            let cancelled = Flag()
            return await withTaskCancellationHandler {
                await withCheckedContinuation { waiting in
                    queue.async { [sink] in
                        waiting.resume(returning: sink.wait(until: cancelled))
                    }
                }
            } onCancel: {
                cancelled.set()
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(sink: self)
    }

    private func wait(until cancelled: Flag) -> VideoFrame? {
        while !cancelled.isSet {
            if let picture = next(timeoutMs: patienceMs) { return picture }
            if isClosed() { break }
        }
        return nil
    }
}

/// Set once, from any thread.
private final class Flag: @unchecked Sendable {
    private let lock = NSLock()
    private var value = false

    var isSet: Bool { lock.withLock { value } }

    func set() { lock.withLock { value = true } }
}
