//! `cargo xtask check-mobile`: type-checks the core and the bindings for Android and iOS on a machine with no SDK for either.
//! The standard library comes from rustup where it can, else it is built from its source. C code in dependencies goes
//! through zig's C compiler. Nothing is linked.
//!
//! iOS needs `libc` 0.2.189 in Cargo.lock, since `nix` 0.31 does not compile there with a later one, and so `mio` 1.2.1,
//! the last that takes it. [`PINS`] are the commands that say so.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use crate::house::House;
use crate::step::Step;
use crate::test::End;
use crate::tools::{self, PYTHON, Tool, ZSTD};
use crate::{apt, pins};

/// A phone's target: rustc's name, and zig's for its nearest relative.
const TARGETS: [(&str, &str); 2] = [
    ("aarch64-linux-android", "aarch64-linux-musl"),
    ("aarch64-apple-ios", "aarch64-macos"),
];
/// The other ABIs of Android, which are linked but not checked apart.
const MORE: [(&str, &str); 3] = [
    ("armv7-linux-androideabi", "arm-linux-musleabi"),
    ("x86_64-linux-android", "x86_64-linux-musl"),
    ("i686-linux-android", "x86-linux-musl"),
];

const PACKAGES: [&str; 7] = [
    "ringwire-protocol",
    "ringwire-call",
    "ringwire-media",
    "ringwire-signaling",
    "ringwire-peer",
    "ringwire-client",
    "ringwire",
];

const PINS: &str = "cargo update -p mio --precise 1.2.1 && cargo update -p libc --precise 0.2.189";

/// The standard library's source: a folder, or an archive that holds the folder `library`.
const LIBRARY: &str = "RINGWIRE_RUST_LIBRARY";

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&PYTHON];

/// The command.
pub(crate) fn run(house: &House, build_std: bool) -> Result<ExitCode> {
    let mut needed = house.compilers();
    needed.extend(TOOLS);
    apt::ensure(house, &needed)?;
    check(house, build_std)?;
    Ok(ExitCode::SUCCESS)
}

/// The check as a part of `cargo xtask test`.
pub(crate) fn check(house: &House, build_std: bool) -> Result<End> {
    let source = if !build_std && TARGETS.iter().all(|(target, _)| from_rustup(target)) {
        None
    } else {
        Some(library(house)?)
    };
    let kit = kit(house)?;

    let mut last = End::Skipped(String::new());
    for (target, _) in TARGETS {
        let mut command = house.cargo(["check", "--lib", "--target", target]);
        command.args(PACKAGES.iter().flat_map(|package| ["-p", package]));
        command.env("CARGO_TARGET_DIR", house.target("mobile"));
        if let Some(source) = &source {
            // Cargo takes the library from where it is told only under these two names.
            command
                .arg("-Zbuild-std=std,panic_abort")
                .env("RUSTC_BOOTSTRAP", "1")
                .env("__CARGO_TESTS_ONLY_SRC_ROOT", source);
        }
        with_c(&mut command, &kit, target);
        let log = house.target(&format!("xtask/phone--{target}.log"));
        let done = Step::new(&format!("Phone: {target}"), command).run(house);
        if done.is_err()
            && fs::read_to_string(log).is_ok_and(|text| text.contains("could not compile `nix`"))
        {
            println!("      iOS needs other versions in Cargo.lock: {PINS}");
        }
        last = End::Done(done?);
    }
    Ok(last)
}

/// Whether this rustc has the target's standard library, after asking rustup for it.
fn from_rustup(target: &str) -> bool {
    let installed = || {
        tools::ask("rustc", &["--print", "target-libdir", "--target", target])
            .is_some_and(|folder| Path::new(folder.trim()).is_dir())
    };
    installed() || (tools::ask("rustup", &["target", "add", target]).is_some() && installed())
}

