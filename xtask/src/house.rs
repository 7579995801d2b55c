//! Where things lie in the repository and in `target/`, and how `cargo` is called from here.
//! What is installed on the machine is in `tools`, what comes from package registries in `pins`.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::tools::{CC, CMAKE, Tool};

/// What every build of the workspace's own profile names, whatever it then picks with `--test`, `--bin` or `--doc`: one
/// set of features for all of them, so that no heavy crate is built twice.
pub(crate) const WORKSPACE: [&str; 3] = [
    "--workspace",
    "--features",
    "ringwire/bindgen,ringwire/tested",
];

/// Folder with socket.io and socket.io-client, for tests against Node's own server.
pub(crate) const NODE_MODULES: &str = "RINGWIRE_NODE_MODULES";
/// Folder with the page.
pub(crate) const WEB: &str = "RINGWIRE_WEB";
/// Folder that the gateway serves at `/vendor/`: `socket.io.esm.min.js`.
pub(crate) const WEB_VENDOR: &str = "RINGWIRE_WEB_VENDOR";

/// The folders of this checkout.
#[derive(Debug, Clone)]
pub(crate) struct House {
    root: PathBuf,
}

impl House {
    /// The checkout that this program was started from.
    pub(crate) fn find() -> Result<Self> {
        let here = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        let root = here
            .parent()
            .context("xtask lies in no workspace")?
            .to_path_buf();
        Ok(Self { root })
    }

    #[cfg(test)]
    pub(crate) fn at(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// A file or folder of the repository.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.join(inside)
    }

    /// What `xtask` makes and fetches for itself. Build products are in [`House::built`].
    pub(crate) fn target(&self, inside: &str) -> PathBuf {
        self.root.join("target").join(inside)
    }

    /// A product of `cargo build`; heeds `CARGO_TARGET_DIR`.
    pub(crate) fn built(&self, name: &str) -> PathBuf {
        self.product("debug", name)
    }

    /// The simulator, built for speed.
    pub(crate) fn simulator(&self) -> PathBuf {
        self.product("sim", "ringwire-sim")
    }

    fn product(&self, profile: &str, name: &str) -> PathBuf {
        let target =
            env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.root.join("target"), PathBuf::from);
        self.root.join(target).join(profile).join(name)
    }

    /// `cargo` in the root of the workspace.
    pub(crate) fn cargo<I, S>(&self, args: I) -> Command
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let mut command = self.command("cargo");
        command.args(args);
        command
    }

    /// A program in the root of the workspace. It does not see what `cargo run` told `xtask` about itself,
    /// because build scripts that look at those variables would run again each time.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if name == "CARGO"
                || name.starts_with("CARGO_PKG_")
                || name.starts_with("CARGO_MANIFEST_")
            {
                command.env_remove(&*name);
            }
        }
        command.env("CARGO_TERM_COLOR", "never");
        command
    }

    /// What building needs beside Rust: a C compiler, and cmake if a dependency asks for it.
    pub(crate) fn compilers(&self) -> Vec<&'static Tool> {
        let lock = fs::read_to_string(self.path("Cargo.lock")).unwrap_or_default();
        if lock.lines().any(|line| line == "name = \"cmake\"") {
            vec![&CC, &CMAKE]
        } else {
            vec![&CC]
        }
    }

    /// Writes a file unless it already says this, so that what depends on it is not built again.
    pub(crate) fn write(&self, path: &Path, text: &str) -> Result<()> {
        if fs::read_to_string(path).is_ok_and(|old| old == text) {
            return Ok(());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make {}", folder.display()))?;
        }
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
    }
}
