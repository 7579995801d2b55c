// What a client tells, for `for await`. A cancelled task ends its stream; a new one of the same client goes on
// where it stopped.

extension EventStream: AsyncSequence {
    public typealias Element = CallEvent

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let stream: EventStream

        /// The next event; nothing once the client is closed or the task cancelled. Cancelling loses no event.
        public func next() async -> CallEvent? {
            await withTaskCancellationHandler {
                await stream.nextEvent()
            } onCancel: {
                stream.cancel()
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(stream: self)
    }
}

extension SnapshotStream: AsyncSequence {
    public typealias Element = ClientSnapshot

    public struct Iterator: AsyncIteratorProtocol, Sendable {
        let stream: SnapshotStream

        /// The state now at the first time, then the newest each time that it is another one; nothing after the one
        /// that says closed, or once the task is cancelled.
        public func next() async -> ClientSnapshot? {
            await withTaskCancellationHandler {
                await stream.nextSnapshot()
            } onCancel: {
                stream.cancel()
            }
        }
    }

    public func makeAsyncIterator() -> Iterator {
        Iterator(stream: self)
    }
}
