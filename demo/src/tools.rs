//! Programs of the machine that the demo starts, each named by its variable or found in the path.

use std::ffi::OsString;

/// `RINGWIRE_FFMPEG`, or `ffmpeg`.
pub fn ffmpeg() -> OsString {
    named("RINGWIRE_FFMPEG", "ffmpeg")
}

/// `RINGWIRE_CHROMEDRIVER`, or `chromedriver`.
pub fn chromedriver() -> OsString {
    named("RINGWIRE_CHROMEDRIVER", "chromedriver")
}

/// `RINGWIRE_CHROMIUM`; chromedriver finds one by itself without.
pub fn chromium() -> Option<OsString> {
    std::env::var_os("RINGWIRE_CHROMIUM").filter(|path| !path.is_empty())
}

fn named(variable: &str, otherwise: &str) -> OsString {
    std::env::var_os(variable)
        .filter(|path| !path.is_empty())
        .unwrap_or_else(|| otherwise.into())
}
