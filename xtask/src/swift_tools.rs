//! Swift 6: the machine's own, or Debian's in a folder that is made for it once and that commands enter with mounts of
//! their own. The folder outlives the checkout.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::house::House;
use crate::step::Step;
use crate::tools::{DEBOOTSTRAP, SWIFT};
use crate::{apt, tools};

/// The release of Debian that brings Swift 6, and what of it.
const SUITE: &str = "trixie";
const PACKAGES: &str = "swiftlang,swiftlang-dev,g++,libc6-dev,libstdc++-14-dev";
/// Another mirror than apt's own, for machines that are no Debian.
const MIRROR: &str = "RINGWIRE_DEBIAN_MIRROR";

/// Mounts what must be seen inside, and goes there. Arguments: the folder, where to run, the places, `--`, the command.
const ENTER: &str = r#"set -e
root=$1 dir=$2
shift 2
mount -t tmpfs tmpfs "$root/tmp"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$1"
    mount --rbind "$1" "$root$1"
    shift
done
shift
exec chroot "$root" /usr/bin/env HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    sh -c 'cd "$1" && shift && exec "$@"' sh "$dir" "$@"
"#;

/// Whether there is a compiler.
pub(crate) enum Found {
    Here(Swift),
    /// Not here, for this reason.
    Not(String),
}

/// A compiler, and where what it made runs.
pub(crate) enum Swift {
    /// The machine's own.
    Machine,
    /// In a folder with a Debian of its own. The lock keeps others from replacing it.
    Root { root: PathBuf, _lock: File },
}

/// The machine's Swift, or one that is made. Where neither can be had, that is no fault, except where `CI` is set.
pub(crate) fn find(house: &House) -> Result<Found> {
    if SWIFT.find(&tools::ask).is_some() {
        return Ok(Found::Here(Swift::Machine));
    }
    if let Some(why) = hindrance(tools::ask) {
        let why = format!("{why}: install Swift 6, or run this as root on Debian");
        if env::var("CI").is_ok_and(|ci| ci == "true") {
            bail!(why);
        }
        return Ok(Found::Not(why));
    }
    let place = cache()?;
    fs::create_dir_all(&place).with_context(|| format!("cannot make {}", place.display()))?;
    let lock = File::create(place.join("lock")).context("cannot make the lock of Swift")?;
    let root = place.join("root");
    lock.lock_shared().context("cannot lock Swift")?;
    if !is_whole(&root) {
        lock.unlock().context("cannot unlock Swift")?;
        lock.lock().context("cannot lock Swift")?;
        if !is_whole(&root) {
            make(house, &root)?;
        }
        lock.unlock().context("cannot unlock Swift")?;
        lock.lock_shared().context("cannot lock Swift")?;
    }
    Ok(Found::Here(Swift::Root { root, _lock: lock }))
}

/// Why no folder of Swift can be made or entered here.
fn hindrance(ask: impl Fn(&str, &[&str]) -> Option<String>) -> Option<String> {
    if !cfg!(target_os = "linux") {
        return Some("no Swift 6".into());
    }
    if ask("id", &["-u"]).is_none_or(|id| id.trim() != "0") {
        return Some("no Swift 6, and not root".into());
    }
    let mounts = "mount -t tmpfs tmpfs /mnt";
    if ask(
        "unshare",
        &[
            "--mount",
            "--pid",
            "--fork",
            "--mount-proc",
            "sh",
            "-c",
            mounts,
        ],
    )
    .is_none()
    {
        return Some("no Swift 6, and nothing may be mounted here".into());
    }
    None
}

/// Where the folder lies.
fn cache() -> Result<PathBuf> {
    let cache = env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| Some(PathBuf::from(env::var_os("HOME")?).join(".cache")));
    Ok(cache.context("HOME is not set")?.join("ringwire/swift"))
}

/// What the stamp of a whole folder says.
fn stamp() -> String {
    format!("{SUITE} {PACKAGES}\n")
}

fn is_whole(root: &Path) -> bool {
    fs::read_to_string(root.join("ringwire-stamp")).is_ok_and(|text| text == stamp())
}

