// Pictures and sound, in and out of any buffer or array. Numbers and addresses are what crosses the border; the core
// lays out the same bytes in bindings/src/raw.rs.

package dev.ringwire

import com.sun.jna.Native
import com.sun.jna.Pointer
import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.nio.ReadOnlyBufferException

/** Bytes of a block of sound: 10 ms, 480 samples. */
public const val AUDIO_BLOCK: Int = 960

/** Bytes before a picture's own: its moment (8), its codec, 1 for a key frame, its rotation, 0. */
private const val HEADER = 12

/** Room for most pictures. */
private const val ROOM = 64 * 1024

/**
 * Takes one encoded picture: what is between the position and the limit of [data], which stay as they are. It is read
 * before the function returns and not kept. A direct buffer, such as MediaCodec gives, is not copied on the way.
 * [timestampUs] is the moment of the capture in microseconds of any clock that runs on. Whether H.264 is a key frame is
 * read from it, whatever [keyFrame] says; its parameter sets may come with each key frame, with the first, or before it
 * in a frame of their own. Never waits for the network: where it is slower than the camera, pictures are dropped up to
 * the next key frame, which is then wanted. From any thread, one at a time.
 *
 * @throws CallException `INVALID_INPUT` when it is empty, larger than 2 MiB, or not of a codec that is wanted (see
 * [VideoSource.codec]); VP8 is not looked into. `INTERNAL`.
 */
public fun VideoSource.push(
    data: ByteBuffer,
    codec: VideoCodec,
    timestampUs: ULong,
    keyFrame: Boolean,
    rotation: Rotation = Rotation.DEG0,
): Unit = lent(data) { address, length ->
    pushAt(address, length, codec.ordinal.toUByte(), timestampUs, keyFrame, rotation.ordinal.toUByte())
}

/** The same from an array. */
public fun VideoSource.push(
    data: ByteArray,
    codec: VideoCodec,
    timestampUs: ULong,
    keyFrame: Boolean,
    rotation: Rotation = Rotation.DEG0,
): Unit = push(ByteBuffer.wrap(data), codec, timestampUs, keyFrame, rotation)

/**
 * The next whole picture; nothing after so many milliseconds, and at once when the call or the client is over. Blocks
 * the calling thread: never on the main thread. 30 pictures wait; one more drops all up to the next key frame.
 */
public fun VideoSink.next(timeoutMs: UInt): VideoFrame? = withOwnMemory { own ->
    var room = own.room(ROOM)
    var length = nextAt(timeoutMs, own.address, ROOM.toULong()).toInt()
    while (length > room.remaining()) {
        room = own.room(length)
        length = nextAt(0u, own.address, length.toULong()).toInt()
    }
    if (length == 0) return null
    val timestampUs = room.getLong().toULong()
    val codec = VideoCodec.entries[room.get().toInt()]
    val keyFrame = room.get().toInt() == 1
    val rotation = Rotation.entries[room.getShort().toInt()]
    VideoFrame(codec, ByteArray(length - HEADER).also(room::get), timestampUs, keyFrame, rotation)
}

/**
 * Takes samples, any number of them: signed 16 bit, little-endian, mono, 48 kHz, what is between the position and the
 * limit of [pcm], which stay as they are. They are read before the function returns and not kept; a direct buffer is
 * not copied on the way. Encodes on the calling thread (Opus, a fraction of a millisecond for 10 ms): not for a
 * real-time audio callback. Never waits for the network. From one thread at a time.
 *
 * @throws CallException `INVALID_INPUT` for an odd number of bytes; `INTERNAL`.
 */
public fun AudioSource.push(pcm: ByteBuffer): Unit = lent(pcm) { address, length -> pushAt(address, length) }

/** The same from an array of bytes: [length] of them from [offset] on. */
public fun AudioSource.push(pcm: ByteArray, offset: Int = 0, length: Int = pcm.size - offset): Unit =
    push(ByteBuffer.wrap(pcm, offset, length))

