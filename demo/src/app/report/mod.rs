//! A headless run as one page to look at: nothing is loaded from elsewhere, light and dark follow
//! the system.

mod chart;
mod timeline;

use std::fmt::Write;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringwire_demo::open_handles::OpenHandles;

use super::headless::{Sample, Story};
use chart::{Chart, Series};

const STYLE: &str = include_str!("report.css");

/// The whole page.
pub(crate) fn html(story: &Story) -> String {
    let goals = story.findings.goals(story.seconds);
    let met = goals.iter().filter(|goal| goal.met).count();
    let good = met == goals.len();
    let mut page = String::new();
    let out = &mut page;
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>Ringwire: a measured call</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header><div><h1>A measured call</h1>\
         <p>Chromium calls Echo, a Rust core without a browser. Both were measured for {} seconds.</p></div>\
         <span class=\"verdict {}\">{met} of {} goals met</span></header>\n",
        story.seconds,
        if good { "good" } else { "bad" },
        goals.len(),
    );
    tiles(out, story);
    section(out, "How the call came about", &timeline::draw(story));
    pictures(out, story);
    charts(out, &story.window.samples());
    out.push_str("<div class=\"pair\">");
    let list: String = goals
        .iter()
        .map(|goal| {
            let (class, sign) = if goal.met {
                ("good", "✓")
            } else {
                ("bad", "✕")
            };
            format!(
                "<li class=\"{class}\"><b>{sign}</b>{}</li>",
                escape(&goal.text)
            )
        })
        .collect();
    section(out, "Goals", &format!("<ul class=\"goals\">{list}</ul>"));
    section(
        out,
        "What the process of gateway and Echo holds open",
        &open_handles(story),
    );
    out.push_str("</div>\n</main>\n</body>\n</html>\n");
    page
}

fn section(out: &mut String, title: &str, body: &str) {
    let _ = writeln!(out, "<section><h2>{title}</h2>{body}</section>");
}

fn tiles(out: &mut String, story: &Story) {
    let findings = &story.findings;
    let setup = findings
        .timeline_ms
        .accepted
        .zip(findings.timeline_ms.first_frame_browser);
    let setup = setup.map_or("–".to_owned(), |(accepted, seen)| {
        format!("{}", seen - accepted)
    });
    let whole = findings.core.frames_valid + findings.core.frames_broken;
    let call = &story.first;
    let tiles = [
        (
            format!("{:.1}", findings.browser.fps),
            "fps",
            "decoded in Chromium",
            "browser",
        ),
        (
            format!("{:.1}", findings.core.fps),
            "fps",
            "valid in the core",
            "core",
        ),
        (setup, "ms", "from accept to picture", ""),
        (
            findings.core.frames_broken.to_string(),
            "broken",
            &format!("of {whole} pictures in the core"),
            "",
        ),
        (
            findings.core.beeps.count.to_string(),
            "beeps",
            &format!("heard by the core in {:.0} s", call.audio.seconds),
            "",
        ),
        (
            (findings.leaks.tasks + findings.leaks.sockets).to_string(),
            "left",
            "threads and sockets after hanging up",
            "",
        ),
    ];
    out.push_str("<div class=\"tiles\">");
    for (number, unit, what, class) in tiles {
        let _ = write!(
            out,
            "<div class=\"tile {class}\"><p><b>{number}</b> {unit}</p><span>{what}</span></div>"
        );
    }
    out.push_str("</div>\n");
}

fn pictures(out: &mut String, story: &Story) {
    let pictures = &story.pictures;
    let figure = |png: &[u8], class: &str, caption: &str| {
        format!(
            "<figure class=\"{class}\"><img alt=\"{caption}\" src=\"data:image/png;base64,{}\">\
             <figcaption>{caption}</figcaption></figure>",
            STANDARD.encode(png)
        )
    };
    let missing = |caption: &str| {
        format!(
            "<figure><p class=\"none\">No picture</p><figcaption>{caption}</figcaption></figure>"
        )
    };
    let or_missing = |png: &Option<Vec<u8>>, caption: &str| match png {
        Some(png) => figure(png, "", caption),
        None => missing(caption),
    };
    let body = format!(
        "<div class=\"pictures\">{}{}{}{}</div>",
        figure(&pictures.page, "", "The page, in the call"),
        or_missing(&pictures.seen_by_browser, "What Chromium saw of Echo"),
        or_missing(
            &pictures.seen_by_core,
            "What the core saw of Chromium, decoded by ffmpeg"
        ),
        figure(&pictures.ringing, "", "The page, when Echo calls"),
    );
    section(out, "What each side saw", &body);
}

fn charts(out: &mut String, samples: &[Sample]) {
    let points = |of: fn(&Sample) -> Option<f64>| -> Vec<(f64, f64)> {
        samples
            .iter()
            .filter_map(|sample| Some((sample.at, of(sample)?)))
            .collect()
    };
    let pair = |browser: fn(&Sample) -> Option<f64>, core: fn(&Sample) -> Option<f64>| {
        [
            Series {
                name: "Chromium receives",
                class: "browser",
                points: points(browser),
            },
            Series {
                name: "The core receives",
                class: "core",
                points: points(core),
            },
        ]
    };
    let charts = [
        Chart {
            title: "Pictures",
            unit: "frames per second",
            least_top: 35.0,
            series: pair(
                |sample| Some(sample.browser_fps),
                |sample| Some(sample.core_fps),
            ),
        },
        Chart {
            title: "Round trip",
            unit: "ms",
            least_top: 4.0,
            series: pair(|sample| sample.browser_rtt, |sample| sample.core_rtt),
        },
        Chart {
            title: "Lost packets",
            unit: "%",
            least_top: 4.0,
            series: pair(
                |sample| Some(sample.browser_loss),
                |sample| Some(sample.core_loss),
            ),
        },
        Chart {
            title: "Bitrate",
            unit: "kbit/s",
            least_top: 500.0,
            series: pair(
                |sample| Some(sample.browser_kbps),
                |sample| Some(sample.core_kbps),
            ),
        },
    ];
    let body: String = charts.iter().map(Chart::draw).collect();
    let legend = "<p class=\"legend\"><i class=\"browser\"></i>Chromium receives from Echo\
                  <i class=\"core\"></i>The core receives from Chromium</p>";
    section(
        out,
        "Second by second",
        &format!("{legend}<div class=\"charts\">{body}</div>"),
    );
}

fn open_handles(story: &Story) -> String {
    let leaks = &story.findings.leaks;
    let row = |name: &str, of: fn(&OpenHandles) -> usize| {
        let columns = [
            &leaks.alone,
            &leaks.before,
            &leaks.in_call,
            &leaks.after,
            &leaks.alone_again,
        ];
        let cells: String = columns
            .map(|open| format!("<td>{}</td>", of(open)))
            .concat();
        format!("<tr><th>{name}</th>{cells}</tr>")
    };
    let settled = match leaks.settled_ms {
        Some(ms) => {
            format!(
                "Nothing more than before {:.1} s after the last hang-up.",
                ms as f64 / 1_000.0
            )
        }
        None => "More than before, 15 s after the last hang-up.".to_owned(),
    };
    format!(
        "<table><thead><tr><th></th><th>alone</th><th>signed in</th><th>in a call</th><th>after</th>\
         <th>alone again</th></tr></thead><tbody>{}{}{}{}</tbody></table>\
         <p class=\"note\">Counted in /proc. {settled}</p>",
        row("Threads", |open| open.tasks),
        row("Sockets", |open| open.sockets),
        row("Accepted by the gateway", |open| open.accepted),
        row("Other files", |open| open.files),
    )
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
