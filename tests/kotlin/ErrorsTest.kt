// What is malformed is named; what is not let in says why.

package ringwire.tests

import dev.ringwire.*
import java.nio.ByteBuffer
import java.nio.ReadOnlyBufferException
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class ErrorsTest : Story() {
    private fun refused(field: String, use: () -> Unit) {
        val error = assertThrows(CallException.Failed::class.java) { use() }
        assertEquals(CallErrorKind.INVALID_INPUT, error.kind)
        assertTrue(field in error.reason, error.reason)
        assertTrue(error.reason in error.message)
    }

    @Test
    fun `what is malformed is named`() = story {
        val config = Lab.config("alice")
        refused("url") { CallClient(config.copy(url = "nonsense")) }
        refused("device_id") { CallClient(config.copy(deviceId = "")) }
        refused("extra_roots") { CallClient(config.copy(extraRoots = "no certificate")) }
        val client = going(CallClient(config))
        refused("conversation_id") { client.call("", true) }
        refused("conversation_id") { client.forceLeave("") }
        refused("pcm") { client.audioSource().push(ByteArray(3)) }
        refused("data") { client.videoSource().push(ByteArray(0), VideoCodec.VP8, 0u, true) }
        refused("data") { client.videoSource().push(ByteArray((2 shl 20) + 1), VideoCodec.VP8, 0u, true) }
        refused("callerUserId") {
            val id = Lab.id("bob")
            client.pushReceived(mapOf("type" to "call", "callId" to id, "conversationId" to id))
        }
        assertThrows(IllegalArgumentException::class.java) {
            client.audioSink(0u).pull(ByteBuffer.allocate(AUDIO_BLOCK - 1))
        }
        assertThrows(ReadOnlyBufferException::class.java) {
            client.audioSink(0u).pull(ByteBuffer.allocateDirect(AUDIO_BLOCK).asReadOnlyBuffer())
        }
    }

    @Test
    fun `a token that is bad is asked for again, and a good one lets in`() = story {
        val alice = stranger(Lab.config("alice").copy(token = "no token"))
        val error = runCatching { alice.client.awaitConnected() }.exceptionOrNull() as CallException
        assertEquals(CallErrorKind.REFUSED to "NOT_AUTHENTICATED", error.kind to error.code)
        val asked = alice.hears("the question") { it is CallEvent.TokenNeeded } as CallEvent.TokenNeeded
        assertEquals(error.code, asked.code)
        assertEquals(error.code, alice.client.snapshot().tokenNeeded)
        alice.client.setToken(Lab.token("alice"))
        alice.client.awaitConnected()
        assertNull(alice.client.snapshot().tokenNeeded)
        assertEquals(Lab.id("alice"), alice.client.snapshot().me)
    }

    @Test
    fun `a guest needs the token of a guest`() = story {
        val guest = stranger(Lab.config("alice").copy(guest = true))
        assertEquals("NOT_AUTHENTICATED", (runCatching { guest.client.awaitConnected() }.exceptionOrNull() as CallException).code)
        guest.client.setToken(Lab.token("alice"), guest = true)
        assertEquals("NOT_AUTHENTICATED", (runCatching { guest.client.awaitConnected() }.exceptionOrNull() as CallException).code)
        guest.client.setToken(Lab.token("alice"))
        guest.client.awaitConnected()
    }

    @Test
    fun `a gateway that is not there is tried again and again`() = story {
        val alice = stranger(Lab.config("alice", url = "http://127.0.0.1:1"))
        val lost = List(2) { alice.hears("the loss") { it is CallEvent.Disconnected } }.last() as CallEvent.Disconnected
        assertTrue(lost.retryInMs <= 60_000u, "$lost")
        alice.client.shutdown()
    }
}
