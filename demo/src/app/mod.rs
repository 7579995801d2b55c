//! The program's own rooms.
//!
//! | module | holds |
//! | --- | --- |
//! | `house` | gateway and Echo, started and ended together |
//! | `lan` | addresses, certificate and QR code for a phone on the same network |
//! | `terminal` | the demo that a person uses |
//! | `serve` | the same without a person, behind JSON lines |
//! | `headless` | Chromium calls Echo, Echo calls Chromium, all is measured |
//! | `decode` | what ffmpeg says about the pictures that Echo got |
//! | `findings` | the numbers of a headless run, its goals |
//! | `report` | the same as a page to look at |

mod decode;
mod findings;
pub(crate) mod headless;
mod house;
mod lan;
mod report;
pub(crate) mod serve;
pub(crate) mod terminal;
