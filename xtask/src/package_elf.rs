//! Reads of an ELF shared library what decides whether a phone loads it: its machine, its segments, what it exports,
//! what it needs. Both word sizes, little-endian, as Android has them.

use anyhow::{Context, Result, ensure};

const LOAD: u64 = 1;
const SYMTAB: u64 = 2;
const DYNAMIC: u64 = 6;
const NOTE: u64 = 7;
const DYNSYM: u64 = 11;
const NEEDED: u64 = 1;

/// What of a library was read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Elf {
    pub(crate) is_64: bool,
    /// `EM_…`: 183 is arm64, 40 arm, 62 x86-64, 3 x86.
    pub(crate) machine: u64,
    pub(crate) loads: Vec<Load>,
    /// The names that others can link against.
    pub(crate) exports: Vec<String>,
    /// The libraries that the loader brings.
    pub(crate) needed: Vec<String>,
    /// Whether it names all functions, not only those that it exports.
    pub(crate) has_symbols: bool,
    /// By which a crash report knows the library.
    pub(crate) build_id: Option<Vec<u8>>,
}

/// One segment that is mapped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) offset: u64,
    pub(crate) address: u64,
    pub(crate) align: u64,
}

impl Elf {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        ensure!(bytes.starts_with(b"\x7fELF"), "no ELF file");
        let is_64 = match bytes.get(4) {
            Some(1) => false,
            Some(2) => true,
            _ => anyhow::bail!("an ELF file of no known word size"),
        };
        ensure!(bytes.get(5) == Some(&1), "not little-endian");
        let file = File { bytes, is_64 };
        let mut elf = Self {
            is_64,
            machine: file.number(18, 2)?,
            loads: Vec::new(),
            exports: Vec::new(),
            needed: Vec::new(),
            has_symbols: false,
            build_id: None,
        };
        for at in file.table([32, 28], [54, 42])? {
            if file.number(at, 4)? == LOAD {
                elf.loads.push(Load {
                    offset: file.word(at, [8, 4])?,
                    address: file.word(at, [16, 8])?,
                    align: file.word(at, [48, 28])?,
                });
            }
        }
        let sections = file.table([40, 32], [58, 46])?;
        for &at in &sections {
            let kind = file.number(at + 4, 4)?;
            let begin = file.word(at, [24, 16])?;
            let end = begin + file.word(at, [32, 20])?;
            match kind {
                SYMTAB => elf.has_symbols = true,
                NOTE => elf.build_id = elf.build_id.or(file.build_id(begin, end)?),
                _ => {}
            }
            if kind != DYNSYM && kind != DYNAMIC {
                continue;
            }
            let link = file.number(at + file.either([40, 24]), 4)?;
            let names = *sections
                .get(usize::try_from(link)?)
                .context("a section links to none")?;
            let names = file.word(names, [24, 16])?;
            if kind == DYNSYM {
                elf.exports = file.exports(begin, end, names)?;
            } else {
                elf.needed = file.needed(begin, end, names)?;
            }
        }
        Ok(elf)
    }
}

struct File<'a> {
    bytes: &'a [u8],
    is_64: bool,
}

