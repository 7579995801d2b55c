// Many clients: at once, one after another, dropped without a close, and one that breaks among others.

package ringwire.tests

import dev.ringwire.*
import kotlin.time.Duration.Companion.minutes
import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class ManyClientsTest : Story() {
    private suspend fun nothingIsLeft() {
        until("without threads of the core") { Process.coreThreads == 0 }
    }

    @Test
    fun `ten clients at once call and are called`() = story {
        nothingIsLeft()
        val alices = List(5) { person("alice", "alice-$it") }
        val bobs = List(5) { person("bob", "bob-$it") }
        val call = alices[0].client.call(Lab.conversation("alice-bob"), true)
        val rings = bobs.map { async { it.rings() } }.awaitAll()
        bobs[4].client.accept(rings[4], true, true)
        alices[0].isIn(call)
        bobs.zip(rings).take(4).forEach { (bob, ring) -> assertEquals("answeredElsewhere", bob.ended(ring)) }
        (alices + bobs).map { async { it.client.shutdown() } }.awaitAll()
        nothingIsLeft()
    }

    @Test
    fun `a thousand clients one after another leave nothing behind`() = story(4.minutes) {
        suspend fun clients(count: Int) = repeat(count) { number ->
            CallClient(Lab.config(listOf("alice", "bob", "carol")[number % 3], "phone-$number")).use { client ->
                client.awaitConnected()
                if (number % 2 == 0) client.shutdown()
            }
        }

        suspend fun held(): Triple<Long, Int, Int> {
            nothingIsLeft()
            System.gc()
            return Triple(Process.resident, Process.files, Process.threads)
        }
        clients(100)
        val (memory, files, threads) = held()
        clients(900)
        until("without their files and threads") { Process.files <= files && Process.threads <= threads + 4 }
        val after = held().first
        println("MB after 100 clients: ${memory shr 20}, after 1,000: ${after shr 20}")
        assertTrue(after - memory < 24L shl 20, "${after - memory} bytes more")
    }

    @Test
    fun `a client that is dropped without a close goes by itself`() = story {
        nothingIsLeft()
        val sockets = Process.sockets
        drop()
        until("collected") {
            System.gc()
            Process.coreThreads == 0 && Process.sockets <= sockets
        }
    }

    // On a frame of its own, so that nothing holds the client.
    private suspend fun drop() {
        val client = CallClient(Lab.config("alice"))
        client.awaitConnected()
        client.call(Lab.conversation("alice-bob"), true)
        assertTrue(Process.coreThreads > 0)
    }

    @Test
    fun `who waits for the events of a dropped client is woken`() = story {
        val events = CallClient(Lab.config("alice")).events()
        val waiting = async { while (events.nextEvent() != null) { /* until it ends */ } }
        until("woken") {
            System.gc()
            waiting.isCompleted
        }
    }

    @Test
    fun `a panic inside ends that client and no other`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val pair = talk(person("alice", "alice-tablet"), bob, Lab.conversation("alice-bob"))
        alice.client.breakInside()
        val failed = alice.hears("the failure") { it is CallEvent.ClientFailed } as CallEvent.ClientFailed
        assertTrue("on purpose" in failed.message)
        alice.until("closed") { it.closed }
        alice.hears("the close") { it == CallEvent.Closed }
        assertEquals(listOf(failed, CallEvent.Closed), alice.events.takeLast(2))
        assertEquals(CallErrorKind.CLOSED, assertThrows(CallException::class.java) { alice.client.networkChanged() }.kind)
        pair.caller.film()
        bob.sees(pair.theirs)
        person("alice").client.shutdown()
    }

    @Test
    fun `a panic inside wakes who waits`() = story {
        val client = going(CallClient(Lab.config("alice")))
        client.awaitConnected()
        val waiting = async { runCatching { client.callAndWait(Lab.conversation("alice-bob"), true) } }
        client.snapshotFlow().first { it.calls.isNotEmpty() }
        client.breakInside()
        // It hangs up what it can.
        val kind = (waiting.await().exceptionOrNull() as CallException).kind
        assertTrue(kind == CallErrorKind.CLOSED || kind == CallErrorKind.ENDED, "$kind")
    }
}
