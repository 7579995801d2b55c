//! The Kotlin and Swift that UniFFI writes, made cheaper to call. A new UniFFI that writes other lines stops the build
//! here.

use anyhow::{Result, ensure};

/// Functions of `bindings/src/raw.rs`: they take addresses, so only the skins may call them.
const RAW: [&str; 3] = ["nextAt", "pullAt", "pushAt"];

/// What stands there in Kotlin, how often, and what stands there instead. JNA copies a structure field by field, by
/// reflection, at each call that it is passed to; that took most of the time of a call. So a status is passed as memory,
/// and becomes a structure when it tells of an error.
const KOTLIN: [(&str, Often, &str); 7] = [
    (
        "uniffi_out_err: UniffiRustCallStatus,",
        Often::Many,
        "uniffi_out_err: Pointer,",
    ),
    (
        "callback: (UniffiRustCallStatus) -> U)",
        Often::Times(2),
        "callback: (Pointer) -> U)",
    ),
    (
        "completeFunc: (Long, UniffiRustCallStatus) -> F,",
        Often::Times(1),
        "completeFunc: (Long, Pointer) -> F,",
    ),
    (
        "    var status = UniffiRustCallStatus()\n    val return_value",
        Often::Times(1),
        "    val status = UniffiStatuses.take()\n    val return_value",
    ),
    (
        "    uniffiCheckCallStatus(errorHandler, status)\n    return return_value",
        Often::Times(1),
        "    if (status.getByte(0) != UNIFFI_CALL_SUCCESS) {\n        \
             uniffiCheckCallStatus(errorHandler, UniffiRustCallStatus.of(status))\n    \
         }\n    \
         UniffiStatuses.give(status)\n    return return_value",
    ),
    (
        "    class ByValue: UniffiRustCallStatus(), Structure.ByValue\n",
        Often::Times(1),
        "    class ByValue: UniffiRustCallStatus(), Structure.ByValue\n\n    \
         private fun copied(from: Pointer) = apply {\n        \
             pointer.write(0, from.getByteArray(0, size()), 0, size())\n        \
             read()\n    \
         }\n",
    ),
    (
        "        fun create(code: Byte, errorBuf: RustBuffer.ByValue): UniffiRustCallStatus.ByValue {\n",
        Often::Times(1),
        "        fun of(memory: Pointer): UniffiRustCallStatus = UniffiRustCallStatus().copied(memory)\n\n        \
         fun create(code: Byte, errorBuf: RustBuffer.ByValue): UniffiRustCallStatus.ByValue {\n",
    ),
];

/// A status is nobody else's from the call to its end, whatever else the thread calls meanwhile, and one that told of an
/// error is not used again.
const STATUSES: &str = "
private object UniffiStatuses {
    private val size = UniffiRustCallStatus().size().toLong()
    private val free = ThreadLocal<Pointer>()

    fun take(): Pointer {
        val status = free.get() ?: return com.sun.jna.Memory(size).apply { clear() }
        free.set(null)
        return status
    }

    fun give(status: Pointer) = free.set(status)
}
";

/// The same for Swift. A `Data` around what is read costs an object, and each of its bytes a call.
const SWIFT: [(&str, Often, &str); 7] = [
    (
        "(data: Data, offset: Data.Index)",
        Often::Many,
        "(data: UnsafeRawBufferPointer, offset: Int)",
    ),
    (
        "func createReader(data: Data)",
        Often::Times(1),
        "func createReader(data: UnsafeRawBufferPointer)",
    ),
    (
        "createReader(data: Data(rustBuffer: buf))",
        Often::Times(1),
        "createReader(data: UnsafeRawBufferPointer(start: buf.data, count: Int(buf.len)))",
    ),
    (
        "fileprivate extension Data {
    init(rustBuffer: RustBuffer) {
        self.init(
            bytesNoCopy: rustBuffer.data!,
            count: Int(rustBuffer.len),
            deallocator: .none
        )
    }
}
",
        Often::Times(1),
        "",
    ),
    (
        "    if T.self == UInt8.self {
        let value = reader.data[reader.offset]
        reader.offset += 1
        return value as! T
    }
    var value: T = 0
    let _ = withUnsafeMutableBytes(of: &value, { reader.data.copyBytes(to: $0, from: range)})
",
        Often::Times(1),
        "    let value = reader.data.loadUnaligned(fromByteOffset: reader.offset, as: T.self)