/** The same from an array of samples, as AudioRecord gives them: [length] of them from [offset] on. */
public fun AudioSource.push(pcm: ShortArray, offset: Int = 0, length: Int = pcm.size - offset): Unit =
    withOwnMemory { own ->
        own.room(length * Short.SIZE_BYTES).asShortBuffer().put(pcm, offset, length)
        pushAt(own.address, (length * Short.SIZE_BYTES).toULong())
    }

/**
 * The next 10 ms: 480 samples, signed 16 bit, little-endian, mono, 48 kHz, [AUDIO_BLOCK] bytes; silence while nothing
 * comes and once the call is over. Never waits: pull it at the pace of the loudspeaker, from one thread, which is no
 * real-time audio callback.
 */
public fun AudioSink.pull(): ByteArray = withOwnMemory { own ->
    val room = own.room(AUDIO_BLOCK)
    pullAt(own.address)
    ByteArray(AUDIO_BLOCK).also(room::get)
}

/**
 * The same into [pcm], from its position on, which moves behind the block. A direct buffer is not copied on the way.
 *
 * @throws IllegalArgumentException when there is no room for [AUDIO_BLOCK] bytes.
 * @throws ReadOnlyBufferException when it cannot be written to.
 */
public fun AudioSink.pull(pcm: ByteBuffer) {
    val position = pcm.position()
    require(pcm.remaining() >= AUDIO_BLOCK) { "room for $AUDIO_BLOCK bytes is needed, there is ${pcm.remaining()}" }
    if (!pcm.isDirect) {
        pcm.put(pull())
        return
    }
    // Java looks whether it may be written to, and is there still.
    pcm.put(position, 0)
    withOwnMemory { own -> pullAt(own.lend(pcm, position)) }
    // Older Androids have this method in `Buffer` alone.
    (pcm as Buffer).position(position + AUDIO_BLOCK)
}

/** Lends the core what is between position and limit, for as long as [push] takes. */
private inline fun lent(bytes: ByteBuffer, push: (address: ULong, length: ULong) -> Unit) = withOwnMemory { own ->
    val position = bytes.position()
    val length = bytes.limit() - position
    val address = when {
        length <= 0 -> 0u
        bytes.isDirect -> {
            // Java looks whether it is there still.
            bytes.get(position)
            own.lend(bytes, position)
        }
        else -> {
            own.room(length).put(bytes.duplicate())
            own.address
        }
    }
    push(address, maxOf(length, 0).toULong())
}

private inline fun <T> withOwnMemory(work: (OwnMemory) -> T): T {
    val own = ownMemory.get()!!
    try {
        return work(own)
    } finally {
        own.release()
    }
}

/** One for each thread. */
private val ownMemory = object : ThreadLocal<OwnMemory>() {
    override fun initialValue() = OwnMemory()
}

private class OwnMemory {
    /** Up to [ROOM] bytes, which stay. */
    private var kept = allocate(AUDIO_BLOCK)
    private var keptAddress = of(kept)

    /** Held until the call is over, so that no collector takes it while the core reads or writes there. */
    private var held: ByteBuffer? = null

    /** Where [room] begins. */
    var address = keptAddress
        private set

    /** So many bytes, little-endian. */
    fun room(size: Int): ByteBuffer {
        if (size > ROOM) {
            return allocate(size).also { large ->
                held = large
                address = of(large)
            }
        }
        if (kept.capacity() < size) {
            kept = allocate(size)
            keptAddress = of(kept)
        }
        address = keptAddress
        // Older Androids have these methods in `Buffer` alone.
        val bounds: Buffer = kept
        bounds.clear()
        bounds.limit(size)
        return kept
    }

    /** Where the position of a direct buffer is. */
    fun lend(bytes: ByteBuffer, position: Int): ULong {
        held = bytes
        return of(bytes) + position.toULong()
    }

    fun release() {
        held = null
    }

    private fun allocate(size: Int) = ByteBuffer.allocateDirect(size).order(ByteOrder.LITTLE_ENDIAN)

    private fun of(bytes: ByteBuffer) = Pointer.nativeValue(Native.getDirectBufferPointer(bytes)).toULong()
}
