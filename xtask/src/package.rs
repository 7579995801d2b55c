//! `cargo xtask bindings` and `cargo xtask package`: the library as it ships with its Kotlin and Swift, and what both
//! packages share. The packages are in `package_android` and `package_ios`; all lies in `target/package`.

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use clap::Subcommand;

use crate::house::House;
use crate::tools::{STRIP, Tool};
use crate::{apt, bindings, package_android, package_ios, ship, tools};

/// The version of all that is packed.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// The licences that each package holds beside its notice.
pub(crate) const LICENCES: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
/// The hand-written half of each language.
pub(crate) const KOTLIN_SKIN: &str = "bindings/kotlin";
pub(crate) const SWIFT_SKIN: &str = "bindings/swift/Sources/Ringwire";

/// How the names of the library's functions begin.
const FUNCTIONS: [&str; 2] = ["uniffi_ringwire_", "ffi_ringwire_"];
/// The function that only tests may have, in Rust's spelling and in that of the languages.
const TEST_ONLY: [&str; 2] = ["break_inside", "breakInside"];

/// What can be packed.
#[derive(Debug, Subcommand)]
pub(crate) enum What {
    /// An AAR for Android
    Android(package_android::Options),
    /// An XCFramework and the Swift package around it for iOS
    Ios,
}

/// Packs one.
pub(crate) fn run(house: &House, what: &What) -> Result<ExitCode> {
    match what {
        What::Android(options) => package_android::run(house, options)?,
        What::Ios => package_ios::run(house)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The library for this machine, and the Kotlin and Swift that go with it.
pub(crate) fn bindings(house: &House) -> Result<ExitCode> {
    let mut needed = house.compilers();
    let strip: &[&Tool] = &[&STRIP];
    needed.extend(strip);
    apt::ensure(house, &needed)?;

    let folder = house.target("package/bindings");
    clear(&folder)?;
    let library = ship::host(house)?;
    bindings::program(house)?;
    let name = library.file_name().context("the library has no name")?;
    copy(
        &ship::stripped(house, &library)?,
        &folder.join("lib").join(name),
    )?;
    for (language, skin) in [("kotlin", KOTLIN_SKIN), ("swift", SWIFT_SKIN)] {
        let sources = folder.join(language);
        bindings::generate(house, &library, language, &sources)?;
        copy_all(&house.path(skin), &sources)?;
    }
    let all = files(&folder)?;
    for file in &all {
        no_test_function(&folder.join(file))?;
    }
    println!();
    for file in &all {
        say(&folder.join(file))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints where a file lies and how large it is.
pub(crate) fn say(file: &Path) -> Result<()> {
    let data = fs::metadata(file).with_context(|| format!("cannot read {}", file.display()))?;
    println!("{:>10}  {}", data.len(), file.display());
    Ok(())
}

/// Makes a folder empty.
pub(crate) fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))
}

/// Copies a file, and makes the folder for it.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
    Ok(())
}

/// Copies all files of a folder into another.
pub(crate) fn copy_all(from: &Path, to: &Path) -> Result<()> {
    for file in files(from)? {
        copy(&from.join(&file), &to.join(&file))?;
    }
    Ok(())
}

/// The files under a folder, by their paths in it, sorted.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    fn collect(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
        let list =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in list {
            let path = entry?.path();
            if path.is_dir() {
                collect(root, &path, files)?;
            } else {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
        Ok(())
    }
    let mut files = Vec::new();
    collect(folder, folder, &mut files)?;
    files.sort();
    Ok(files)
}

/// The functions of the library that generated code calls.
pub(crate) fn called(source: &str) -> BTreeSet<String> {
    source
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| FUNCTIONS.iter().any(|begin| word.starts_with(begin)))
        .map(str::to_owned)
        .collect()
}

/// Fails unless the library exports all that generated code calls.
pub(crate) fn all_exported(
    called: &BTreeSet<String>,
    exported: &BTreeSet<String>,
    library: &str,
) -> Result<()> {
    ensure!(!called.is_empty(), "the generated code calls no function");
    let missing: Vec<_> = called.difference(exported).cloned().collect();
    if !missing.is_empty() {
        bail!("{library} does not export {}", missing.join(", "));
    }
    Ok(())
}

/// Fails if a file names the function that only tests may have.
pub(crate) fn no_test_function(file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    for name in TEST_ONLY {
        ensure!(
            !holds(&bytes, name.as_bytes()),
            "{} has {name}, which is for tests only",
            file.display()
        );
    }
    Ok(())
}

/// The folders that no package may name: this checkout, cargo's, the compiler's and the user's own.
pub(crate) fn private_folders(house: &House) -> Vec<String> {
    let home = env::var_os("HOME").map(PathBuf::from);
    let sysroot = tools::ask("rustc", &["--print", "sysroot"]);
    let all = [
        Some(house.path("")),
        Some(ship::cargo_home()),
        sysroot.map(|path| PathBuf::from(path.trim())),
        home,
    ];
    all.into_iter()
        .flatten()
        .map(|path| format!("{}/", path.display().to_string().trim_end_matches('/')))
        .filter(|path| path.len() > 1)
        .collect()
}

/// Fails if a file names one of these folders.
pub(crate) fn no_folder(file: &Path, folders: &[String]) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    for folder in folders {
        if let Some(at) = find(&bytes, folder.as_bytes()) {
            let printable = |byte: &&u8| (b' '..=b'~').contains(*byte);
            let rest = bytes[at..].iter().take(120).take_while(printable);
            let text: String = rest.map(|byte| char::from(*byte)).collect();
            bail!("{} names a folder of this machine: {text}", file.display());
        }
    }
    Ok(())
}

fn holds(bytes: &[u8], wanted: &[u8]) -> bool {
    find(bytes, wanted).is_some()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_generated_code_calls_must_be_exported() {
        let kotlin = "external fun uniffi_ringwire_fn_a(`p`: Long)\nUniffiLib.ffi_ringwire_free(x)\nuniffi_other()";
        let called = called(kotlin);
        let both = BTreeSet::from(["ffi_ringwire_free", "uniffi_ringwire_fn_a"].map(str::to_owned));
        assert_eq!(called, both);
        all_exported(&called, &both, "lib").unwrap();
        let one = BTreeSet::from(["ffi_ringwire_free".to_owned()]);
        let error = all_exported(&called, &one, "lib").unwrap_err();
        assert_eq!(
            error.to_string(),
            "lib does not export uniffi_ringwire_fn_a"
        );
        assert!(all_exported(&BTreeSet::new(), &both, "lib").is_err());
    }

    #[test]
    fn a_folder_of_the_machine_or_the_function_for_tests_is_found_among_other_bytes() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("lib");
        let folders = ["/home/anna/".to_owned()];
        fs::write(&file, b"\0\xffcrates/a.rs\0").unwrap();
        no_folder(&file, &folders).unwrap();
        no_test_function(&file).unwrap();
        fs::write(&file, b"\0\xff/home/anna/a.rs\0uniffi_break_inside\0").unwrap();
        let error = no_folder(&file, &folders).unwrap_err().to_string();
        assert!(
            error.ends_with("of this machine: /home/anna/a.rs"),
            "{error}"
        );
        assert!(no_test_function(&file).is_err());
    }

    #[test]
    fn the_checkout_is_among_the_folders_that_no_package_may_name() {
        let house = House::find().unwrap();
        let root = format!(
            "{}/",
            house.path("").display().to_string().trim_end_matches('/')
        );
        assert!(private_folders(&house).contains(&root));
    }
}
