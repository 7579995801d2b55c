//! A description as lines and sections (RFC 8866), and what may be read from and changed in one section.
//! It knows no codec and no rule of negotiation; a line that it does not know is kept as it is.

/// Ways that media may flow, as the end that wrote the section sees it (RFC 3264 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Direction {
    pub(crate) send: bool,
    pub(crate) receive: bool,
}

impl Direction {
    pub(crate) const BOTH: Self = Self {
        send: true,
        receive: true,
    };

    /// The same ways as the other end sees them.
    pub(crate) fn reversed(self) -> Self {
        Self {
            send: self.receive,
            receive: self.send,
        }
    }

    fn attribute(self) -> &'static str {
        match (self.send, self.receive) {
            (true, true) => "a=sendrecv",
            (true, false) => "a=sendonly",
            (false, true) => "a=recvonly",
            (false, false) => "a=inactive",
        }
    }

    fn of(line: &str) -> Option<Self> {
        let (send, receive) = match line {
            "a=sendrecv" => (true, true),
            "a=sendonly" => (true, false),
            "a=recvonly" => (false, true),
            "a=inactive" => (false, false),
            _ => return None,
        };
        Some(Self { send, receive })
    }
}

/// A whole description.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sdp {
    /// All before the first section.
    pub(crate) session: Vec<String>,
    pub(crate) sections: Vec<Section>,
}

/// One `m=` line and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    /// What follows `m=`.
    media: String,
    pub(crate) lines: Vec<String>,
}

impl Sdp {
    pub(crate) fn parse(text: &str) -> Self {
        let mut sdp = Self {
            session: Vec::new(),
            sections: Vec::new(),
        };
        for line in text.lines().map(str::trim_end) {
            if let Some(media) = line.strip_prefix("m=") {
                sdp.sections.push(Section {
                    media: media.to_owned(),
                    lines: Vec::new(),
                });
            } else if !line.is_empty() {
                let lines = match sdp.sections.last_mut() {
                    Some(section) => &mut section.lines,
                    None => &mut sdp.session,
                };
                lines.push(line.to_owned());
            }
        }
        sdp
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut add = |line: &str| {
            text.push_str(line);
            text.push_str("\r\n");
        };
        for line in &self.session {
            add(line);
        }
        for section in &self.sections {
            add(&format!("m={}", section.media));
            for line in &section.lines {
                add(line);
            }
        }
        text
    }

    /// Whether any line, in any place, begins with `prefix`.
    pub(crate) fn has_line(&self, prefix: &str) -> bool {
        let sections = self.sections.iter().flat_map(|section| &section.lines);
        let mut lines = self.session.iter().chain(sections);
        lines.any(|line| line.starts_with(prefix))
    }
}

impl Section {
    /// The section that refuses one of `kind` and `protocol` (RFC 8829 §5.3.1).
    pub(crate) fn refusal(kind: &str, protocol: &str, mid: &str) -> Self {
        let lines = [
            "c=IN IP4 0.0.0.0".to_owned(),
            "a=inactive".to_owned(),
            format!("a=mid:{mid}"),
        ];
        Self {
            media: format!("{kind} 0 {protocol} 0"),
            lines: lines.into(),
        }
    }

    fn word(&self, index: usize) -> &str {
        let word = self.media.split_ascii_whitespace().nth(index);
        word.unwrap_or_default()
    }

    /// `audio`, `video`, `application` and so on.
    pub(crate) fn kind(&self) -> &str {
        self.word(0)
    }

    /// `UDP/TLS/RTP/SAVPF`, as a rule.
    pub(crate) fn protocol(&self) -> &str {
        self.word(2)
    }

    /// Whether its port is zero.
    pub(crate) fn is_refused(&self) -> bool {
        self.word(1) == "0"
    }

    /// Payload types in order of preference; none for a section that has other formats.
    pub(crate) fn payload_types(&self) -> impl Iterator<Item = u8> {
        let formats = self.media.split_ascii_whitespace().skip(3);
        formats.filter_map(|format| format.parse().ok())
    }

    pub(crate) fn set_payload_types(&mut self, payload_types: &[u8]) {
        let mut words: Vec<String> = (0..3).map(|index| self.word(index).to_owned()).collect();
        words.extend(payload_types.iter().map(u8::to_string));
        self.media = words.join(" ");
    }

    /// Values of all lines `a=name:value`.
    pub(crate) fn attributes(&self, name: &str) -> impl Iterator<Item = &str> {
        let values = self.lines.iter().filter_map(|line| line.strip_prefix("a="));
        values.filter_map(move |line| line.strip_prefix(name)?.strip_prefix(':'))
    }

    /// Values of all lines `a=name:payload-type value` for one payload type.
    pub(crate) fn of_payload_type(&self, name: &str, payload_type: u8) -> Option<&str> {
        let mut values = self.attributes(name).filter_map(|value| {
            let (held, value) = value.split_once(' ')?;
            (held.parse() == Ok(payload_type)).then_some(value)
        });
        values.next()
    }

    /// Empty where there is none.
    pub(crate) fn mid(&self) -> &str {
        self.attributes("mid").next().unwrap_or_default().trim()
    }

    /// Both ways where nothing is said.
    pub(crate) fn direction(&self) -> Direction {
        let said = self.lines.iter().find_map(|line| Direction::of(line));
        said.unwrap_or(Direction::BOTH)
    }

    pub(crate) fn set_direction(&mut self, direction: Direction) {
        self.lines.retain(|line| Direction::of(line).is_none());
        self.lines.push(direction.attribute().to_owned());
    }

    /// SSRCs of `a=ssrc`, each once (RFC 5576 §4.1).
    pub(crate) fn ssrcs(&self) -> Vec<u32> {
        let mut ssrcs = Vec::new();
        for value in self.attributes("ssrc") {
            let ssrc = value.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
            if let Some(ssrc) = ssrc
                && !ssrcs.contains(&ssrc)
            {
                ssrcs.push(ssrc);
            }
        }
        ssrcs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "v=0\r\ns=-\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:cam\r\na=fmtp:97 apt=96\r\na=recvonly\r\n\
        a=ssrc:7 cname:x\r\na=ssrc:7 msid:a b\r\na=ssrc:8 cname:x\r\n";

    #[test]
    fn what_is_read_is_written_back() {
        assert_eq!(Sdp::parse(TEXT).text(), TEXT);
        assert_eq!(Sdp::parse(&TEXT.replace('\r', "")).text(), TEXT);
    }

    #[test]
    fn a_section_tells_what_is_in_it() {
        let mut sdp = Sdp::parse(TEXT);
        let video = &mut sdp.sections[1];
        assert_eq!((video.kind(), video.mid()), ("video", "cam"));
        assert_eq!(video.payload_types().collect::<Vec<_>>(), [96, 97]);
        assert_eq!(video.of_payload_type("fmtp", 97), Some("apt=96"));
        assert_eq!(video.of_payload_type("fmtp", 9), None);
        assert_eq!(video.ssrcs(), [7, 8]);
        assert_eq!(video.direction().reversed().attribute(), "a=sendonly");
        video.set_direction(Direction::BOTH);
        video.set_payload_types(&[96]);
        assert!(sdp.text().contains("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"));
        assert!(!sdp.has_line("a=recvonly") && sdp.has_line("a=sendrecv"));
        assert_eq!(sdp.sections[0].direction(), Direction::BOTH);
    }

    #[test]
    fn a_refusal_is_read_as_one() {
        let refusal = Section::refusal("video", "UDP/TLS/RTP/SAVPF", "1");
        assert!(refusal.is_refused());
        assert_eq!(refusal.mid(), "1");
    }
}
