// The border itself: calls within calls on one thread, and errors by the thousand.

package ringwire.tests

import dev.ringwire.*
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class BorderTest : Story() {
    @Test
    fun `an answer that is cancelled on the thread that waits for it is told so, time and again`() = story {
        val alice = person("alice")
        val call = alice.client.call(Lab.conversation("alice-bob"), true)
        repeat(200) {
            alice.client.answer(call).use { answer ->
                // Unconfined: the wait goes on inside the call of `cancel`.
                val waiting = async(Dispatchers.Unconfined) { runCatching { answer.answered() } }
                answer.cancel()
                val why = waiting.await().exceptionOrNull() as CallException
                assertEquals(CallErrorKind.CANCELLED, why.kind)
            }
        }
        alice.client.hangUp(call)
        alice.ended(call)
    }

    @Test
    fun `errors by the thousand leave no memory behind`() = story {
        val microphone = person("alice").client.audioSource()
        fun refused(count: Int) = repeat(count) {
            val why = assertThrows(CallException::class.java) { microphone.push(ByteArray(1)) }
            assertEquals(CallErrorKind.INVALID_INPUT, why.kind)
        }
        suspend fun grown(): Long {
            val before = Process.resident
            refused(100_000)
            repeat(3) {
                // JNA frees what it made on a thread of its own.
                System.gc()
                delay(100)
            }
            return Process.resident - before
        }
        val grown = List(3) { grown() }
        println("bytes more after 100,000 errors, three times: $grown")
        // An error that is not freed holds more than 64 bytes.
        assertTrue(grown.last() < 3_000_000L, "$grown bytes more")
    }
}
