//! The programs of the machine that a job needs: how each is recognised and which package brings it.
//! A program is there when it runs and is new enough. Installing is in `apt`.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One program.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Tool {
    /// What people call it.
    pub(crate) name: &'static str,
    /// Its names as a command, the usual one first.
    programs: &'static [&'static str],
    /// What makes it answer and exit with 0.
    question: &'static [&'static str],
    /// The lowest major version that will do.
    least: u32,
    /// Debian's or Ubuntu's packages that bring it, the best first.
    pub(crate) packages: &'static [&'static str],
}

pub(crate) const NODE: Tool = Tool {
    name: "node",
    programs: &["node", "nodejs"],
    question: &["--version"],
    least: 18,
    packages: &["nodejs"],
};

pub(crate) const NPM: Tool = Tool {
    name: "npm",
    programs: &["npm"],
    question: &["--version"],
    least: 7,
    packages: &["npm"],
};

pub(crate) const JAVA: Tool = Tool {
    name: "a JDK",
    programs: &["java"],
    question: &["-version"],
    least: 17,
    packages: &["openjdk-17-jdk-headless", "default-jdk-headless"],
};

pub(crate) const MAVEN: Tool = Tool {
    name: "maven",
    programs: &["mvn"],
    question: &["--version"],
    least: 3,
    packages: &["maven"],
};

pub(crate) const PYTHON: Tool = Tool {
    name: "python3 with venv",
    programs: &["python3"],
    question: &[
        "-c",
        "import ensurepip, sys, venv; print(sys.version_info.major)",
    ],
    least: 3,
    packages: &["python3-venv"],
};

pub(crate) const CHROMIUM: Tool = Tool {
    name: "chromium",
    programs: &[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ],
    question: &["--version"],
    least: 100,
    packages: &["chromium", "chromium-browser"],
};

pub(crate) const CHROMEDRIVER: Tool = Tool {
    name: "chromium-driver",
    programs: &["chromedriver", "chromium.chromedriver"],
    question: &["--version"],
    least: 100,
    packages: &["chromium-driver", "chromium-chromedriver"],
};

pub(crate) const FFMPEG: Tool = Tool {
    name: "ffmpeg",
    programs: &["ffmpeg"],
    question: &["-version"],
    least: 4,
    packages: &["ffmpeg"],
};

pub(crate) const ESPEAK: Tool = Tool {
    name: "espeak-ng",
    programs: &["espeak-ng"],
    question: &["--version"],
    least: 1,
    packages: &["espeak-ng"],
};

pub(crate) const CC: Tool = Tool {
    name: "a C compiler",
    programs: &["cc"],
    question: &["--version"],
    least: 0,
    packages: &["build-essential"],
};

pub(crate) const CMAKE: Tool = Tool {
    name: "cmake",
    programs: &["cmake"],
    question: &["--version"],
    least: 3,
    packages: &["cmake"],
};

pub(crate) const ZSTD: Tool = Tool {
    name: "zstd",
    programs: &["zstd"],
    question: &["--version"],
    least: 1,
    packages: &["zstd"],
};

pub(crate) const NM: Tool = Tool {
    name: "nm",
    programs: &["nm"],
    question: &["--version"],
    least: 0,
    packages: &["binutils"],
};

pub(crate) const STRIP: Tool = Tool {
    name: "strip",
    programs: &["strip"],
    question: &["--version"],
    least: 0,
    packages: &["binutils"],
};

pub(crate) const SWIFT: Tool = Tool {
    name: "swift",
    programs: &["swift"],
    question: &["--version"],
    least: 6,
    packages: &["swiftlang"],
};

pub(crate) const DEBOOTSTRAP: Tool = Tool {
    name: "debootstrap",
    programs: &["debootstrap"],
    question: &["--version"],
    least: 1,
    packages: &["debootstrap"],
};

/// Asks a program a question: its answer, or `None` if it is not there or fails.
pub(crate) type Ask<'a> = &'a dyn Fn(&str, &[&str]) -> Option<String>;

impl Tool {
    /// The command that answers for this tool and is new enough.
    pub(crate) fn find(&self, ask: Ask<'_>) -> Option<&'static str> {
        self.programs.iter().copied().find(|program| {
            ask(program, self.question)
                .is_some_and(|answer| major_version(&answer).unwrap_or(0) >= self.least)
        })
    }

    /// The name with the version that is needed, where that matters.
    pub(crate) fn wanted(&self) -> String {
        match self.least {
            17 | 18 => format!("{} ({} or newer)", self.name, self.least),
            _ => self.name.to_owned(),
        }
    }
}

/// The tools that do not answer, without repetition, in the order asked for.
pub(crate) fn missing<'a>(tools: &[&'a Tool], ask: Ask<'_>) -> Vec<&'a Tool> {
    let mut seen: Vec<&Tool> = Vec::new();
    for tool in tools {
        if !seen.contains(tool) {
            seen.push(tool);
        }
    }
    seen.retain(|tool| tool.find(ask).is_none());
    seen
}

/// Runs the program and returns all that it said.
pub(crate) fn ask(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    said.push_str(&String::from_utf8_lossy(&output.stderr));
    Some(said)
}

/// Where a tool lies, for programs that want a path.
pub(crate) fn locate(tool: &Tool) -> Option<PathBuf> {
    let program = tool.find(&ask)?;
    let folders = env::var_os("PATH")?;
    env::split_paths(&folders)
        .map(|folder| folder.join(program))
        .find(|path| is_file(path))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|data| data.is_file())
}

/// The first number after the word "version", or the first number at all.
fn major_version(answer: &str) -> Option<u32> {
    let after = answer
        .find("version")
        .map_or(answer, |at| &answer[at + "version".len()..]);
    let digits: String = after
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(char::is_ascii_digit)
        .collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_programs_really_say() {
        for (answer, version) in [
            ("v20.20.2\n", Some(20)),
            (
                "openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime",
                Some(17),
            ),
            (
                "Picked up JAVA_TOOL_OPTIONS: -Xmx512m\nopenjdk version \"21.0.1\"",
                Some(21),
            ),
            ("Chromium 156.0.8078.79 built on Debian", Some(156)),
            ("Swift version 6.0.3 (swift-6.0.3-RELEASE)", Some(6)),
            ("debootstrap 1.0.128+nmu2", Some(1)),
            ("ffmpeg version 5.1.9-0+deb12u1", Some(5)),
            ("eSpeak NG text-to-speech: 1.51  Data at: /usr", Some(1)),
            ("nothing at all", None),
        ] {
            assert_eq!(major_version(answer), version, "{answer}");
        }
    }

    #[test]
    fn chromium_is_found_under_any_of_its_names() {
        let ask = |program: &str, _: &[&str]| {
            (program == "google-chrome").then(|| "Google Chrome 150.0.1".to_owned())
        };
        assert_eq!(CHROMIUM.find(&ask), Some("google-chrome"));
    }

    #[test]
    fn a_tool_that_is_too_old_counts_as_missing_and_says_what_is_needed() {
        let ask = |_: &str, _: &[&str]| Some("v12.22.12".to_owned());
        assert_eq!(missing(&[&NODE, &NODE], &ask), [&NODE]);
        assert_eq!(NODE.wanted(), "node (18 or newer)");
    }

    #[test]
    fn a_program_that_is_not_there_gives_no_answer() {
        assert_eq!(ask("ringwire-no-such-program", &[]), None);
    }
}
