// One end of a call between two programs. Arguments: `caller` or `callee`, and the key of the conversation, such as
// `alice-bob`: the first of the two calls. Prints one line of JSON when the call is over.

package ringwire.tests

import dev.ringwire.*
import java.util.concurrent.atomic.AtomicInteger
import kotlinx.coroutines.*
import kotlinx.coroutines.flow.*
import kotlin.system.exitProcess

/** Pictures after which the caller has seen enough, and has shown enough. */
private const val SEEN = 60
private const val SHOWN = 150uL
private const val HEARD = 1_000

fun main(args: Array<String>) {
    val (role, conversation) = args
    val (alice, bob) = conversation.split('-')
    val me = if (role == "caller") alice else bob
    val said = runBlocking(Dispatchers.Default) {
        withTimeoutOrNull(DEADLINE * 2) { between(Person(CallClient(Lab.config(me, "$me-kotlin"))), role, conversation) }
    }
    println(said ?: """{"error":"it hangs"}""")
    exitProcess(if (said == null) 1 else 0)
}

private suspend fun between(me: Person, role: String, conversation: String): String = coroutineScope {
    me.client.awaitConnected()
    me.film()
    val call = when (role) {
        "caller" -> me.client.callAndWait(Lab.conversation(conversation), video = true)
        else -> me.client.acceptAndWait(me.rings(), microphone = true, camera = true)
    }
    val (pictures, loudest) = listOf(AtomicInteger(), AtomicInteger())
    launch { me.client.videoSink(call).pictureFlow().collect { pictures.incrementAndGet() } }
    launch {
        val sink = me.client.audioSink(call)
        while (!sink.isClosed()) {
            loudest.accumulateAndGet(peak(sink.pull()), ::maxOf)
            delay(10)
        }
    }
    if (role == "caller") {
        until("enough at both ends") {
            val shown = me.client.stats(call)?.picturesPushed ?: 0uL
            pictures.get() >= SEEN && loudest.get() >= HEARD && shown >= SHOWN
        }
        me.client.hangUp(call)
    }
    val reason = me.ended(call)
    me.close()
    """{"pictures":$pictures,"loudest":$loudest,"ended":"$reason"}"""
}