",
    ),
    (
        "    var value = [UInt8](repeating: 0, count: count)
    value.withUnsafeMutableBufferPointer({ buffer in
        reader.data.copyBytes(to: buffer, from: range)
    })
",
        Often::Times(1),
        "    let value = UnsafeRawBufferPointer(rebasing: reader.data[range])
",
    ),
    (
        "count: Int) throws -> Array<UInt8> {",
        Often::Times(1),
        "count: Int) throws -> UnsafeRawBufferPointer {",
    ),
];

/// How often a line stands in what UniFFI writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Often {
    Times(usize),
    /// Once for each function.
    Many,
}

/// Kotlin with cheaper calls.
pub(crate) fn kotlin(source: &str) -> Result<String> {
    let mut tuned = changed(source, &KOTLIN)?;
    tuned = hidden(&tuned, |name| {
        (
            format!("    fun `{name}`("),
            format!("override fun `{name}`("),
            format!("internal fun `{name}`("),
        )
    })?;
    Ok(tuned + STATUSES)
}

/// Swift with cheaper calls.
pub(crate) fn swift(source: &str) -> Result<String> {
    let tuned = changed(source, &SWIFT)?;
    hidden(&tuned, |name| {
        (
            format!("    func {name}("),
            format!("open func {name}("),
            format!("func {name}("),
        )
    })
}

fn changed(source: &str, changes: &[(&str, Often, &str)]) -> Result<String> {
    let mut tuned = source.to_owned();
    for (from, often, to) in changes {
        let found = tuned.matches(from).count();
        let right = match often {
            Often::Times(times) => found == *times,
            Often::Many => found > 1,
        };
        ensure!(
            right,
            "UniFFI writes this {found} times, not {often:?}: {from}"
        );
        tuned = tuned.replace(from, to);
    }
    Ok(tuned)
}

/// Takes [`RAW`] out of what is public: of the interface, whose line begins as the first of the three says, and of the
/// class, where the second becomes the third.
fn hidden(source: &str, words: impl Fn(&str) -> (String, String, String)) -> Result<String> {
    let mut tuned = source.to_owned();
    for name in RAW {
        let (declared, public, internal) = words(name);
        let (declares, defines) = (
            tuned.matches(&declared).count(),
            tuned.matches(&public).count(),
        );
        ensure!(
            declares > 0 && declares == defines,
            "UniFFI declares {name} {declares} times and defines it {defines} times"
        );
        tuned = tuned
            .lines()
            .filter(|line| !line.starts_with(&declared))
            .map(|line| line.replace(&public, &internal) + "\n")
            .collect();
    }
    Ok(tuned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(changes: &[(&str, Often, &str)], often: impl Fn(Often) -> usize) -> String {
        let lines = changes
            .iter()
            .map(|(from, times, _)| from.repeat(often(*times)));
        lines.collect::<Vec<_>>().join("\n\n") + "\n"
    }

    fn all(often: Often) -> usize {
        match often {
            Often::Times(times) => times,
            Often::Many => 3,
        }
    }

    #[test]
    fn each_of_the_lines_is_written_otherwise() {
        let mut source = written(&KOTLIN, all);
        for name in RAW {
            source +=
                &format!("    fun `{name}`(`a`: Long)\noverride fun `{name}`(`a`: Long) {{}}\n");
        }
        let tuned = kotlin(&source).unwrap();
        for (from, _, to) in &KOTLIN {
            assert!(tuned.contains(to), "{to}");
            assert!(to.contains(from) || !tuned.contains(from), "{from}");
        }
        assert!(tuned.contains("\ninternal fun `pushAt`(`a`: Long) {}\n"));
        assert!(!tuned.contains("    fun `pushAt`"));
    }

    #[test]
    fn swift_hides_what_takes_addresses() {
        let mut source = written(&SWIFT, all);
        for name in RAW {
            source += &format!("    func {name}(a: UInt64)\nopen func {name}(a: UInt64) {{}}\n");
        }
        let tuned = swift(&source).unwrap();
        assert!(tuned.contains("\nfunc nextAt(a: UInt64) {}\n"));
        assert!(!tuned.contains("open func") && !tuned.contains("    func "));
    }

    #[test]
    fn other_lines_of_another_uniffi_are_an_error() {
        assert!(kotlin("fun main() {}").is_err());
        let fewer = |often| all(often) - usize::from(often == Often::Times(2));
        let error = kotlin(&written(&KOTLIN, fewer)).unwrap_err().to_string();
        assert!(error.contains("1 times, not Times(2)"), "{error}");
    }
}
