//! The Kotlin part of `cargo xtask test`: the bindings as a library, the Kotlin made from it as one jar, the skin, the
//! tests and the program of `docs/kotlin.md` as another, and JUnit, which runs them beside a gateway and Echo.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::bindings::Bindings;
use crate::house::House;
use crate::rust::some_ran;
use crate::step::Step;
use crate::test::End;
use crate::tools::{ESPEAK, FFMPEG, JAVA, MAVEN, NODE, NPM, Tool};
use crate::{bindings, demo, pins, tools};

/// What the part runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NODE, &NPM, &JAVA, &MAVEN, &FFMPEG, &ESPEAK];

/// The log of the tests, in `target/xtask`.
pub(crate) const LOG: &str = "kotlin--tests-on-the-jvm.log";
/// Runs a command beside a gateway and Echo.
const LAB: &str = "ringwire-lab";
/// JUnit's own main class.
const JUNIT: &str = "org.junit.platform.console.ConsoleLauncher";
/// No test may hang, nor one that waits inside the core, which no interrupt ends.
const JUPITER: &str = "junit.jupiter.execution.timeout";
const LIMITS: [(&str, &str); 2] = [
    ("default", "5 m"),
    ("thread.mode.default", "SEPARATE_THREAD"),
];
/// The page with the program, and how a block that is part of it begins.
const PAGE: &str = "docs/kotlin.md";
const BLOCK: &str = "```kotlin program";
/// A heap of one size, so that what grows is not Java's.
const HEAP: [&str; 4] = [
    "-Xms256m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:+AlwaysPreTouch",
];

/// All Kotlin, compiled.
pub(crate) struct App {
    /// The skin, the tests and their programs.
    jar: PathBuf,
    /// With all that it needs.
    classpath: String,
    /// The `java` to run.
    java: PathBuf,
}

/// Everything in Kotlin that calls something.
pub(crate) fn tests(house: &House) -> Result<End> {
    tests_with(house, &bindings::build(house)?)
}

/// The same with this library.
pub(crate) fn tests_with(house: &House, bindings: &Bindings) -> Result<End> {
    let app = build(house, bindings)?;
    let mut java = app.run(bindings, JUNIT)?;
    java.args(["execute", "--disable-banner", "--disable-ansi-colors"])
        .args(["--details=tree", "--fail-if-no-tests"])
        .args(LIMITS.map(|(name, value)| format!("--config={JUPITER}.{name}={value}")))
        .arg(format!("--scan-classpath={}", app.jar.display()));
    let mut command = house.command(house.built(LAB));
    command
        .arg(java.get_program())
        .args(java.get_args())
        .envs(demo::programs(TOOLS));
    some_ran(Step::new("Kotlin: tests on the JVM", command).run(house)?)
}

/// Makes and compiles all Kotlin.
pub(crate) fn build(house: &House, bindings: &Bindings) -> Result<App> {
    let generated = bindings.write(house, "kotlin")?;
    let jars = pins::jars(house)?;
    let bound = Jar {
        name: "bindings",
        options: &["-nowarn"],
        sources: sources(&[generated])?,
        classpath: jars.clone(),
    };
    let bound = bound.compile(house)?;
    // The skin is of one module with what UniFFI wrote, in what ships.
    let friend = format!("-Xfriend-paths={}", bound.display());
    let mut classpath = vec![bound];
    classpath.extend(jars);
    let app = Jar {
        name: "app",
        options: &["-Werror", &friend],
        sources: sources(&[
            house.path("bindings/kotlin"),
            house.path("tests/kotlin"),
            program(house)?,
        ])?,
        classpath: classpath.clone(),
    };
    let jar = app.compile(house)?;
    classpath.insert(0, jar.clone());
    Ok(App {
        jar,
        classpath: joined(&classpath)?,
        java: tools::locate(&JAVA).context("java is not there")?,
    })
}

impl App {
    /// Java with a main class of the app, such as `BenchKt`.
    pub(crate) fn run(&self, bindings: &Bindings, main: &str) -> Result<Command> {
        let library = bindings.folder()?;
        let mut command = Command::new(&self.java);
        command
            .args(HEAP)
            .arg(format!("-Djna.library.path={}", library.display()))
            .args(["-cp", &self.classpath, main]);
        Ok(command)
    }
}

