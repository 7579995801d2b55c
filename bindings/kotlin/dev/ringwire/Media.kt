// Pictures and sound from any buffer or array.

package dev.ringwire

import java.nio.Buffer
import java.nio.ByteBuffer
import java.nio.ByteOrder

/**
 * Takes one encoded picture, as [VideoSource.pushDirect] does: what is between the position and the limit of [data],
 * which stay as they are. A direct buffer, such as MediaCodec gives, is not copied on the way.
 *
 * @throws CallException `INVALID_INPUT` when it is empty, larger than 2 MiB, or not of a codec that is wanted.
 */
public fun VideoSource.push(
    data: ByteBuffer,
    codec: VideoCodec,
    timestampUs: ULong,
    keyFrame: Boolean,
    rotation: Rotation = Rotation.DEG0,
): Unit = pushDirect(data.direct(), codec, timestampUs, keyFrame, rotation)

/** The same from an array. */
public fun VideoSource.push(
    data: ByteArray,
    codec: VideoCodec,
    timestampUs: ULong,
    keyFrame: Boolean,
    rotation: Rotation = Rotation.DEG0,
): Unit = push(ByteBuffer.wrap(data), codec, timestampUs, keyFrame, rotation)

/**
 * Takes samples, as [AudioSource.pushDirect] does: what is between the position and the limit of [pcm], which stay
 * as they are. A direct buffer is not copied on the way.
 *
 * @throws CallException `INVALID_INPUT` for an odd number of bytes.
 */
public fun AudioSource.push(pcm: ByteBuffer): Unit = pushDirect(pcm.direct())

/** The same from an array of bytes: [length] of them from [offset] on. */
public fun AudioSource.push(pcm: ByteArray, offset: Int = 0, length: Int = pcm.size - offset): Unit =
    push(ByteBuffer.wrap(pcm, offset, length))

/** The same from an array of samples, as AudioRecord gives them: [length] of them from [offset] on. */
public fun AudioSource.push(pcm: ShortArray, offset: Int = 0, length: Int = pcm.size - offset) {
    val bytes = scratch(length * Short.SIZE_BYTES).order(ByteOrder.LITTLE_ENDIAN)
    bytes.asShortBuffer().put(pcm, offset, length)
    pushDirect(bytes)
}

/** A direct buffer whose beginning is the position of this one. */
private fun ByteBuffer.direct(): ByteBuffer = when {
    !isDirect -> scratch(remaining()).also { it.duplicate().put(duplicate()) }
    position() == 0 -> this
    else -> slice()
}

/** One for each thread that pushes what is not direct: nothing that is pushed is kept. */
private val scratches = ThreadLocal<ByteBuffer>()

/** A direct buffer of so many bytes. */
private fun scratch(size: Int): ByteBuffer {
    val kept = scratches.get()
    val buffer = if (kept != null && kept.capacity() >= size) kept else ByteBuffer.allocateDirect(size)
    scratches.set(buffer)
    // Older Androids have these methods in `Buffer` alone.
    val bounds: Buffer = buffer
    bounds.clear()
    bounds.limit(size)
    return buffer
}
