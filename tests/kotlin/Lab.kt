// The laboratory: what `ringwire-lab` tells in RINGWIRE_LAB, and people with clients of their own.

package ringwire.tests

import dev.ringwire.*
import java.io.File
import java.net.URI
import kotlin.time.Duration
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.*
import kotlinx.serialization.json.*
import org.junit.jupiter.api.AfterEach

/** Longer than anything takes on a busy machine; a test that meets it has found a hang. */
val DEADLINE: Duration = 60.seconds

/** The gateway, Echo, and who may call whom. */
object Lab {
    private val said = Json.parseToJsonElement(
        System.getenv("RINGWIRE_LAB") ?: error("RINGWIRE_LAB is not set: run this under ringwire-lab"),
    ).jsonObject

    val url = text("url")
    val clip = File(text("clip"))
    val clipH264 = File(text("clipH264"))

    fun token(name: String) = text("tokens", name)

    fun id(name: String) = text("ids", name)

    fun conversation(pair: String) = text("conversations", pair)

    /** A configuration with which [name] is let in. */
    fun config(name: String, device: String = "$name-phone", url: String = Lab.url) =
        ClientConfig(url, token(name), device, "Ringwire tests", "1.0")

    /** Calls of [name] that the gateway knows and that are not over. */
    fun calls(name: String): Int {
        val asked = URI("$url/api/calls?limit=1").toURL().openConnection()
        asked.setRequestProperty("Authorization", "Bearer ${token(name)}")
        asked.setRequestProperty("Connection", "close")
        val said = asked.getInputStream().use { it.reader().readText() }
        return Json.parseToJsonElement(said).jsonObject.getValue("active").jsonArray.size
    }

    private fun text(vararg path: String): String =
        path.fold(said as JsonElement) { now, key -> now.jsonObject.getValue(key) }.jsonPrimitive.content
}

/** A test with people in it, who all go when it ends. */
abstract class Story {
    private val gone = mutableListOf<AutoCloseable>()

    /** [name] on a device, connected. */
    suspend fun person(name: String, device: String = "$name-phone"): Person =
        stranger(Lab.config(name, device)).apply { client.awaitConnected() }

    /** Somebody with a configuration of their own; waits for nothing. */
    fun stranger(config: ClientConfig): Person = going(Person(CallClient(config)))

    /** Ends this when the test ends. */
    fun <T : AutoCloseable> going(thing: T): T = thing.also(gone::add)

    @AfterEach
    fun everybodyGoes() = runBlocking {
        for (thing in gone.asReversed()) {
            if (thing is CallClient && !thing.uniffiIsDestroyed) thing.shutdown()
            thing.close()
        }
        nobodyTalks()
    }

    /** Waits until the gateway has heard that all calls are over: one more could find a conversation busy. */
    suspend fun nobodyTalks() = listOf("alice", "bob", "carol").forEach { name ->
        until("without calls of $name") { Lab.calls(name) == 0 }
    }

    /** What a test does, with a deadline for all of it. */
    fun story(deadline: Duration = DEADLINE * 2, tell: suspend CoroutineScope.() -> Unit): Unit =
        runBlocking(Dispatchers.Default) { withTimeout(deadline, tell) }
}

/** Waits for what no event tells, such as a counter. */
suspend fun until(what: String, wanted: () -> Boolean) {
    withTimeoutOrNull(DEADLINE) {
        while (!wanted()) delay(10)
    } ?: error("never $what")
}
