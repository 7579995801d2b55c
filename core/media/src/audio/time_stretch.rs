//! Makes sound a little shorter or longer without changing its pitch: one period out or in, joints crossfaded
//! (WSOLA). When to do so is `receiver`.

/// The shortest piece taken out or put in, 2.5 ms.
const MIN_PIECE: usize = 120;
/// The longest, 10 ms.
const MAX_PIECE: usize = 480;
/// Neighbouring pieces at least this similar may be led over into one another unheard.
const ALIKE: f32 = 0.85;
/// Below this mean square nobody hears a joint: about -50 dBFS.
const QUIET: f32 = 10_000.0;

/// How far the pieces may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// Only where it cannot be heard.
    Unheard,
    /// At the best place there is.
    BestPlace,
}

/// Takes one period out of `pcm`. Gives the number of samples removed; 0 if no place was good enough.
pub(super) fn shorten(pcm: &mut Vec<i16>, care: Care) -> usize {
    let Some(piece) = find_piece(pcm, care) else {
        return 0;
    };
    let mut next = pcm[piece..2 * piece].to_vec();
    crossfade(&pcm[..piece], &mut next);
    pcm.splice(..2 * piece, next);
    piece
}

/// Puts one period more into `pcm`. Gives the number of samples added; 0 if no place was good enough.
pub(super) fn lengthen(pcm: &mut Vec<i16>, care: Care) -> usize {
    let Some(piece) = find_piece(pcm, care) else {
        return 0;
    };
    let mut again = pcm[..piece].to_vec();
    crossfade(&pcm[piece..2 * piece], &mut again);
    pcm.splice(piece..piece, again);
    piece
}

/// Leads from `from` over into `into`, over the length of `from`.
pub(super) fn crossfade(from: &[i16], into: &mut [i16]) {
    let length = from.len().min(into.len());
    for (index, (new, old)) in into.iter_mut().zip(from).enumerate() {
        let weight = (index + 1) as f32 / (length + 1) as f32;
        *new = (f32::from(*old) * (1.0 - weight) + f32::from(*new) * weight) as i16;
    }
}

/// Normalised correlation of two pieces of equal length, looking at every `step`th sample: 1 for the same shape.
pub(super) fn similarity(a: &[i16], b: &[i16], step: usize) -> f32 {
    let (mut product, mut a_energy, mut b_energy) = (0.0f32, 1.0f32, 1.0f32);
    for (a, b) in a.iter().zip(b).step_by(step) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        product += a * b;
        a_energy += a * a;
        b_energy += b * b;
    }
    product / (a_energy.sqrt() * b_energy.sqrt())
}

/// The length for which the first two pieces of `pcm` are most alike.
fn find_piece(pcm: &[i16], care: Care) -> Option<usize> {
    let longest = MAX_PIECE.min(pcm.len() / 2);
    if longest < MIN_PIECE {
        return None;
    }
    let energy: f32 = pcm.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    if energy / (pcm.len() as f32) < QUIET {
        return Some(longest);
    }
    let score = |piece: usize, step| similarity(&pcm[..piece], &pcm[piece..2 * piece], step);
    let best = |pieces: &mut dyn Iterator<Item = usize>, step: usize| {
        pieces
            .map(|piece| (piece, score(piece, step)))
            .fold((longest, -1.0f32), |best, next| {
                if next.1 > best.1 { next } else { best }
            })
    };
    let (coarse, _) = best(&mut (MIN_PIECE..=longest).step_by(4), 4);
    let near = coarse.saturating_sub(4).max(MIN_PIECE)..=(coarse + 4).min(longest);
    let (piece, alike) = best(&mut near.into_iter(), 1);
    (care == Care::BestPlace || alike >= ALIKE).then_some(piece)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tone(frequency: f64) -> Vec<i16> {
        let wave = |index| (f64::from(index) / 48_000.0 * frequency * std::f64::consts::TAU).sin();
        (0..960)
            .map(|index| (8_000.0 * wave(index)) as i16)
            .collect()
    }

    #[test]
    fn a_tone_gets_shorter_and_longer_by_whole_periods() {
        for frequency in [100.0, 151.0, 240.0, 330.0] {
            let original = tone(frequency);
            let step = |pcm: &[i16]| {
                pcm.windows(2)
                    .map(|pair| pair[0].abs_diff(pair[1]))
                    .max()
                    .unwrap()
            };
            let mut short = original.clone();
            let removed = shorten(&mut short, Care::Unheard);
            let mut long = original.clone();
            let added = lengthen(&mut long, Care::Unheard);
            assert_eq!((short.len(), long.len()), (960 - removed, 960 + added));
            let periods = removed as f64 * frequency / 48_000.0;
            assert!(
                removed > 0 && (periods - periods.round()).abs() < 0.03,
                "{removed} at {frequency}"
            );
            for pcm in [short, long] {
                assert!(step(&pcm) <= step(&original) + 20, "a click at {frequency}");
                assert_eq!(
                    (pcm.first(), pcm.last()),
                    (original.first(), original.last())
                );
            }
        }
    }

    #[test]
    fn silence_gives_the_most() {
        let mut pcm = vec![3; 960];
        assert_eq!(shorten(&mut pcm, Care::Unheard), 480);
    }

    proptest! {
        #[test]
        fn any_samples_keep_their_count(pcm in prop::collection::vec(any::<i16>(), 0..1_500), careful: bool) {
            let care = if careful { Care::Unheard } else { Care::BestPlace };
            let (mut short, mut long) = (pcm.clone(), pcm.clone());
            let removed = shorten(&mut short, care);
            prop_assert_eq!(short.len() + removed, pcm.len());
            let added = lengthen(&mut long, care);
            prop_assert_eq!(long.len(), pcm.len() + added);
        }
    }
}
