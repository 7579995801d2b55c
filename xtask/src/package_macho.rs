//! Reads of a static library for iOS which names its objects define and which they take from elsewhere: an `ar` archive
//! of 64-bit Mach-O objects.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};

const MAGIC: u64 = 0xfeed_facf;
const SYMTAB: u64 = 2;

/// Names as C has them, without Apple's underscore.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Names {
    /// Visible outside of their object.
    pub(crate) defined: BTreeSet<String>,
    /// Used, and defined in no object of the archive.
    pub(crate) wanted: BTreeSet<String>,
    /// The processors: `0x0100_000c` is arm64, `0x0100_0007` x86-64.
    pub(crate) processors: BTreeSet<u64>,
}

impl Names {
    pub(crate) fn read(archive: &[u8]) -> Result<Self> {
        ensure!(archive.starts_with(b"!<arch>\n"), "no archive");
        let mut names = Self::default();
        let mut at = 8;
        while at < archive.len() {
            let head = archive.get(at..at + 60).context("the archive is cut off")?;
            let size: usize = text(&head[48..58]).parse().context("a size is no number")?;
            let begin = at + 60;
            let mut object = archive
                .get(begin..begin + size)
                .context("the archive is cut off")?;
            // BSD's long names stand before the content.
            if let Some(length) = text(&head[..16]).strip_prefix("#1/") {
                let length: usize = length.parse().context("a length is no number")?;
                object = object.get(length..).context("a name is too long")?;
            }
            if number(object, 0, 4).is_ok_and(|magic| magic == MAGIC) {
                names.object(object)?;
            }
            at = begin + size + size % 2;
        }
        ensure!(!names.processors.is_empty(), "no Mach-O in the archive");
        let defined = std::mem::take(&mut names.defined);
        names.wanted.retain(|name| !defined.contains(name));
        names.defined = defined;
        Ok(names)
    }

    fn object(&mut self, object: &[u8]) -> Result<()> {
        self.processors.insert(number(object, 4, 4)?);
        let mut command = 32;
        for _ in 0..number(object, 16, 4)? {
            if number(object, command, 4)? == SYMTAB {
                let symbols = number(object, command + 8, 4)?;
                let count = number(object, command + 12, 4)?;
                let strings = number(object, command + 16, 4)?;
                for index in 0..count {
                    self.symbol(object, symbols + index * 16, strings)?;
                }
            }
            command += number(object, command + 4, 4)?;
        }
        Ok(())
    }

    fn symbol(&mut self, object: &[u8], at: u64, strings: u64) -> Result<()> {
        let kind = number(object, at + 4, 1)?;
        let (debug, private, external) = (kind & 0xe0 != 0, kind & 0x10 != 0, kind & 1 != 0);
        if debug || private || !external {
            return Ok(());
        }
        let begin = usize::try_from(strings + number(object, at, 4)?)?;
        let rest = object.get(begin..).context("a name lies outside")?;
        let end = rest.iter().position(|byte| *byte == 0);
        let name = String::from_utf8_lossy(&rest[..end.context("a name does not end")?]);
        let name = name.strip_prefix('_').unwrap_or(&name).to_owned();
        if kind & 0x0e == 0 {
            self.wanted.insert(name);
        } else {
            self.defined.insert(name);
        }
        Ok(())
    }
}

fn text(field: &[u8]) -> &str {
    std::str::from_utf8(field).unwrap_or_default().trim_end()
}

fn number(bytes: &[u8], at: u64, size: u64) -> Result<u64> {
    let at = usize::try_from(at)?;
    let bytes = bytes
        .get(at..at.saturating_add(usize::try_from(size)?))
        .context("the object is cut off")?;
    Ok(bytes
        .iter()
        .rev()
        .fold(0, |number, byte| (number << 8) | u64::from(*byte)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An archive of one object for arm64 that defines the first names and wants the others.
    pub(crate) fn made(defined: &[&str], wanted: &[&str]) -> Vec<u8> {
        let all: Vec<_> = defined
            .iter()
            .map(|name| (name, 0x0f_u8))
            .chain(wanted.iter().map(|name| (name, 0x01)))
            .collect();
        let mut strings = vec![0];
        let mut symbols = Vec::new();
        for (name, kind) in &all {
            symbols.extend(u32::try_from(strings.len()).unwrap().to_le_bytes());
            symbols.extend([*kind, 1, 0, 0]);
            symbols.extend([0; 8]);
            strings.extend(format!("_{name}\0").bytes());
        }
        let count = u32::try_from(all.len()).unwrap();
        let at_strings = 56 + count * 16;
        let length = u32::try_from(strings.len()).unwrap();
        let mut object = Vec::new();
        for number in [0xfeed_facf, 0x0100_000c, 0, 1, 1, 24, 0, 0] {
            object.extend(u32::to_le_bytes(number));
        }
        for number in [2, 24, 56, count, at_strings, length] {
            object.extend(number.to_le_bytes());
        }
        object.extend(symbols);
        object.extend(strings);
        let mut archive = b"!<arch>\n".to_vec();
        let size = object.len() + 8;
        let (name, zero) = ("#1/8", 0);
        archive.extend(
            format!("{name:<16}{zero:<12}{zero:<6}{zero:<6}{zero:<8}{size:<10}`\n").bytes(),
        );
        archive.extend(b"a.o\0\0\0\0\0");
        archive.extend(object);
        archive
    }

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_are_told_apart_by_whether_they_are_defined() {
        let names = Names::read(&made(&["f", "g"], &["fstat"])).unwrap();
        assert_eq!(names.defined, set(&["f", "g"]));
        assert_eq!(names.wanted, set(&["fstat"]));
        assert_eq!(names.processors, BTreeSet::from([0x0100_000c]));
    }

    #[test]
    fn what_another_object_defines_is_not_wanted() {
        let mut archive = made(&["f"], &["g"]);
        archive.extend(vec![b'\n'; archive.len() % 2]);
        archive.extend(&made(&["g"], &["f"])[8..]);
        assert_eq!(Names::read(&archive).unwrap().wanted, set(&[]));
    }

    #[test]
    fn what_is_cut_off_or_no_archive_is_an_error() {
        let whole = made(&["f"], &[]);
        assert!(Names::read(&whole[..whole.len() - 1]).is_err());
        assert!(Names::read(b"!<arch>\n").is_err());
        assert!(Names::read(b"no").is_err());
    }
}
