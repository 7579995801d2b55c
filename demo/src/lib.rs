//! The main job, ready to run: gateway, page, and Echo, a core that answers. The program is in
//! `main.rs`; here is what tests and measurements use as well.
//!
//! | module | holds |
//! | --- | --- |
//! | [`echo`] | a client that answers, plays and measures |
//! | [`clip`] | what Echo shows and says |
//! | [`browser`] | Chromium, driven |
//! | [`beeps`] | the beep of Chromium's fake microphone, found in sound |
//! | [`ivf`] | the container of VP8 |
//! | [`open_handles`] | what a process holds open, counted from outside |
//! | [`tools`] | programs of the machine |

#![forbid(unsafe_code)]

pub mod beeps;
pub mod browser;
pub mod clip;
pub mod echo;
pub mod ivf;
pub mod open_handles;
pub mod tools;
