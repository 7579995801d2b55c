//! The moving picture itself: ten seconds that end as they begin, drawn frame by frame. The name in
//! the middle, rings that run out from it, a dot that circles evenly, a clock and a frame counter.

use std::f32::consts::TAU;

use super::glyphs::{self, Point, Stroke};

pub(super) const WIDTH: usize = 640;
pub(super) const HEIGHT: usize = 360;
pub(super) const FPS: usize = 30;
/// Ten seconds; every movement fits into it a whole number of times.
pub(super) const FRAMES: usize = 10 * FPS;

const CENTRE: Point = (320.0, 166.0);
const RINGS: usize = 5;
const RING_REACH: f32 = 330.0;
const ORBIT: f32 = 132.0;

type Colour = [f32; 3];
const TOP: Colour = [7.0, 22.0, 19.0];
const BOTTOM: Colour = [10.0, 40.0, 38.0];
const MINT: Colour = [72.0, 226.0, 174.0];
const BLUE: Colour = [46.0, 110.0, 196.0];
const AMBER: Colour = [255.0, 193.0, 84.0];
const WHITE: Colour = [244.0, 252.0, 249.0];

/// What is the same in every frame.
pub(super) struct Scene {
    /// Distance of each pixel from the centre.
    radius: Vec<f32>,
    /// How much of each pixel the name covers.
    name: Vec<f32>,
}

impl Scene {
    pub(super) fn new() -> Self {
        let name = glyphs::echo(CENTRE, 92.0);
        let each = |of: &dyn Fn(Point) -> f32| {
            let pixels = (0..HEIGHT).flat_map(|y| (0..WIDTH).map(move |x| (x, y)));
            pixels
                .map(|(x, y)| of((x as f32 + 0.5, y as f32 + 0.5)))
                .collect()
        };
        Self {
            radius: each(&|(x, y)| (x - CENTRE.0).hypot(y - CENTRE.1)),
            name: each(&|at| cover(glyphs::distance(&name, at), 8.0)),
        }
    }

    /// Frame `index` as RGB, three bytes a pixel.
    pub(super) fn frame(&self, index: usize) -> Vec<u8> {
        let time = index as f32 / FRAMES as f32;
        let mut canvas = self.background(time);
        let orbit = TAU * (time * 4.0);
        for trail in (0..36).rev() {
            let angle = orbit - trail as f32 * 0.022;
            let dot = (
                CENTRE.0 + ORBIT * 1.72 * angle.cos(),
                CENTRE.1 + ORBIT * angle.sin(),
            );
            let fade = 1.0 - trail as f32 / 36.0;
            draw(
                &mut canvas,
                &[Stroke::Line(dot, dot)],
                2.0 + 7.0 * fade,
                AMBER,
                fade * fade * 0.5,
            );
        }
        let seconds = index as f32 / FPS as f32;
        let clock = format!("{:02}.{}", seconds as usize, (seconds * 10.0) as usize % 10);
        draw(
            &mut canvas,
            &glyphs::digits(&clock, (32.0, 304.0), 26.0),
            2.2,
            WHITE,
            0.92,
        );
        let counter = glyphs::digits(&format!("{index:03}"), (554.0, 304.0), 26.0);
        draw(&mut canvas, &counter, 2.2, MINT, 0.92);
        let bar = |to: f32| [Stroke::Line((150.0, 317.0), (150.0 + 374.0 * to, 317.0))];
        draw(&mut canvas, &bar(1.0), 3.0, WHITE, 0.16);
        draw(&mut canvas, &bar(time), 3.0, MINT, 0.9);
        canvas
            .into_iter()
            .flatten()
            .map(|channel| channel.clamp(0.0, 255.0) as u8)
            .collect()
    }

    fn background(&self, time: f32) -> Vec<Colour> {
        let turn = TAU * time;
        let glows = [
            (
                MINT,
                0.30,
                250.0,
                (
                    320.0 + 230.0 * turn.cos(),
                    150.0 + 120.0 * (turn * 2.0).sin(),
                ),
            ),
            (
                BLUE,
                0.55,
                300.0,
                (320.0 - 250.0 * turn.cos(), 190.0 + 130.0 * turn.sin()),
            ),
        ];
        let mut canvas = Vec::with_capacity(WIDTH * HEIGHT);
        for y in 0..HEIGHT {
            let ground = mix(TOP, BOTTOM, y as f32 / HEIGHT as f32);
            for x in 0..WIDTH {
                let mut colour = ground;
                for (glow, strength, reach, (gx, gy)) in &glows {
                    let (dx, dy) = ((x as f32 - gx) / reach, (y as f32 - gy) / reach);
                    let near = (1.0 - dx * dx - dy * dy).max(0.0);
                    colour = mix(colour, *glow, near * near * strength);
                }
                let at = y * WIDTH + x;
                colour = mix(colour, MINT, ring(self.radius[at], time));
                canvas.push(mix(colour, WHITE, self.name[at]));
            }
        }
        canvas
    }
}

/// Light of the rings at a distance from the centre: one sets out each two seconds.
fn ring(radius: f32, time: f32) -> f32 {
    let spacing = RING_REACH / RINGS as f32;
    let out = (time * RINGS as f32).fract() * spacing;
    let from_ring = (radius - out).rem_euclid(spacing);
    let from_ring = from_ring.min(spacing - from_ring);
    let fade = (1.0 - radius / RING_REACH).max(0.0) * (radius / 60.0).min(1.0);
    cover(from_ring, 2.0) * fade * 0.75
}

fn cover(distance: f32, half_width: f32) -> f32 {
    (half_width + 0.5 - distance).clamp(0.0, 1.0)
}

fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    [0, 1, 2].map(|channel| from[channel] + (to[channel] - from[channel]) * share)
}

/// Draws strokes with a pen of `half_width`, looking only at the pixels that they can reach.
fn draw(canvas: &mut [Colour], strokes: &[Stroke], half_width: f32, colour: Colour, alpha: f32) {
    for stroke in strokes {
        let (Stroke::Line(from, to), reach) = (*stroke, half_width + 1.0) else {
            continue;
        };
        let range = |a: f32, b: f32, end: usize| {
            let low = (a.min(b) - reach).floor().max(0.0) as usize;
            let high = ((a.max(b) + reach).ceil().max(0.0) as usize).min(end);
            low.min(high)..high
        };
        for y in range(from.1, to.1, HEIGHT) {
            for x in range(from.0, to.0, WIDTH) {
                let at = (x as f32 + 0.5, y as f32 + 0.5);
                let share = cover(
                    glyphs::distance(std::slice::from_ref(stroke), at),
                    half_width,
                );
                let pixel = &mut canvas[y * WIDTH + x];
                *pixel = mix(*pixel, colour, share * alpha);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean difference of two pictures, in steps of 256.
    fn difference(one: &[u8], other: &[u8]) -> f64 {
        let sum: u64 = one
            .iter()
            .zip(other)
            .map(|(a, b)| u64::from(a.abs_diff(*b)))
            .sum();
        sum as f64 / one.len() as f64
    }

    #[test]
    fn each_frame_moves_a_little_and_the_loop_closes() {
        let scene = Scene::new();
        let [first, second, last] = [0, 1, FRAMES - 1].map(|index| scene.frame(index));
        assert_eq!(first.len(), WIDTH * HEIGHT * 3);
        let step = difference(&first, &second);
        assert!(step > 0.2, "{step}");
        let seam = difference(&last, &first);
        assert!(
            seam < step * 3.0,
            "the seam differs by {seam}, a step by {step}"
        );
    }
}
