//! Calls with the world around: servers and clients of the day of the first design, and golden
//! transcripts of what goes over the wire. One file of `compat/` is one kind of story; those of
//! `page` need Chromium.

#[path = "compat/golden.rs"]
mod golden;
#[path = "compat/old_peer.rs"]
mod old_peer;
#[path = "compat/old_server.rs"]
mod old_server;
#[path = "compat/page.rs"]
mod page;
