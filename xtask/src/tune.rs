//! The Kotlin that UniFFI writes, made cheaper to call: what it makes anew for each call is made once for each thread.
//! With JNA that takes most of the time of a call. A new UniFFI that writes other lines stops the build here.

use anyhow::{Result, ensure};

/// What stands there, and what stands there instead.
const CHANGES: [(&str, &str); 2] = [
    (
        "    var status = UniffiRustCallStatus()\n    val return_value",
        "    val status = UniffiReused.status()\n    val return_value",
    ),
    (
        "        val fb = ForeignBytes.ByValue()\n",
        "        val fb = UniffiReused.bytes()\n",
    ),
];

/// One that tells of an error is left to whoever reads the error, and calls the core meanwhile to free its buffer. JNA
/// copies bytes that are passed by value.
const REUSED: &str = "
private object UniffiReused {
    private val statuses = ThreadLocal<UniffiRustCallStatus>()
    private val bytes = ThreadLocal<ForeignBytes.ByValue>()

    fun status(): UniffiRustCallStatus {
        val kept = statuses.get()
        if (kept != null && kept.code == UNIFFI_CALL_SUCCESS) return kept
        return UniffiRustCallStatus().also(statuses::set)
    }

    fun bytes(): ForeignBytes.ByValue = bytes.get() ?: ForeignBytes.ByValue().also(bytes::set)
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
    fn what_is_made_for_each_call_is_made_for_each_thread() {
        let [(status, _), (bytes, _)] = CHANGES;
        let tuned = kotlin(&format!("{status} = 1\n{bytes}")).unwrap();
        assert!(tuned.starts_with("    val status = UniffiReused.status()\n    val return_value = 1\n        val fb = UniffiReused.bytes()\n"));
        assert!(tuned.ends_with(REUSED));
    }

    #[test]
    fn other_lines_of_another_uniffi_are_an_error() {
        assert!(kotlin("fun main() {}").is_err());
    }
}
