//! `cargo xtask package ios`: static libraries as an XCFramework, the Swift package around it, and the checks of both.
//! Without Xcode there is the library for phones only, linked to nothing: the name says that it is for shape.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::house::House;
use crate::package::{self, LICENCES, SWIFT_SKIN, VERSION};
use crate::package_macho::Names;
use crate::package_notice::notice;
use crate::step::Step;
use crate::swift_tools::{self, Found};
use crate::tools::{PYTHON, Tool};
use crate::{apt, bindings, package_zip, ship};

/// What it runs with.
const TOOLS: &[&Tool] = &[&PYTHON];
const PHONE: &str = "aarch64-apple-ios";
const SIMULATORS: [&str; 2] = ["aarch64-apple-ios-sim", "x86_64-apple-ios"];
const LIBRARY: &str = "libringwire.a";
const FRAMEWORK: &str = "RingwireFFI.xcframework";
const HEADER: &str = "RingwireFFI.h";
/// A folder of its own, so that two frameworks in one app have not the same file.
const HEADERS: &str = "Headers/RingwireFFI";
const PRIVACY: &str = "Sources/Ringwire/PrivacyInfo.xcprivacy";

const MANIFEST: &str = include_str!("../package/ios/Package.swift");
const MODULE: &str = include_str!("../package/ios/module.modulemap");
const PRIVACY_TEXT: &str = include_str!("../package/ios/PrivacyInfo.xcprivacy");
const INFO: &str = include_str!("../package/ios/Info.plist");

/// Apple's categories of functions whose use needs a reason, and those of them that C or Rust can call.
const WITH_REASON: [(&str, &[&str]); 3] = [
    (
        "NSPrivacyAccessedAPICategorySystemBootTime",
        &["mach_absolute_time"],
    ),
    (
        "NSPrivacyAccessedAPICategoryFileTimestamp",
        &[
            "fgetattrlist",
            "fstat",
            "fstatat",
            "getattrlist",
            "getattrlistat",
            "getattrlistbulk",
            "lstat",
            "stat",
        ],
    ),
    (
        "NSPrivacyAccessedAPICategoryDiskSpace",
        &["fstatfs", "fstatvfs", "statfs", "statvfs"],
    ),
];
/// A property list as JSON.
const READ: &str =
    "import json, plistlib, sys; print(json.dumps(plistlib.load(open(sys.argv[1], 'rb'))))";

/// Builds, packs and checks.
pub(crate) fn run(house: &House) -> Result<()> {
    let mut needed = house.compilers();
    needed.extend(TOOLS);
    apt::ensure(house, &needed)?;

    let xcode = cfg!(target_os = "macos");
    let name = format!(
        "ringwire-{VERSION}-ios{}",
        if xcode { "" } else { "-shape" }
    );
    let place = house.target(&format!("package/{name}"));
    package::clear(&place)?;

    let phone = ship::ios(house, PHONE)?;
    bindings::program(house)?;
    let swift = house.target("package/ios/swift");
    bindings::generate(house, &phone, "swift", &swift)?;

    let headers = house.target("package/ios").join(HEADERS);
    package::clear(&headers)?;
    package::copy(&swift.join(HEADER), &headers.join(HEADER))?;
    house.write(&headers.join("module.modulemap"), MODULE)?;
    let headers = headers.parent().context("the headers lie nowhere")?;

    let framework = place.join(FRAMEWORK);
    let mut targets = vec![PHONE];
    let mut built = vec![without_debug(house, PHONE, &phone)?];
    if xcode {
        for target in SIMULATORS {
            let library = ship::ios(house, target)?;
            built.push(without_debug(house, target, &library)?);
        }
        targets.extend(SIMULATORS);
        xcframework(house, &built, headers, &framework)?;
    } else {
        let slice = framework.join("ios-arm64");
        package::copy(&built[0], &slice.join(LIBRARY))?;
        package::copy_all(headers, &slice.join("Headers"))?;
        house.write(&framework.join("Info.plist"), INFO)?;
    }

    let sources = place.join("Sources/Ringwire");
    package::copy(
        &swift.join("Ringwire.swift"),
        &sources.join("Ringwire.swift"),
    )?;
    package::copy_all(&house.path(SWIFT_SKIN), &sources)?;
    house.write(&place.join(PRIVACY), PRIVACY_TEXT)?;
    house.write(
        &place.join("Package.swift"),
        &MANIFEST.replace("@IOS@", ship::IOS),
    )?;
    house.write(&place.join("NOTICE.txt"), &notice(house, &targets)?)?;
    for licence in LICENCES {
        package::copy(&house.path(licence), &place.join(licence))?;
    }

    let declared = declared(&plist(house, &place.join(PRIVACY))?)?;
    let header = fs::read_to_string(swift.join(HEADER)).context("no header was made")?;
    for library in &built {
        check_library(library, &package::called(&header), &declared)?;
        package::no_test_function(library)?;
        package::no_folder(library, &package::private_folders(house))?;
    }
    check_framework(&plist(house, &framework.join("Info.plist"))?, &framework)?;
    let unread = check_manifest(house, &place)?;

    let archive = house.target(&format!("package/{name}.zip"));
    package_zip::pack(house, &place, &archive)?;
    println!();
    for file in package::files(&place)? {
        package::say(&place.join(file))?;
    }
    package::say(&archive)?;
    if let Some(why) = unread {
        println!("\nPackage.swift was not read by Swift: {why}");
    }
    if !xcode {
        println!(
            "\nMade without Xcode, for shape only: no simulator, and nothing was linked. Run this on macOS."
        );
    }
    Ok(())
}

