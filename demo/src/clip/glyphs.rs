//! Letters and digits as strokes with round ends, so that the clip needs no font of the machine.
//! Distances only; colours are the scene's.

use std::f32::consts::{PI, TAU};

/// A point in pixels, y downwards.
pub(super) type Point = (f32, f32);

/// The middle line of a pen.
#[derive(Debug, Clone, Copy)]
pub(super) enum Stroke {
    Line(Point, Point),
    /// From `start`, clockwise on the screen, by `sweep` radians; zero points right.
    Arc {
        centre: Point,
        radius: f32,
        start: f32,
        sweep: f32,
    },
}

impl Stroke {
    fn distance(&self, (x, y): Point) -> f32 {
        match *self {
            Stroke::Line((ax, ay), (bx, by)) => {
                let (dx, dy) = (bx - ax, by - ay);
                let along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy).max(1e-6);
                let along = along.clamp(0.0, 1.0);
                (x - ax - dx * along).hypot(y - ay - dy * along)
            }
            Stroke::Arc {
                centre: (cx, cy),
                radius,
                start,
                sweep,
            } => {
                let angle = ((y - cy).atan2(x - cx) - start).rem_euclid(TAU);
                if angle <= sweep {
                    return ((x - cx).hypot(y - cy) - radius).abs();
                }
                let end = |angle: f32| {
                    (x - cx - radius * angle.cos()).hypot(y - cy - radius * angle.sin())
                };
                end(start).min(end(start + sweep))
            }
        }
    }
}

/// Distance from a point to the nearest of the strokes.
pub(super) fn distance(strokes: &[Stroke], at: Point) -> f32 {
    strokes
        .iter()
        .map(|stroke| stroke.distance(at))
        .fold(f32::MAX, f32::min)
}

/// The word "Echo" around `centre`; `size` is the height of its E.
pub(super) fn echo((cx, cy): Point, size: f32) -> Vec<Stroke> {
    let (top, bottom) = (cy - size / 2.0, cy + size / 2.0);
    let bowl = size * 0.31;
    let low = bottom - bowl;
    let mut x = cx - size * 1.45;
    let mut strokes = vec![
        Stroke::Line((x, top), (x, bottom)),
        Stroke::Line((x, top), (x + size * 0.52, top)),
        Stroke::Line((x, cy), (x + size * 0.44, cy)),
        Stroke::Line((x, bottom), (x + size * 0.52, bottom)),
    ];
    x += size * 0.84 + bowl;
    strokes.push(Stroke::Arc {
        centre: (x, low),
        radius: bowl,
        start: PI * 0.27,
        sweep: PI * 1.46,
    });
    x += bowl + size * 0.22;
    strokes.push(Stroke::Line((x, top - size * 0.06), (x, bottom)));
    strokes.push(Stroke::Arc {
        centre: (x + bowl * 0.9, low - bowl * 0.1),
        radius: bowl * 0.9,
        start: PI,
        sweep: PI,
    });
    strokes.push(Stroke::Line(
        (x + bowl * 1.8, low - bowl * 0.1),
        (x + bowl * 1.8, bottom),
    ));
    x += bowl * 1.8 + size * 0.3 + bowl;
    strokes.push(Stroke::Arc {
        centre: (x, low),
        radius: bowl,
        start: 0.0,
        sweep: TAU,
    });
    strokes
}

/// Segments of the digits 0–9, as bits: top, both uppers, middle, both lowers, bottom.
const SEGMENTS: [u8; 10] = [
    0b111_0111, 0b001_0010, 0b101_1101, 0b101_1011, 0b011_1010, 0b110_1011, 0b110_1111, 0b101_0010,
    0b111_1111, 0b111_1011,
];

/// Digits, points and blanks in a row of equal steps from `left`; `size` is the height of a digit.
pub(super) fn digits(text: &str, (left, top): Point, size: f32) -> Vec<Stroke> {
    let (width, half) = (size * 0.5, size / 2.0);
    let mut strokes = Vec::new();
    for (index, character) in text.chars().enumerate() {
        let x = left + index as f32 * size * 0.82;
        if character == '.' {
            let dot = (x + width / 2.0, top + size);
            strokes.push(Stroke::Line(dot, dot));
        }
        let Some(digit) = character.to_digit(10) else {
            continue;
        };
        let (right, middle, bottom) = (x + width, top + half, top + size);
        let lines = [
            ((x, top), (right, top)),
            ((x, top), (x, middle)),
            ((right, top), (right, middle)),
            ((x, middle), (right, middle)),
            ((x, middle), (x, bottom)),
            ((right, middle), (right, bottom)),
            ((x, bottom), (right, bottom)),
        ];
        let lit = SEGMENTS[digit as usize];
        strokes.extend(
            lines
                .iter()
                .enumerate()
                .filter(|(segment, _)| lit & (1 << (6 - segment)) != 0)
                .map(|(_, (from, to))| Stroke::Line(*from, *to)),
        );
    }
    strokes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_digit_looks_different_and_eight_has_all_segments() {
        let different: std::collections::HashSet<u8> = SEGMENTS.into();
        assert_eq!(different.len(), 10);
        assert_eq!(digits("8", (0.0, 0.0), 10.0).len(), 7);
        assert_eq!(digits("1", (0.0, 0.0), 10.0).len(), 2);
    }

    #[test]
    fn an_arc_is_near_on_its_line_and_far_in_its_gap() {
        let half = Stroke::Arc {
            centre: (0.0, 0.0),
            radius: 10.0,
            start: 0.0,
            sweep: PI,
        };
        assert!(half.distance((0.0, 10.0)) < 0.01);
        assert!(half.distance((0.0, -10.0)) > 9.0);
    }
}
