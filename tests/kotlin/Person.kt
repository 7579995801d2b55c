// A person with a client: waits for events and states by name, shows a clip and speaks a tone.

package ringwire.tests

import dev.ringwire.*
import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*

class Person(val client: CallClient) : AutoCloseable {
    private val told = MutableSharedFlow<CallEvent>(replay = Int.MAX_VALUE)
    private val playing = mutableListOf<AutoCloseable>()

    init {
        CoroutineScope(Dispatchers.Default).launch { client.eventFlow().collect(told::emit) }
    }

    /** Events until now. */
    val events: List<CallEvent> get() = told.replayCache

    /** Waits until an event was told, however long ago. */
    suspend fun hears(what: String, wanted: (CallEvent) -> Boolean): CallEvent =
        withTimeoutOrNull(DEADLINE) { told.first(wanted) } ?: error("never heard of $what: $events")

    /** Waits until the state is as wanted. */
    suspend fun until(what: String, wanted: (ClientSnapshot) -> Boolean): ClientSnapshot =
        withTimeoutOrNull(DEADLINE) { client.snapshotFlow().first(wanted) }
            ?: error("never $what: ${client.snapshot()}")

    /** Waits until a call is as wanted. */
    suspend fun untilCall(call: ULong, what: String, wanted: (Call) -> Boolean): Call =
        until(what) { it.call(call)?.let(wanted) == true }.call(call)!!

    /** Waits until somebody calls. */
    suspend fun rings(): ULong {
        val now = until("ringing") { now -> now.calls.any { it.stage == CallStage.INCOMING } }
        return now.calls.first { it.stage == CallStage.INCOMING }.number
    }

    suspend fun isIn(call: ULong): Call = untilCall(call, "active") { it.stage == CallStage.ACTIVE }

    /** Waits until a call is over; says why. */
    suspend fun ended(call: ULong): String {
        val end = hears("the end of $call") { it is CallEvent.Ended && it.call == call }
        return (end as CallEvent.Ended).reason
    }

    /** Shows the clip and sounds, until this person goes. */
    fun film() {
        playing += Camera(client.videoSource(), Clip.vp8)
        playing += Microphone(client.audioSource())
    }

    /** Shows the clip as the screen. */
    fun share() {
        playing += Camera(client.screenSource(), Clip.vp8)
    }

    /** Shows a clip of one's own. */
    fun film(clip: Clip) {
        playing += Camera(client.videoSource(), clip)
    }

    /** Takes so many pictures. */
    suspend fun sees(sink: VideoSink, count: Int = 10): List<VideoFrame> {
        val pictures = withTimeoutOrNull(DEADLINE) { sink.pictureFlow().take(count).toList() }
        check(pictures?.size == count) { "saw ${pictures?.size} pictures of $count" }
        return pictures
    }

    suspend fun sees(call: ULong, count: Int = 10): List<VideoFrame> = sees(client.videoSink(call), count)

    /** Pulls sound until it is loud. */
    suspend fun hearsSound(call: ULong) {
        val sink = client.audioSink(call)
        withTimeoutOrNull(DEADLINE) { while (peak(sink.pull()) < LOUD) delay(10) } ?: error("heard nothing")
    }

    override fun close() {
        playing.forEach(AutoCloseable::close)
        if (!client.uniffiIsDestroyed) runBlocking { withTimeout(DEADLINE) { client.shutdown() } }
    }
}

/** A call by its number. */
fun ClientSnapshot.call(number: ULong): Call? = calls.find { it.number == number }

/** The one other person. */
val Call.other: dev.ringwire.Person get() = people.single()

/** Two in a call: who made it, who took it, and the number that it has at each. */
class Pair(val caller: Person, val mine: ULong, val callee: Person, val theirs: ULong)

/** One calls, the other accepts; both are in the call when this returns. */
suspend fun talk(caller: Person, callee: Person, conversation: String, video: Boolean = true): Pair = coroutineScope {
    val mine = async { caller.client.callAndWait(conversation, video) }
    val theirs = callee.client.acceptAndWait(callee.rings(), true, video)
    Pair(caller, mine.await(), callee, theirs)
}
