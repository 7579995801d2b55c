//! `cargo xtask package android`: the AAR, the libraries with their symbols beside it, and the checks of what was packed.
//! Without an NDK the libraries are linked for shape: the names say so, and no phone can load them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::builder::PossibleValuesParser;

use crate::house::House;
use crate::package::{self, KOTLIN_SKIN, LICENCES, VERSION};
use crate::package_elf::Elf;
use crate::package_notice::notice;
use crate::step::Step;
use crate::tools::{JAVA, MAVEN, NODE, NPM, PYTHON, Tool};
use crate::{apt, bindings, package_zip, pins, ship};

/// What it runs with.
const TOOLS: &[&Tool] = &[&PYTHON, &JAVA, &MAVEN, &NODE, &NPM];
/// Pages of newer phones. Libraries of 64 bits must be laid out for them.
const PAGE: u64 = 16 * 1024;
/// What Android itself brings of what the library may need.
const SYSTEM: [&str; 4] = ["libc.so", "libdl.so", "liblog.so", "libm.so"];
/// The ELF machine of each ABI.
const MACHINES: [(&str, u64); 4] = [
    ("arm64-v8a", 183),
    ("armeabi-v7a", 40),
    ("x86_64", 62),
    ("x86", 3),
];
const LIBRARY: &str = "libringwire.so";

const MANIFEST: &str = include_str!("../package/android/AndroidManifest.xml");
const RULES: &str = include_str!("../package/android/proguard.txt");
const POM: &str = include_str!("../package/android/ringwire.pom");

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// An ABI; all four where none is named
    #[arg(long = "abi", value_parser = PossibleValuesParser::new(ship::ANDROID.map(|(abi, _)| abi)))]
    abis: Vec<String>,
}

impl Options {
    /// The ABIs with rustc's names for them.
    fn targets(&self) -> Vec<(&'static str, &'static str)> {
        let mut targets = ship::ANDROID.to_vec();
        targets.retain(|(abi, _)| self.abis.is_empty() || self.abis.iter().any(|one| one == abi));
        targets
    }
}

/// Builds, packs and checks.
pub(crate) fn run(house: &House, options: &Options) -> Result<()> {
    let mut needed = house.compilers();
    needed.extend(TOOLS);
    apt::ensure(house, &needed)?;

    let loads = ship::has_ndk();
    let name = format!("ringwire-{VERSION}{}", if loads { "" } else { "-shape" });
    let place = house.target("package/android");
    let (aar, symbols) = (place.join("aar"), place.join("symbols"));
    package::clear(&aar)?;
    package::clear(&symbols)?;

    let targets = options.targets();
    let mut first = None;
    for (abi, target) in &targets {
        let library = ship::android_with_symbols(house, target)?;
        package::copy(
            &ship::stripped_for_phone(house, &library)?,
            &aar.join("jni").join(abi).join(LIBRARY),
        )?;
        package::copy(&library, &symbols.join(abi).join(LIBRARY))?;
        first.get_or_insert(library);
    }
    let library = first.context("no ABI")?;
    bindings::program(house)?;
    let kotlin = place.join("kotlin");
    bindings::generate(house, &library, "kotlin", &kotlin)?;
    package::copy_all(&house.path(KOTLIN_SKIN), &kotlin)?;
    compile(house, &kotlin, &aar.join("classes.jar"))?;

    house.write(
        &aar.join("AndroidManifest.xml"),
        &MANIFEST.replace("@MIN_SDK@", ship::ANDROID_API),
    )?;
    house.write(&aar.join("proguard.txt"), RULES)?;
    house.write(&aar.join("R.txt"), "")?;
    let triples: Vec<_> = targets.iter().map(|(_, target)| *target).collect();
    house.write(&aar.join("NOTICE.txt"), &notice(house, &triples)?)?;
    for licence in LICENCES {
        package::copy(&house.path(licence), &aar.join(licence))?;
    }

    let called = calls(&kotlin)?;
    for (abi, _) in &targets {
        let folder = Path::new("jni").join(abi);
        let file = aar.join(folder).join(LIBRARY);
        check_library(&file, abi, &called, loads)?;
        package::no_folder(&file, &package::private_folders(house))?;
        package::no_test_function(&file)?;
        check_symbols(&file, &symbols.join(abi).join(LIBRARY))?;
    }
    package::no_test_function(&aar.join("classes.jar"))?;

    let file = |kind: &str| house.target(&format!("package/{name}{kind}"));
    let (archive, apart, pom) = (file(".aar"), file("-symbols.zip"), file(".pom"));
    let abis: Vec<_> = targets.iter().map(|(abi, _)| *abi).collect();
    package_zip::expect(&package_zip::pack(house, &aar, &archive)?, &entries(&abis))?;
    package_zip::expect(
        &package_zip::pack(house, &symbols, &apart)?,
        &libraries(&abis, ""),
    )?;
    house.write(&pom, &filled_pom(house, &name)?)?;

    println!();
    for (abi, _) in &targets {
        package::say(&aar.join("jni").join(abi).join(LIBRARY))?;
    }
    for made in [&archive, &apart, &pom] {
        package::say(made)?;
    }
    if !loads {
        println!(
            "\nLinked without an NDK, for shape only: no phone can load this. Set ANDROID_NDK_HOME, and have cargo-ndk."
        );
    }
    Ok(())
}

