//! `cargo xtask bench size`: how large the library is as it ships, stripped: for this machine, and linked for shape for
//! arm64 Android. Writes `target/bench/size.json`, and fails where a figure is 3 % above the last one that landed,
//! which `xtask/landed/size.json` holds.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::house::House;
use crate::ship;
use crate::tools::{JAVA, MAVEN, NM, PYTHON, STRIP, Tool};
use crate::{apt, pins};

/// What it runs with.
pub(crate) const TOOLS: &[&Tool] = &[&NM, &STRIP, &PYTHON, &JAVA, &MAVEN];
/// The goal, and how far a figure may lie above the one that landed.
const GOAL: u64 = 5_000_000;
const GATE: f64 = 1.03;
/// How many of the largest parts are named.
const PARTS: usize = 12;
const ANDROID: &str = "aarch64-linux-android";
const LANDED: &str = "xtask/landed/size.json";
const FIGURES: [&str; 2] = ["host_bytes", "android_arm64_bytes"];

/// The bench.
pub(crate) fn bench(house: &House) -> Result<ExitCode> {
    let mut needed = house.compilers();
    needed.extend(TOOLS);
    apt::ensure(house, &needed)?;

    let host = ship::host(house)?;
    let parts = parts(&ship::names(house, &host)?);
    let stripped = ship::stripped(house, &host)?;
    let android = ship::android(house, ANDROID)?;
    let figures = json!({
        "host_bytes": bytes(&stripped)?,
        "android_arm64_bytes": bytes(&android)?,
        "jna_bytes": pins::jna_android(house)?.iter().map(|file| bytes(file)).sum::<Result<u64>>()?,
        "goal_bytes": GOAL,
        "largest_parts": parts.iter().take(PARTS).map(|(name, bytes)| json!({ "crate": name, "bytes": bytes })).collect::<Vec<_>>(),
    });
    println!("\n{}", table(&figures, &parts));
    let file = house.target("bench/size.json");
    house.write(&file, &format!("{figures:#}\n"))?;
    println!("{}", file.display());
    gate(&figures, &landed(house)?)
}

fn bytes(path: &Path) -> Result<u64> {
    let data = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(data.len())
}

fn landed(house: &House) -> Result<Value> {
    let text =
        fs::read_to_string(house.path(LANDED)).with_context(|| format!("cannot read {LANDED}"))?;
    serde_json::from_str(&text).with_context(|| format!("{LANDED} is no JSON"))
}

fn gate(figures: &Value, landed: &Value) -> Result<ExitCode> {
    for name in FIGURES {
        let (now, before) = (&figures[name], &landed[name]);
        let (Some(now), Some(before)) = (now.as_f64(), before.as_f64()) else {
            bail!("{LANDED} has no number {name}");
        };
        if now > before * GATE {
            bail!(
                "{name} is {now}, {:.1} % above the {before} that landed: make it smaller, or write the new figure into {LANDED} and say why",
                (now / before - 1.0) * 100.0
            );
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Bytes of code and data of each crate, the largest first, from `nm --print-size --demangle`. What a crate makes of
/// the standard library's generics counts as the crate's.
fn parts(names: &str) -> Vec<(String, u64)> {
    let mut parts: BTreeMap<String, u64> = BTreeMap::new();
    for line in names.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some(_), Some(size), Some(_), Some(name)) =
            (words.next(), words.next(), words.next(), words.next())
        else {
            continue;
        };
        let Ok(size) = u64::from_str_radix(size, 16) else {
            continue;
        };
        *parts.entry(owner(name)).or_default() += size;
    }
    let mut parts: Vec<_> = parts.into_iter().collect();
    parts.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    parts
}

/// The first crate in a name that is not of the standard library; else the standard library; C where there is none.
fn owner(name: &str) -> String {
    const STANDARD: [&str; 9] = [
        "core",
        "alloc",
        "std",
        "hashbrown",
        "gimli",
        "addr2line",
        "object",
        "miniz_oxide",
        "rustc_demangle",
    ];
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let mut standard = false;
    for (at, _) in name.match_indices("::") {
        let before = &name[..at];
        let begin = before.rfind(|c| !is_word(c)).map_or(0, |place| place + 1);
        let word = &before[begin..];
        let inside = before[..begin].ends_with("::") || word.is_empty();
        if inside || !word.starts_with(|c: char| c.is_ascii_lowercase()) {
            continue;
        }
        if !STANDARD.contains(&word) {
            return word.to_owned();
        }
        standard = true;
    }
    if standard {
        "the standard library"
    } else {
        "C"
    }
    .to_owned()
}

fn table(figures: &Value, parts: &[(String, u64)]) -> String {
    let mut text = String::new();
    for name in [
        "host_bytes",
        "android_arm64_bytes",
        "jna_bytes",
        "goal_bytes",
    ] {
        text += &format!("{name:<24} {:>10}\n", figures[name]);
    }
    text += "\nlargest parts, code and data with names\n";
    for (name, size) in parts.iter().take(PARTS) {
        text += &format!("{name:<24} {size:>10}\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_the_first_crate_that_is_not_of_the_standard_library() {
        for (name, wanted) in [
            ("core::ptr::drop_in_place::<rtc_ice::Agent>", "rtc_ice"),
            (
                "<alloc::vec::Vec<T,A> as core::clone::Clone>::clone",
                "the standard library",
            ),
            ("<rustls::msgs::Codec as core::fmt::Debug>::fmt", "rustls"),
            ("ring_core_0_17_14__chacha20", "C"),
            ("ropus::celt::encoder::encode", "ropus"),
        ] {
            assert_eq!(owner(name), wanted);
        }
    }

    #[test]
    fn the_sizes_of_a_crate_add_up_and_the_largest_comes_first() {
        let names = "0000 0010 t a::x\n0000 0020 T b::y\n0000 0001 r a::z\nno line";
        assert_eq!(
            parts(names),
            [("b".to_owned(), 0x20), ("a".to_owned(), 0x11)]
        );
    }

    #[test]
    fn a_figure_three_percent_above_the_one_that_landed_fails() {
        let figures = |bytes: u64| json!({ "host_bytes": bytes, "android_arm64_bytes": 100 });
        assert!(gate(&figures(103), &figures(100)).is_ok());
        let error = gate(&figures(104), &figures(100)).unwrap_err().to_string();
        assert!(
            error.starts_with("host_bytes is 104, 4.0 % above"),
            "{error}"
        );
        assert!(gate(&figures(1), &json!({})).is_err());
    }
}
