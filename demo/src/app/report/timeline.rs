//! The steps of the first call on one line of time, as SVG.

use std::fmt::Write;

use super::super::headless::Story;

const WIDTH: f64 = 1080.0;
const LEFT: f64 = 210.0;
const RIGHT: f64 = 90.0;
const ROW: f64 = 34.0;

/// One row for each step until the first pictures; the end is told in words.
pub(super) fn draw(story: &Story) -> String {
    let timeline = &story.findings.timeline_ms;
    let rows = [
        ("Alice calls", timeline.initiate, ""),
        ("Echo rings", timeline.ringing, ""),
        ("Echo accepts", timeline.accepted, ""),
        ("Path is there", timeline.ice_connected, ""),
        (
            "Chromium sees Echo",
            timeline.first_frame_browser,
            "browser",
        ),
        ("The core sees Chromium", timeline.first_frame_core, "core"),
    ];
    let last = rows
        .iter()
        .filter_map(|(_, at, _)| *at)
        .max()
        .unwrap_or(1)
        .max(1) as f64;
    let x = |at: i64| LEFT + at as f64 / last * (WIDTH - LEFT - RIGHT);
    let height = ROW * rows.len() as f64 + 6.0;
    let mut svg = format!(
        "<div class=\"scroll\"><svg class=\"timeline\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" \
         aria-label=\"Timeline of the call\">"
    );
    let mut before = 0;
    // Writing to a string cannot fail.
    for (row, (name, at, class)) in rows.iter().enumerate() {
        let y = ROW * row as f64 + ROW / 2.0 + 3.0;
        let _ = write!(
            svg,
            "<text class=\"name\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{name}</text>\
             <line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y}\" y2=\"{y}\"/>",
            LEFT - 16.0,
            y + 5.0,
            WIDTH - RIGHT
        );
        let Some(at) = *at else {
            let _ = write!(
                svg,
                "<text x=\"{}\" y=\"{}\">never</text>",
                LEFT + 12.0,
                y - 6.0
            );
            continue;
        };
        let _ = write!(
            svg,
            "<line class=\"bar {class}\" x1=\"{:.1}\" x2=\"{:.1}\" y1=\"{y}\" y2=\"{y}\"/>\
             <circle class=\"dot {class}\" cx=\"{:.1}\" cy=\"{y}\" r=\"6\"/>\
             <text class=\"number\" x=\"{:.1}\" y=\"{}\">{at} ms</text>",
            x(before.min(at)),
            x(at),
            x(at),
            x(at) + 13.0,
            y + 5.0
        );
        before = at;
    }
    svg.push_str("</svg></div>");
    let seconds = |ms: Option<i64>| {
        ms.map_or("–".to_owned(), |ms| {
            format!("{:.1} s", ms as f64 / 1_000.0)
        })
    };
    let second = &story.second_call;
    let since = |at: Option<i64>| at.zip(second.initiate).map(|(at, start)| at - start);
    let picture = second
        .first_frame
        .zip(second.accepted)
        .map(|(seen, accepted)| seen - accepted);
    let _ = write!(
        svg,
        "<p class=\"note\">Echo lets it ring for a second. The call ended after {}. Then Echo called: \
         accepted after {}, its first picture of Chromium {} after that, over after {}.</p>",
        seconds(timeline.ended),
        seconds(since(second.accepted)),
        picture.map_or("–".to_owned(), |ms| format!("{ms} ms")),
        seconds(since(second.ended)),
    );
    svg
}
