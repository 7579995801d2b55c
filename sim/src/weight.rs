//! What a call weighs: the gateway's record of a call of two as its database keeps it. The stores of
//! devices keep theirs in types whose size the compiler knows; their strings are shared.

use crate::plan::Plan;
use crate::world::World;

/// Bytes of an answered call of two at the gateway, as JSON, with its mailbox.
pub fn bytes_per_call() -> u64 {
    // The first story in whose first seconds two are in a call.
    (1..1_000)
        .find_map(|seed| {
            let plan = Plan::of(seed);
            let mut world = World::new(&plan);
            world.run_until(3_000, None);
            let place = world.gateway.places_of(0).first()?.clone();
            world.call_in(0, place);
            world.run_until(5_000, None);
            world.answer(0);
            world.run_until(9_000, None);
            let kept = world
                .gateway
                .live()
                .find(|kept| kept.call.answered_at.is_some())?;
            let call = serde_json::to_string(&kept.call).ok()?;
            let mailbox = serde_json::to_string(&kept.call.mailbox).ok()?;
            Some((call.len() + mailbox.len()) as u64)
        })
        .unwrap_or_default()
}
