// Clips and tones, and the threads that push them: what a camera and a microphone are to a phone.

package ringwire.tests

import dev.ringwire.*
import java.nio.ByteBuffer
import java.nio.ByteOrder
import kotlin.concurrent.thread
import kotlin.math.PI
import kotlin.math.sin

/** A peak that no silence has. */
const val LOUD = 3_000

/** A moving picture, in direct buffers. */
class Clip(val codec: VideoCodec, val perSecond: Int, val frames: List<Frame>) {
    class Frame(val data: ByteBuffer, val isKey: Boolean)

    companion object {
        val vp8 by lazy { Clip(VideoCodec.VP8, 30, ivf(Lab.clip.readBytes())) }
        val h264 by lazy { Clip(VideoCodec.H264, 15, annexB(Lab.clipH264.readBytes())) }

        /** 32 bytes of header, then 4 bytes of length, 8 of time and the frame, over and over. */
        fun ivf(file: ByteArray): List<Frame> = buildList {
            val rest = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).position(32)
            while (rest.remaining() > 12) {
                val length = rest.getInt()
                val data = rest.slice(rest.position() + 8, length)
                rest.position(rest.position() + 8 + length)
                add(Frame(direct(data), data[0].toInt() and 1 == 0))
            }
        }

        /** An access unit begins with a delimiter, NAL unit type 9; one with type 5 is a key frame. */
        fun annexB(file: ByteArray): List<Frame> {
            val units = (0..file.size - 4).filter { at ->
                file[at] == 0.toByte() && file[at + 1] == 0.toByte() && file[at + 2] == 1.toByte()
            }
            fun type(unit: Int) = file[unit + 3].toInt() and 31
            val begins = units.filter { type(it) == 9 }
            return begins.mapIndexed { place, begin ->
                val end = begins.getOrElse(place + 1) { file.size }
                val isKey = units.any { it in begin..<end && type(it) == 5 }
                Frame(direct(ByteBuffer.wrap(file, begin, end - begin)), isKey)
            }
        }

        private fun direct(data: ByteBuffer) = ByteBuffer.allocateDirect(data.remaining()).put(data).flip()
    }
}

/** Does something so often a second on a thread of its own, until closed. */
open class Player(perSecond: Int, step: (Long) -> Unit) : AutoCloseable {
    @Volatile
    private var going = true

    private val thread = thread(isDaemon = true) {
        val start = System.nanoTime()
        var count = 0L
        while (going) {
            step(count++)
            val due = start + count * 1_000_000_000 / perSecond - System.nanoTime()
            if (due > 0) Thread.sleep(due / 1_000_000, (due % 1_000_000).toInt())
        }
    }

    override fun close() {
        going = false
        thread.join()
    }
}

/** Shows a clip in a loop; begins again with a key frame when one is wanted. */
class Camera(source: VideoSource, clip: Clip, rotation: Rotation = Rotation.DEG0) : AutoCloseable {
    private var next = 0

    private val player = Player(clip.perSecond) { count ->
        if (source.takeKeyFrameWanted()) next = 0
        val frame = clip.frames[next]
        source.push(frame.data, clip.codec, (count * 1_000_000 / clip.perSecond).toULong(), frame.isKey, rotation)
        next = (next + 1) % clip.frames.size
    }

    override fun close() = player.close()
}

/** Sounds a tone, 10 ms at a time. */
class Microphone(source: AudioSource) : Player(100, { source.push(TONE) })

/** 10 ms of 400 Hz. */
val TONE = ShortArray(480) { (12_000 * sin(2 * PI * 400 * it / 48_000)).toInt().toShort() }

/** The same as bytes. */
val TONE_BYTES: ByteArray = ByteArray(960).also {
    ByteBuffer.wrap(it).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer().put(TONE)
}

/** The loudest of samples with 16 bits, little-endian. */
fun peak(pcm: ByteArray): Int {
    val samples = ByteBuffer.wrap(pcm).order(ByteOrder.LITTLE_ENDIAN).asShortBuffer()
    return (0 until samples.remaining()).maxOf { samples[it].toInt() }
}
