//! The Kotlin part of `cargo xtask test`: the bindings as a library, the Kotlin made from it, both compiled with the
//! programs of `tests/kotlin` into one jar, and the test that runs them on the JVM.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::house::{House, NODE_MODULES, WEB, WEB_VENDOR, WORKSPACE};
use crate::rust::some_ran;
use crate::step::Step;
use crate::test::End;
use crate::tools::{ESPEAK, FFMPEG, JAVA, MAVEN, NODE, NPM, Tool};
use crate::{demo, pins, tools};

/// Class path with the program, the bindings and their jars.
const CLASSPATH: &str = "RINGWIRE_KOTLIN_CLASSPATH";
/// Folder with the bindings' shared library.
const LIBRARY_PATH: &str = "RINGWIRE_KOTLIN_LIBRARY_PATH";
/// The `java` to run.
const JAVA_PROGRAM: &str = "RINGWIRE_JAVA";

/// The bindings' package and its program that writes Kotlin.
const PACKAGE: &str = "ringwire";
const BINDGEN: &str = "uniffi-bindgen";

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NODE, &NPM, &JAVA, &MAVEN, &FFMPEG, &ESPEAK];

/// Calls from Kotlin to the core's Echo.
pub(crate) fn tests(house: &House) -> Result<End> {
    let bindings = build(house)?;
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
        .env(LIBRARY_PATH, folder_of(&bindings.library)?)
        .env(JAVA_PROGRAM, java)
        .env(NODE_MODULES, pins::socket_io(house)?)
        .env(WEB, house.path("web"))
        .env(WEB_VENDOR, pins::web_vendor(house)?)
        .envs(demo::programs(TOOLS));
    some_ran(Step::new("Kotlin: calls from the JVM", command).run(house)?)
}

/// What `cargo build` makes of the bindings.
struct Bindings {
    library: PathBuf,
    bindgen: PathBuf,
    folder: PathBuf,
}

fn build(house: &House) -> Result<Bindings> {
    let metadata = house
        .cargo(["metadata", "--no-deps", "--format-version", "1"])
        .output()
        .context("cannot start cargo")?;
    let metadata: Value =
        serde_json::from_slice(&metadata.stdout).context("cargo metadata gave no JSON")?;
    let found = find(&metadata)?;
    // The libraries of all, because a choice of packages is another set of features.
    let mut command = house.cargo(["build", "--lib", "--bin", BINDGEN]);
    command.args(WORKSPACE);
    Step::new("Kotlin: build the bindings", command).run(house)?;
    Ok(Bindings {
        library: house.built(&format!("lib{}.so", found.library)),
        bindgen: house.built(BINDGEN),
        folder: found.folder,
    })
}

/// What the manifest of the bindings says.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    library: String,
    folder: PathBuf,
}

fn find(metadata: &Value) -> Result<Found> {
    let list = |value: &Value| -> Vec<Value> { value.as_array().cloned().unwrap_or_default() };
    let package = list(&metadata["packages"])
        .into_iter()
        .find(|package| package["name"] == PACKAGE)
        .with_context(|| format!("the workspace has no package {PACKAGE}"))?;
    let targets = list(&package["targets"]);
    let library = targets
        .iter()
        .find(|target| list(&target["kind"]).iter().any(|kind| kind == "cdylib"))
        .with_context(|| format!("{PACKAGE} builds no shared library"))?;
    ensure!(
        targets.iter().any(|target| target["name"] == BINDGEN),
        "{PACKAGE} has no program {BINDGEN}"
    );
    let manifest = Path::new(package["manifest_path"].as_str().unwrap_or_default());
    Ok(Found {
        library: library["name"]
            .as_str()
            .unwrap_or_default()
            .replace('-', "_"),
        folder: folder_of(manifest)?.to_path_buf(),
    })
}

/// The generated files and the programs of `tests/kotlin`, sorted.
fn sources(house: &House, bindings: &Bindings) -> Result<Vec<PathBuf>> {
    let generated = house.target("kotlin/generated");
    if generated.exists() {
        fs::remove_dir_all(&generated)
            .with_context(|| format!("cannot clear {}", generated.display()))?;
    }
    let mut command = house.command(&bindings.bindgen);
    command
        .arg("generate")
        .arg(&bindings.library)
        .args(["--language", "kotlin", "--no-format", "--out-dir"])
        .arg(&generated)
        .current_dir(&bindings.folder);
    let config = house.path("uniffi.toml");
    if config.exists() {
        command.arg("--config").arg(config);
    }
    Step::new("Kotlin: write the bindings", command).run(house)?;
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

fn folder_of(path: &Path) -> Result<&Path> {
    path.parent()
        .with_context(|| format!("{} is in no folder", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn metadata(targets: &Value) -> Value {
        json!({ "packages": [
            { "name": "other", "targets": [], "manifest_path": "/x/other/Cargo.toml" },
            { "name": "ringwire", "targets": targets, "manifest_path": "/x/bindings/Cargo.toml" },
        ]})
    }

    #[test]
    fn the_library_and_the_folder_come_from_the_manifest() {
        let targets = json!([
            { "name": "ring-wire", "kind": ["lib", "cdylib"] },
            { "name": "uniffi-bindgen", "kind": ["bin"], "required-features": ["bindgen"] },
        ]);
        assert_eq!(
            find(&metadata(&targets)).unwrap(),
            Found {
                library: "ring_wire".to_owned(),
                folder: PathBuf::from("/x/bindings"),
            }
        );
    }

    #[test]
    fn a_manifest_without_a_shared_library_is_an_error_that_says_so() {
        let targets = json!([{ "name": "ringwire", "kind": ["lib"] }]);
        let error = find(&metadata(&targets)).unwrap_err();
        assert_eq!(error.to_string(), "ringwire builds no shared library");
    }

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
