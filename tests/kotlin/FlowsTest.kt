// The flows of the skin: where they end, what they keep, and what a cancelled one loses: nothing.

package ringwire.tests

import dev.ringwire.*
import kotlin.random.Random
import kotlin.time.Duration.Companion.microseconds
import kotlin.time.Duration.Companion.seconds
import kotlin.time.measureTime
import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class FlowsTest : Story() {
    private suspend fun client() = going(CallClient(Lab.config("alice"))).apply { awaitConnected() }

    /** Calls that are refused at once, each with one event, because another has no answer. */
    private fun refused(client: CallClient) = client.call(Lab.conversation("alice-carol"), true)

    @Test
    fun `the events end with the client`() = story {
        val client = client()
        val events = async { client.eventFlow().toList() }
        client.shutdown()
        assertEquals(CallEvent.Closed, events.await().last())
        assertEquals(emptyList<CallEvent>(), client.eventFlow().toList())
    }

    @Test
    fun `a collector that is cancelled loses no event, whenever that is`() = story {
        val client = client()
        client.call(Lab.conversation("alice-bob"), true)
        val count = 2_000
        val made = async {
            // Never more than the queue holds.
            List(count) { refused(client).also { delay(100.microseconds) } }
        }
        val told = mutableListOf<ULong>()
        var cancelled = 0
        while (told.size < count) {
            val end = withTimeoutOrNull(Random.nextInt(1, 2_000).microseconds) {
                client.eventFlow().collect { event ->
                    assertNotEquals(CallEvent.Resync, event)
                    if (event is CallEvent.CallFailed) told += event.call!!
                }
            }
            if (end == null) cancelled++
        }
        assertEquals(made.await(), told)
        assertTrue(cancelled > 50, "cancelled $cancelled times")
    }

    @Test
    fun `a queue that nobody pulls becomes one resync, and the newest events are kept`() = story {
        val client = client()
        client.call(Lab.conversation("alice-bob"), true)
        val last = List(300) { refused(client) }.last()
        // Its answer is there when all before it have been told.
        assertThrows(CallException::class.java) { runBlocking { client.answer(last).answered() } }
        client.shutdown()
        val events = client.eventFlow().toList()
        assertEquals(CallEvent.Resync, events.first())
        assertEquals(1, events.count { it == CallEvent.Resync })
        assertTrue(events.size <= 256)
        assertTrue(events.any { it is CallEvent.CallFailed && it.call == last && it.code == "ALREADY_IN_CALL" })
    }

    @Test
    fun `each collector of states sees the first and the last`() = story {
        val client = client()
        val all = List(3) { async { client.snapshotFlow().toList() } }
        client.snapshotFlow().take(1).collect { assertTrue(it.connected) }
        client.shutdown()
        for (states in all.awaitAll()) {
            assertTrue(states.last().closed)
            assertEquals(1, states.count { it.closed })
        }
    }

    @Test
    fun `a slow collector of states misses what was between and sees the newest`() = story {
        val client = client()
        val seen = mutableListOf<ClientSnapshot>()
        val (first, goOn) = List(2) { CompletableDeferred<Unit>() }
        val slow = launch {
            client.snapshotFlow().collect { now ->
                seen += now
                first.complete(Unit)
                goOn.await()
            }
        }
        first.await()
        val call = client.callAndWait(Lab.conversation("alice-echo"), true)
        client.shutdown()
        goOn.complete(Unit)
        slow.join()
        assertEquals(2, seen.size)
        assertTrue(seen.last().closed && seen.last().call(call) != null)
    }

    @Test
    fun `the state is the newest, and stops with the client`() = story {
        val client = going(CallClient(Lab.config("alice")))
        val scope = CoroutineScope(Dispatchers.Default + Job())
        val state = client.state(scope)
        assertEquals(Lab.id("alice"), state.first { it.connected }.me)
        client.shutdown()
        assertTrue(state.first { it.closed }.closed)
        scope.coroutineContext.job.children.forEach { it.join() }
    }

    @Test
    fun `the pictures end with the call`() = story {
        val alice = person("alice")
        val call = alice.client.callAndWait(Lab.conversation("alice-echo"), true)
        var count = 0
        alice.client.videoSink(call).pictureFlow().collect { if (++count == 10) alice.client.hangUp(call) }
        assertTrue(count >= 10)
        assertEquals("completed", alice.ended(call))
    }

    @Test
    fun `who waits for pictures is soon cancelled`() = story {
        val client = client()
        val sink = client.videoSink(client.call(Lab.conversation("alice-bob"), true))
        val waiting = launch { sink.pictureFlow().collect { fail<Unit>("nobody films") } }
        until("waiting") { waiting.children.any() }
        assertTrue(measureTime { waiting.cancelAndJoin() } < 10.seconds)
        assertFalse(sink.isClosed())
    }
}
