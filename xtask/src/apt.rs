//! Installs missing programs with apt where that is possible, and says in one line what to do where it is not.
//! Which program needs which package is in `tools`.

use anyhow::{Result, bail};

use crate::house::House;
use crate::step::Step;
use crate::tools::{self, Ask, Tool};

/// How this machine lets us install.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Root,
    Sudo,
    /// Neither root nor a sudo that asks nothing.
    ByHand,
    /// No apt at all.
    NoApt,
}

/// Makes sure that all of these programs are there.
pub(crate) fn ensure(house: &House, tools: &[&Tool]) -> Result<()> {
    let missing = tools::missing(tools, &tools::ask);
    if missing.is_empty() {
        return Ok(());
    }
    let way = way(&tools::ask);
    if matches!(way, Way::ByHand | Way::NoApt) {
        bail!(advice(&missing, way));
    }
    apt(house, way, &["update"])
        .named("apt-get update")
        .run(house)?;
    let packages = packages(&missing, &tools::ask);
    let mut args = vec![
        "install",
        "-y",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
    ];
    args.extend(&packages);
    apt(house, way, &args)
        .named(&format!("apt-get install {}", packages.join(" ")))
        .run(house)?;
    let still = tools::missing(&missing, &tools::ask);
    if !still.is_empty() {
        bail!(advice(&still, Way::NoApt));
    }
    Ok(())
}

fn way(ask: Ask<'_>) -> Way {
    if ask("apt-get", &["--version"]).is_none() {
        Way::NoApt
    } else if ask("id", &["-u"]).is_some_and(|id| id.trim() == "0") {
        Way::Root
    } else if ask("sudo", &["-n", "true"]).is_some() {
        Way::Sudo
    } else {
        Way::ByHand
    }
}

fn apt(house: &House, way: Way, args: &[&str]) -> Step {
    let mut command = if way == Way::Sudo {
        let mut command = house.command("sudo");
        command.args(["-n", "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        command
    } else {
        let mut command = house.command("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    command.args(args);
    Step::new("apt-get", command)
}

/// For each tool the first of its packages that this distribution has.
fn packages(missing: &[&Tool], ask: Ask<'_>) -> Vec<&'static str> {
    missing
        .iter()
        .map(|tool| {
            let known = tool.packages.iter().find(|package| {
                ask("apt-cache", &["policy", package]).is_some_and(|policy| has_candidate(&policy))
            });
            known.copied().unwrap_or(tool.packages[0])
        })
        .collect()
}

fn has_candidate(policy: &str) -> bool {
    policy
        .lines()
        .filter_map(|line| line.trim().strip_prefix("Candidate:"))
        .any(|version| version.trim() != "(none)")
}

/// One line: what is missing and the command that brings it.
fn advice(missing: &[&Tool], way: Way) -> String {
    let names: Vec<String> = missing.iter().map(|tool| tool.wanted()).collect();
    let packages: Vec<&str> = missing.iter().map(|tool| tool.packages[0]).collect();
    let names = names.join(", ");
    if way == Way::NoApt {
        return format!("missing: {names}; install them and run this again");
    }
    format!(
        "missing: {names}; run: sudo apt-get update && sudo apt-get install -y --no-install-recommends {}",
        packages.join(" ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::{CHROMEDRIVER, CHROMIUM, FFMPEG, JAVA, NODE};

    #[test]
    fn a_user_without_root_gets_one_line_that_names_everything_and_the_command() {
        assert_eq!(
            advice(&[&NODE, &CHROMIUM, &FFMPEG], Way::ByHand),
            "missing: node (18 or newer), chromium, ffmpeg; run: sudo apt-get update && \
             sudo apt-get install -y --no-install-recommends nodejs chromium ffmpeg"
        );
    }

    #[test]
    fn a_machine_without_apt_is_told_what_is_missing_and_no_command_that_it_lacks() {
        let line = advice(&[&JAVA], Way::NoApt);
        assert!(
            line.contains("a JDK (17 or newer)") && !line.contains("apt"),
            "{line}"
        );
    }

    #[test]
    fn root_installs_directly_and_others_through_sudo_only_if_it_asks_nothing() {
        let machine = |id: &'static str, sudo: bool| {
            move |program: &str, _: &[&str]| match program {
                "apt-get" => Some("apt 2.6".to_owned()),
                "id" => Some(id.to_owned()),
                "sudo" if sudo => Some(String::new()),
                _ => None,
            }
        };
        assert_eq!(way(&machine("0\n", false)), Way::Root);
        assert_eq!(way(&machine("1000\n", true)), Way::Sudo);
        assert_eq!(way(&machine("1000\n", false)), Way::ByHand);
        assert_eq!(way(&|_: &str, _: &[&str]| None), Way::NoApt);
    }

    #[test]
    fn the_package_that_the_distribution_knows_is_taken() {
        let ubuntu = |_: &str, args: &[&str]| {
            let candidate = if args[1].starts_with("chromium-") && args[1] != "chromium-driver" {
                "1:85"
            } else {
                "(none)"
            };
            Some(format!(
                "{}:\n  Installed: (none)\n  Candidate: {candidate}\n",
                args[1]
            ))
        };
        assert_eq!(
            packages(&[&CHROMIUM, &CHROMEDRIVER], &ubuntu),
            ["chromium-browser", "chromium-chromedriver"]
        );
    }
}
