// A phone that sleeps is woken by a push. Its line to the gateway is cut until the story opens it.

package ringwire.tests

import dev.ringwire.*
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class PushesTest : Story() {
    private class Asleep(val alice: Person, val mine: ULong, val bob: Person, val line: Line, id: String) {
        val ring = mapOf(
            "type" to "call",
            "callId" to id,
            "conversationId" to Lab.conversation("alice-bob"),
            "callerName" to "Alice",
            "callerUserId" to Lab.id("alice"),
            "isVideo" to "true",
        )
        val cancel = mapOf("type" to "call_cancel", "callId" to id)
    }

    /** Bob's phone sleeps while Alice calls. */
    private suspend fun asleep(): Asleep {
        val line = going(Line(open = false))
        val alice = person("alice")
        val bob = stranger(Lab.config("bob", url = line.url))
        val mine = alice.client.call(Lab.conversation("alice-bob"), true)
        val id = alice.untilCall(mine, "made") { it.id != null }.id!!
        return Asleep(alice, mine, bob, line, id)
    }

    @Test
    fun `a push rings before the socket is up, and the accept is done as soon as it is`() = story {
        val it = asleep()
        assertTrue(it.bob.client.pushReceived(it.ring))
        val ring = it.bob.rings()
        val accepted = async { it.bob.client.acceptAndWait(ring, true, true) }
        it.line.open()
        it.bob.client.networkChanged()
        accepted.await()
        it.alice.isIn(it.mine)
        assertEquals(1, it.bob.client.snapshot().calls.size)
    }

    @Test
    fun `a push of something else is not about a call`() = story {
        val alice = person("alice")
        assertFalse(alice.client.pushReceived(mapOf("type" to "message", "text" to "hello")))
        assertFalse(alice.client.pushReceived(emptyMap()))
    }

    @Test
    fun `a cancel silences its ring`() = story {
        val it = asleep()
        it.bob.client.pushReceived(it.ring)
        val ring = it.bob.rings()
        assertTrue(it.bob.client.pushReceived(it.cancel))
        it.bob.hears("silence") { event -> event == CallEvent.StopRinging(ring) }
    }

    @Test
    fun `a cancel before its ring silences that ring`() = story {
        val it = asleep()
        assertTrue(it.bob.client.pushReceived(it.cancel))
        it.bob.client.pushReceived(it.ring)
        it.line.open()
        it.bob.client.networkChanged()
        it.bob.client.awaitConnected()
        // All that the gateway has said on the way comes before this.
        val carol = person("carol")
        val other = it.bob.client.call(Lab.conversation("bob-carol"), true)
        carol.rings()
        it.bob.untilCall(other, "ringing there") { call -> call.stage == CallStage.RINGING }
        assertEquals(listOf(other), it.bob.client.snapshot().calls.map { call -> call.number })
        assertTrue(it.bob.events.none { event -> event is CallEvent.Incoming })
    }
}
