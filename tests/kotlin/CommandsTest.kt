// Commands that wait, and what their cancelling does.

package ringwire.tests

import dev.ringwire.*
import kotlin.random.Random
import kotlin.time.Duration.Companion.microseconds
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class CommandsTest : Story() {
    private val place = Lab.conversation("alice-bob")

    private fun ClientSnapshot.talks() = calls.any { it.stage != CallStage.ENDED }

    @Test
    fun `a call whose coroutine is cancelled while it rings is cancelled`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val calling = launch { alice.client.callAndWait(place, true) }
        val ring = bob.rings()
        calling.cancelAndJoin()
        assertEquals("cancelled", bob.ended(ring))
        assertEquals("cancelled", alice.ended(alice.client.snapshot().calls.single().number))
    }

    @Test
    fun `a call whose coroutine is cancelled at any moment is over`() = story {
        val alice = person("alice")
        repeat(20) {
            withTimeoutOrNull(Random.nextInt(1, 400_000).microseconds) {
                alice.client.hangUp(alice.client.callAndWait(Lab.conversation("alice-echo"), true))
            }
            alice.until("over") { !it.talks() }
            nobodyTalks()
        }
    }

    @Test
    fun `an accept whose coroutine is cancelled ends the call`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        repeat(5) {
            val call = alice.client.call(place, true)
            val ring = bob.rings()
            val accepting = launch(start = CoroutineStart.UNDISPATCHED) { bob.client.acceptAndWait(ring, true, true) }
            delay(Random.nextInt(1, 50_000).microseconds)
            accepting.cancelAndJoin()
            if (accepting.isCancelled) bob.until("over") { !it.talks() } else bob.client.hangUp(ring)
            alice.ended(call)
        }
    }

    @Test
    fun `a command whose coroutine is cancelled before it begins is not given`() = story {
        val alice = person("alice")
        val calling = launch {
            currentCoroutineContext().cancel()
            alice.client.callAndWait(place, true)
        }
        calling.join()
        alice.client.awaitConnected()
        assertTrue(alice.client.snapshot().calls.isEmpty())
    }

    @Test
    fun `a call that is refused says why`() = story {
        val alice = person("alice")
        val error = runCatching { alice.client.callAndWait("65a1f0c2d3e4b5a6978800aa", true) }.exceptionOrNull() as CallException
        assertEquals(CallErrorKind.REFUSED to "CONVERSATION_NOT_FOUND", error.kind to error.code)
        val failed = alice.hears("the refusal") { it is CallEvent.CallFailed } as CallEvent.CallFailed
        assertEquals(error.code, failed.code)
    }

    @Test
    fun `an accept of a call that is unknown says so`() = story {
        val alice = person("alice")
        for (command in listOf<suspend () -> ULong>(
            { alice.client.acceptAndWait(99u, true, true) },
            { alice.client.joinAndWait(99u, true, true) },
        )) {
            val error = runCatching { command() }.exceptionOrNull() as CallException
            assertTrue(error.kind == CallErrorKind.UNKNOWN_CALL || error.kind == CallErrorKind.REFUSED, "$error")
        }
    }
}