/// The generated half and the skin as one jar, with what Java 8 has, which Android 8 has too.
fn compile(house: &House, sources: &Path, jar: &Path) -> Result<()> {
    let classpath = std::env::join_paths(pins::jars(house)?).context("a path has a colon in it")?;
    let mut command = house.command("bash");
    command
        .arg(pins::kotlinc(house)?)
        .args(["-jvm-target", "1.8", "-Xjdk-release=1.8", "-no-reflect"])
        .args(["-nowarn", "-module-name", "ringwire", "-cp"])
        .arg(classpath)
        .arg("-d")
        .args([jar, sources]);
    Step::new("Package: compile Kotlin for Android", command).run(house)?;
    Ok(())
}

/// The functions of the library that the Kotlin in a folder calls.
fn calls(folder: &Path) -> Result<BTreeSet<String>> {
    let mut called = BTreeSet::new();
    for file in package::files(folder)? {
        let text = fs::read_to_string(folder.join(&file))
            .with_context(|| format!("cannot read {}", file.display()))?;
        called.extend(package::called(&text));
    }
    Ok(called)
}

/// Fails unless a phone of this ABI can map the library and find in it what Kotlin calls.
fn check_library(file: &Path, abi: &str, called: &BTreeSet<String>, loads: bool) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let name = file.display().to_string();
    let elf = Elf::read(&bytes).with_context(|| name.clone())?;
    let machine = MACHINES.iter().find(|(one, _)| *one == abi);
    let (_, machine) = machine.context("no such ABI")?;
    ensure!(
        elf.machine == *machine,
        "{name} is for machine {}, not for {abi}",
        elf.machine
    );
    ensure!(!elf.loads.is_empty(), "{name} has no segment to load");
    for load in &elf.loads {
        let shifted = load.address % PAGE != load.offset % PAGE;
        if elf.is_64 && (load.align < PAGE || shifted) {
            bail!(
                "{name}: the segment at {:#x} is aligned to {:#x} bytes; phones with pages of 16 KB need 0x4000",
                load.address,
                load.align
            );
        }
    }
    let exports = elf.exports.into_iter().collect();
    package::all_exported(called, &exports, &name)?;
    let foreign: Vec<_> = elf
        .needed
        .iter()
        .filter(|one| !SYSTEM.contains(&one.as_str()))
        .collect();
    ensure!(
        foreign.is_empty(),
        "{name} needs {foreign:?}, which Android does not bring"
    );
    ensure!(
        !loads || elf.needed.iter().any(|one| one == "libc.so"),
        "{name} was linked against no libc"
    );
    Ok(())
}

/// Fails unless a crash in the one library can be read with the symbols of the other.
fn check_symbols(stripped: &Path, whole: &Path) -> Result<()> {
    let read = |file: &Path| -> Result<Elf> {
        let bytes = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        Elf::read(&bytes).with_context(|| file.display().to_string())
    };
    let (stripped_elf, whole_elf) = (read(stripped)?, read(whole)?);
    ensure!(
        !stripped_elf.has_symbols,
        "{} is not stripped",
        stripped.display()
    );
    ensure!(whole_elf.has_symbols, "{} has no symbols", whole.display());
    ensure!(
        stripped_elf.build_id.is_some() && stripped_elf.build_id == whole_elf.build_id,
        "{} and its symbols have not the same build id",
        stripped.display()
    );
    Ok(())
}

/// All that an AAR with these ABIs holds.
fn entries(abis: &[&str]) -> Vec<String> {
    let mut entries = libraries(abis, "jni/");
    let others = [
        "AndroidManifest.xml",
        "NOTICE.txt",
        "R.txt",
        "classes.jar",
        "proguard.txt",
    ];
    entries.extend(others.iter().chain(&LICENCES).map(|&name| name.to_owned()));
    entries
}

fn libraries(abis: &[&str], folder: &str) -> Vec<String> {
    let library = |abi| format!("{folder}{abi}/{LIBRARY}");
    abis.iter().map(library).collect()
}

