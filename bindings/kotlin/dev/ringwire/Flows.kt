// What is pulled, as flows: events, states, pictures. Commands that wait are in Commands.kt.

package dev.ringwire

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.channels.Channel
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.FlowCollector
import kotlinx.coroutines.flow.SharingStarted
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.buffer
import kotlinx.coroutines.flow.flow
import kotlinx.coroutines.flow.flowOn
import kotlinx.coroutines.flow.stateIn
import kotlinx.coroutines.isActive
import kotlinx.coroutines.withContext

/** Longest that a cancelled [pictureFlow] still waits for a picture. */
private const val PICTURE_WAIT_MS = 100u

/**
 * The events, in their order. Cold; ends when the client is closed. All event flows of a client share one queue of
 * 256: one collector at a time.
 *
 * Cancelling loses no event: one that has just come is given to the collector all the same, and the next collector
 * goes on after it. Operators with a buffer, such as `flowOn` and `buffer`, may lose what they hold.
 */
public fun CallClient.eventFlow(): Flow<CallEvent> = EventFlow(this)

// Not the `flow` builder: its `emit` throws away an event when the collector was cancelled after the pull.
private class EventFlow(private val client: CallClient) : Flow<CallEvent> {
    override suspend fun collect(collector: FlowCollector<CallEvent>) {
        currentCoroutineContext().ensureActive()
        client.events().use { stream ->
            woken(stream::cancel) {
                while (currentCoroutineContext().isActive) {
                    val event = withContext(NonCancellable) { stream.nextEvent() } ?: break
                    collector.emit(event)
                }
            }
        }
    }
}

/**
 * The state now, and then the newest each time that it is another one. Cold; any number of collectors; a slow one
 * misses what was between. The last state says `closed`, then the flow ends.
 */
public fun CallClient.snapshotFlow(): Flow<ClientSnapshot> = flow {
    snapshots().use { stream -> emitAll(stream) }
}

/** The state, always the newest, while [scope] and the client live. It keeps no client alive. */
public fun CallClient.state(scope: CoroutineScope): StateFlow<ClientSnapshot> {
    val first = snapshot()
    val stream = snapshots()
    return flow { stream.use { emitAll(it) } }.stateIn(scope, SharingStarted.Eagerly, first)
}

private suspend fun FlowCollector<ClientSnapshot>.emitAll(stream: SnapshotStream) {
    while (true) emit(stream.nextSnapshot() ?: break)
}

/**
 * The pictures of this sink, whole and encoded. Cold; one collector at a time; ends with the call. Waits on a thread
 * of [Dispatchers.IO]; a cancelled one ends within a tenth of a second. Up to 30 pictures wait for a slow collector,
 * in the sink; one more drops all up to the next key frame.
 */
public fun VideoSink.pictureFlow(): Flow<VideoFrame> = flow {
    while (!isClosed()) {
        currentCoroutineContext().ensureActive()
        emit(next(PICTURE_WAIT_MS) ?: continue)
    }
}.buffer(Channel.RENDEZVOUS).flowOn(Dispatchers.IO)
