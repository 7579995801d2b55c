//! Sequence and picture parameter sets of one stream, the newest of each id (ITU-T H.264 §7.4.1.2.1).
//! Encoders give them once, or with every IDR picture; a receiver that joins needs them with each.

use bytes::Bytes;

use crate::h264::nal::NalType;

/// Sets of each kind that are kept at most; beyond, the oldest goes.
const MAX_SETS: usize = 16;

#[derive(Debug, Clone, Default)]
pub(crate) struct ParameterSets {
    sequence: Vec<Set>,
    picture: Vec<Set>,
}

#[derive(Debug, Clone)]
struct Set {
    id: u32,
    order: i64,
    unit: Bytes,
}

impl ParameterSets {
    /// Keeps `unit` if it is a parameter set that can be read. `order` grows with the stream: an older set of the same id
    /// that comes later changes nothing.
    pub(crate) fn remember(&mut self, unit: &Bytes, order: i64) {
        let Some((&header, body)) = unit.split_first() else {
            return;
        };
        let (sets, id) = match NalType::of(header) {
            // profile_idc, constraint flags and level_idc come before the id.
            Ok(NalType::SequenceParameterSet) => (&mut self.sequence, body.get(3..)),
            Ok(NalType::PictureParameterSet) => (&mut self.picture, Some(body)),
            _ => return,
        };
        let Some(id) = id.and_then(exp_golomb) else {
            return;
        };
        let set = Set {
            id,
            order,
            unit: unit.clone(),
        };
        match sets.iter_mut().find(|held| held.id == id) {
            Some(held) if held.order <= order => *held = set,
            Some(_) => {}
            None => {
                if sets.len() >= MAX_SETS {
                    let oldest = (0..sets.len()).min_by_key(|place| sets[*place].order);
                    sets.remove(oldest.unwrap_or_default());
                }
                sets.push(set);
            }
        }
    }

    /// Whether there is one of each kind.
    pub(crate) fn is_complete(&self) -> bool {
        !self.sequence.is_empty() && !self.picture.is_empty()
    }

    /// All, in an order in which a decoder can take them.
    pub(crate) fn units(&self) -> impl Iterator<Item = &Bytes> {
        let sets = self.sequence.iter().chain(&self.picture);
        sets.map(|set| &set.unit)
    }
}

/// The number at the start of `bytes` (ITU-T H.264 §9.1, ue(v)), up to the largest id that there is.
fn exp_golomb(bytes: &[u8]) -> Option<u32> {
    let mut word = [0; 4];
    let length = bytes.len().min(4);
    word[..length].copy_from_slice(&bytes[..length]);
    let word = u32::from_be_bytes(word);
    let zeros = word.leading_zeros();
    let bits = 2 * zeros + 1;
    (zeros <= 8 && bits as usize <= 8 * length).then(|| (word >> (32 - bits)) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(sets: &ParameterSets) -> Vec<Vec<u8>> {
        sets.units().map(|unit| unit.to_vec()).collect()
    }

    #[test]
    fn numbers_are_read_as_the_standard_writes_them() {
        for (bytes, number) in [
            (&[0x80u8][..], Some(0)),
            (&[0x40], Some(1)),
            (&[0x60], Some(2)),
            (&[0x20], Some(3)),
            (&[0x00, 0x80, 0x00], Some(255)),
            (&[0x00, 0x40, 0x00], None),
            (&[0x00], None),
            (&[], None),
        ] {
            assert_eq!(exp_golomb(bytes), number, "{bytes:?}");
        }
    }

    #[test]
    fn the_newest_set_of_each_id_is_kept_and_sequence_sets_come_first() {
        let mut sets = ParameterSets::default();
        let unit = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        sets.remember(&unit(&[0x68, 0x80, 1]), 1);
        assert!(!sets.is_complete());
        sets.remember(&unit(&[0x67, 0x42, 0xe0, 0x1f, 0x80, 1]), 2);
        sets.remember(&unit(&[0x68, 0x40, 2]), 3);
        sets.remember(&unit(&[0x68, 0x80, 3]), 4);
        sets.remember(&unit(&[0x68, 0x80, 9]), 0);
        for noise in [&[0x65u8, 0x80][..], &[], &[0x67], &[0x68], &[0xe7, 0x80]] {
            sets.remember(&unit(noise), 5);
        }
        assert!(sets.is_complete());
        let expected = [
            vec![0x67, 0x42, 0xe0, 0x1f, 0x80, 1],
            vec![0x68, 0x80, 3],
            vec![0x68, 0x40, 2],
        ];
        assert_eq!(held(&sets), expected);
    }

    #[test]
    fn a_stream_of_ever_new_ids_fills_no_memory() {
        let mut sets = ParameterSets::default();
        for order in 0..200 {
            let code = order as u32 + 1;
            let bits = 2 * code.ilog2() + 1;
            let id = (code << (32 - bits)).to_be_bytes();
            let unit = [&[0x68], &id[..]].concat();
            sets.remember(&Bytes::from(unit), order);
        }
        assert_eq!(sets.picture.len(), MAX_SETS);
    }
}
