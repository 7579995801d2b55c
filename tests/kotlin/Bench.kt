// What the border costs on the JVM: Alice calls Bob, both in this process, and each of her calls into the core is
// measured. RINGWIRE_BENCH_SECONDS says how long. The last line is a JSON object.

package ringwire.tests

import dev.ringwire.*
import java.lang.management.ManagementFactory
import java.nio.ByteBuffer
import java.util.Locale
import kotlin.system.exitProcess
import kotlin.time.Duration.Companion.seconds
import kotlinx.coroutines.*

private val SECONDS = System.getenv("RINGWIRE_BENCH_SECONDS")?.toInt() ?: 20
private val WARM_UP = 5.seconds
private const val WARM_CALLS = 15_000
private const val PICTURE_BYTES = 10_000

/** Measuring has begun. */
@Volatile
private var measuring = false

/** Times of calls of one kind, all on one thread. */
private class Figures {
    private val threads = ManagementFactory.getThreadMXBean()
    private val cpu = ArrayList<Long>()
    private val inside = ArrayList<Long>()
    private val wall = ArrayList<Long>()

    /** Does one call; it counts when [counts] says so of what it gave. */
    inline fun <T> measure(counts: (T) -> Boolean = { true }, call: () -> T): T {
        val wallBefore = System.nanoTime()
        val cpuBefore = threads.currentThreadCpuTime
        val given = call()
        val cpuAfter = threads.currentThreadCpuTime
        val wallAfter = System.nanoTime()
        if (measuring && counts(given)) {
            cpu += cpuAfter - cpuBefore
            inside += insideNs().toLong()
            wall += wallAfter - wallBefore
        }
        return given
    }

    fun cpuMedian() = cpu.median()

    fun wallMedian() = wall.median()

    /** Without what the clocks themselves cost. */
    fun json(clock: Figures): String {
        val figures = mapOf(
            "cpu_us_mean" to cpu.average() / 1e3 - clock.cpuMedian(),
            "inside_us_mean" to inside.average() / 1e3,
            "cpu_us_median" to cpuMedian() - clock.cpuMedian(),
            "wall_us_median" to wallMedian() - clock.wallMedian(),
        )
        val texts = figures.map { (name, us) -> "\"$name\":" + String.format(Locale.ROOT, "%.2f", maxOf(0.0, us)) }
        return """{"n":${cpu.size},${texts.joinToString(",")}}"""
    }

    private fun List<Long>.median() = sorted().getOrElse(size / 2) { 0 } / 1e3
}

/** A picture of which only the header is VP8 (RFC 6386 §9.1): 640 by 360. */
private fun picture(isKey: Boolean): ByteBuffer {
    val header = if (isKey) listOf(0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01) else listOf(0x11, 0, 0)
    val bytes = ByteArray(PICTURE_BYTES) { at -> (header.getOrNull(at) ?: (at * 31)).toByte() }
    return ByteBuffer.allocateDirect(bytes.size).put(bytes).flip()
}

/** What a phone does in a call: sends and takes pictures and sound, each on a thread of its own. */
private class Phone(client: CallClient, call: ULong) : AutoCloseable {
    val figures = listOf("video_push", "video_next", "audio_push", "audio_pull").associateWith { Figures() }
    private val pictures = listOf(true, false).map(::picture)
    private val tone = ByteBuffer.allocateDirect(TONE_BYTES.size).put(TONE_BYTES).flip()
    private val heard = ByteBuffer.allocateDirect(AUDIO_BLOCK)
    private val camera = client.videoSource()
    private val microphone = client.audioSource()
    private val screen = client.videoSink(call)
    private val loudspeaker = client.audioSink(call)
    private val threads = listOf(
        Player(30) { count ->
            val isKey = count % 30 == 0L || camera.takeKeyFrameWanted()
            val data = pictures[if (isKey) 0 else 1]
            figures.getValue("video_push").measure { camera.push(data, VideoCodec.VP8, count.toULong() * 33_333u, isKey) }
        },
        // As fast as pictures come.
        Player(1_000_000) { figures.getValue("video_next").measure<VideoFrame?>({ it != null }) { screen.next(200u) } },
        Player(100) { figures.getValue("audio_push").measure { microphone.push(tone) } },
        Player(100) {
            heard.clear()
            figures.getValue("audio_pull").measure { loudspeaker.pull(heard) }
        },
    )

    override fun close() = threads.forEach(AutoCloseable::close)
}

/** Lets Java compile what is called, as it has in a call that lasts: on a client that is in no call. */
private fun warmUp(client: CallClient) {
    val (camera, microphone) = client.videoSource() to client.audioSource()
    val (screen, loudspeaker) = client.videoSink(0u) to client.audioSink(0u)
    val (key, tone) = picture(true) to ByteBuffer.allocateDirect(TONE_BYTES.size)
    repeat(WARM_CALLS) {
        client.snapshot()
        camera.push(key, VideoCodec.VP8, it.toULong(), true)
        screen.next(0u)
        microphone.push(tone)
        loudspeaker.pull(tone.duplicate())
    }
}

fun main() {
    val said = runBlocking(Dispatchers.Default) { bench() }
    println(said)
    exitProcess(0)
}

private suspend fun bench(): String = coroutineScope {
    val (alice, bob) = listOf("alice", "bob").map { CallClient(Lab.config(it, "$it-bench")).apply { awaitConnected() } }
    warmUp(alice)
    val calling = async { alice.callAndWait(Lab.conversation("alice-bob"), video = true) }
    val ring = Person(bob).rings()
    val theirs = bob.acceptAndWait(ring, microphone = true, camera = true)
    val mine = calling.await()

    val (hers, his) = listOf(Phone(alice, mine), Phone(bob, theirs))
    val snapshot = Figures()
    val looker = Player(100) { snapshot.measure { alice.snapshot() } }
    delay(minOf(WARM_UP, (SECONDS / 2).seconds))
    measuring = true
    val clock = Figures().also { clock -> repeat(10_000) { clock.measure { } } }
    delay(maxOf(1, SECONDS - WARM_UP.inWholeSeconds.toInt()).seconds)
    measuring = false
    listOf(looker, hers, his).forEach(AutoCloseable::close)
    alice.shutdown()
    bob.shutdown()
    val all = mapOf("snapshot" to snapshot) + hers.figures
    all.entries.joinToString(",", "{", ",\"clock_us\":${clock.cpuMedian()}}") { (name, figures) ->
        "\"$name\":${figures.json(clock)}"
    }
}
