//! `NOTICE.txt`: every crate that is linked into the library for a target, its licence, and the licence texts that its
//! source holds, each distinct text once. A crate without a licence is an error.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::house::House;
use crate::tools;

const HEAD: &str = "\
This is Ringwire, under MIT or Apache-2.0, at your choice. Linked into its library are the crates listed here, each
with its version, its licence, and the numbers of the texts below: those that its source holds, or the usual text of its
licence where it holds none. The source of each crate, unchanged, is what cargo downloads under that name and version.
";
/// For crates whose source holds no text: that of a licence which is the same for all.
const USUAL: [(&str, &str); 2] = [
    ("Apache-2.0", include_str!("../../LICENSE-APACHE")),
    ("MPL-2.0", include_str!("../package/MPL-2.0.txt")),
];
/// How the name of a file with a licence begins.
const NAMES: [&str; 6] = [
    "license",
    "licence",
    "copying",
    "copyright",
    "notice",
    "unlicense",
];
/// The files of the house's own crates.
const OURS: [&str; 2] = ["LICENSE-APACHE", "LICENSE-MIT"];
/// How HTML writes some characters; the last makes no others.
const ENTITIES: [(&str, &str); 6] = [
    ("&lt;", "<"),
    ("&gt;", ">"),
    ("&quot;", "\""),
    ("&#34;", "\""),
    ("&#39;", "'"),
    ("&amp;", "&"),
];
/// What the standard library says about itself, beside the compiler.
const STANDARD: &str = "share/doc/rust/COPYRIGHT-library.html";

/// A crate of the library.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Linked {
    name: String,
    version: String,
    licence: String,
    /// What the files with its licence say.
    texts: Vec<String>,
}

/// The notice for a library that is built for these targets.
pub(crate) fn notice(house: &House, targets: &[&str]) -> Result<String> {
    let mut linked = BTreeSet::new();
    for target in targets {
        let metadata = ask(
            house,
            &["metadata", "--format-version=1", "--locked"],
            target,
        )?;
        let tree = ask(
            house,
            &[
                "tree",
                "--locked",
                "--package=ringwire",
                "--edges=normal,no-proc-macro",
                "--prefix=none",
                "--format={p}",
            ],
            target,
        )?;
        let metadata = serde_json::from_str(&metadata).context("cargo metadata is no JSON")?;
        linked.extend(crates(house, &metadata, &tree)?);
    }
    let sysroot = tools::ask("rustc", &["--print", "sysroot"]).context("rustc does not answer")?;
    let page = Path::new(sysroot.trim()).join(STANDARD);
    let page = fs::read_to_string(&page)
        .with_context(|| format!("no notices of the standard library: {}", page.display()))?;
    linked.insert(standard_library(house, &page)?);
    Ok(written(&linked))
}

fn ask(house: &House, args: &[&str], target: &str) -> Result<String> {
    let mut command = house.cargo(args);
    match args[0] {
        "tree" => command.args(["--target", target]),
        _ => command.args(["--filter-platform", target]),
    };
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!(
            "cargo {} failed: {}",
            args[0],
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    String::from_utf8(output.stdout).context("cargo does not write UTF-8")
}

/// The crates that lines of `cargo tree` name (`bytes v1.2.3`, and more behind), as `cargo metadata` describes them.
fn crates(house: &House, metadata: &Value, tree: &str) -> Result<Vec<Linked>> {
    let packages = metadata["packages"].as_array().context("no packages")?;
    let mut linked = Vec::new();
    for line in tree.lines() {
        let mut words = line.split_whitespace();
        let (Some(name), Some(version)) = (words.next(), words.next()) else {
            continue;
        };
        let version = version.trim_start_matches('v');
        let package = packages
            .iter()
            .find(|package| package["name"] == name && package["version"] == version)
            .with_context(|| format!("cargo metadata does not name {name} {version}"))?;
        linked.push(described(house, package)?);
    }
    ensure!(!linked.is_empty(), "cargo tree names no crate");
    Ok(linked)
}

fn described(house: &House, package: &Value) -> Result<Linked> {
    let said = |field: &str| package[field].as_str();
    let name = said("name").context("a package has no name")?;
    let version = said("version").context("a package has no version")?;
    let manifest = Path::new(said("manifest_path").context("a package lies nowhere")?);
    let folder = manifest.parent().context("a manifest lies in no folder")?;
    let named = said("license_file").map(|file| folder.join(file));
    let licence = match (said("license"), &named) {
        (Some(licence), _) => licence.to_owned(),
        (None, Some(_)) => "its own, below".to_owned(),
        (None, None) => bail!("{name} {version} has no licence: ask its authors, or do without it"),
    };
    let mut files = Vec::new();
    if package["source"].is_null() {
        files.extend(OURS.map(|file| house.path(file)));
    } else {
        licences(folder, &mut files)?;
    }
    files.extend(named.filter(|file| !files.contains(file)));
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let text = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        let text = String::from_utf8_lossy(&text).replace('\r', "");
        // A symbolic link that became a file says a path only.
        if text.split_whitespace().count() > 9 {
            texts.push(text);
        }
    }
    if texts.is_empty() {
        let usual = USUAL.iter().find(|(name, _)| licence.contains(name));
        let (_, text) = usual.with_context(|| {
            format!("{name} {version} holds no text of its licence {licence}, and neither does xtask/package")
        })?;
        texts.push((*text).to_owned());
    }
    Ok(Linked {
        name: name.to_owned(),
        version: version.to_owned(),
        licence,
        texts,
    })
}

