//! The Swift part of `cargo xtask test`: the package with the bindings, and the tests and programs of `tests/swift`,
//! compiled and run beside a gateway and Echo. Where the compiler comes from is in `swift_tools`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::bindings::{self, Bindings};
use crate::house::House;
use crate::rust::some_ran;
use crate::step::Step;
use crate::swift_tools::{Found, Swift};
use crate::test::End;
use crate::tools::{ESPEAK, FFMPEG, Tool};
use crate::{demo, swift_tools};

/// What the part runs with, beside the compiler.
pub(crate) const TOOLS: &[&Tool] = &[&FFMPEG, &ESPEAK];

/// The program whose lines the page of Swift shows.
const PAGE: &str = "docs/swift.md";
const SHOWN: &str = "Sources/CallEcho/main.swift";

/// All tests, with the real library, against the real gateway.
pub(crate) fn tests(house: &House) -> Result<End> {
    tests_with(house, &bindings::build(house)?)
}

/// The log of the tests, in `target/xtask`.
pub(crate) const LOG: &str = "swift--tests.log";

/// The same with this library.
pub(crate) fn tests_with(house: &House, bindings: &Bindings) -> Result<End> {
    let swift = match swift_tools::find(house)? {
        Found::Here(swift) => swift,
        Found::Not(why) => return Ok(End::Skipped(why)),
    };
    let built = Built::new(house, swift, bindings, Speed::Debug)?;
    let mut command = house.command(house.built("ringwire-lab"));
    let run = built.swift(house, ["test", "--skip-build"])?;
    command
        .arg(run.get_program())
        .args(run.get_args())
        .envs(demo::programs(TOOLS));
    some_ran(Step::new("Swift: tests", command).run(house)?)
}

/// How the Swift code is compiled; Rust's is as it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speed {
    Debug,
    Release,
}

/// The package of the bindings and the package of tests and programs beside it, compiled.
pub(crate) struct Built {
    swift: Swift,
    folder: PathBuf,
    speed: Speed,
    /// Where the shared library really lies.
    library: PathBuf,
}

impl Built {
    /// Assembles and compiles both.
    pub(crate) fn new(
        house: &House,
        swift: Swift,
        bindings: &Bindings,
        speed: Speed,
    ) -> Result<Self> {
        let folder = match speed {
            Speed::Debug => house.target("swift"),
            Speed::Release => house.target("swift/release"),
        };
        let built = Self {
            swift,
            folder,
            speed,
            library: bindings.folder()?.to_path_buf(),
        };
        built.assemble(house, bindings)?;
        built.forget_other_face(house)?;
        let command = match speed {
            Speed::Debug => built.swift(house, ["build", "--build-tests"])?,
            Speed::Release => built.swift(house, ["build", "--product=Bench"])?,
        };
        Step::new("Swift: compile", command).run(house)?;
        Ok(built)
    }

    /// Swift 6.0 leaves programs as they are when a record of the module that they use has changed, and they crash: what
    /// was compiled against another face goes.
    fn forget_other_face(&self, house: &House) -> Result<()> {
        let face = self.folder.join("package/Sources/Ringwire/Ringwire.swift");
        let face = fs::read_to_string(&face).context("the generated Swift is gone")?;
        let build = self.folder.join("build");
        let compiled_for = build.join("ringwire-face.swift");
        if build.exists() && !fs::read_to_string(&compiled_for).is_ok_and(|old| old == face) {
            fs::remove_dir_all(&build)
                .with_context(|| format!("cannot clear {}", build.display()))?;
        }
        house.write(&compiled_for, &face)
    }

    /// The command that runs a program of `tests/swift`, such as `Between`.
    pub(crate) fn program(&self, house: &House, name: &str, args: &[&str]) -> Result<Command> {
        let profile = match self.speed {
            Speed::Debug => "debug",
            Speed::Release => "release",
        };
        let program = self.folder.join("build").join(profile).join(name);
        self.swift
            .command(house, &self.folder, &self.places(house), program, args)
    }

    /// Writes what both packages consist of, and leaves alone what is there already.
    fn assemble(&self, house: &House, bindings: &Bindings) -> Result<()> {
        let generated = bindings.write(house, "swift")?;
        let mut package = Files::under(&house.path("bindings/swift"))?;
        let text = |name: &str| {
            fs::read_to_string(generated.join(name)).with_context(|| format!("no {name} was made"))
        };
        package.add("Sources/Ringwire/Ringwire.swift", text("Ringwire.swift")?);
        package.add("Sources/RingwireFFI/RingwireFFI.h", text("RingwireFFI.h")?);
        package.write(house, &self.folder.join("package"))?;
        link(&self.library, &self.folder.join("package/lib"))?;

        let mut tests = Files::under(&house.path("tests/swift"))?;
        let page = fs::read_to_string(house.path(PAGE)).context("the page of Swift is gone")?;
        tests.add(SHOWN, program_of(&page)?);
        tests.write(house, &self.folder.join("tests"))
    }

