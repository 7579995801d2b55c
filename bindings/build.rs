//! How the shared library is linked: identical functions are folded into one, and relocations are packed. Only where
//! lld links, which is rustc's own on this target of Linux and the NDK's on Android.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = std::env::var("TARGET").unwrap_or_default();
    let android = target.contains("android");
    if !android && target != "x86_64-unknown-linux-gnu" {
        return;
    }
    let pack = if android {
        // Phones before Android 9 know the first form of packed relocations only.
        "--pack-dyn-relocs=android"
    } else {
        // With the version that glibc wants to see beside them: it loads no library without.
        "-z,pack-relative-relocs"
    };
    for option in ["--icf=all", "-O2", pack] {
        println!("cargo::rustc-cdylib-link-arg=-Wl,{option}");
    }
}
