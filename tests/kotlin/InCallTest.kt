// What happens in a call: switches, hold, a second call, the network.

package ringwire.tests

import dev.ringwire.*
import org.junit.jupiter.api.Assertions.*
import org.junit.jupiter.api.Test

class InCallTest : Story() {
    private suspend fun talking() = talk(person("alice"), person("bob"), Lab.conversation("alice-bob"))

    @Test
    fun `microphone, camera and screen are switched, and the other sees it`() = story {
        val it = talking()
        suspend fun switched(what: String, mine: (Call) -> Boolean, theirs: (dev.ringwire.Person) -> Boolean) {
            it.caller.untilCall(it.mine, "$what here", mine)
            it.callee.untilCall(it.theirs, "$what there") { call -> call.people.any(theirs) }
        }
        it.caller.client.setMicrophone(it.mine, false)
        switched("muted", { c -> !c.microphone }, { p -> !p.microphone })
        it.caller.client.setCamera(it.mine, false)
        switched("dark", { c -> !c.camera }, { p -> !p.camera })
        it.caller.client.setScreen(it.mine, true)
        switched("shared", { c -> c.screen }, { p -> p.screen })
        it.caller.client.setMicrophone(it.mine, true)
        it.caller.client.setCamera(it.mine, true)
        switched("on", { c -> c.microphone && c.camera }, { p -> p.microphone && p.camera })
        it.callee.hears("the change") { event -> event == CallEvent.Changed(it.theirs) }
        it.caller.film()
        it.caller.share()
        it.callee.sees(it.theirs)
        it.callee.sees(it.callee.client.screenSink(it.theirs))
        it.caller.client.setScreen(it.mine, false)
        switched("no more shared", { c -> !c.screen }, { p -> !p.screen })
    }

    @Test
    fun `a call is held and taken up again`() = story {
        val it = talking()
        it.caller.film()
        it.callee.sees(it.theirs)
        it.caller.client.hold(it.mine, true)
        it.caller.untilCall(it.mine, "held") { call -> call.held }
        it.callee.untilCall(it.theirs, "held there") { call -> call.other.held }
        it.caller.client.hold(it.mine, false)
        it.callee.untilCall(it.theirs, "taken up there") { call -> !call.other.held }
        it.callee.sees(it.theirs)
    }

    @Test
    fun `a second call waits, is accepted, and holds the first`() = story {
        val it = talking()
        val carol = person("carol")
        val hers = carol.client.call(Lab.conversation("alice-carol"), true)
        val second = it.caller.rings()
        assertTrue(it.caller.client.snapshot().call(second)!!.waiting)
        it.caller.client.acceptAndWait(second, true, true)
        it.caller.untilCall(it.mine, "held") { call -> call.held }
        it.callee.untilCall(it.theirs, "held there") { call -> call.other.held }
        carol.isIn(hers)
        carol.client.hangUp(hers)
        assertEquals("completed", it.caller.ended(second))
        it.caller.client.hold(it.mine, false)
        it.callee.untilCall(it.theirs, "taken up there") { call -> !call.other.held }
    }

    @Test
    fun `who takes no second call is busy`() = story {
        val alice = stranger(Lab.config("alice").copy(callWaiting = false)).apply { client.awaitConnected() }
        val pair = talk(alice, person("bob"), Lab.conversation("alice-bob"))
        val carol = person("carol")
        val hers = carol.client.call(Lab.conversation("alice-carol"), true)
        assertEquals("busy", carol.ended(hers))
        alice.isIn(pair.mine)
    }

    @Test
    fun `a call goes on in the background and through a change of the network`() = story {
        val it = talking()
        it.caller.film()
        it.caller.client.appState(background = true)
        it.callee.sees(it.theirs)
        it.caller.client.networkChanged()
        it.callee.sees(it.theirs)
        it.caller.client.appState(background = false)
        it.callee.sees(it.theirs)
        assertEquals(CallStage.ACTIVE, it.caller.client.snapshot().call(it.mine)!!.stage)
    }

    @Test
    fun `a line that was cut is found again as soon as the network has changed`() = story {
        val line = going(Line())
        val alice = stranger(Lab.config("alice", url = line.url)).apply { client.awaitConnected() }
        val pair = talk(alice, person("bob"), Lab.conversation("alice-bob"))
        line.cut()
        val lost = alice.hears("the loss") { it is CallEvent.Disconnected } as CallEvent.Disconnected
        assertTrue(lost.reason.isNotEmpty())
        assertFalse(alice.client.snapshot().connected)
        line.open()
        alice.client.networkChanged()
        alice.client.awaitConnected()
        // She is in the call again when what she says is heard.
        alice.client.setMicrophone(pair.mine, false)
        pair.callee.untilCall(pair.theirs, "muted there") { !it.other.microphone }
        pair.callee.client.hangUp(pair.theirs)
        assertEquals("completed", alice.ended(pair.mine))
    }
}