    fn swift<const N: usize>(&self, house: &House, args: [&str; N]) -> Result<Command> {
        let folder = self.folder.join("tests");
        let mut all = args.map(str::to_owned).to_vec();
        // Its own sandbox needs rights that a container seldom has.
        all.push("--disable-sandbox".to_owned());
        if self.speed == Speed::Release {
            all.extend(["--configuration", "release"].map(str::to_owned));
        }
        for (name, place) in [("--scratch-path", "build"), ("--cache-path", "cache")] {
            all.push(name.to_owned());
            all.push(self.folder.join(place).to_string_lossy().into_owned());
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        self.swift
            .command(house, &folder, &self.places(house), "swift".into(), &all)
    }

    /// What must be there under its own path wherever a command runs.
    fn places(&self, house: &House) -> Vec<PathBuf> {
        let mut places = vec![house.path("")];
        if !self.library.starts_with(house.path("")) {
            places.push(self.library.clone());
        }
        places
    }
}

/// The text files of a package, by their paths in it.
struct Files(Vec<(PathBuf, String)>);

impl Files {
    fn under(root: &Path) -> Result<Self> {
        let mut files = Self(Vec::new());
        files.collect(root, root)?;
        Ok(files)
    }

    fn collect(&mut self, root: &Path, folder: &Path) -> Result<()> {
        let list =
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in list {
            let path = entry?.path();
            if path.is_dir() {
                self.collect(root, &path)?;
            } else {
                let text = fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                self.0.push((path.strip_prefix(root)?.to_path_buf(), text));
            }
        }
        Ok(())
    }

    fn add(&mut self, path: &str, text: String) {
        self.0.push((PathBuf::from(path), text));
    }

    /// Makes `folder/Sources`, `folder/Tests` and the manifest these files and no others.
    fn write(&self, house: &House, folder: &Path) -> Result<()> {
        for (path, text) in &self.0 {
            house.write(&folder.join(path), text)?;
        }
        for inside in ["Sources", "Tests"] {
            let inside = folder.join(inside);
            if inside.exists() {
                self.clear(folder, &inside)?;
            }
        }
        Ok(())
    }

    fn clear(&self, root: &Path, folder: &Path) -> Result<()> {
        for entry in
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let path = entry?.path();
            if path.is_dir() {
                self.clear(root, &path)?;
            } else if !self.0.iter().any(|(ours, _)| root.join(ours) == path) {
                fs::remove_file(&path)
                    .with_context(|| format!("cannot remove {}", path.display()))?;
            }
        }
        Ok(())
    }
}

/// Makes `link` a symbolic link to `target`.
fn link(target: &Path, link: &Path) -> Result<()> {
    if fs::read_link(link).is_ok_and(|old| old == target) {
        return Ok(());
    }
    if link.symlink_metadata().is_ok() {
        fs::remove_file(link).with_context(|| format!("cannot remove {}", link.display()))?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(target, link)
        .with_context(|| format!("cannot make {}", link.display()))?;
    Ok(())
}

/// The lines of all blocks of a page that are marked as `swift program`.
fn program_of(page: &str) -> Result<String> {
    let mut program = String::new();
    let mut inside = false;
    for line in page.lines() {
        match line.trim_end() {
            "```swift program" => inside = true,
            "```" => inside = false,
            _ if inside => {
                program += line;
                program.push('\n');
            }
            _ => {}
        }
    }
    anyhow::ensure!(!program.is_empty(), "{PAGE} shows no program");
    Ok(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_of_a_page_is_what_is_marked_as_such() {
        let page = "# A\n```sh\nls\n```\n```swift\nlet no = 0\n```\n\
                    ```swift program\nlet a = 1\n```\nmore\n```swift program\nprint(a)\n```\n";
        assert_eq!(program_of(page).unwrap(), "let a = 1\nprint(a)\n");
        assert!(program_of("nothing").is_err());
    }

    #[test]
    fn a_package_holds_its_files_and_no_old_ones() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let ours = house.path("ours");
        house.write(&ours.join("Package.swift"), "p").unwrap();
        house.write(&ours.join("Sources/A/a.swift"), "a").unwrap();
        let made = house.path("made");
        house.write(&made.join("Sources/A/old.swift"), "o").unwrap();
        house.write(&made.join("lib/kept"), "k").unwrap();
        let mut files = Files::under(&ours).unwrap();
        files.add("Sources/A/b.swift", "b".into());
        files.write(&house, &made).unwrap();
        let mut there: Vec<_> = Files::under(&made).unwrap().0;
        there.sort();
        let names: Vec<_> = there
            .iter()
            .map(|(path, _)| path.to_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "Package.swift",
                "Sources/A/a.swift",
                "Sources/A/b.swift",
                "lib/kept"
            ]
        );
    }
}