impl File<'_> {
    /// Of two numbers the one for this word size.
    fn either(&self, [wide, narrow]: [u64; 2]) -> u64 {
        if self.is_64 { wide } else { narrow }
    }

    fn number(&self, at: u64, size: u64) -> Result<u64> {
        let at = usize::try_from(at)?;
        let bytes = self
            .bytes
            .get(at..at.saturating_add(usize::try_from(size)?))
            .context("the ELF file is cut off")?;
        Ok(bytes
            .iter()
            .rev()
            .fold(0, |number, byte| (number << 8) | u64::from(*byte)))
    }

    /// A word at one of two distances from a place.
    fn word(&self, at: u64, distances: [u64; 2]) -> Result<u64> {
        self.number(at + self.either(distances), self.either([8, 4]))
    }

    /// Where the entries of a table of the header begin: its offset, then the size and number of entries.
    fn table(&self, offset: [u64; 2], sizes: [u64; 2]) -> Result<Vec<u64>> {
        let begin = self.word(0, offset)?;
        let size = self.number(self.either(sizes), 2)?;
        let count = self.number(self.either(sizes) + 2, 2)?;
        Ok((0..count).map(|index| begin + index * size).collect())
    }

    fn name(&self, at: u64) -> Result<String> {
        let rest = self
            .bytes
            .get(usize::try_from(at)?..)
            .context("a name lies outside of the ELF file")?;
        let end = rest.iter().position(|byte| *byte == 0);
        let name = &rest[..end.context("a name does not end")?];
        Ok(String::from_utf8_lossy(name).into_owned())
    }

    fn exports(&self, begin: u64, end: u64, names: u64) -> Result<Vec<String>> {
        let mut exports = Vec::new();
        let mut at = begin;
        while at < end {
            let binding = self.number(at + self.either([4, 12]), 1)? >> 4;
            let section = self.number(at + self.either([6, 14]), 2)?;
            // Global or weak, and defined here.
            if (binding == 1 || binding == 2) && section != 0 {
                exports.push(self.name(names + self.number(at, 4)?)?);
            }
            at += self.either([24, 16]);
        }
        Ok(exports)
    }

    /// The identity that a note carries, if it is the linker's.
    fn build_id(&self, begin: u64, end: u64) -> Result<Option<Vec<u8>>> {
        let (name, length) = (self.number(begin, 4)?, self.number(begin + 4, 4)?);
        let gnu = self.number(begin + 8, 4)? == 3 && name == 4 && self.name(begin + 12)? == "GNU";
        if !gnu || begin + 16 + length > end {
            return Ok(None);
        }
        let id = (0..length).map(|at| Ok(u8::try_from(self.number(begin + 16 + at, 1)?)?));
        id.collect::<Result<Vec<u8>>>().map(Some)
    }

    fn needed(&self, begin: u64, end: u64, names: u64) -> Result<Vec<String>> {
        let mut needed = Vec::new();
        let mut at = begin;
        while at < end {
            if self.word(at, [0, 0])? == NEEDED {
                needed.push(self.name(names + self.word(at, [8, 4])?)?);
            }
            at += self.either([16, 8]);
        }
        Ok(needed)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A library with one segment, the exported function `name`, the undefined one `free`, one library needed, a build id
    /// of two bytes, and no symbols.
    pub(crate) fn made(is_64: bool, machine: u16, align: u64, name: &str) -> Vec<u8> {
        let word = |number: u64| number.to_le_bytes()[..if is_64 { 8 } else { 4 }].to_vec();
        let (head, program, section) = if is_64 { (64, 56, 64) } else { (52, 32, 40) };
        let strings = [b"\0".as_slice(), name.as_bytes(), b"\0free\0libc.so\0"].concat();
        let free = u32::try_from(name.len() + 2).unwrap();
        let symbol = |name: u32, section: u16| {
            let name = name.to_le_bytes().to_vec();
            let section = section.to_le_bytes().to_vec();
            let parts = if is_64 {
                vec![name, vec![0x12, 0], section, vec![0; 16]]
            } else {
                vec![name, vec![0; 8], vec![0x12, 0], section]
            };
            parts.concat()
        };
        let symbols = [symbol(1, 1), symbol(free, 0)].concat();
        let dynamic = [word(1), word(u64::from(free) + 5), word(0), word(0)].concat();
        let at_strings = head + program;
        let at_symbols = at_strings + strings.len() as u64;
        let at_dynamic = at_symbols + symbols.len() as u64;
        let note = [
            [4u32, 2, 3].map(u32::to_le_bytes).concat(),
            b"GNU\0\x0a\x0b".to_vec(),
        ]
        .concat();
        let at_note = at_dynamic + dynamic.len() as u64;
        let at_sections = at_note + note.len() as u64;

        let mut file = b"\x7fELF".to_vec();
        file.extend([if is_64 { 2 } else { 1 }, 1, 1]);
        file.resize(16, 0);
        file.extend(3u16.to_le_bytes());
        file.extend(machine.to_le_bytes());
        file.extend(1u32.to_le_bytes());
        file.extend([word(0), word(head), word(at_sections)].concat());
        file.extend([0; 4]);
        for number in [head, program, 1, section, 4, 0] {
            file.extend(u16::try_from(number).unwrap().to_le_bytes());
        }
        let load = if is_64 {
            [
                vec![1, 0, 0, 0, 5, 0, 0, 0],
                [0, 0, 0, 9, 9, align].map(word).concat(),
            ]
        } else {
            [
                vec![1, 0, 0, 0],
                [0, 0, 0, 9, 9, 5, align].map(word).concat(),
            ]
        };
        file.extend(load.concat());
        file.extend(strings);
        file.extend(symbols);
        file.extend(dynamic);
        file.extend(note);
        let tables = [
            (3u32, at_strings, at_symbols, 0u32),
            (11, at_symbols, at_dynamic, 0),
            (6, at_dynamic, at_note, 0),
            (7, at_note, at_sections, 0),
        ];
        for (kind, begin, end, link) in tables {
            file.extend([0; 4]);
            file.extend(kind.to_le_bytes());
            file.extend([word(0), word(0), word(begin), word(end - begin)].concat());
            file.extend(link.to_le_bytes());
            file.resize(file.len() + if is_64 { 20 } else { 12 }, 0);
        }
        file
    }

    #[test]
    fn both_word_sizes_are_read() {
        for (is_64, machine) in [(true, 183), (false, 40)] {
            let elf = Elf::read(&made(is_64, machine, 0x4000, "uniffi_f")).unwrap();
            let load = Load {
                offset: 0,
                address: 0,
                align: 0x4000,
            };
            let wanted = Elf {
                is_64,
                machine: u64::from(machine),
                loads: vec![load],
                exports: vec!["uniffi_f".to_owned()],
                needed: vec!["libc.so".to_owned()],
                has_symbols: false,
                build_id: Some(vec![10, 11]),
            };
            assert_eq!(elf, wanted);
        }
    }

    #[test]
    fn what_is_cut_off_or_no_elf_is_an_error() {
        let whole = made(true, 183, 0x4000, "f");
        for length in [0, 4, 20, 63, 70, whole.len() - 40] {
            assert!(Elf::read(&whole[..length]).is_err(), "{length}");
        }
        assert!(Elf::read(b"MZ and so on").is_err());
    }
}
