// Pictures and sound: what goes in comes out.

package ringwire.tests

import dev.ringwire.*
import java.nio.ByteBuffer
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class MediaTest : Story() {
    @Test
    fun `pictures come out as they went in, from whatever buffer`() = story {
        val it = talk(person("alice"), person("bob"), Lab.conversation("alice-bob"))
        val key = Clip.vp8.frames.first()
        val bytes = ByteArray(key.data.remaining()).also(key.data.duplicate()::get)
        val padded = ByteArray(bytes.size + 20).also { bytes.copyInto(it, 7) }
        val middle = ByteBuffer.allocateDirect(padded.size).put(padded).position(7).limit(7 + bytes.size)
        val source = it.caller.client.videoSource()
        val ways = listOf<(ULong) -> Unit>(
            { at -> source.push(key.data, VideoCodec.VP8, at, true) },
            { at -> source.push(middle, VideoCodec.VP8, at, true, Rotation.DEG90) },
            { at -> source.push(middle.asReadOnlyBuffer(), VideoCodec.VP8, at, true, Rotation.DEG180) },
            { at -> source.push(ByteBuffer.wrap(padded, 7, bytes.size), VideoCodec.VP8, at, true, Rotation.DEG270) },
            { at -> source.push(bytes, VideoCodec.VP8, at, true) },
            { at -> source.push(middle.slice(), VideoCodec.VP8, at, true, Rotation.DEG90) },
        )
        val turned = listOf(0, 1, 2, 3, 0, 1).map(Rotation.entries::get)
        val camera = going(Player(30) { count ->
            ways[(count % ways.size).toInt()](count.toULong() * 33_333u)
        })
        val seen = it.callee.sees(it.theirs, 4 * ways.size)
        camera.close()
        assertEquals(7, middle.position())
        assertTrue(seen.all { picture -> picture.data.contentEquals(bytes) && picture.keyFrame })
        assertEquals(turned.toSet(), seen.map { picture -> picture.rotation }.toSet())
        assertTrue(seen.zipWithNext().all { (one, next) -> one.timestampUs < next.timestampUs })
    }

    @Test
    fun `sound goes in from whatever buffer`() = story {
        val it = talk(person("alice"), person("bob"), Lab.conversation("alice-bob"), video = false)
        val source = it.caller.client.audioSource()
        val padded = ByteArray(7) + TONE_BYTES + ByteArray(7)
        val middle = ByteBuffer.allocateDirect(padded.size).put(padded).position(7).limit(7 + TONE_BYTES.size)
        val ways = listOf(
            { source.push(middle) },
            { source.push(ByteBuffer.wrap(padded, 7, TONE_BYTES.size)) },
            { source.push(padded, 7, TONE_BYTES.size) },
            { source.push(TONE_BYTES) },
            { source.push(TONE) },
            { source.push(ShortArray(3) + TONE, 3, TONE.size) },
            { source.push(middle.slice()) },
        )
        val sink = it.callee.client.audioSink(it.theirs)
        val silence = ShortArray(480)
        for (push in ways) {
            Player(100) { push() }.use { _ -> it.callee.hearsSound(it.theirs) }
            Player(100) { source.push(silence) }.use { _ ->
                withTimeout(DEADLINE) { while (peak(sink.pull()) > 100) delay(10) }
            }
        }
        assertEquals(AUDIO_BLOCK, sink.pull().size)
        assertTrue(insideNs() > 0u)
    }

    @Test
    fun `sound comes out into whatever buffer`() = story {
        val it = talk(person("alice"), person("bob"), Lab.conversation("alice-bob"), video = false)
        val sink = it.callee.client.audioSink(it.theirs)
        going(Player(100) { _ -> it.caller.client.audioSource().push(TONE) })
        for (make in listOf<(Int) -> ByteBuffer>(ByteBuffer::allocate, ByteBuffer::allocateDirect)) {
            val buffer = make(7 + AUDIO_BLOCK + 7)
            withTimeout(DEADLINE) {
                do {
                    delay(10)
                    buffer.clear().position(7)
                    sink.pull(buffer)
                    assertEquals(7 + AUDIO_BLOCK, buffer.position())
                    val block = ByteArray(AUDIO_BLOCK).also { bytes -> buffer.duplicate().position(7).get(bytes) }
                } while (peak(block) < LOUD)
            }
            // Nothing beside the block is touched.
            buffer.clear()
            val beside = (0 until 7) + (7 + AUDIO_BLOCK until buffer.limit())
            assertTrue(beside.all { at -> buffer.get(at) == 0.toByte() })
        }
    }

    @Test
    fun `a picture of 200 kilobytes comes out whole, and the next one after it`() = story {
        val it = talk(person("alice"), person("bob"), Lab.conversation("alice-bob"), video = true)
        val key = Clip.vp8.frames.first().data
        val large = ByteArray(200_000) { at -> if (at < key.limit()) key.get(at) else (at * 31).toByte() }
        val small = ByteArray(key.remaining()).also(key.duplicate()::get)
        val source = it.caller.client.videoSource()
        going(Player(10) { count ->
            source.push(if (count % 2 == 0L) large else small, VideoCodec.VP8, count.toULong() * 100_000u, true)
        })
        val seen = it.callee.sees(it.theirs, 6)
        for ((bytes, size) in listOf(large to large.size, small to small.size)) {
            assertTrue(seen.any { picture -> picture.data.size == size && picture.data.contentEquals(bytes) })
        }
        assertTrue(seen.zipWithNext().all { (one, next) -> one.timestampUs < next.timestampUs })
    }

    @Test
    fun `H264 goes both ways between two who agree on it`() = story {
        val (alice, bob) = listOf("alice", "bob").map { name ->
            val config = Lab.config(name).copy(videoCodecs = listOf(VideoCodec.H264, VideoCodec.VP8))
            stranger(config).apply { client.awaitConnected() }
        }
        assertNull(alice.client.videoSource().codec())
        val pair = talk(alice, bob, Lab.conversation("alice-bob"))
        until("agreed") { alice.client.videoSource().codec() == VideoCodec.H264 }
        listOf(alice, bob).forEach { it.film(Clip.h264) }
        for ((person, call) in listOf(alice to pair.mine, bob to pair.theirs)) {
            val pictures = person.sees(call, 20)
            assertTrue(pictures.all { it.codec == VideoCodec.H264 })
            assertTrue(pictures.first().keyFrame)
            assertEquals(listOf<Byte>(0, 0, 0, 1), pictures.first().data.take(4))
        }
        val refused = assertThrows(CallException::class.java) {
            alice.client.videoSource().push(Clip.vp8.frames[0].data, VideoCodec.VP8, 0u, true)
        }
        assertEquals(CallErrorKind.INVALID_INPUT, refused.kind)
    }

    @Test
    fun `the encoder is told the codec, the bitrate and when a key frame is wanted`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val source = alice.client.videoSource()
        assertNull(source.codec())
        assertNull(source.targetBps())
        val pair = talk(alice, bob, Lab.conversation("alice-bob"))
        until("agreed") { source.codec() == VideoCodec.VP8 && (source.targetBps() ?: 0u) > 0u }
        until("wanted by the new connection") { source.takeKeyFrameWanted() }
        // A decoder that has seen nothing asks by itself; this one has seen the beginning.
        val camera = Player(30) { count -> source.push(Clip.vp8.frames[0].data, VideoCodec.VP8, count.toULong() * 33_333u, true) }
        camera.use { bob.sees(pair.theirs) }
        source.takeKeyFrameWanted()
        bob.client.videoSink(pair.theirs).wantKeyFrame()
        until("wanted by Bob") { source.takeKeyFrameWanted() }
        until("counted") {
            alice.client.stats(pair.mine)!!.keyFramesWanted > 0u && bob.client.stats(pair.theirs)!!.keyFramesAsked > 0u
        }
    }

    @Test
    fun `the sinks of a call that is unknown are closed and silent`() = story {
        val client = person("alice").client
        for (sink in listOf(client.videoSink(98u), client.screenSink(98u))) {
            assertTrue(sink.isClosed())
            assertNull(sink.next(60_000u))
        }
        assertTrue(client.audioSink(98u).isClosed())
        assertEquals(0, peak(client.audioSink(98u).pull()))
        assertNull(client.stats(98u))
        assertNull(client.exportDiagnostics(98u))
    }
}
