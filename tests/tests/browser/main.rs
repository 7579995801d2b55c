//! Calls of the page in Chromium, with its fake camera, microphone and screen: with the core, and with
//! other pages, through a real gateway on loopback. Each test has a gateway and a browser of its own.

mod calls;
mod media;
mod page_and_core;
mod reconnect;
mod several;
mod stage;
mod wire;
