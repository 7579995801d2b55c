//! What the other end describes, what of it we take, and how the engine and the wire are told.
//!
//! The engine cannot be given a description as it comes. A section without a codec of ours leaves it without codecs
//! for good; it keeps several codecs where one is chosen; `inactive` stops a sender for ever, `sendonly` costs ours its
//! place; a section without SSRCs fails the whole. So it is given [`Remote::for_engine`]: only the sections that we
//! take, with only the codecs that we take, both ways, under names by which we know their tracks. What it answers
//! goes back onto the wire through [`Remote::answer`], and what it offers through [`offer`], where the sections
//! that it was not shown have their place again (RFC 8829 §5.3.1).

use crate::codec::{self, H264_FMTP, Offered};
use crate::config::VideoCodec;
use crate::engine::VIDEO_ORIENTATION_URI;
use crate::event::{PeerError, TrackKind};
use crate::sdp::{Direction, Sdp, Section};

/// The name of the stream that all tracks of the other end have for the engine.
const STREAM: &str = "remote";

/// The place of one section in all descriptions of a connection: m-lines never move (RFC 3264 §8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    mid: String,
    kind: String,
    protocol: String,
    /// The engine has this section.
    pub(crate) taken: bool,
}

/// A description of the other end, looked through.
#[derive(Debug)]
pub(crate) struct Remote {
    sdp: Sdp,
    is_offer: bool,
    /// For each section: what it is for us, if we take it.
    uses: Vec<Option<Use>>,
}

/// A section that we take.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Use {
    Media(Media),
    /// For the engine to judge.
    Other,
}

/// Sound or pictures that we take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Media {
    pub(crate) kind: TrackKind,
    /// As the other end sees it.
    pub(crate) direction: Direction,
    /// What we send; `None` for sound.
    pub(crate) codec: Option<VideoCodec>,
    /// Pictures: the chosen codec, then others that the other end may send.
    codecs: Vec<Offered>,
    pub(crate) ssrcs: Vec<u32>,
}

/// What decides which sections and codecs are taken.
pub(crate) struct Terms<'a> {
    /// Our codecs, the preferred first.
    pub(crate) ours: &'a [VideoCodec],
    /// What was agreed before for the camera and the screen: it stays.
    pub(crate) agreed: [Option<VideoCodec>; 2],
    /// The sections that there are already; in an answer, those of our offer.
    pub(crate) slots: &'a [Slot],
}

impl Remote {
    /// Reads the other end's offer. Of each video section the codec is taken that we prefer.
    pub(crate) fn offer(text: &str, terms: &Terms<'_>) -> Result<Self, PeerError> {
        Self::read(text, terms, true)
    }

    /// Reads the other end's answer. Of each video section the codec is taken that it lists first.
    pub(crate) fn answer_to_ours(text: &str, terms: &Terms<'_>) -> Result<Self, PeerError> {
        Self::read(text, terms, false)
    }

    /// Refuses what cannot become a connection: no credentials, no fingerprint (RFC 8829 §5.10), no section at all
    /// that we can take.
    fn read(text: &str, terms: &Terms<'_>, is_offer: bool) -> Result<Self, PeerError> {
        if !text.starts_with("v=0") {
            return Err(refused("no v=0"));
        }
        let mut sdp = Sdp::parse(text);
        for line in ["a=ice-ufrag:", "a=ice-pwd:", "a=fingerprint:"] {
            if !sdp.has_line(line) {
                return Err(refused(line));
            }
        }
        if sdp.sections.is_empty() {
            return Err(refused("no m= line"));
        }
        if !is_offer {
            name_by_place(&mut sdp, terms.slots)?;
        }
        let mut uses: Vec<Option<Use>> = Vec::new();
        for section in &sdp.sections {
            let held = |kind: TrackKind| {
                let mut media = uses.iter().flatten().filter_map(Use::media);
                media.any(|media| media.kind == kind)
            };
            let before = &sdp.sections[..uses.len()];
            let cameras = before.iter().filter(|held| held.kind() == "video").count();
            let slot = terms.slots.get(uses.len());
            uses.push(match section.kind() {
                _ if section.is_refused() => None,
                "audio" if !held(TrackKind::Audio) => sound(section),
                "video" if cameras == 0 => {
                    pictures(section, TrackKind::Video, terms, terms.agreed[0], is_offer)
                }
                // The engine gives the first video section that it sees to the camera, once and for all.
                "video"
                    if cameras == 1
                        && (held(TrackKind::Video) || slot.is_some_and(|slot| slot.taken)) =>
                {
                    pictures(section, TrackKind::Screen, terms, terms.agreed[1], is_offer)
                }
                "application" => Some(Use::Other),
                _ => None,
            });
        }
        if !uses.iter().flatten().any(|taken| taken.media().is_some()) {
            return Err(refused("no codec of ours in any media section"));
        }
        Ok(Self {
            sdp,
            is_offer,
            uses,
        })
    }

