//! The library as it ships: optimised for size, unwinding, for this machine and for phones. Its products lie in
//! `target/ship`, apart from all other builds.

use std::env;
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX, EXE_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::house::House;
use crate::step::Step;
use crate::{mobile, tools};

/// With a frame pointer the tables for unwinding are a fifth smaller, and profilers see who called.
const FLAGS: &str = "-Cforce-frame-pointers=yes";

/// The shared library and nothing beside it: together with the other forms it would be a quarter larger, for what each of
/// them exports stays in all.
const SHARED: [&str; 7] = [
    "rustc",
    "--release",
    "-p",
    "ringwire",
    "--lib",
    "--crate-type",
    "cdylib",
];

/// The ABIs of Android: the NDK's name and rustc's.
pub(crate) const ANDROID: [(&str, &str); 4] = [
    ("arm64-v8a", "aarch64-linux-android"),
    ("armeabi-v7a", "armv7-linux-androideabi"),
    ("x86_64", "x86_64-linux-android"),
    ("x86", "i686-linux-android"),
];

/// Oldest Android that the library runs on: 8.0.
pub(crate) const ANDROID_API: &str = "26";

/// Oldest iOS that the library runs on.
pub(crate) const IOS: &str = "15.0";

/// The shared library for this machine, with its symbols.
pub(crate) fn host(house: &House) -> Result<PathBuf> {
    host_with(house, &[])
}

/// The same with the one function more that the programs of the tests name, in a place of its own.
pub(crate) fn host_for_tests(house: &House) -> Result<PathBuf> {
    let built = host_with(house, &["--features", "tested"])?;
    let kept = house.target(&format!("ship/for-tests/{DLL_PREFIX}ringwire{DLL_SUFFIX}"));
    let folder = kept.parent().context("it lies in a folder")?;
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fs::copy(&built, &kept).with_context(|| format!("cannot copy {}", built.display()))?;
    Ok(kept)
}

fn host_with(house: &House, features: &[&str]) -> Result<PathBuf> {
    let mut command = build(house);
    command.args(features);
    command.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    Step::new(
        "Ship: the library for this machine, minutes the first time",
        command,
    )
    .run(house)?;
    Ok(house.target(&format!("ship/release/{DLL_PREFIX}ringwire{DLL_SUFFIX}")))
}

/// The shared library for an ABI of Android, stripped.
pub(crate) fn android(house: &House, target: &str) -> Result<PathBuf> {
    stripped_for_phone(house, &android_with_symbols(house, target)?)
}

/// The same with its symbols: linked by the NDK where `ANDROID_NDK_HOME` names one, else for shape only: what it needs
/// of the phone is not there to link against, and is left open.
pub(crate) fn android_with_symbols(house: &House, target: &str) -> Result<PathBuf> {
    let mut command = if has_ndk() {
        let mut command = house.cargo(["ndk", "--platform", ANDROID_API, "--target", target]);
        command.args(SHARED);
        shipped(house, &mut command);
        command
    } else {
        let mut command = build(house);
        command.args(["--target", target]);
        mobile::with_kit(house, &mut command, target)?;
        command
    };
    command.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    Step::new(
        &format!("Ship: the library for {target}, minutes the first time"),
        command,
    )
    .run(house)?;
    Ok(house.target(&format!("ship/{target}/release/libringwire.so")))
}

/// The static library for a target of iOS, with its symbols: by Xcode's compiler where that is, else by the kit's.
pub(crate) fn ios(house: &House, target: &str) -> Result<PathBuf> {
    let mut command = house.cargo(["rustc", "--release", "-p", "ringwire", "--lib"]);
    command.args(["--crate-type", "staticlib", "--target", target]);
    shipped(house, &mut command);
    if cfg!(target_os = "macos") {
        command.env("IPHONEOS_DEPLOYMENT_TARGET", IOS);
    } else {
        mobile::with_kit(house, &mut command, target)?;
    }
    command.env("CARGO_PROFILE_RELEASE_STRIP", "none");
    Step::new(
        &format!("Ship: the library for {target}, minutes the first time"),
        command,
    )
    .run(house)?;
    Ok(house.target(&format!("ship/{target}/release/libringwire.a")))
}

