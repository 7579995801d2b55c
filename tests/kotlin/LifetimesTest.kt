// How a client ends, and what its end does to whoever uses it or waits for it.

package ringwire.tests

import dev.ringwire.*
import kotlin.concurrent.thread
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class LifetimesTest : Story() {
    private fun client() = going(CallClient(Lab.config("alice")))

    /** All that takes a command. */
    private fun commands(client: CallClient) = listOf<() -> Unit>(
        { client.call(Lab.conversation("alice-bob"), true) },
        { client.accept(1u, true, true) },
        { client.join(1u, true, true) },
        { client.decline(1u) },
        { client.declineBusy(1u) },
        { client.hangUp(1u) },
        { client.hold(1u, true) },
        { client.setMicrophone(1u, true) },
        { client.setCamera(1u, true) },
        { client.setScreen(1u, true) },
        { client.setToken("a token") },
        { client.networkChanged() },
        { client.appState(true) },
        { client.forceLeave(Lab.conversation("alice-bob")) },
        { client.pushReceived(mapOf("type" to "call_cancel", "callId" to "65a1f0c2d3e4b5a697880001")) },
        { client.answer(1u) },
    )

    @Test
    fun `a client is shut down and closed twice`() = story {
        val client = client()
        repeat(2) { client.shutdown() }
        repeat(2) { client.close() }
        client().close()
    }

    @Test
    fun `after a shutdown commands say so, streams and sinks have ended and the last state stays`() = story {
        val client = client()
        client.awaitConnected()
        val call = client.callAndWait(Lab.conversation("alice-echo"), true)
        val (pictures, sound) = client.videoSink(call) to client.audioSink(call)
        client.shutdown()
        for (command in commands(client)) {
            assertEquals(CallErrorKind.CLOSED, assertThrows(CallException::class.java) { command() }.kind)
        }
        val now = client.snapshot()
        assertTrue(now.closed && !now.connected)
        assertEquals(Lab.id("alice"), now.me)
        assertTrue(pictures.isClosed() && sound.isClosed() && client.screenSink(call).isClosed())
        assertNull(client.stats(call))
        assertNotNull(client.exportDiagnostics(call))
        assertEquals(listOf(now), generateSequence(client.snapshots()) { it }.take(1).map { runBlocking { it.nextSnapshot() } }.toList())
        val waiting = assertThrows(CallException::class.java) { runBlocking { client.awaitConnected() } }
        assertEquals(CallErrorKind.CLOSED, waiting.kind)
    }

    @Test
    fun `after a close everything is an illegal state`() = story {
        val client = client()
        val source = client.videoSource()
        client.close()
        val rest = listOf<() -> Unit>(
            { client.snapshot() },
            { client.events() },
            { client.snapshots() },
            { client.videoSource() },
            { client.audioSink(1u) },
            { runBlocking { client.shutdown() } },
        )
        for (use in commands(client) + rest) assertThrows(IllegalStateException::class.java) { use() }
        // What it gave is its own.
        source.takeKeyFrameWanted()
        source.close()
        assertThrows(IllegalStateException::class.java) { source.takeKeyFrameWanted() }
    }

    @Test
    fun `a client is closed from within an event`() = story {
        val client = client()
        var last: CallEvent? = null
        client.eventFlow().collect { event ->
            last = event
            if (event == CallEvent.Connected) client.close()
        }
        assertEquals(CallEvent.Closed, last)
    }

    @Test
    fun `a client is shut down from within an event`() = story {
        val client = client()
        val events = mutableListOf<CallEvent>()
        client.eventFlow().collect { event ->
            events += event
            if (event == CallEvent.Connected) client.shutdown()
        }
        assertEquals(CallEvent.Closed, events.last())
        assertEquals(1, events.count { it == CallEvent.Closed })
    }

    /** Who waits for all that can be waited for is woken by [end]. */
    private suspend fun CoroutineScope.wakesAll(end: suspend (CallClient) -> Unit) {
        val client = client()
        client.awaitConnected()
        val call = client.call(Lab.conversation("alice-bob"), true)
        val (events, states, answer) = Triple(client.events(), client.snapshots(), client.answer(call))
        val waiting = listOf(
            async { while (events.nextEvent() != null) { /* until it ends */ } },
            async { while (states.nextSnapshot() != null) { /* until it ends */ } },
            async {
                val error = runCatching { answer.answered() }.exceptionOrNull() as CallException
                assertTrue(error.kind == CallErrorKind.CLOSED || error.kind == CallErrorKind.ENDED, "$error")
            },
        )
        val sink = client.videoSink(call)
        var picture: VideoFrame? = null
        val started = CompletableDeferred<Unit>()
        val looker = thread {
            started.complete(Unit)
            picture = sink.next(UInt.MAX_VALUE)
        }
        started.await()
        end(client)
        waiting.awaitAll()
        looker.join(DEADLINE.inWholeMilliseconds)
        assertFalse(looker.isAlive)
        assertNull(picture)
        assertTrue(sink.isClosed())
    }

    @Test
    fun `a close wakes who waits for events, states, answers and pictures`() = story { wakesAll { it.close() } }

    @Test
    fun `a shutdown wakes who waits for events, states, answers and pictures`() = story { wakesAll { it.shutdown() } }

    @Test
    fun `a stream that is cancelled wakes who waits, and the client goes on`() = story {
        val client = client()
        client.awaitConnected()
        val call = client.call(Lab.conversation("alice-bob"), true)
        val (events, states, answer) = Triple(client.events(), client.snapshots(), client.answer(call))
        val waiting = listOf(
            async { while (events.nextEvent() != null) { /* until it ends */ } },
            async { while (states.nextSnapshot() != null) { /* until it ends */ } },
            async { assertEquals(CallErrorKind.CANCELLED, (runCatching { answer.answered() }.exceptionOrNull() as CallException).kind) },
        )
        events.cancel()
        states.cancel()
        answer.cancel()
        waiting.awaitAll()
        assertNull(events.nextEvent())
        assertTrue(client.snapshot().connected)
        client.hangUp(call)
        client.eventFlow().collect { event ->
            if (event is CallEvent.Ended) client.shutdown()
        }
    }

    @Test
    fun `a client that is closed in mid-call hangs up`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val pair = talk(alice, bob, Lab.conversation("alice-bob"))
        alice.client.close()
        assertEquals("completed", bob.ended(pair.theirs))
    }
}