    /// What we take of sound, camera or screen.
    pub(crate) fn media(&self, kind: TrackKind) -> Option<&Media> {
        let mut media = self.uses.iter().flatten().filter_map(Use::media);
        media.find(|media| media.kind == kind)
    }

    pub(crate) fn is_offer(&self) -> bool {
        self.is_offer
    }

    /// The codecs of all pictures that we take.
    pub(crate) fn codecs(&self) -> Vec<Offered> {
        let media = self.uses.iter().flatten().filter_map(Use::media);
        media.flat_map(|media| media.codecs.clone()).collect()
    }

    /// The identifier of the video-orientation extension (RFC 8285 §5), if a section that we take has it.
    pub(crate) fn orientation(&self) -> Option<u8> {
        let sections = self.sdp.sections.iter().zip(&self.uses);
        let taken =
            sections.filter(|(section, taken)| taken.is_some() && section.kind() == "video");
        let mut maps = taken.flat_map(|(section, _)| section.attributes("extmap"));
        maps.find_map(|map| {
            let (id, uri) = map.split_once(' ')?;
            let id = id.split('/').next()?.parse().ok()?;
            (uri.split(' ').next() == Some(VIDEO_ORIENTATION_URI)).then_some(id)
        })
    }

    /// The sections in their places, for descriptions that follow.
    pub(crate) fn slots(&self, known: &[Slot]) -> Vec<Slot> {
        let sections = self.sdp.sections.iter().zip(&self.uses).enumerate();
        let slots = sections.map(|(place, (section, taken))| {
            let known = known.get(place);
            Slot {
                mid: section.mid().to_owned(),
                kind: section.kind().to_owned(),
                protocol: section.protocol().to_owned(),
                taken: taken.is_some() || known.is_some_and(|slot| slot.taken),
            }
        });
        slots.collect()
    }

    /// The description with only what we take.
    pub(crate) fn for_engine(&self) -> String {
        let sections = self.sdp.sections.iter().zip(&self.uses);
        let sections = sections.filter_map(|(section, taken)| match taken {
            None => None,
            Some(Use::Other) => Some(section.clone()),
            Some(Use::Media(media)) => Some(media.section_for_engine(section)),
        });
        let sdp = Sdp {
            session: self.sdp.session.clone(),
            sections: sections.collect(),
        };
        sdp.text()
    }

    /// The engine's answer as it goes onto the wire.
    pub(crate) fn answer(&self, engine: &str) -> String {
        debug_assert!(self.is_offer);
        let mut answer = Sdp::parse(engine);
        let offered = self.sdp.sections.iter().zip(&self.uses);
        answer.sections = offered
            .map(|(offered, taken)| {
                let found = answer
                    .sections
                    .iter()
                    .find(|held| held.mid() == offered.mid());
                match (taken, found) {
                    (Some(Use::Media(media)), Some(found)) => {
                        let mut section = found.clone();
                        section.set_direction(media.direction.reversed());
                        section
                    }
                    (Some(Use::Other), Some(found)) => found.clone(),
                    _ => Section::refusal(offered.kind(), offered.protocol(), offered.mid()),
                }
            })
            .collect();
        answer.text()
    }
}

/// The engine's offer as it goes onto the wire, and the places of its sections.
pub(crate) fn offer(engine: &str, slots: &[Slot]) -> (String, Vec<Slot>) {
    let mut sdp = Sdp::parse(engine);
    let mut rest = std::mem::take(&mut sdp.sections);
    for section in &mut rest {
        if matches!(section.kind(), "audio" | "video") {
            section.set_direction(Direction::BOTH);
        }
    }
    for slot in slots {
        let place = rest.iter().position(|section| section.mid() == slot.mid);
        sdp.sections.push(match place {
            Some(place) => rest.remove(place),
            None => Section::refusal(&slot.kind, &slot.protocol, &slot.mid),
        });
    }
    sdp.sections.append(&mut rest);
    let offered = sdp
        .sections
        .iter()
        .enumerate()
        .map(|(place, section)| Slot {
            mid: section.mid().to_owned(),
            kind: section.kind().to_owned(),
            protocol: section.protocol().to_owned(),
            taken: slots.get(place).is_some_and(|slot| slot.taken),
        });
    let offered = offered.collect();
    (sdp.text(), offered)
}

/// Payload types of pictures that the other end may send, by a description of ours.
pub(crate) fn receivable(local: &str) -> Vec<Offered> {
    let sdp = Sdp::parse(local);
    let video = sdp.sections.iter();
    let video = video.filter(|section| section.kind() == "video" && !section.is_refused());
    video.flat_map(codec::offered).collect()
}