/// The folder `library` of the source of this rustc's standard library.
fn library(house: &House) -> Result<PathBuf> {
    let sysroot = tools::ask("rustc", &["--print", "sysroot"]).context("rustc does not answer")?;
    let component = Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library");
    if component.join("std").is_dir() {
        return Ok(component);
    }
    let rustc = tools::ask("rustc", &["--version"]).context("rustc does not answer")?;
    let version = rustc.split_whitespace().nth(1).unwrap_or_default();
    let given = match std::env::var_os(LIBRARY) {
        Some(given) => PathBuf::from(given),
        None => house.path(&format!(
            "../shared/toolchain/rust-{version}-library.tar.zst"
        )),
    };
    if given.join("std").is_dir() {
        return Ok(given);
    }
    if !given.is_file() {
        bail!(
            "no standard library for phones: run: rustup target add {} {}; or set {LIBRARY} to the source of that of Rust {version}",
            TARGETS[0].0,
            TARGETS[1].0
        );
    }
    let folder = house.target(&format!("tools/rust-library-{version}"));
    if !folder.join("library/std/Cargo.toml").is_file() || !folder.join(".unpacked").is_file() {
        apt::ensure(house, &[&ZSTD])?;
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut command = house.command("tar");
        command
            .args(["--zstd", "-xf"])
            .arg(given)
            .arg("-C")
            .arg(&folder);
        Step::new("Phone: unpack the standard library", command).run(house)?;
        house.write(&folder.join(".unpacked"), "")?;
    }
    Ok(folder.join("library"))
}

/// A C compiler and an archiver for each target, and the folders that stand for SDKs.
fn write_kit(house: &House, kit: &Path, zig: &Path) -> Result<()> {
    let cache = house.target("tools/zig-cache");
    let filled = |script: &str, target: &str| {
        script
            .replace("@ZIG@", &zig.to_string_lossy())
            .replace("@CACHE@", &cache.to_string_lossy())
            .replace("@TARGET@", target)
    };
    for (target, zig_target) in TARGETS.iter().chain(&MORE) {
        let cc = filled(include_str!("../mobile/cc.sh"), zig_target);
        write_program(house, &kit.join(format!("cc-{target}")), &cc)?;
        let ld = filled(include_str!("../mobile/ld.sh"), zig_target);
        write_program(house, &kit.join(format!("link-{target}-clang")), &ld)?;
    }
    let ar = filled(include_str!("../mobile/ar.sh"), "");
    write_program(house, &kit.join("ar"), &ar)?;
    let header = include_str!("../mobile/include/os/log.h");
    house.write(&kit.join("include/os/log.h"), header)?;
    fs::create_dir_all(kit.join("sdk")).context("cannot make an empty SDK folder")
}

fn write_program(house: &House, path: &Path, text: &str) -> Result<()> {
    house.write(path, text)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
        .with_context(|| format!("cannot make {} executable", path.display()))
}

/// Lets a build for a phone find a C compiler, a linker and the standard library. What it links is for shape only.
pub(crate) fn with_kit(house: &House, command: &mut Command, target: &str) -> Result<()> {
    if !from_rustup(target) {
        bail!("no standard library for {target}: run: rustup target add {target}");
    }
    with_c(command, &kit(house)?, target);
    Ok(())
}

/// Makes the kit; returns its folder.
fn kit(house: &House) -> Result<PathBuf> {
    let kit = house.target("tools/phone");
    let zig = pins::python(house, "mobile")?.join("python-zig");
    write_kit(house, &kit, &zig)?;
    Ok(kit)
}

/// Tells build scripts which C compiler to take, and rustc which linker.
fn with_c(command: &mut Command, kit: &Path, target: &str) {
    let name = target.replace('-', "_");
    command
        .env(format!("CC_{name}"), kit.join(format!("cc-{target}")))
        .env(format!("AR_{name}"), kit.join("ar"))
        .env(
            format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()),
            kit.join(format!("link-{target}-clang")),
        )
        .env("SDKROOT", kit.join("sdk"));
    if target.ends_with("ios") {
        let include = format!("-I{}", kit.join("include").display());
        command.env(format!("CFLAGS_{name}"), include);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_compiler_scripts_name_zig_and_the_target_and_can_be_run() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let kit = house.target("tools/phone");
        write_kit(&house, &kit, Path::new("/bin/echo")).unwrap();
        let output = Command::new(kit.join("cc-aarch64-apple-ios"))
            .args([
                "--target=arm64-apple-ios",
                "-isysroot",
                "/sdk",
                "-arch",
                "arm64",
            ])
            .args(["-miphoneos-version-min=10.0", "-c", "a file.c"])
            .output()
            .unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            "cc -target aarch64-macos -c a file.c\n"
        );
    }
}
