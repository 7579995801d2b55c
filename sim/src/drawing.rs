//! What the stories have met, as a table, and the states of a call with the ways between them, as a
//! picture. Both are drawn from what the machines did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use crate::coverage::{Coverage, STATES, STATUSES};

/// Rows are inputs, columns states: `·` where the pair was met, else why it cannot be or `?`.
pub fn table(coverage: &Coverage) -> String {
    let call = rows(&coverage.call, &STATES, never);
    let life = rows(&coverage.life, &STATUSES, never_at_gateway);
    format!("{TABLE_HEAD}{call}\n{LIFE_HEAD}{life}")
}

const TABLE_HEAD: &str = "# Which inputs meet which states

Drawn by `cargo xtask sim --draw` from the stories of the simulator, and held to them by its tests.
A dot says that the stories bring the input to a call in that state. A number says why they do not:

1. Only a call that is listed can be meant: the shell has no key to tap before, and what the gateway
   or a connection says of others changes nothing.
2. Connections are opened with the accept and closed with the end.
3. An answer is asked for in other states only.
4. The gateway says so only to who is in the call, or only to who is not.
5. A call without a name is not meant by anything that names a call.
6. The gateway's own call begins as `initiated`, and is never without a record.
7. Nothing is left to say it: the device has ended the call, or has never joined.
8. Possible, and so rare that the stories that are drawn here do not bring it.
9. A tap that the people of the stories make only where it fits: accept where it rings, join where it
   is offered; a new call has no state yet, and to leave by force names a conversation.

## The call store of a device

";

const LIFE_HEAD: &str = "## The gateway's call

";

fn rows(
    met: &BTreeMap<(String, &'static str), u64>,
    states: &[&'static str],
    why: fn(&str, &str) -> u8,
) -> String {
    let inputs: BTreeSet<&str> = met.keys().map(|(input, _)| input.as_str()).collect();
    let mut text = format!("| | {} |\n| --- |", states.join(" | "));
    text += &" --- |".repeat(states.len());
    text.push('\n');
    for input in inputs {
        let _ = write!(text, "| {input} |");
        for state in states {
            let cell = match met.contains_key(&(input.to_owned(), *state)) {
                true => "·".to_owned(),
                false => why(input, state).to_string(),
            };
            let _ = write!(text, " {cell} |");
        }
        text.push('\n');
    }
    text
}

/// Why a device's store does not meet this input in this state.
fn never(input: &str, state: &str) -> u8 {
    let of_connection = [
        "offer made",
        "answer made",
        "answer taken",
        "connection failed",
        "own candidate",
        "path connected",
        "path disturbed",
        "path broken",
        "what is carried",
        "first media",
    ];
    match (input, state) {
        (_, _) if of_connection.contains(&input) => 2,
        (_, "none") => 1,
        ("accept" | "join" | "call" | "take up again" | "leave by force", _) => 9,
        ("good answer" | "refusal" | "no answer", _) => 3,
        (_, "calling") if input.starts_with('`') || input.starts_with("push") => 5,
        (_, _) if input.starts_with('`') => 4,
        _ => 8,
    }
}

fn never_at_gateway(input: &str, state: &str) -> u8 {
    match (input, state) {
        (_, "none") => 6,
        (_, "ended") => 7,
        _ => 8,
    }
}

/// Where each state stands in the picture: middle, px.
const PLACES: [(&str, i32, i32); 9] = [
    ("none", 110, 230),
    ("calling", 330, 70),
    ("ringing", 560, 70),
    ("incoming", 330, 230),
    ("offered", 330, 390),
    ("connecting", 620, 230),
    ("active", 860, 150),
    ("reconnecting", 860, 320),
    ("ended", 620, 440),
];

/// The picture: an arrow for each change of state that was met, with its most frequent causes.
pub fn picture(coverage: &Coverage) -> String {
    let mut text = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1000 520\" font-family=\"sans-serif\">\n\
         <title>States of a call on a device</title>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path d=\"M0 0 8 4 0 8z\" fill=\"#567\"/></marker></defs>\n\
         <rect width=\"1000\" height=\"520\" fill=\"#fff\"/>\n",
    );
    for ((from, to), inputs) in &coverage.changes {
        arrow(&mut text, from, to, inputs);
    }
    for (state, x, y) in PLACES {
        let (name, colour) = match state {
            "none" => ("not listed", "#eee"),
            "ended" => ("ended", "#f6dddd"),
            "active" => ("active", "#dcf2dc"),
            state => (state, "#e3ecf7"),
        };
        let _ = writeln!(
            text,
            "<rect x=\"{}\" y=\"{}\" width=\"120\" height=\"40\" rx=\"9\" fill=\"{colour}\" stroke=\"#345\"/>\
             <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\" font-size=\"15\">{name}</text>",
            x - 60,
            y - 20,
            y + 5,
        );
    }
    text += "</svg>\n";
    text
}

fn arrow(text: &mut String, from: &str, to: &str, inputs: &BTreeMap<String, u64>) {
    let place = |name: &str| PLACES.iter().find(|(it, ..)| *it == name);
    let (Some((_, x1, y1)), Some((_, x2, y2))) = (place(from), place(to)) else {
        return;
    };
    let (x1, y1, x2, y2) = (
        f64::from(*x1),
        f64::from(*y1),
        f64::from(*x2),
        f64::from(*y2),
    );
    let (dx, dy) = (x2 - x1, y2 - y1);
    let length = dx.hypot(dy);
    // Two that go both ways bend apart; what leads to the end and out of it is drawn pale.
    let (bend_x, bend_y) = (-dy / length * 26.0, dx / length * 26.0);
    let edge = |x: f64, y: f64, dx: f64, dy: f64| {
        let scale = (64.0 / dx.abs().max(0.01)).min(24.0 / dy.abs().max(0.01));
        (x + dx * scale, y + dy * scale)
    };
    let (middle_x, middle_y) = (x1 + dx / 2.0 + bend_x, y1 + dy / 2.0 + bend_y);
    let (sx, sy) = edge(x1, y1, middle_x - x1, middle_y - y1);
    let (ex, ey) = edge(x2, y2, middle_x - x2, middle_y - y2);
    let pale = to == "ended" || to == "none";
    let colour = if pale { "#ccb" } else { "#567" };
    let mut causes: Vec<(&String, &u64)> = inputs.iter().collect();
    causes.sort_by_key(|(name, times)| (std::cmp::Reverse(**times), (*name).clone()));
    let all: Vec<String> = causes
        .iter()
        .map(|(name, _)| (*name).replace('`', ""))
        .collect();
    let _ = writeln!(
        text,
        "<path d=\"M{sx:.0} {sy:.0} Q{middle_x:.0} {middle_y:.0} {ex:.0} {ey:.0}\" fill=\"none\" stroke=\"{colour}\" marker-end=\"url(#tip)\">\
         <title>{from} to {to}: {}</title></path>",
        all.join(", ")
    );
    if !pale {
        let (tx, ty) = (
            (sx + 2.0 * middle_x + ex) / 4.0,
            (sy + 2.0 * middle_y + ey) / 4.0,
        );
        let _ = writeln!(
            text,
            "<text x=\"{tx:.0}\" y=\"{:.0}\" text-anchor=\"middle\" font-size=\"10\" fill=\"#234\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
            ty - 3.0,
            all[..all.len().min(2)].join(", ")
        );
    }
}
