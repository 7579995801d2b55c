//! A small line chart as SVG; colours come from the page's style.

use std::fmt::Write;

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 210.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 26.0;

/// Lines over time, in seconds from zero on.
pub(super) struct Chart {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    /// The scale reaches at least so far.
    pub(super) least_top: f64,
    pub(super) series: [Series; 2],
}

pub(super) struct Series {
    pub(super) name: &'static str,
    /// Its colour in the page's style.
    pub(super) class: &'static str,
    pub(super) points: Vec<(f64, f64)>,
}

impl Chart {
    pub(super) fn draw(&self) -> String {
        let all = || self.series.iter().flat_map(|series| &series.points);
        let end = all().map(|(at, _)| *at).fold(1.0, f64::max);
        let step = round_step(
            all()
                .map(|(_, value)| *value)
                .fold(self.least_top, f64::max)
                / 4.0,
        );
        let top = step * 4.0;
        let x = |at: f64| LEFT + at / end * (WIDTH - LEFT - RIGHT);
        let y = |value: f64| HEIGHT - BOTTOM - value / top * (HEIGHT - TOP - BOTTOM);
        let mut svg = format!(
            "<figure class=\"chart\"><figcaption>{}<span>{}</span></figcaption>\
             <svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            self.title, self.unit, self.title
        );
        // Writing to a string cannot fail.
        for line in 0..=4 {
            let value = step * f64::from(line);
            let _ = write!(
                svg,
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{1:.1}\" y2=\"{1:.1}\"/>\
                 <text x=\"{2}\" y=\"{3:.1}\" text-anchor=\"end\">{4}</text>",
                WIDTH - RIGHT,
                y(value),
                LEFT - 8.0,
                y(value) + 4.0,
                number(value),
            );
        }
        let every = round_step(end / 6.0).max(1.0);
        let mut at = 0.0;
        while at <= end + every * 0.1 {
            let _ = write!(
                svg,
                "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{} s</text>",
                x(at),
                HEIGHT - 6.0,
                number(at)
            );
            at += every;
        }
        for series in &self.series {
            let line: Vec<String> = series
                .points
                .iter()
                .map(|(at, value)| format!("{:.1},{:.1}", x(*at), y(*value)))
                .collect();
            let _ = write!(
                svg,
                "<polyline class=\"line {}\" points=\"{}\"/>",
                series.class,
                line.join(" ")
            );
            // Dots would run into each other in a long window.
            let dots = if series.points.len() <= 60 {
                &series.points[..]
            } else {
                &[]
            };
            for (at, value) in dots {
                let _ = write!(
                    svg,
                    "<circle class=\"dot {}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\">\
                     <title>{}, second {:.0}: {} {}</title></circle>",
                    series.class,
                    x(*at),
                    y(*value),
                    series.name,
                    at,
                    number(*value),
                    self.unit
                );
            }
        }
        svg.push_str("</svg></figure>");
        svg
    }
}

/// The next of 1, 2, 2.5, 5 times a power of ten.
fn round_step(at_least: f64) -> f64 {
    let power = 10f64.powf(at_least.max(1e-6).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0];
    let step = steps
        .into_iter()
        .find(|step| step * power >= at_least * 0.999);
    step.unwrap_or(10.0) * power
}

/// As many digits as the number deserves.
fn number(value: f64) -> String {
    let text = if value.abs() < 10.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.1}")
    };
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_numbers_short() {
        let steps = [0.3, 1.0, 8.75, 12.0, 230.0].map(round_step);
        assert_eq!(steps, [0.5, 1.0, 10.0, 20.0, 250.0]);
        assert_eq!(
            [0.0, 0.5, 2.25, 30.04].map(number),
            ["0", "0.5", "2.25", "30"]
        );
    }

    #[test]
    fn a_chart_without_points_is_still_a_chart() {
        let empty = |class| Series {
            name: "a",
            class,
            points: Vec::new(),
        };
        let series = [empty("browser"), empty("core")];
        let svg = Chart {
            title: "T",
            unit: "u",
            least_top: 5.0,
            series,
        }
        .draw();
        assert!(svg.contains("<svg") && !svg.contains("NaN") && !svg.contains("inf"));
    }
}
