//! Packs folders as zip archives, which an AAR is too, and says what is in them. The same files make the same bytes.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::house::House;

const PACK: &str = include_str!("../package/pack.py");

/// Packs all files under a folder; returns the entries as they are read from the archive.
pub(crate) fn pack(house: &House, folder: &Path, archive: &Path) -> Result<BTreeSet<String>> {
    let output = house
        .command("python3")
        .args(["-c", PACK])
        .args([folder, archive])
        .output()
        .context("cannot start python3")?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("cannot pack {}: {}", archive.display(), error.trim());
    }
    let entries = String::from_utf8_lossy(&output.stdout);
    Ok(entries.lines().map(str::to_owned).collect())
}

/// Fails unless these are the entries, and no others.
pub(crate) fn expect(found: &BTreeSet<String>, wanted: &[String]) -> Result<()> {
    let wanted: BTreeSet<String> = wanted.iter().cloned().collect();
    let missing: Vec<_> = wanted.difference(found).cloned().collect();
    let more: Vec<_> = found.difference(&wanted).cloned().collect();
    if !missing.is_empty() || !more.is_empty() {
        bail!(
            "the package holds other files than it should: missing [{}], too many [{}]",
            missing.join(", "),
            more.join(", ")
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn the_same_files_make_the_same_archive_and_its_entries_are_listed() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let folder = house.path("folder");
        house.write(&folder.join("jni/x86/a.so"), "one").unwrap();
        house.write(&folder.join("R.txt"), "").unwrap();
        let archive = |name: &str| {
            let archive = house.path(name);
            let entries = pack(&house, &folder, &archive).unwrap();
            expect(&entries, &["R.txt".to_owned(), "jni/x86/a.so".to_owned()]).unwrap();
            fs::read(archive).unwrap()
        };
        let first = archive("a.zip");
        fs::remove_file(folder.join("R.txt")).unwrap();
        house.write(&folder.join("R.txt"), "").unwrap();
        assert!(first == archive("b.zip"));
    }

    #[test]
    fn a_file_too_many_or_too_few_is_named() {
        let found = BTreeSet::from(["a".to_owned(), "b".to_owned()]);
        let error = expect(&found, &["b".to_owned(), "c".to_owned()]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the package holds other files than it should: missing [c], too many [a]"
        );
    }

    #[test]
    fn what_cannot_be_packed_is_an_error() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let archive = house.path("nowhere/a.zip");
        let error = pack(&house, place.path(), &archive).unwrap_err();
        assert!(error.to_string().starts_with("cannot pack"), "{error}");
    }
}
