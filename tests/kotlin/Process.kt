// What this process holds, as Linux tells it.

package ringwire.tests

import java.io.File
import java.nio.file.Files

object Process {
    /** Threads of the core. */
    val coreThreads: Int
        get() = list("/proc/self/task").count { thread ->
            runCatching { File(thread, "comm").readText().trim() == "ringwire" }.getOrDefault(false)
        }

    /** Threads, Java's and all others. */
    val threads: Int get() = list("/proc/self/task").size

    /** Open files. */
    val files: Int get() = list("/proc/self/fd").size

    /** Open sockets. */
    val sockets: Int
        get() = list("/proc/self/fd").count { file ->
            runCatching { Files.readSymbolicLink(file.toPath()).toString().startsWith("socket:") }.getOrDefault(false)
        }

    /** Memory in use, bytes. */
    val resident: Long get() = File("/proc/self/statm").readText().split(' ')[1].toLong() * 4096

    private fun list(folder: String) = File(folder).listFiles().orEmpty().toList()
}