/// Sources that are compiled together.
struct Jar<'a> {
    name: &'a str,
    options: &'a [&'a str],
    sources: Vec<PathBuf>,
    classpath: Vec<PathBuf>,
}

impl Jar<'_> {
    /// The compiler takes ten seconds, so it runs only when a source, a jar or itself is another.
    fn compile(&self, house: &House) -> Result<PathBuf> {
        let compiler = pins::kotlinc(house)?;
        let jar = house.target(&format!("kotlin/{}.jar", self.name));
        let stamp = jar.with_extension("stamp");
        let wanted = self.fingerprint(house)?;
        if jar.exists() && fs::read_to_string(&stamp).is_ok_and(|text| text == wanted) {
            return Ok(jar);
        }
        let mut command = house.command("bash");
        command
            .arg(compiler)
            .args(self.options)
            .args(["-jvm-target", "17", "-cp", &joined(&self.classpath)?])
            .args(&self.sources)
            .arg("-d")
            .arg(&jar)
            .env("JAVA_OPTS", "-Xmx1g");
        Step::new(&format!("Kotlin: compile {}", self.name), command).run(house)?;
        house.write(&stamp, &wanted)?;
        Ok(jar)
    }

    /// Of all that goes in. A jar stands for what is in it by its name, or, when it is ours, by its stamp.
    fn fingerprint(&self, house: &House) -> Result<String> {
        let mut hasher = DefaultHasher::new();
        self.options.hash(&mut hasher);
        for jar in &self.classpath {
            jar.hash(&mut hasher);
            let stamp = fs::read(jar.with_extension("stamp"));
            stamp.unwrap_or_default().hash(&mut hasher);
        }
        let compiler = house.path("xtask/pins/kotlin/package.json");
        for path in self.sources.iter().chain([&compiler]) {
            path.hash(&mut hasher);
            fs::read(path)
                .with_context(|| format!("cannot read {}", path.display()))?
                .hash(&mut hasher);
        }
        Ok(format!("{:016x}", hasher.finish()))
    }
}

/// The Kotlin files in these folders, sorted.
fn sources(folders: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for folder in folders {
        let before = sources.len();
        kotlin_files(folder, &mut sources)?;
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

/// Writes the program of the page into a folder of its own; returns that.
fn program(house: &House) -> Result<PathBuf> {
    let page = fs::read_to_string(house.path(PAGE)).with_context(|| format!("no {PAGE}"))?;
    let folder = house.target("kotlin/program");
    house.write(&folder.join("Program.kt"), &blocks(&page)?)?;
    Ok(folder)
}

/// The lines of all blocks of the program, in their order.
fn blocks(page: &str) -> Result<String> {
    let mut program = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line {
            BLOCK => inside = true,
            "```" => inside = false,
            _ if inside => program += &format!("{line}\n"),
            _ => {}
        }
    }
    ensure!(!program.is_empty(), "{PAGE} has no block {BLOCK}");
    Ok(program)
}

fn joined(paths: &[PathBuf]) -> Result<String> {
    let joined = std::env::join_paths(paths).context("a path has a colon in it")?;
    Ok(joined.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_changes_with_a_source_or_a_jar_of_ours_and_with_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        house
            .write(&house.path("xtask/pins/kotlin/package.json"), "{}")
            .unwrap();
        let source = house.path("tests/kotlin/Main.kt");
        let ours = house.target("kotlin/bindings.jar");
        let print = |text: &str, stamp: &str| {
            house.write(&source, text).unwrap();
            house.write(&ours.with_extension("stamp"), stamp).unwrap();
            let jar = Jar {
                name: "app",
                options: &[],
                sources: vec![source.clone()],
                classpath: vec![ours.clone()],
            };
            jar.fingerprint(&house).unwrap()
        };
        let first = print("fun main() {}", "1");
        assert_eq!(first, print("fun main() {}", "1"));
        assert_ne!(first, print("fun main() { }", "1"));
        assert_ne!(first, print("fun main() {}", "2"));
    }

    #[test]
    fn the_program_of_a_page_is_its_marked_blocks() {
        let page = "# A\n```kotlin program\nfun a() = 1\n```\n```kotlin\nno\n```\n```kotlin program\n\nb\n```\n";
        assert_eq!(blocks(page).unwrap(), "fun a() = 1\n\nb\n");
        assert!(blocks("```kotlin\nno\n```\n").is_err());
    }
}
