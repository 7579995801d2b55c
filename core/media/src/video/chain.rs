//! Which frame may follow which: the unbroken chain of references from the last key frame on.
//! Only what the stream itself proves counts as unbroken (RFC 7741 §4.2: PictureID, TL0PICIDX, TID, Y and N).

use crate::video::partial_frame::{Links, PartialFrame};
use crate::vp8::PictureId;

/// TL0PICIDX is eight bits wide.
const TL0_MODULUS: i64 = 256;
/// No layer above this one can be told.
const ALL_LAYERS: u8 = 3;

/// What to do with a whole frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing that it could refer to is missing, and nothing before it can still come.
    Next,
    /// It can be decoded without what is missing before it.
    Skip,
    /// Nothing is missing, but it belongs to a layer that has lost frames.
    Discard,
    /// It may refer to something that is missing.
    Wait,
}

/// Where the frames handed out so far end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chain {
    /// The sequence number after the last frame that was handed out or passed over.
    pub(super) next_sequence: i64,
    picture_id: Option<PictureId>,
    /// Of the last frame of the base layer.
    tl0_picture: Option<u8>,
    /// The highest temporal layer that has lost nothing since it was last in step with the base layer.
    intact_layer: u8,
}

impl Chain {
    /// Begins with a key frame.
    pub(super) fn begin(key_frame: &PartialFrame) -> Self {
        Self {
            next_sequence: key_frame.last() + 1,
            picture_id: key_frame.links.picture_id,
            tl0_picture: key_frame.links.tl0_picture,
            intact_layer: ALL_LAYERS,
        }
    }

    /// What to do with the whole frame `frame`, when `before` are the incomplete or held-up frames between the chain
    /// and it, and `unbroken` says that nothing at all lies between.
    pub(super) fn judge(
        &self,
        frame: &PartialFrame,
        before: &[PartialFrame],
        unbroken: bool,
    ) -> Step {
        let links = &frame.links;
        if frame.is_key_frame() {
            return if unbroken { Step::Next } else { Step::Skip };
        }
        if unbroken {
            return if self.layer_is_intact(links) {
                Step::Next
            } else {
                Step::Discard
            };
        }
        let gap = frame.first() - self.next_sequence;
        if self.pictures_run_on(frame, before, gap) {
            let without = before
                .iter()
                .fold(*self, |chain, dropped| chain.without(&dropped.links));
            return match (before.is_empty(), without.layer_is_intact(links)) {
                (true, true) => Step::Next,
                (false, true) => Step::Skip,
                (_, false) => Step::Wait,
            };
        }
        if gap < TL0_MODULUS && self.base_layer_runs_on(links) {
            Step::Skip
        } else {
            Step::Wait
        }
    }

    /// The chain after `frame`, which was judged to be [`Step::Next`] or, with `skipped` frames before it,
    /// [`Step::Skip`].
    pub(super) fn follow(&self, frame: &PartialFrame, skipped: Option<&[PartialFrame]>) -> Self {
        if frame.is_key_frame() {
            return Self::begin(frame);
        }
        let mut chain = *self;
        if let Some(before) = skipped {
            let gap = frame.first() - self.next_sequence;
            if self.pictures_run_on(frame, before, gap) {
                chain = before
                    .iter()
                    .fold(chain, |chain, dropped| chain.without(&dropped.links));
            } else {
                chain.intact_layer = 0;
            }
        }
        if let Some(layer) = frame.links.layer() {
            if layer.id == 0 {
                chain.tl0_picture = frame.links.tl0_picture;
            } else if layer.sync && layer.id == chain.intact_layer + 1 {
                chain.intact_layer = layer.id;
            }
        }
        chain.picture_id = frame.links.picture_id;
        chain.next_sequence = frame.last() + 1;
        chain
    }

    /// The chain after a frame that was judged to be [`Step::Discard`].
    pub(super) fn pass(&self, frame: &PartialFrame) -> Self {
        let mut chain = self.without(&frame.links);
        chain.picture_id = frame.links.picture_id;
        chain.next_sequence = frame.last() + 1;
        chain
    }

    /// The chain with one droppable frame missing from its layer.
    fn without(mut self, dropped: &Links) -> Self {
        if let (false, Some(layer)) = (dropped.non_reference, dropped.layer()) {
            self.intact_layer = self.intact_layer.min(layer.id.saturating_sub(1));
        }
        self
    }

    /// Whether all pictures between the chain and `frame` are known and droppable, so that the missing packets
    /// belong to them or carried none. Too many packets missing could hide a whole turn of the PictureID.
    fn pictures_run_on(&self, frame: &PartialFrame, before: &[PartialFrame], gap: i64) -> bool {
        let Some(mut last) = self.picture_id else {
            return false;
        };
        for between in before {
            if between.links.picture_id != Some(last.next()) || !between.links.droppable() {
                return false;
            }
            last = last.next();
        }
        gap < i64::from(last.modulus()) && frame.links.picture_id == Some(last.next())
    }

    /// Whether the frame's layer has lost nothing that it could refer to.
    fn layer_is_intact(&self, links: &Links) -> bool {
        match links.layer() {
            None => true,
            Some(layer) if layer.id <= self.intact_layer => true,
            Some(layer) => layer.sync && links.tl0_picture == self.tl0_picture,
        }
    }

    /// Whether the frame needs only frames of the base layer, and none of those is missing.
    fn base_layer_runs_on(&self, links: &Links) -> bool {
        let (Some(layer), Some(last)) = (links.layer(), self.tl0_picture) else {
            return false;
        };
        match layer.id {
            0 => links.tl0_picture == Some(last.wrapping_add(1)),
            _ => layer.sync && links.tl0_picture == Some(last),
        }
    }
}