/// Makes the folder beside its place and moves it there when it is whole.
fn make(house: &House, root: &Path) -> Result<()> {
    apt::ensure(house, &[&DEBOOTSTRAP])?;
    if mirror().is_none() {
        // An image often comes without apt's lists.
        let mut update = house.command("apt-get");
        update.args(["update", "-qq"]);
        Step::new("apt-get update", update).run(house)?;
    }
    let mirror = mirror().with_context(|| {
        format!("apt names no mirror of Debian: set {MIRROR} to one, or install Swift 6")
    })?;
    let half = root.with_extension("half");
    clear(&half)?;
    let mut command = house.command("unshare");
    // In a mount namespace, so that nothing stays mounted if it is interrupted.
    command
        .args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"])
        .args(["debootstrap", "--variant=minbase", "--force-check-gpg"])
        .arg(format!("--include={PACKAGES}"))
        .args([OsStr::new(SUITE), half.as_os_str(), OsStr::new(&mirror)])
        .env("DEBIAN_FRONTEND", "noninteractive");
    Step::new("Swift 6 from Debian, once", command).run(house)?;
    // A gigabyte of packages that are unpacked.
    clear(&half.join("var/cache/apt/archives"))?;
    house.write(&half.join("ringwire-stamp"), &stamp())?;
    clear(root)?;
    fs::rename(&half, root).with_context(|| format!("cannot make {}", root.display()))
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot clear {}", folder.display()))?;
    }
    Ok(())
}

/// The mirror that apt has Debian from.
fn mirror() -> Option<String> {
    if let Ok(mirror) = env::var(MIRROR) {
        return Some(mirror);
    }
    let format = "$(ORIGIN) $(COMPONENT) $(RELEASE) $(REPO_URI)";
    mirror_of(&tools::ask(
        "apt-get",
        &["indextargets", "--format", format, "Created-By: Packages"],
    )?)
}

/// The main archive, not that of security updates.
fn mirror_of(targets: &str) -> Option<String> {
    targets
        .lines()
        .filter_map(|line| line.strip_prefix("Debian main "))
        .filter_map(|rest| rest.split_once(' '))
        .find(|(release, _)| !release.contains("-security"))
        .map(|(_, address)| address.trim().to_owned())
}

impl Swift {
    /// A command, `swift` or what it made, in a folder. `places` are seen under their own paths.
    pub(crate) fn command(
        &self,
        house: &House,
        folder: &Path,
        places: &[PathBuf],
        program: PathBuf,
        args: &[&str],
    ) -> Result<Command> {
        let mut command;
        match self {
            Self::Machine => {
                command = house.command(program);
                command.args(args).current_dir(folder);
            }
            Self::Root { root, .. } => {
                command = house.command("unshare");
                let mut mount = OsString::from("--mount-proc=");
                mount.push(root.join("proc"));
                command
                    .args(["--mount", "--pid", "--fork", "--kill-child"])
                    .arg(mount)
                    .args(["sh", "-c", ENTER, "sh"])
                    .args([root, folder])
                    .args(places)
                    .arg("--")
                    .arg(program)
                    .args(args);
            }
        }
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mirror_is_that_of_the_main_archive() {
        let targets = "Node Source main nodistro https://node.example/x\n\
                       Debian main bookworm-security http://deb.example/debian-security/\n\
                       Debian main bookworm http://deb.example/debian/\n\
                       Debian main bookworm-updates http://deb.example/debian/\n";
        assert_eq!(
            mirror_of(targets).as_deref(),
            Some("http://deb.example/debian/")
        );
        assert_eq!(
            mirror_of("Ubuntu main noble http://ubuntu.example/\n"),
            None
        );
    }

    #[test]
    fn without_root_or_mounts_it_is_said_what_is_missing() {
        let machine = |id: &'static str, mounts: bool| {
            move |program: &str, _: &[&str]| match program {
                "id" => Some(id.to_owned()),
                "unshare" if mounts => Some(String::new()),
                _ => None,
            }
        };
        if cfg!(target_os = "linux") {
            assert_eq!(hindrance(machine("0\n", true)), None);
            assert!(hindrance(machine("1000\n", true)).unwrap().contains("root"));
            assert!(
                hindrance(machine("0\n", false))
                    .unwrap()
                    .contains("mounted")
            );
        }
    }

    #[test]
    fn a_folder_without_the_very_stamp_is_not_whole() {
        let place = tempfile::tempdir().unwrap();
        assert!(!is_whole(place.path()));
        fs::write(place.path().join("ringwire-stamp"), "trixie\n").unwrap();
        assert!(!is_whole(place.path()));
        fs::write(place.path().join("ringwire-stamp"), stamp()).unwrap();
        assert!(is_whole(place.path()));
    }
}
