//! Tools and jars from package registries, at the versions that `xtask/pins` names, kept in `target/tools`.
//! Each is fetched once: a stamp beside it holds the pins that it was made from.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::house::House;
use crate::step::Step;

/// Pinned, because Maven's own default changes with Maven.
const COPY_JARS: &str = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy-dependencies";

/// What of JNA's archive goes into an app for an arm64 phone.
const JNA_ANDROID: [&str; 2] = ["jni/arm64-v8a/libjnidispatch.so", "classes.jar"];

/// socket.io and socket.io-client: the path of their `node_modules`.
pub(crate) fn socket_io(house: &House) -> Result<PathBuf> {
    npm(house, "npm", "npm packages: socket.io")
}

/// The folder that the gateway serves at `/vendor/`: the browser's half of socket.io.
pub(crate) fn web_vendor(house: &House) -> Result<PathBuf> {
    let dist = socket_io(house)?.join("socket.io-client/dist");
    let vendor = house.target("web-vendor");
    for name in ["socket.io.esm.min.js", "socket.io.esm.min.js.map"] {
        let from = dist.join(name);
        let text =
            fs::read_to_string(&from).with_context(|| format!("cannot read {}", from.display()))?;
        house.write(&vendor.join(name), &text)?;
    }
    Ok(vendor)
}

/// The Kotlin compiler: the path of `kotlinc`, a bash script.
pub(crate) fn kotlinc(house: &House) -> Result<PathBuf> {
    let modules = npm(house, "kotlin", "npm packages: the Kotlin compiler")?;
    Ok(modules.join("kotlin-compiler/bin/kotlinc"))
}

/// The jars that Kotlin bindings run with, sorted.
pub(crate) fn jars(house: &House) -> Result<Vec<PathBuf>> {
    let pom = house.path("xtask/pins/kotlin/pom.xml");
    let folder = house.target("tools/maven");
    once(house, &folder, std::slice::from_ref(&pom), || {
        copy_dependencies(house, "Maven: the jars for Kotlin", &pom, &folder, &[])
    })?;
    let mut jars = Vec::new();
    for entry in
        fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "jar") {
            jars.push(path);
        }
    }
    jars.sort();
    Ok(jars)
}

/// What JNA adds to an app on an arm64 phone: its native library and its classes.
pub(crate) fn jna_android(house: &House) -> Result<Vec<PathBuf>> {
    let pom = house.path("xtask/pins/android/pom.xml");
    let folder = house.target("tools/jna-android");
    once(house, &folder, std::slice::from_ref(&pom), || {
        let unversioned = ["-Dmdep.stripVersion=true"];
        copy_dependencies(house, "Maven: JNA for Android", &pom, &folder, &unversioned)?;
        let mut command = house.command("jar");
        command
            .args(["xf", "jna.aar"])
            .args(JNA_ANDROID)
            .current_dir(&folder);
        Step::new("JNA for Android: unpack", command).run(house)?;
        Ok(())
    })?;
    Ok(JNA_ANDROID.iter().map(|file| folder.join(file)).collect())
}

/// What a pom names, with all that it needs, into a folder.
fn copy_dependencies(
    house: &House,
    name: &str,
    pom: &Path,
    folder: &Path,
    more: &[&str],
) -> Result<()> {
    let mut command = house.command("mvn");
    command
        .args(["--batch-mode", "--no-transfer-progress", "--file"])
        .arg(pom)
        .arg(COPY_JARS)
        .args(more)
        .arg(format!("-DoutputDirectory={}", folder.display()));
    Step::new(name, command).run(house)?;
    Ok(())
}

/// The tools named in `xtask/pins/python/SET.txt`: the folder with their programs.
pub(crate) fn python(house: &House, set: &str) -> Result<PathBuf> {
    let list = house.path(&format!("xtask/pins/python/{set}.txt"));
    let venv = house.target(&format!("tools/python-{set}"));
    let programs = venv.join("bin");
    once(house, &venv, std::slice::from_ref(&list), || {
        let mut command = house.command("python3");
        command.args(["-m", "venv"]).arg(&venv);
        Step::new(&format!("Python environment: {set}"), command).run(house)?;
        let mut command = house.command(programs.join("python"));
        command
            .args([
                "-m",
                "pip",
                "install",
                "--disable-pip-version-check",
                "--no-input",
            ])
            .args(["--only-binary", ":all:", "--requirement"])
            .arg(&list);
        Step::new(&format!("Python packages: {set}"), command).run(house)?;
        Ok(())
    })?;
    Ok(programs)
}

fn npm(house: &House, set: &str, name: &str) -> Result<PathBuf> {
    let pins = house.path(&format!("xtask/pins/{set}"));
    let folder = house.target(&format!("tools/{set}"));
    let files = [pins.join("package.json"), pins.join("package-lock.json")];
    once(house, &folder, &files, || {
        for file in &files {
            let name = file.file_name().context("a pin has a name")?;
            fs::copy(file, folder.join(name))
                .with_context(|| format!("cannot copy {}", file.display()))?;
        }
        let mut command = house.command("npm");
        command
            .args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--loglevel=error",
            ])
            .current_dir(&folder);
        Step::new(name, command).run(house)?;
        Ok(())
    })?;
    Ok(folder.join("node_modules"))
}

/// Fills `folder` with `fill` unless its stamp says that it was filled from the very same pins.
/// Two runs at once take turns.
fn once(
    house: &House,
    folder: &Path,
    pins: &[PathBuf],
    fill: impl FnOnce() -> Result<()>,
) -> Result<()> {
    let mut wanted = String::new();
    for pin in pins {
        wanted +=
            &fs::read_to_string(pin).with_context(|| format!("cannot read {}", pin.display()))?;
    }
    let stamp = folder.join(".pins");
    let filled = || fs::read_to_string(&stamp).is_ok_and(|text| text == wanted);
    if filled() {
        return Ok(());
    }
    let tools = house.target("tools");
    fs::create_dir_all(&tools).with_context(|| format!("cannot make {}", tools.display()))?;
    let lock = File::create(tools.join(".lock")).context("cannot make the lock of target/tools")?;
    lock.lock().context("cannot lock target/tools")?;
    if filled() {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    fill()?;
    house.write(&stamp, &wanted)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_folder_is_filled_once_for_the_same_pins_and_again_for_others() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let pin = place.path().join("pin");
        let folder = house.target("tools/some");
        let fills = Cell::new(0);
        let fill = || {
            once(&house, &folder, std::slice::from_ref(&pin), || {
                fills.set(fills.get() + 1);
                Ok(())
            })
            .unwrap();
        };
        fs::write(&pin, "one").unwrap();
        fill();
        fill();
        assert_eq!(fills.get(), 1);
        fs::write(&pin, "two").unwrap();
        fill();
        assert_eq!(fills.get(), 2);
    }

    #[test]
    fn a_fill_that_failed_leaves_no_stamp() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let pin = place.path().join("pin");
        fs::write(&pin, "one").unwrap();
        let folder = house.target("tools/some");
        let failed = once(&house, &folder, std::slice::from_ref(&pin), || {
            anyhow::bail!("no")
        });
        assert!(failed.is_err());
        assert!(!folder.join(".pins").exists());
    }

    #[test]
    fn the_lock_files_name_no_registry() {
        let house = House::find().unwrap();
        for set in ["npm", "kotlin"] {
            let lock =
                fs::read_to_string(house.path(&format!("xtask/pins/{set}/package-lock.json")))
                    .unwrap();
            assert!(!lock.contains("\"resolved\""), "{set}");
        }
    }
}
