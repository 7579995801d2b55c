//! The bindings as a library, and the Kotlin and Swift sources that are made from it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::house::{House, WORKSPACE};
use crate::step::Step;
use crate::tune;

/// The program that writes the sources, and the folder that it runs in: there it finds the manifest.
const BINDGEN: &str = "uniffi-bindgen";
const FOLDER: &str = "bindings";
/// Where the Kotlin is, in the folder of the sources.
const KOTLIN: &str = "dev/ringwire/ringwire.kt";
/// Where the Swift is.
const SWIFT: &str = "Ringwire.swift";

/// The shared library, as the tests use it.
pub(crate) struct Bindings {
    /// Its path.
    pub(crate) library: PathBuf,
}

/// Builds the library and the program that writes the sources.
pub(crate) fn build(house: &House) -> Result<Bindings> {
    build_with(house, &[])
}

/// The same, and each call of the library prints its name.
pub(crate) fn build_traced(house: &House) -> Result<Bindings> {
    build_with(house, &["--features", "ringwire/traced"])
}

fn build_with(house: &House, more: &[&str]) -> Result<Bindings> {
    // The libraries of all, because a choice of packages is another set of features; the programs that tests run too.
    let mut command = house.cargo(["build", "--lib", "--bins"]);
    command.args(WORKSPACE).args(more);
    Step::new("Bindings: build the library", command).run(house)?;
    let library = house.built(&format!("{DLL_PREFIX}ringwire{DLL_SUFFIX}"));
    Ok(Bindings { library })
}

impl Bindings {
    /// Writes the sources of a language, `kotlin` or `swift`, into a folder that then holds nothing else; returns it.
    pub(crate) fn write(&self, house: &House, language: &str) -> Result<PathBuf> {
        let generated = house.target(&format!("{language}/generated"));
        generate(house, &self.library, language, &generated)?;
        Ok(generated)
    }

    /// The folder of the library.
    pub(crate) fn folder(&self) -> Result<&Path> {
        self.library.parent().context("the library lies nowhere")
    }
}

/// Builds the program that writes the sources, and no more.
pub(crate) fn program(house: &House) -> Result<()> {
    let mut command = house.cargo(["build", "--bin", BINDGEN]);
    command.args(WORKSPACE);
    Step::new("Bindings: build the program that writes them", command).run(house)?;
    Ok(())
}

/// Writes the sources of a language that go with a library into a folder that then holds nothing else.
pub(crate) fn generate(house: &House, library: &Path, language: &str, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    let mut command = house.command(house.built(BINDGEN));
    command
        .arg("generate")
        .arg(library)
        .args(["--language", language, "--no-format", "--out-dir"])
        .arg(folder)
        .arg("--config")
        .arg(house.path("uniffi.toml"))
        .current_dir(house.path(FOLDER));
    Step::new(&format!("Bindings: write the {language} sources"), command).run(house)?;
    let (file, tune): (_, fn(&str) -> Result<String>) = match language {
        "kotlin" => (KOTLIN, tune::kotlin),
        _ => (SWIFT, tune::swift),
    };
    let file = folder.join(file);
    let source =
        fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    house.write(&file, &tune(&source)?)?;
    Ok(())
}
