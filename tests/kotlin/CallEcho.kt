// Calls Echo from the JVM through the bindings, sends it a clip, and prints what came back as one line of JSON.
// Arguments: address of the gateway, token, conversation, clip (IVF, VP8).

import dev.ringwire.*
import java.io.File
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlinx.coroutines.*

fun main(args: Array<String>): Unit = runBlocking {
    val (url, token, conversation, clip) = args
    setLogLevel(LogLevel.WARN)
    CallClient(ClientConfig(url, token, "kotlin-jvm", "CallEcho", "1.0")).use { client ->
        val events = client.events()
        while (true) when (val event = events.nextEvent()) {
            is CallEvent.Connected -> break
            is CallEvent.TokenNeeded, null -> error("not connected: $event")
            else -> {}
        }
        val call = client.call(conversation, video = true)
        var pictures = 0
        var loudest = 0
        val screen = launch(Dispatchers.IO) {
            val sink = client.videoSink(call)
            while (!sink.isClosed()) if (sink.next(200u) != null) pictures++
        }
        val speaker = launch(Dispatchers.IO) {
            val sink = client.audioSink(call)
            while (isActive) { loudest = maxOf(loudest, peak(sink.pull())); delay(10) }
        }
        val camera = launch(Dispatchers.IO) { play(frames(File(clip).readBytes()), client.videoSource()) }
        withTimeoutOrNull(60_000) { while (pictures < 90 || loudest < 1_000) delay(50) }
        val stage = client.snapshot().calls.single().stage
        val sent = client.stats(call)?.let { it.audio.packetsSent + it.camera.packetsSent } ?: 0u
        client.hangUp(call)
        var event = events.nextEvent()
        while (event != null && event !is CallEvent.Ended) event = events.nextEvent()
        listOf(camera, speaker).forEach { it.cancelAndJoin() }
        screen.join() // The sink closes with the call.
        client.shutdown()
        var last = events.nextEvent()
        while (last != null && last != CallEvent.Closed) last = events.nextEvent()
        println("""{"stage":"$stage","pictures":$pictures,"loudest":$loudest,"packets_sent":$sent,""" +
            """"ended":"${(event as? CallEvent.Ended)?.reason}","last":"$last","after":"${events.nextEvent()}"}""")
    }
}

/** The loudest of samples with 16 bits, little-endian. */
fun peak(pcm: ByteArray): Int {
    val samples = ByteBuffer.wrap(pcm).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
    return (0 until samples.remaining()).maxOf { samples[it].toInt() }
}

/** The frames of an IVF file: 32 bytes of header, then 4 bytes of length, 8 of time and the frame, over and over. */
fun frames(ivf: ByteArray): List<ByteArray> = buildList {
    val file = ByteBuffer.wrap(ivf).order(ByteOrder.LITTLE_ENDIAN).position(32)
    while (file.remaining() > 12) add(ByteArray(file.getInt()).also { file.getLong(); file.get(it) })
}

/** Plays the clip in a loop, 30 pictures a second; begins again with a key frame when one is wanted. */
suspend fun play(frames: List<ByteArray>, source: VideoSource) {
    val start = System.nanoTime()
    var next = 0
    for (count in generateSequence(0L) { it + 1 }) {
        if (source.takeKeyFrameWanted()) next = 0
        val key = frames[next][0].toInt() and 1 == 0
        val picture = ByteBuffer.allocateDirect(frames[next].size).put(frames[next]).flip()
        source.pushDirect(picture, VideoCodec.VP8, (count * 1_000_000 / 30).toULong(), key, Rotation.DEG0)
        next = (next + 1) % frames.size
        delay(maxOf(0, (start + (count + 1) * 1_000_000_000 / 30 - System.nanoTime()) / 1_000_000))
    }
}
