//! Stories on virtual time: each is a list of what people say and what time does.

mod ends;
mod groups;
mod pushes;
mod random;
mod rings;
mod signals;
mod story;
mod together;
