//! The bindings as a library, and the Kotlin and Swift sources that are made from it.

use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::house::{House, WORKSPACE};
use crate::step::Step;

/// The program that writes the sources, and the folder that it runs in: there it finds the manifest.
const BINDGEN: &str = "uniffi-bindgen";
const FOLDER: &str = "bindings";

/// The shared library, as the tests use it.
pub(crate) struct Bindings {
    /// Its path.
    pub(crate) library: PathBuf,
}

/// Builds the library and the program that writes the sources.
pub(crate) fn build(house: &House) -> Result<Bindings> {
    // The libraries of all, because a choice of packages is another set of features; the programs that tests run too.
    let mut command = house.cargo(["build", "--lib", "--bins"]);
    command.args(WORKSPACE);
    Step::new("Bindings: build the library", command).run(house)?;
    let library = house.built(&format!("{DLL_PREFIX}ringwire{DLL_SUFFIX}"));
    Ok(Bindings { library })
}

impl Bindings {
    /// Writes the sources of a language, `kotlin` or `swift`, into a folder that then holds nothing else; returns it.
    pub(crate) fn write(&self, house: &House, language: &str) -> Result<PathBuf> {
        let generated = house.target(&format!("{language}/generated"));
        if generated.exists() {
            fs::remove_dir_all(&generated)
                .with_context(|| format!("cannot clear {}", generated.display()))?;
        }
        let mut command = house.command(house.built(BINDGEN));
        command
            .arg("generate")
            .arg(&self.library)
            .args(["--language", language, "--no-format", "--out-dir"])
            .arg(&generated)
            .arg("--config")
            .arg(house.path("uniffi.toml"))
            .current_dir(house.path(FOLDER));
        Step::new(&format!("Bindings: write the {language} sources"), command).run(house)?;
        Ok(generated)
    }

    /// The folder of the library.
    pub(crate) fn folder(&self) -> Result<&Path> {
        self.library.parent().context("the library lies nowhere")
    }
}