/// A copy without what C compilers write for debuggers, folders of this machine among it. The names of functions stay.
fn without_debug(house: &House, target: &str, library: &Path) -> Result<PathBuf> {
    let folder = house.target(&format!("package/ios/{target}"));
    package::clear(&folder)?;
    let copy = folder.join(LIBRARY);
    ship::strip_for_phone(house, library, "--strip-debug", &copy)?;
    Ok(copy)
}

/// One framework of the library for phones and of both for simulators, by Xcode.
fn xcframework(house: &House, built: &[PathBuf], headers: &Path, framework: &Path) -> Result<()> {
    let [phone, simulators @ ..] = built else {
        bail!("no library for phones");
    };
    let both = house.target("package/ios").join(LIBRARY);
    let mut command = house.command("lipo");
    command
        .arg("-create")
        .args(simulators)
        .arg("-output")
        .arg(&both);
    Step::new("Package: one library for both simulators", command).run(house)?;
    let mut command = house.command("xcodebuild");
    command.arg("-create-xcframework");
    for library in [phone, &both] {
        command.arg("-library").arg(library);
        command.arg("-headers").arg(headers);
    }
    command.arg("-output").arg(framework);
    Step::new("Package: the XCFramework", command).run(house)?;
    Ok(())
}

/// Fails unless the library defines what Swift calls, and each function that needs a reason has one.
fn check_library(
    library: &Path,
    called: &BTreeSet<String>,
    declared: &BTreeSet<String>,
) -> Result<()> {
    let name = library.display().to_string();
    let bytes = fs::read(library).with_context(|| format!("cannot read {name}"))?;
    let names = Names::read(&bytes).with_context(|| name.clone())?;
    package::all_exported(called, &names.defined, &name)?;
    let used = needs_reason(&names.wanted);
    let wanted: BTreeSet<String> = used.keys().map(|&category| category.to_owned()).collect();
    ensure!(
        wanted == *declared,
        "PrivacyInfo.xcprivacy declares {declared:?}, but {name} uses {used:?}"
    );
    Ok(())
}

/// Of the functions that a library takes from the system those that need a reason, by category.
fn needs_reason(wanted: &BTreeSet<String>) -> BTreeMap<&str, Vec<&str>> {
    let mut used = BTreeMap::new();
    for (category, functions) in WITH_REASON {
        // Some have a second name on Intel, such as `fstat$INODE64`.
        let is_wanted = |function: &&&str| {
            let mut names = wanted.iter().map(|name| name.split('$').next());
            names.any(|name| name == Some(**function))
        };
        let found: Vec<&str> = functions.iter().filter(is_wanted).copied().collect();
        if !found.is_empty() {
            used.insert(category, found);
        }
    }
    used
}

/// The categories that a privacy manifest declares, each with a reason. Fails if it speaks of tracking or collecting.
fn declared(manifest: &Value) -> Result<BTreeSet<String>> {
    ensure!(
        manifest["NSPrivacyTracking"] == false
            && manifest["NSPrivacyTrackingDomains"] == Value::Array(Vec::new())
            && manifest["NSPrivacyCollectedDataTypes"] == Value::Array(Vec::new()),
        "PrivacyInfo.xcprivacy does not say that nothing is tracked or collected"
    );
    let types = manifest["NSPrivacyAccessedAPITypes"].as_array();
    let mut declared = BTreeSet::new();
    for one in types.context("PrivacyInfo.xcprivacy has no list of functions with a reason")? {
        let category = one["NSPrivacyAccessedAPIType"].as_str();
        let reasons = one["NSPrivacyAccessedAPITypeReasons"].as_array();
        let (Some(category), Some([_, ..])) = (category, reasons.map(Vec::as_slice)) else {
            bail!("PrivacyInfo.xcprivacy has a category without a reason");
        };
        declared.insert(category.to_owned());
    }
    Ok(declared)
}

/// Fails unless each library that an XCFramework names lies there with its headers.
fn check_framework(info: &Value, framework: &Path) -> Result<()> {
    let libraries = info["AvailableLibraries"].as_array();
    let libraries = libraries.context("Info.plist names no libraries")?;
    ensure!(!libraries.is_empty(), "Info.plist names no library");
    for one in libraries {
        let said = |field: &str| {
            let text = one[field].as_str();
            text.with_context(|| format!("Info.plist says nothing of {field}"))
        };
        let slice = framework.join(said("LibraryIdentifier")?);
        let headers = slice.join(said("HeadersPath")?).join("RingwireFFI");
        for file in [
            slice.join(said("LibraryPath")?),
            headers.join(HEADER),
            headers.join("module.modulemap"),
        ] {
            ensure!(file.is_file(), "Info.plist speaks of {}", file.display());
        }
    }
    Ok(())
}

