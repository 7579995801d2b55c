//! The Kotlin that UniFFI writes, made cheaper to call: what it makes anew for each call is made once for each thread.
//! With JNA that takes most of the time of a call. A new UniFFI that writes other lines stops the build here.

use anyhow::{Result, ensure};

/// What stands there, and what stands there instead.
const CHANGES: [(&str, &str); 3] = [
    (
        "    var status = UniffiRustCallStatus()\n    val return_value",
        "    val status = UniffiReused.take()\n    val return_value",
    ),
    (
        "    uniffiCheckCallStatus(errorHandler, status)\n    return return_value",
        "    uniffiCheckCallStatus(errorHandler, status)\n    UniffiReused.give(status)\n    return return_value",
    ),
    (
        "        val fb = ForeignBytes.ByValue()\n",
        "        val fb = UniffiReused.bytes(value)\n",
    ),
];

/// A status is nobody else's from the call to its end, whatever else the thread calls meanwhile, and one that told of an
/// error is not used again. JNA copies bytes that are passed by value; their buffer is held until the thread's next one,
/// so that no collector takes it while the core reads it.
const REUSED: &str = "
private object UniffiReused {
    private class Held(val bytes: ForeignBytes.ByValue, var buffer: java.nio.ByteBuffer?)

    private val statuses = ThreadLocal<UniffiRustCallStatus>()
    private val held = ThreadLocal<Held>()

    fun take(): UniffiRustCallStatus {
        val status = statuses.get() ?: return UniffiRustCallStatus()
        statuses.set(null)
        return status
    }

    fun give(status: UniffiRustCallStatus) = statuses.set(status)

    fun bytes(buffer: java.nio.ByteBuffer): ForeignBytes.ByValue {
        val kept = held.get() ?: Held(ForeignBytes.ByValue(), null).also(held::set)
        kept.buffer = buffer
        return kept.bytes
    }
}
";

/// The same source with cheaper calls.
pub(crate) fn kotlin(source: &str) -> Result<String> {
    let mut tuned = source.to_owned();
    for (from, to) in CHANGES {
        ensure!(
            tuned.matches(from).count() == 1,
            "UniFFI writes no more, once: {from}"
        );
        tuned = tuned.replace(from, to);
    }
    tuned += REUSED;
    Ok(tuned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_of_the_lines_is_written_otherwise_and_the_rest_stays() {
        let written = CHANGES.map(|(from, _)| from).join("fun other() {}\n");
        let tuned = kotlin(&written).unwrap();
        assert_eq!(
            tuned,
            CHANGES.map(|(_, to)| to).join("fun other() {}\n") + REUSED
        );
    }

    #[test]
    fn other_lines_of_another_uniffi_are_an_error() {
        assert!(kotlin("fun main() {}").is_err());
    }
}
