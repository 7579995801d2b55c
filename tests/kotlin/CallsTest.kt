// How calls begin and end.

package ringwire.tests

import dev.ringwire.*
import kotlin.math.abs
import kotlinx.coroutines.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class CallsTest : Story() {
    @Test
    fun `Echo is called, seen and heard, and gets what is sent`() = story {
        val alice = person("alice")
        alice.film()
        val call = alice.client.callAndWait(Lab.conversation("alice-echo"), video = true)
        alice.sees(call, 90)
        alice.hearsSound(call)
        val now = alice.client.snapshot()
        assertEquals(Lab.id("alice"), now.me)
        val inIt = now.call(call)!!
        assertEquals(CallStage.ACTIVE, inIt.stage)
        assertEquals(Lab.id("echo"), inIt.other.id)
        assertEquals("Echo", inIt.other.name)
        assertEquals(listOf(true, false, true, true, false), inIt.run { listOf(video, incoming, microphone, camera, screen) })
        until("measured") {
            val stats = alice.client.stats(call)
            stats?.rttMs != null && stats.relayed == false && stats.picturesReceived >= 90u &&
                stats.audio.packetsSent > 30u && stats.camera.packetsSent > 30u && stats.camera.bytesReceived > 1_000u
        }
        alice.client.hangUp(call)
        assertEquals("completed", alice.ended(call))
        alice.client.shutdown()
        alice.until("closed") { it.closed }
        assertEquals(CallEvent.Closed, alice.hears("the close") { it is CallEvent.Closed })
        assertEquals(CallEvent.Closed, alice.events.last())
    }

    @Test
    fun `Alice calls Bob, who accepts, and both see and hear each other`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        listOf(alice, bob).forEach(Person::film)
        val pair = talk(alice, bob, Lab.conversation("alice-bob"))
        val counts = listOf(async { alice.sees(pair.mine, 60) }, async { bob.sees(pair.theirs, 60) })
        assertTrue(counts.awaitAll().all { it.first().keyFrame })
        alice.hearsSound(pair.mine)
        bob.hearsSound(pair.theirs)
        bob.hears("the first picture") { it == CallEvent.FirstPicture(pair.theirs) }
        // A timer of the call begins at about the same moment at both ends.
        val since = listOf(alice to pair.mine, bob to pair.theirs).map { (person, call) ->
            person.client.snapshot().calls.single { it.number == call }.answeredAtMs!!
        }
        assertTrue(abs(since[0] - since[1]) < 10_000, "$since")
        until("counted at both ends") {
            alice.client.stats(pair.mine)!!.picturesPushed >= 30u && bob.client.stats(pair.theirs)!!.picturesReceived >= 30u
        }
        bob.client.hangUp(pair.theirs)
        assertEquals("completed", alice.ended(pair.mine))
        assertEquals("completed", bob.ended(pair.theirs))
    }

    @Test
    fun `a call is declined`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val waiting = async { runCatching { alice.client.callAndWait(Lab.conversation("alice-bob"), false) } }
        val ring = bob.rings()
        bob.hears("the ring") { it == CallEvent.Incoming(ring) }
        assertFalse(bob.client.snapshot().call(ring)!!.video)
        bob.client.decline(ring)
        val error = waiting.await().exceptionOrNull() as CallException
        assertEquals(CallErrorKind.ENDED to "rejected", error.kind to error.code)
        assertEquals("rejected", bob.ended(ring))
        bob.hears("silence") { it == CallEvent.StopRinging(ring) }
    }

    @Test
    fun `a call is declined as busy`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val call = alice.client.call(Lab.conversation("alice-bob"), true)
        bob.client.declineBusy(bob.rings())
        assertEquals("busy", alice.ended(call))
    }

    @Test
    fun `a call that nobody has answered is cancelled`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val call = alice.client.call(Lab.conversation("alice-bob"), true)
        val ring = bob.rings()
        alice.untilCall(call, "ringing there") { it.stage == CallStage.RINGING }
        alice.client.hangUp(call)
        assertEquals("cancelled", alice.ended(call))
        assertEquals("cancelled", bob.ended(ring))
        val error = assertThrows(CallException::class.java) { runBlocking { alice.client.answer(call).answered() } }
        assertEquals(CallErrorKind.ENDED to "cancelled", error.kind to error.code)
    }

    @Test
    fun `two who call each other end up in one call`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val place = Lab.conversation("alice-bob")
        val (mine, theirs) = listOf(alice, bob).map { async { it.client.callAndWait(place, true) } }.awaitAll()
        assertEquals(alice.isIn(mine).id, bob.isIn(theirs).id)
        alice.client.hangUp(mine)
        assertEquals("completed", bob.ended(theirs))
    }

    @Test
    fun `who calls somebody that rings already has accepted`() = story {
        val (alice, bob) = listOf(person("alice"), person("bob"))
        val mine = alice.client.call(Lab.conversation("alice-bob"), true)
        val ring = bob.rings()
        val theirs = bob.client.callAndWait(Lab.conversation("alice-bob"), true)
        bob.hears("the merge") { it == CallEvent.Merged(ring, theirs) }
        assertNull(bob.client.snapshot().call(ring))
        assertEquals(alice.isIn(mine).id, bob.isIn(theirs).id)
    }

    @Test
    fun `a call that is answered on one device falls silent on the other`() = story {
        val (alice, phone, tablet) = listOf(person("alice"), person("bob"), person("bob", "bob-tablet"))
        val call = alice.client.call(Lab.conversation("alice-bob"), true)
        val there = tablet.rings()
        val here = phone.client.acceptAndWait(phone.rings(), true, true)
        assertEquals("answeredElsewhere", tablet.ended(there))
        alice.isIn(call)
        phone.client.hangUp(here)
        assertEquals("completed", alice.ended(call))
    }
}