fn plist(house: &House, file: &Path) -> Result<Value> {
    let output = house
        .command("python3")
        .args(["-c", READ])
        .arg(file)
        .output()
        .context("cannot start python3")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "{} is no property list: {}",
        file.display(),
        error.lines().last().unwrap_or_default()
    );
    serde_json::from_slice(&output.stdout).context("a property list is no JSON")
}

/// Lets Swift read the manifest; returns why it could not where there is no Swift.
fn check_manifest(house: &House, place: &Path) -> Result<Option<String>> {
    let swift = match swift_tools::find(house)? {
        Found::Here(swift) => swift,
        Found::Not(why) => return Ok(Some(why)),
    };
    let output = swift
        .command(
            house,
            place,
            &[house.path("")],
            "swift".into(),
            &["package", "--disable-sandbox", "dump-package"],
        )?
        .output()
        .context("cannot start Swift")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "Swift does not read Package.swift: {}",
        error.trim()
    );
    let manifest: Value =
        serde_json::from_slice(&output.stdout).context("Swift does not write JSON")?;
    check_targets(&manifest)?;
    Ok(None)
}

/// Fails unless the manifest offers the library, around the framework and with the privacy manifest.
fn check_targets(manifest: &Value) -> Result<()> {
    let targets = manifest["targets"].as_array().context("no targets")?;
    let target = |kind: &str| targets.iter().find(|target| target["type"] == kind);
    ensure!(
        target("binary").is_some_and(|target| target["path"] == FRAMEWORK),
        "Package.swift does not name {FRAMEWORK}"
    );
    ensure!(
        target("regular").is_some_and(|target| {
            target["name"] == "Ringwire"
                && target["resources"][0]["path"] == "PrivacyInfo.xcprivacy"
                && target["dependencies"].to_string().contains("RingwireFFI")
        }),
        "Package.swift has no target Ringwire with the framework and the privacy manifest"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::package_macho::tests::made;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_function_that_needs_a_reason_must_be_declared_and_nothing_else() {
        let place = tempfile::tempdir().unwrap();
        let library = place.path().join(LIBRARY);
        let check = |wanted: &[&str], declared: &[&str]| {
            fs::write(&library, made(&["uniffi_f"], wanted)).unwrap();
            check_library(&library, &set(&["uniffi_f"]), &set(declared))
        };
        check(&["malloc"], &[]).unwrap();
        let (time, boot) = (WITH_REASON[1].0, WITH_REASON[0].0);
        check(&["fstat$INODE64", "mach_absolute_time"], &[time, boot]).unwrap();
        let error = check(&["fstat"], &[]).unwrap_err().to_string();
        assert!(error.contains("fstat"), "{error}");
        assert!(check(&["malloc"], &[boot]).is_err());
        assert!(check_library(&library, &set(&["uniffi_g"]), &set(&[])).is_err());
    }

    #[test]
    fn the_privacy_manifest_and_the_list_of_libraries_are_property_lists() {
        let place = tempfile::tempdir().unwrap();
        let house = House::at(place.path());
        let file = house.path("a.plist");
        let read = |text: &str| {
            house.write(&file, text).unwrap();
            plist(&house, &file)
        };
        declared(&read(PRIVACY_TEXT).unwrap()).unwrap();
        assert!(declared(&json!({ "NSPrivacyTracking": true })).is_err());
        let info = read(INFO).unwrap();
        assert!(read("<plist>").is_err());

        let framework = house.path(FRAMEWORK);
        assert!(check_framework(&info, &framework).is_err());
        for name in [
            LIBRARY,
            "Headers/RingwireFFI/RingwireFFI.h",
            "Headers/RingwireFFI/module.modulemap",
        ] {
            house
                .write(&framework.join("ios-arm64").join(name), "x")
                .unwrap();
        }
        check_framework(&info, &framework).unwrap();
    }

    #[test]
    fn the_manifest_must_name_the_framework_and_the_privacy_manifest() {
        let manifest = |path: &str, resources: Value| {
            json!({ "targets": [
                { "type": "binary", "name": "RingwireFFI", "path": path },
                { "type": "regular", "name": "Ringwire", "resources": resources,
                  "dependencies": [{ "byName": ["RingwireFFI", null] }] },
            ] })
        };
        let resource = json!([{ "path": "PrivacyInfo.xcprivacy" }]);
        check_targets(&manifest(FRAMEWORK, resource.clone())).unwrap();
        assert!(check_targets(&manifest("other", resource)).is_err());
        assert!(check_targets(&manifest(FRAMEWORK, json!([]))).is_err());
    }
}