/// The versions are those that the tests run with.
fn filled_pom(house: &House, name: &str) -> Result<String> {
    let read = |path: &str| -> Result<String> {
        let path: PathBuf = house.path(path);
        fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let kotlin = read("xtask/pins/kotlin/pom.xml")?;
    let android = read("xtask/pins/android/pom.xml")?;
    let version = name.trim_start_matches("ringwire-");
    Ok(POM
        .replace("@VERSION@", version)
        .replace("@JNA@", pinned(&android, "jna")?)
        .replace(
            "@COROUTINES@",
            pinned(&kotlin, "kotlinx-coroutines-core-jvm")?,
        )
        .replace("@KOTLIN@", pinned(&kotlin, "kotlin-stdlib")?))
}

/// The version of an artifact in a pom.
fn pinned<'a>(pom: &'a str, artifact: &str) -> Result<&'a str> {
    let name = format!("<artifactId>{artifact}</artifactId>");
    pom.split_once(&name)
        .and_then(|(_, rest)| rest.split_once("<version>"))
        .and_then(|(_, rest)| rest.split_once("</version>"))
        .map(|(version, _)| version)
        .with_context(|| format!("the pins have no version of {artifact}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package_elf::tests::made;

    fn check(bytes: &[u8], abi: &str, called: &str, loads: bool) -> String {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join(LIBRARY);
        fs::write(&file, bytes).unwrap();
        let called = BTreeSet::from([called.to_owned()]);
        let end = check_library(&file, abi, &called, loads);
        end.map_or_else(|error| error.to_string(), |()| "good".to_owned())
    }

    #[test]
    fn a_library_of_64_bits_must_be_laid_out_for_pages_of_16_kb() {
        let said = |align| {
            check(
                &made(true, 183, align, "uniffi_f"),
                "arm64-v8a",
                "uniffi_f",
                true,
            )
        };
        assert_eq!(said(0x4000), "good");
        assert_eq!(said(0x10000), "good");
        assert!(said(0x1000).contains("aligned to 0x1000 bytes"));
        let narrow = made(false, 40, 0x1000, "uniffi_f");
        assert_eq!(check(&narrow, "armeabi-v7a", "uniffi_f", true), "good");
    }

    #[test]
    fn a_library_must_be_of_its_abi_and_export_what_is_called() {
        let library = made(true, 183, 0x4000, "uniffi_f");
        let other = check(&library, "x86_64", "uniffi_f", true);
        assert!(
            other.contains("is for machine 183, not for x86_64"),
            "{other}"
        );
        let missing = check(&library, "arm64-v8a", "uniffi_g", true);
        assert!(missing.contains("does not export uniffi_g"), "{missing}");
        assert!(check(b"text", "arm64-v8a", "uniffi_f", true).ends_with(LIBRARY));
    }

    #[test]
    fn symbols_belong_to_their_library() {
        let place = tempfile::tempdir().unwrap();
        let (stripped, whole) = (place.path().join("a"), place.path().join("b"));
        let library = made(true, 183, 0x4000, "uniffi_f");
        fs::write(&stripped, &library).unwrap();
        fs::write(&whole, &library).unwrap();
        let error = check_symbols(&stripped, &whole).unwrap_err().to_string();
        assert!(error.ends_with("has no symbols"), "{error}");
        // The last section becomes a table of symbols, and the note is gone.
        let mut named = library;
        let kind = named.len() - 60;
        named[kind] = 2;
        fs::write(&whole, &named).unwrap();
        let error = check_symbols(&stripped, &whole).unwrap_err().to_string();
        assert!(error.ends_with("not the same build id"), "{error}");
        fs::write(&stripped, &named).unwrap();
        let error = check_symbols(&stripped, &whole).unwrap_err().to_string();
        assert!(error.ends_with("is not stripped"), "{error}");
    }

    #[test]
    fn the_entries_follow_the_abis() {
        let one = entries(&["x86"]);
        assert!(one.contains(&"jni/x86/libringwire.so".to_owned()));
        assert_eq!(entries(&["x86", "x86_64"]).len(), one.len() + 1);
        assert_eq!(libraries(&["x86"], ""), ["x86/libringwire.so"]);
    }

    #[test]
    fn all_abis_are_built_unless_some_are_named() {
        let options = |abis: &[&str]| Options {
            abis: abis.iter().map(|&abi| abi.to_owned()).collect(),
        };
        assert_eq!(options(&[]).targets(), ship::ANDROID);
        assert_eq!(options(&["x86"]).targets(), [("x86", "i686-linux-android")]);
    }

    #[test]
    fn the_pom_names_versions_and_jna_is_new_enough_for_16_kb() {
        let house = House::find().unwrap();
        let pom = filled_pom(&house, "ringwire-1.2.3-shape").unwrap();
        assert!(
            pom.contains("<version>1.2.3-shape</version>") && !pom.contains('@'),
            "{pom}"
        );
        let numbers = pinned(&pom, "jna").unwrap().split('.');
        let numbers: Vec<u32> = numbers.map(|number| number.parse().unwrap()).collect();
        assert!(numbers >= vec![5, 17], "{numbers:?}");
        assert!(pinned(&pom, "junit").is_err());
    }
}
