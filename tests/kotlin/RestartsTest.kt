// Apps that die in mid-call, without a word to anybody, and start again.

package ringwire.tests

import dev.ringwire.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class RestartsTest : Story() {
    /** Alice talks with Bob over a line that is cut; her app is gone then. */
    private suspend fun crashed(line: Line): Pair {
        val alice = stranger(Lab.config("alice", url = line.url)).apply { client.awaitConnected() }
        val pair = talk(alice, person("bob"), Lab.conversation("alice-bob"))
        line.cut()
        alice.until("cut off") { !it.connected }
        alice.client.shutdown()
        return pair
    }

    @Test
    fun `an app that died in mid-call is offered the call and joins it`() = story {
        val pair = crashed(going(Line()))
        val alice = person("alice")
        val now = alice.until("offered") { now -> now.calls.any { it.stage == CallStage.OFFERED } }
        val offered = now.calls.single().number
        alice.hears("the offer") { it == CallEvent.JoinOffered(offered) }
        alice.film()
        val call = alice.client.joinAndWait(offered, microphone = true, camera = true)
        pair.callee.sees(pair.theirs)
        alice.client.hangUp(call)
        assertEquals("completed", pair.callee.ended(pair.theirs))
    }

    @Test
    fun `a conversation that a crash left busy is freed by force`() = story {
        val pair = crashed(going(Line()))
        val place = Lab.conversation("alice-bob")
        val alice = person("alice", "alice-new")
        val refused = alice.client.call(place, true)
        alice.untilCall(refused, "offered") { it.stage == CallStage.OFFERED }
        alice.client.forceLeave(place)
        assertEquals("cancelled", alice.ended(refused))
        assertEquals("completed", pair.callee.ended(pair.theirs))
        talk(alice, pair.callee, place)
    }
}