/// Whether Android's own compiler is there.
pub(crate) fn has_ndk() -> bool {
    env::var_os("ANDROID_NDK_HOME").is_some_and(|folder| Path::new(&folder).is_dir())
}

/// A program that is built with the flags of the library.
pub(crate) fn program(house: &House, name: &str) -> Result<PathBuf> {
    let mut command = house.cargo(["build", "--release", "-p", name]);
    shipped(house, &mut command);
    let title = format!("Ship: {name}, as the library ships, minutes the first time");
    Step::new(&title, command).run(house)?;
    Ok(house.target(&format!("ship/release/{name}{EXE_SUFFIX}")))
}

fn build(house: &House) -> Command {
    let mut command = house.cargo(SHARED);
    shipped(house, &mut command);
    command
}

fn shipped(house: &House, command: &mut Command) {
    command
        .env("RUSTFLAGS", flags(house))
        .env("CARGO_TARGET_DIR", house.target("ship"));
}

/// [`FLAGS`], and no folder of this machine in what panics say.
fn flags(house: &House) -> String {
    let mut flags = FLAGS.to_owned();
    let mut renamed = vec![(house.path(""), "ringwire")];
    let sources = cargo_home().join("registry/src");
    if let Ok(list) = fs::read_dir(sources) {
        let mut registries: Vec<_> = list.flatten().map(|entry| entry.path()).collect();
        registries.sort();
        renamed.extend(registries.into_iter().map(|folder| (folder, "crates")));
    }
    for (folder, name) in renamed {
        let folder = folder.to_string_lossy();
        let folder = folder.trim_end_matches('/');
        // Spaces part the flags.
        if !folder.contains(char::is_whitespace) {
            flags += &format!(" --remap-path-prefix={folder}={name}");
        }
    }
    flags
}

/// Where cargo keeps the sources of crates.
pub(crate) fn cargo_home() -> PathBuf {
    let home = || PathBuf::from(env::var_os("HOME").unwrap_or_default());
    env::var_os("CARGO_HOME").map_or_else(|| home().join(".cargo"), PathBuf::from)
}

/// A copy of a phone's library without its symbols.
pub(crate) fn stripped_for_phone(house: &House, library: &Path) -> Result<PathBuf> {
    let stripped = library.with_extension("stripped");
    strip_for_phone(house, library, "--strip-all", &stripped)?;
    Ok(stripped)
}

/// A copy of a phone's library by rustc's own objcopy, which knows every machine.
pub(crate) fn strip_for_phone(house: &House, library: &Path, what: &str, to: &Path) -> Result<()> {
    let sysroot = tools::ask("rustc", &["--print", "sysroot"]).context("rustc does not answer")?;
    let sysroot = Path::new(sysroot.trim());
    let version = tools::ask("rustc", &["-vV"]).context("rustc does not answer")?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    let objcopy = sysroot
        .join("lib/rustlib")
        .join(host.context("rustc does not name its host")?)
        .join("bin/rust-objcopy");
    let mut command = house.command(objcopy);
    command
        .arg(what)
        .args([library, to])
        .env("LD_LIBRARY_PATH", sysroot.join("lib"));
    Step::new("Ship: strip for the phone", command).run(house)?;
    Ok(())
}

/// A copy of a library without its symbols.
pub(crate) fn stripped(house: &House, library: &Path) -> Result<PathBuf> {
    let stripped = library.with_extension("stripped");
    let mut command = house.command("strip");
    command
        .arg("--strip-all")
        .arg("-o")
        .arg(&stripped)
        .arg(library);
    Step::new("Ship: strip", command).run(house)?;
    Ok(stripped)
}

/// Address, size, kind and name of each symbol, a line each.
pub(crate) fn names(house: &House, library: &Path) -> Result<String> {
    let output = house
        .command("nm")
        .args(["--print-size", "--demangle"])
        .arg(library)
        .output()
        .context("cannot start nm")?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
