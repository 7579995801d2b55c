// The program of docs/kotlin.md, as it stands there, calls Echo.

package ringwire.tests

import java.io.File
import java.util.concurrent.TimeUnit
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class ProgramTest {
    @Test
    fun `the program of the page sees and is seen by Echo`() {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val program = ProcessBuilder(
            java,
            "-Djna.library.path=${System.getProperty("jna.library.path")}",
            "-cp", System.getProperty("java.class.path"),
            "ProgramKt",
            Lab.url, Lab.token("alice"), Lab.conversation("alice-echo"), Lab.clip.path,
        ).redirectErrorStream(true).start()
        val said = program.inputStream.bufferedReader().readText()
        assertTrue(program.waitFor(DEADLINE.inWholeSeconds, TimeUnit.SECONDS), said)
        assertEquals(0, program.exitValue(), said)
        val (pictures, reason) = Regex("""(\d+) pictures, (\w+)""").find(said)?.destructured ?: fail(said)
        assertTrue(pictures.toInt() >= 90, said)
        assertEquals("completed", reason)
    }
}
