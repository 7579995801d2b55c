// The log and the file for a bad call: what is in them, and what never is.

package ringwire.tests

import dev.ringwire.*
import kotlinx.coroutines.*
import kotlinx.serialization.json.*
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class LogsTest : Story() {
    @AfterEach
    fun quiet() = setLogLevel(LogLevel.OFF)

    private fun all(): List<LogLine> = generateSequence { takeLogs(500u).lines.ifEmpty { null } }.flatten().toList()

    private val secrets = listOf(Lab.token("alice"), Lab.token("alice").substringAfterLast('.'), "ice-pwd", "127.0.0.1", "fingerprint:sha")

    private suspend fun aCall(alice: Person): ULong {
        val call = alice.client.callAndWait(Lab.conversation("alice-echo"), true)
        alice.sees(call)
        until("measured") { alice.client.stats(call)?.rttMs != null }
        return call
    }

    @Test
    fun `logs are pulled in batches and hold no secrets`() = story {
        setLogLevel(LogLevel.TRACE)
        all()
        val alice = person("alice")
        aCall(alice)
        alice.client.shutdown()
        setLogLevel(LogLevel.OFF)
        val (one, next) = takeLogs(1u) to takeLogs(1u)
        assertEquals(1, one.lines.size)
        assertNotEquals(one.lines, next.lines)
        val lines = one.lines + next.lines + all()
        assertTrue(lines.size > 10)
        assertTrue(lines.zipWithNext().all { (a, b) -> a.atMs <= b.atMs + 1_000u })
        assertTrue(lines.any { it.target.startsWith("ringwire") && it.level == LogLevel.DEBUG })
        assertTrue(lines.none { it.level == LogLevel.OFF || it.message.isEmpty() && it.target.isEmpty() })
        for (secret in secrets) assertEquals(emptyList<LogLine>(), lines.filter { secret in it.message })
        assertEquals(LogBatch(emptyList(), 0u), takeLogs(10u))
    }

    @Test
    fun `nothing is logged when it is off, and less at a higher level`() = story {
        setLogLevel(LogLevel.OFF)
        all()
        person("alice").client.shutdown()
        assertEquals(emptyList<LogLine>(), all())
        setLogLevel(LogLevel.WARN)
        val broken = person("alice")
        broken.client.breakInside()
        broken.client.shutdown()
        val grave = all()
        assertTrue(grave.any { it.level == LogLevel.ERROR })
        assertTrue(grave.all { it.level == LogLevel.WARN || it.level == LogLevel.ERROR })
    }

    @Test
    fun `the diagnostics of a call are one JSON file without secrets`() = story {
        setLogLevel(LogLevel.DEBUG)
        val alice = person("alice")
        val call = aCall(alice)
        alice.client.hangUp(call)
        alice.ended(call)
        val text = alice.client.exportDiagnostics(call)!!
        val file = Json.parseToJsonElement(text).jsonObject
        val of = file.getValue("call").jsonObject
        assertEquals("Ringwire tests", file.getValue("app").jsonObject.getValue("name").jsonPrimitive.content)
        assertEquals(call.toString(), of.getValue("call").jsonPrimitive.content)
        assertTrue(of.getValue("timeline").jsonArray.size > 5)
        assertTrue(of.getValue("statistics").jsonArray.isNotEmpty())
        assertTrue(file.getValue("log").jsonArray.isNotEmpty())
        for (secret in secrets + listOf("v=0", "candidate:", "Echo")) assertFalse(secret in text, secret)
    }
}
