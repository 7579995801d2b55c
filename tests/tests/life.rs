//! Calls as people make them, between cores through a real gateway, on loopback: every way in and
//! every way out. One file of `life/` is one kind of story.

#[path = "life/answers.rs"]
mod answers;
#[path = "life/crossing.rs"]
mod crossing;
#[path = "life/devices.rs"]
mod devices;
#[path = "life/media.rs"]
mod media;
#[path = "life/pair.rs"]
mod pair;
#[path = "life/pushes.rs"]
mod pushes;
#[path = "life/restarts.rs"]
mod restarts;
#[path = "life/waiting.rs"]
mod waiting;
