// A line to the gateway that can be cut, as an app dies or a network goes.

package ringwire.tests

import java.net.InetAddress
import java.net.ServerSocket
import java.net.Socket
import java.net.URI
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread

class Line(private var open: Boolean = true) : AutoCloseable {
    private val gateway = URI(Lab.url)
    private val door = ServerSocket(0, 50, InetAddress.getLoopbackAddress())
    private val ends = CopyOnWriteArrayList<Socket>()

    val url = "http://127.0.0.1:${door.localPort}"

    init {
        thread(isDaemon = true) { runCatching { while (true) join(door.accept()) } }
    }

    /** Ends all that goes over it, and lets nothing more through. */
    @Synchronized
    fun cut() {
        open = false
        ends.forEach(Socket::close)
        ends.clear()
    }

    @Synchronized
    fun open() {
        open = true
    }

    @Synchronized
    private fun join(client: Socket) {
        if (!open) return client.close()
        val server = Socket(gateway.host, gateway.port)
        ends += listOf(client, server)
        for ((from, to) in listOf(client to server, server to client)) {
            to.tcpNoDelay = true
            thread(isDaemon = true) {
                runCatching { from.getInputStream().transferTo(to.getOutputStream()) }
                from.close()
                to.close()
            }
        }
    }

    override fun close() {
        cut()
        door.close()
    }
}
