//! How the shared library that ships is linked: identical functions are folded into one, and relocations are packed.
//! Only where lld links, which is rustc's own on this target of Linux and the NDK's on Android.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let told = |name: &str| std::env::var(name).unwrap_or_default();
    let target = told("TARGET");
    let android = target.contains("android");
    let lld = android || target == "x86_64-unknown-linux-gnu";
    if !lld || told("PROFILE") != "release" {
        return;
    }
    let pack: &[&str] = if android {
        // Phones before Android 9 know the first form of packed relocations only. Pages may be of 16 KB. What crashed is
        // known by its build id.
        &[
            "--pack-dyn-relocs=android",
            "-z,max-page-size=16384",
            "--build-id=sha1",
        ]
    } else {
        // glibc 2.36 and newer loads them, and wants to see a version beside them.
        &["-z,pack-relative-relocs"]
    };
    for option in ["--icf=all", "-O2"].iter().chain(pack) {
        println!("cargo::rustc-cdylib-link-arg=-Wl,{option}");
    }
}