/// The standard library, from the page about its licences that comes with the compiler.
fn standard_library(house: &House, page: &str) -> Result<Linked> {
    let output = house.command("rustc").arg("--version").output();
    let output = output.context("cannot start rustc")?;
    let version = String::from_utf8_lossy(&output.stdout);
    Ok(Linked {
        name: "the Rust standard library".to_owned(),
        version: version.split(' ').nth(1).unwrap_or_default().to_owned(),
        licence: "MIT OR Apache-2.0, and those of its parts".to_owned(),
        texts: quoted(page)?,
    })
}

/// What an HTML page shows as it stands.
fn quoted(page: &str) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for rest in page.split("<pre>").skip(1) {
        let (text, _) = rest.split_once("</pre>").context("a text does not end")?;
        let mut text = text.to_owned();
        for (name, character) in ENTITIES {
            text = text.replace(name, character);
        }
        texts.push(text);
    }
    ensure!(!texts.is_empty(), "the page of licences holds none");
    Ok(texts)
}

/// All files under a folder that are named as licences are.
fn licences(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let list = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    for entry in list {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = name.to_ascii_lowercase();
        if path.is_dir() {
            licences(&path, files)?;
        } else if NAMES.iter().any(|begin| name.starts_with(begin)) && !name.ends_with(".rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The list and the texts. Texts that differ in spaces and line ends only are the same.
fn written(linked: &BTreeSet<Linked>) -> String {
    let mut numbers: BTreeMap<String, usize> = BTreeMap::new();
    let mut texts = Vec::new();
    let mut list = String::new();
    for one in linked {
        let mut here = BTreeSet::new();
        for text in &one.texts {
            let words: Vec<_> = text.split_whitespace().collect();
            let number = *numbers.entry(words.join(" ")).or_insert_with(|| {
                texts.push(text.trim_matches('\n').trim_end());
                texts.len()
            });
            here.insert(number);
        }
        let here: Vec<_> = here.iter().map(|number| format!("[{number}]")).collect();
        let (name, version, licence) = (&one.name, &one.version, &one.licence);
        list += &format!("{name} {version}: {licence}. {}\n", here.join(" "));
    }
    let mut notice = format!("{HEAD}\n{list}");
    for (index, text) in texts.iter().enumerate() {
        notice += &format!("\n\n[{}]\n\n{text}\n", index + 1);
    }
    notice
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const MIT: &str =
        "Permission is hereby granted, free of charge, to any person obtaining a copy\n";
    const ISC: &str =
        "Permission to use, copy, modify, and/or distribute this software for any purpose\n";

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, House) {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        for (file, text) in files {
            house.write(&house.path(file), text).unwrap();
        }
        (place, house)
    }

    fn package(house: &House, name: &str, licence: Option<&str>) -> Value {
        json!({
            "name": name, "version": "1.0.0", "license": licence, "source": "registry",
            "manifest_path": house.path(name).join("Cargo.toml"), "license_file": null,
        })
    }

    #[test]
    fn each_crate_is_listed_and_each_text_stands_once() {
        let (_place, house) = tree(&[
            ("a/LICENSE-MIT", MIT),
            ("a/src/license.rs", "fn no_licence() {}"),
            ("b/license.txt", &MIT.replace('\n', "\r\n")),
            ("b/third_party/x/LICENSE", ISC),
            ("c/LICENSE", "../LICENSE"),
        ]);
        let packages = [
            package(&house, "a", Some("MIT")),
            package(&house, "b", Some("MIT AND ISC")),
            package(&house, "c", Some("MIT/Apache-2.0")),
            package(&house, "unused", None),
        ];
        let metadata = json!({ "packages": packages });
        let lines = "a v1.0.0\n\nb v1.0.0 (*)\nc v1.0.0 (/a/path)\nb v1.0.0\n";
        let linked = crates(&house, &metadata, lines).unwrap();
        let text = written(&linked.into_iter().collect());
        let list =
            "a 1.0.0: MIT. [1]\nb 1.0.0: MIT AND ISC. [1] [2]\nc 1.0.0: MIT/Apache-2.0. [3]\n";
        assert!(text.contains(list), "{text}");
        assert_eq!(text.matches("Permission is hereby granted").count(), 1);
        let other = format!("\n\n[2]\n\n{ISC}\n\n[3]\n\n");
        let (_, usual) = text.split_once(&other).unwrap();
        assert!(usual.contains("Apache License"), "{usual}");
    }

    #[test]
    fn a_crate_without_a_licence_is_an_error_that_names_it() {
        let (_place, house) = tree(&[("a/Cargo.toml", "")]);
        let metadata = json!({ "packages": [package(&house, "a", None)] });
        let error = crates(&house, &metadata, "a v1.0.0").unwrap_err();
        assert!(
            error.to_string().starts_with("a 1.0.0 has no licence"),
            "{error}"
        );
        let metadata = json!({ "packages": [package(&house, "a", Some("MIT"))] });
        let error = crates(&house, &metadata, "a v1.0.0").unwrap_err();
        assert!(
            error
                .to_string()
                .contains("holds no text of its licence MIT"),
            "{error}"
        );
        assert!(crates(&house, &metadata, "b v1.0.0").is_err());
        assert!(crates(&house, &metadata, "").is_err());
    }

    #[test]
    fn of_a_page_the_quoted_texts_are_taken() {
        let page = "<p>no</p><pre>A &amp; B\n</pre>no<pre>&lt;C&gt;</pre>";
        assert_eq!(quoted(page).unwrap(), ["A & B\n", "<C>"]);
        assert!(quoted("<p>no</p>").is_err());
    }
}
