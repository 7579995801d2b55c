//! The Kotlin part of `cargo xtask test`: the bindings as a library, the Kotlin made from it, both compiled with the
//! programs of `tests/kotlin` into one jar, and the test that runs them on the JVM.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::bindings::Bindings;
use crate::house::{House, NODE_MODULES, WEB, WEB_VENDOR, WORKSPACE};
use crate::rust::some_ran;
use crate::step::Step;
use crate::test::End;
use crate::tools::{ESPEAK, FFMPEG, JAVA, MAVEN, NODE, NPM, Tool};
use crate::{bindings, demo, pins, tools};

/// Class path with the program, the bindings and their jars.
const CLASSPATH: &str = "RINGWIRE_KOTLIN_CLASSPATH";
/// Folder with the bindings' shared library.
const LIBRARY_PATH: &str = "RINGWIRE_KOTLIN_LIBRARY_PATH";
/// The `java` to run.
const JAVA_PROGRAM: &str = "RINGWIRE_JAVA";

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NODE, &NPM, &JAVA, &MAVEN, &FFMPEG, &ESPEAK];

/// Calls from Kotlin to the core's Echo.
pub(crate) fn tests(house: &House) -> Result<End> {
    let bindings = bindings::build(house)?;
    let sources = sources(house, &bindings)?;
    let jars = pins::jars(house)?;
    let app = compile(house, &sources, &jars)?;

    let mut classpath = vec![app];
    classpath.extend(jars);
    let java = tools::locate(&JAVA).context("java is not there")?;
    let mut command = house.cargo(["test", "--test", "kotlin"]);
    command
        .args(WORKSPACE)
        .args(["--", "--test-threads=1"])
        .env(CLASSPATH, joined(&classpath)?)
        .env(LIBRARY_PATH, bindings.folder()?)
        .env(JAVA_PROGRAM, java)
        .env(NODE_MODULES, pins::socket_io(house)?)
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, pins::web_vendor(house)?)
        .envs(demo::programs(TOOLS));
    some_ran(Step::new("Kotlin: calls from the JVM", command).run(house)?)
}

/// The generated files and the programs of `tests/kotlin`, sorted.
fn sources(house: &House, bindings: &Bindings) -> Result<Vec<PathBuf>> {
    let generated = bindings.write(house, "kotlin")?;
    let mut sources = Vec::new();
    for folder in [generated, house.path("tests/kotlin")] {
        let before = sources.len();
        kotlin_files(&folder, &mut sources)?;
        ensure!(sources.len() > before, "no Kotlin in {}", folder.display());
    }
    sources.sort();
    Ok(sources)
}

fn kotlin_files(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
    {
        let path = entry?.path();
        if path.is_dir() {
            kotlin_files(&path, files)?;
        } else if path.extension().is_some_and(|kind| kind == "kt") {
            files.push(path);
        }
    }
    Ok(())
}

/// The jar of all sources. The compiler takes ten seconds, so it runs only when a source, a jar or itself is another.
fn compile(house: &House, sources: &[PathBuf], jars: &[PathBuf]) -> Result<PathBuf> {
    let compiler = pins::kotlinc(house)?;
    let app = house.target("kotlin/app.jar");
    let stamp = house.target("kotlin/app.stamp");
    let wanted = fingerprint(house, sources, jars)?;
    if app.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
        return Ok(app);
    }
    let mut command = house.command("bash");
    command
        .arg(compiler)
        .args(["-nowarn", "-jvm-target", "17", "-cp", &joined(jars)?])
        .args(sources)
        .arg("-d")
        .arg(&app)
        .env("JAVA_OPTS", "-Xmx1g");
    Step::new("Kotlin: compile", command).run(house)?;
    house.write(&stamp, &wanted)?;
    Ok(app)
}

fn fingerprint(house: &House, sources: &[PathBuf], jars: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    jars.hash(&mut hasher);
    let compiler = house.path("xtask/pins/kotlin/package.json");
    for path in sources.iter().chain([&compiler]) {
        path.hash(&mut hasher);
        fs::read(path)
            .with_context(|| format!("cannot read {}", path.display()))?
            .hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn joined(paths: &[PathBuf]) -> Result<String> {
    let joined = std::env::join_paths(paths).context("a path has a colon in it")?;
    Ok(joined.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_changes_with_a_source_and_with_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        house
            .write(&house.path("xtask/pins/kotlin/package.json"), "{}")
            .unwrap();
        let source = house.path("tests/kotlin/Main.kt");
        let print = |text: &str| {
            house.write(&source, text).unwrap();
            fingerprint(&house, std::slice::from_ref(&source), &[]).unwrap()
        };
        let first = print("fun main() {}");
        assert_eq!(first, print("fun main() {}"));
        assert_ne!(first, print("fun main() { }"));
    }
}
