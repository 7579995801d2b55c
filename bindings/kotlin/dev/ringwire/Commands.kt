// Commands that wait for what comes of them. Cancelling the coroutine cancels the command.

package dev.ringwire

import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.first
import kotlinx.coroutines.isActive
import kotlinx.coroutines.launch
import kotlinx.coroutines.withContext

/** No call has this number. */
private const val NO_CALL = ULong.MAX_VALUE

/**
 * Waits until the gateway knows who this is, however long that takes. Commands that were given before count, so a
 * [CallClient.setToken] is no more asked for.
 *
 * @throws CallException `REFUSED` with the gateway's code when another token is needed; `CLOSED`.
 */
public suspend fun CallClient.awaitConnected() {
    answer(NO_CALL).use { answer ->
        try {
            answer.answered()
        } catch (_: CallException) {
            // It is the place in the queue that was waited for.
        }
    }
    snapshotFlow().first { now ->
        val code = now.tokenNeeded
        if (now.closed) throw CallException.Failed(CallErrorKind.CLOSED, null, "the client is closed")
        if (code != null) throw CallException.Failed(CallErrorKind.REFUSED, code, "another token is needed")
        now.connected
    }
}

/**
 * Calls a conversation and waits until somebody has answered. Cancelled at any moment, it hangs up. Where a call goes
 * on already, `UNKNOWN_CALL` says that this device is not in it, and [CallEvent.JoinOffered] names it.
 *
 * @return the number under which the call goes on.
 * @throws CallException as [CallClient.call] and [CallAnswer.answered].
 */
public suspend fun CallClient.callAndWait(conversationId: String, video: Boolean): ULong {
    currentCoroutineContext().ensureActive()
    return answered(call(conversationId, video))
}

/**
 * Accepts a call that rings and waits until it is answered at both ends. Cancelled at any moment, it hangs up.
 *
 * @return the number under which the call goes on.
 * @throws CallException as [CallClient.accept] and [CallAnswer.answered].
 */
public suspend fun CallClient.acceptAndWait(call: ULong, microphone: Boolean, camera: Boolean): ULong {
    currentCoroutineContext().ensureActive()
    accept(call, microphone, camera)
    return answered(call)
}

/**
 * Joins a call that is offered and waits until it is answered at both ends. Cancelled at any moment, it hangs up.
 *
 * @return the number under which the call goes on.
 * @throws CallException as [CallClient.join] and [CallAnswer.answered].
 */
public suspend fun CallClient.joinAndWait(call: ULong, microphone: Boolean, camera: Boolean): ULong {
    currentCoroutineContext().ensureActive()
    join(call, microphone, camera)
    return answered(call)
}

private suspend fun CallClient.answered(call: ULong): ULong {
    var number = call
    val wait = runCatching {
        answer(call).use { answer ->
            woken(answer::cancel) { number = withContext(NonCancellable) { answer.answered() } }
        }
    }
    val context = currentCoroutineContext()
    // Nobody knows the number of a call that could not be waited for. A closed client has hung up.
    val unknown = wait.exceptionOrNull().let { it is CallException.Failed && it.kind == CallErrorKind.OVERLOADED }
    if (!context.isActive || unknown) runCatching { hangUp(number) }
    context.ensureActive()
    wait.getOrThrow()
    return number
}

/**
 * Runs [body], and [wake] as soon as the coroutine is cancelled: then [body] may wait where it cannot be cancelled,
 * loses nothing of what it waits for, and yet ends at once.
 */
internal suspend fun woken(wake: () -> Unit, body: suspend () -> Unit): Unit = coroutineScope {
    val watch = launch(start = CoroutineStart.UNDISPATCHED) {
        try {
            awaitCancellation()
        } finally {
            wake()
        }
    }
    try {
        body()
    } finally {
        watch.cancel()
    }
}
