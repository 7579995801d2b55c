// Commands that wait for what becomes of them. Cancelling the task takes them back.

extension CallClient {
    /// Waits until this client is connected to the gateway. Commands that were given before count, so a token of
    /// `setToken` is waited for.
    ///
    /// Throws `CallError`: `refused` with the gateway's code when the token is (give another with `setToken`, and wait
    /// again), `closed`; and `CancellationError`.
    public func connected() async throws {
        // Asked after no call, it is answered when all that was given before is done.
        _ = try? await answer(call: .max).answered()
        for await now in snapshots() {
            if now.connected { return }
            if now.closed {
                throw CallError.Failed(kind: .closed, code: nil, reason: "the client is closed")
            }
            if let code = now.tokenNeeded {
                throw CallError.Failed(kind: .refused, code: code, reason: "\(code): give another token")
            }
        }
        throw CancellationError()
    }

    /// Calls a conversation and waits until somebody answers: the number under which the call goes on. Cancelling the
    /// task hangs up.
    ///
    /// Throws `CallError` as `call` and `answered`, and `CancellationError`.
    public func callAndWait(conversationId: String, video: Bool) async throws -> UInt64 {
        try Task.checkCancellation()
        return try await answer(orHangUp: call(conversationId: conversationId, video: video))
    }

    /// Accepts a call that rings and waits until it is answered at both ends: the number under which it goes on.
    /// Cancelling the task hangs up.
    ///
    /// Throws `CallError` as `accept` and `answered`, and `CancellationError`.
    public func acceptAndWait(call: UInt64, microphone: Bool, camera: Bool) async throws -> UInt64 {
        try Task.checkCancellation()
        try accept(call: call, microphone: microphone, camera: camera)
        return try await answer(orHangUp: call)
    }

    /// Joins a call that is offered and waits until it is answered at both ends: the number under which it goes on.
    /// Cancelling the task hangs up.
    ///
    /// Throws `CallError` as `join` and `answered`, and `CancellationError`.
    public func joinAndWait(call: UInt64, microphone: Bool, camera: Bool) async throws -> UInt64 {
        try Task.checkCancellation()
        try join(call: call, microphone: microphone, camera: camera)
        return try await answer(orHangUp: call)
    }

    private func answer(orHangUp call: UInt64) async throws -> UInt64 {
        let waiting: CallAnswer
        do {
            waiting = try answer(call: call)
        } catch {
            try? hangUp(call: call)
            throw error
        }
        let answered: Result<UInt64, any Error> = await withTaskCancellationHandler {
            do {
                return .success(try await waiting.answered())
            } catch {
                return .failure(error)
            }
        } onCancel: {
            waiting.cancel()
        }
        guard Task.isCancelled else { return try answered.get() }
        // Answered in the same moment or not: who cancelled knows no number to hang up.
        try? hangUp(call: call)
        if case .success(let goesOn) = answered, goesOn != call {
            try? hangUp(call: goesOn)
        }
        throw CancellationError()
    }
}