/// The kind of a remote track, by the name that [`Remote::for_engine`] gave it.
pub(crate) fn kind_of_track(track_id: &str) -> Option<TrackKind> {
    let kinds = [TrackKind::Audio, TrackKind::Video, TrackKind::Screen];
    kinds.into_iter().find(|kind| track_name(*kind) == track_id)
}

fn track_name(kind: TrackKind) -> &'static str {
    match kind {
        TrackKind::Audio => "audio",
        TrackKind::Video => "camera",
        TrackKind::Screen => "screen",
    }
}

/// A refused section of an answer may leave its mid out (RFC 8843 §7.3.3).
fn name_by_place(answer: &mut Sdp, offered: &[Slot]) -> Result<(), PeerError> {
    if answer.sections.len() > offered.len() {
        return Err(refused("more m= lines than were offered"));
    }
    for (section, slot) in answer.sections.iter_mut().zip(offered) {
        if section.kind() != slot.kind {
            return Err(refused("m= lines in another order than offered"));
        }
        if section.mid().is_empty() {
            section.lines.push(format!("a=mid:{}", slot.mid));
        }
    }
    Ok(())
}

fn sound(section: &Section) -> Option<Use> {
    codec::opus(section)?;
    Some(Use::Media(Media {
        kind: TrackKind::Audio,
        direction: section.direction(),
        codec: None,
        codecs: Vec::new(),
        ssrcs: section.ssrcs(),
    }))
}

fn pictures(
    section: &Section,
    kind: TrackKind,
    terms: &Terms<'_>,
    agreed: Option<VideoCodec>,
    is_offer: bool,
) -> Option<Use> {
    let mut codecs = codec::offered(section);
    codecs.retain(|offered| terms.ours.contains(&offered.codec));
    let chosen = match agreed {
        Some(agreed) => codecs.iter().position(|offered| offered.codec == agreed)?,
        None if is_offer => {
            let preferred = |offered: &Offered| terms.ours.iter().position(|c| *c == offered.codec);
            let places = (0..codecs.len()).min_by_key(|place| preferred(&codecs[*place]));
            places?
        }
        None => 0,
    };
    if codecs.is_empty() {
        return None;
    }
    codecs[..=chosen].rotate_right(1);
    if is_offer {
        // An answer with one codec leaves nothing to choose, now and in all that follows.
        codecs.truncate(1);
    }
    Some(Use::Media(Media {
        kind,
        direction: section.direction(),
        codec: Some(codecs[0].codec),
        codecs,
        ssrcs: section.ssrcs(),
    }))
}

impl Use {
    fn media(&self) -> Option<&Media> {
        match self {
            Self::Media(media) => Some(media),
            Self::Other => None,
        }
    }
}

impl Media {
    fn section_for_engine(&self, wire: &Section) -> Section {
        let mut section = wire.clone();
        if self.codec.is_some() {
            self.keep_codecs(&mut section);
        }
        section.set_direction(Direction::BOTH);
        let foreign = ["a=msid", "a=rid:", "a=simulcast:", "a=ssrc:"];
        section
            .lines
            .retain(|line| !foreign.iter().any(|prefix| line.starts_with(prefix)));
        // Before the SSRCs: the engine reads from top to bottom.
        section
            .lines
            .push(format!("a=msid:{STREAM} {}", track_name(self.kind)));
        let mut ssrcs = self.ssrcs.clone();
        if ssrcs.is_empty() {
            // It sends nothing yet, or does not say under which SSRC: one that never comes.
            ssrcs.push(rand::random());
        }
        for ssrc in ssrcs {
            section.lines.push(format!("a=ssrc:{ssrc} cname:{STREAM}"));
        }
        section
    }

    fn keep_codecs(&self, section: &mut Section) {
        let mut kept = Vec::new();
        for offered in &self.codecs {
            kept.push(offered.payload_type);
            kept.extend(offered.rtx);
        }
        section.lines.retain(|line| {
            let described = ["a=rtpmap:", "a=fmtp:", "a=rtcp-fb:"]
                .iter()
                .find_map(|prefix| line.strip_prefix(prefix));
            let payload_type = described.and_then(|rest| rest.split(' ').next());
            match payload_type {
                Some("*") | None => true,
                Some(held) => held.parse().is_ok_and(|held| kept.contains(&held)),
            }
        });
        for offered in &self.codecs {
            if offered.codec == VideoCodec::H264 {
                // Another level or another way to write the profile is no other codec, but is one to the engine.
                let prefix = format!("a=fmtp:{} ", offered.payload_type);
                section.lines.retain(|line| !line.starts_with(&prefix));
                section.lines.push(format!("{prefix}{H264_FMTP}"));
            }
        }
        section.set_payload_types(&kept);
    }
}

fn refused(why: &str) -> PeerError {
    PeerError::Sdp(format!("refused: {}", why.trim_end_matches(':')))
}

#[cfg(test)]
mod tests;
