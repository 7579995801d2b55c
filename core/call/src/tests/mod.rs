//! Stories on virtual time: one phone against a script, two phones against a small gateway, and
//! anything at all in any order.

mod accepting;
mod calling;
mod crossing;
mod devices;
mod doubts;
mod ending;
mod goodbyes;
mod phone;
mod pushes;
mod random;
mod reconnecting;
mod simulation;
mod socket;
mod table;
mod talking;
mod waiting;
