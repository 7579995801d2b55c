//! What no log and no diagnostics may hold: tokens, passwords, descriptions, addresses. Each is cut out of a text,
//! wherever it came from.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Words after which a secret stands: in JSON, in Rust's debug form, in an SDP line, in a header.
const SECRETS: [&str; 12] = [
    "authtoken",
    "auth_token",
    "sessiontoken",
    "session_token",
    "bearer",
    "token",
    "credential",
    "password",
    "secret",
    "ice-pwd",
    "ice_pwd",
    "ice-ufrag",
];

/// The text without tokens, passwords, descriptions and addresses.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        // Only at the beginning of a word, so that no part of one is taken for something else.
        let begins = at == 0 || !is_word(bytes[at - 1]);
        let found = if begins && text.is_char_boundary(at) {
            find(&text[at..])
        } else {
            None
        };
        let Some((from, until, name)) = found else {
            at += 1;
            continue;
        };
        let out = out.get_or_insert_default();
        out.push_str(&text[kept..at + from]);
        out.push_str(name);
        kept = at + until;
        at = kept;
    }
    match out {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[kept..]);
            Cow::Owned(out)
        }
    }
}

/// What at the beginning of a text must go: from, until, and what is written instead.
fn find(text: &str) -> Option<(usize, usize, &'static str)> {
    let first = *text.as_bytes().first()?;
    if first == b'v' && text.starts_with("v=0") {
        let ends = text.find('"').unwrap_or(text.len());
        return Some((0, ends, "<description>"));
    }
    if first == b'e' && text.starts_with("eyJ") {
        let ends = end(text, |byte| {
            byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte)
        });
        if ends > 20 {
            return Some((0, ends, "<token>"));
        }
    }
    if first.is_ascii_alphabetic()
        && let Some((from, until)) = secret(text)
    {
        return Some((from, until, "<secret>"));
    }
    if first.is_ascii_hexdigit() || first == b':' {
        return address(text).map(|until| (0, until, "<address>"));
    }
    None
}

/// The value behind one of the [`SECRETS`].
fn secret(text: &str) -> Option<(usize, usize)> {
    let word = SECRETS.iter().find(|word| {
        text.get(..word.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(word))
    })?;
    let rest = &text[word.len()..];
    let is_between = |byte: u8| b" \t:=\"'\\(".contains(&byte);
    let mut from = end(rest, is_between);
    // `credential: Some("…")`
    if let Some(inner) = rest[from..].strip_prefix("Some") {
        from += "Some".len() + end(inner, is_between);
    }
    // A word like any other: "token refused" says nothing secret, and "token: …" does.
    let separators = &rest[..from];
    let named = separators.bytes().any(|byte| b":=\"'(".contains(&byte));
    if !named && (*word != "bearer" || from == 0) {
        return None;
    }
    let length = end(&rest[from..], |byte| {
        !byte.is_ascii_whitespace() && !b"\"',;)}\\".contains(&byte)
    });
    (length > 0).then_some((word.len() + from, word.len() + from + length))
}

/// Length of the IP address at the beginning, port excluded.
fn address(text: &str) -> Option<usize> {
    let inside = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let long = end(text, inside);
    let candidate = &text[..long];
    if candidate.matches(':').count() >= 2 {
        // The longest beginning that is an address: a sentence may end with a colon or a full stop.
        let ends = (2..=long).rev().find(|until| {
            let whole = candidate.as_bytes().get(*until);
            whole.is_none_or(|byte| !byte.is_ascii_hexdigit())
                && candidate[..*until].parse::<Ipv6Addr>().is_ok()
        })?;
        // `::` alone stands in every path of Rust.
        let says = candidate[..ends].bytes().any(|byte| byte != b':');
        return says.then_some(ends);
    }
    let ends = end(text, |byte| byte.is_ascii_digit() || byte == b'.');
    let ends = text[..ends].trim_end_matches('.').len();
    let follows = text.as_bytes().get(ends);
    let whole = follows.is_none_or(|byte| !is_word(*byte));
    (whole && text[..ends].parse::<Ipv4Addr>().is_ok()).then_some(ends)
}

/// Length of the beginning of which each byte is so.
fn end(text: &str, is: impl Fn(u8) -> bool) -> usize {
    text.bytes()
        .position(|byte| !is(byte))
        .unwrap_or(text.len())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_and_passwords_go_in_every_form_in_which_they_are_written() {
        for (text, wanted) in [
            (
                r#"{"authToken":"abc.def","tokenType":"jwt"}"#,
                r#"{"authToken":"<secret>","tokenType":"jwt"}"#,
            ),
            (
                r#"IceServer { credential: Some("c2VjcmV0=") }"#,
                r#"IceServer { credential: Some("<secret>") }"#,
            ),
            ("a=ice-pwd:Zx9/+q\r\n", "a=ice-pwd:<secret>\r\n"),
            (
                "Authorization: Bearer s3cr3t",
                "Authorization: Bearer <secret>",
            ),
            ("token=abc&x", "token=<secret>"),
            (
                "got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln, closing",
                "got <token>, closing",
            ),
            (
                r#"sdp: "v=0\r\no=- 1 1 IN IP4 10.0.0.1\r\n" end"#,
                r#"sdp: "<description>" end"#,
            ),
        ] {
            assert_eq!(redacted(text), wanted);
        }
    }

    #[test]
    fn addresses_go_and_ports_stay() {
        for (text, wanted) in [
            (
                "from 192.168.1.20:5000 to 10.0.0.1.",
                "from <address>:5000 to <address>.",
            ),
            ("[2001:db8::1]:443 refused", "[<address>]:443 refused"),
            ("fe80::1%eth0 is down", "<address>%eth0 is down"),
            (
                "candidate:1 1 udp 2130706431 172.16.0.9 9 typ host",
                "candidate:1 1 udp 2130706431 <address> 9 typ host",
            ),
            ("::1: no route", "<address>: no route"),
        ] {
            assert_eq!(redacted(text), wanted);
        }
    }

    #[test]
    fn what_is_no_secret_stays_to_the_letter() {
        for text in [
            "the token was refused: ask the app for another",
            "ringwire_client::steps taken at 12:30:45",
            "version 1.2.3.4567, 99.5 % and 1.2",
            "webrtc::peer_connection",
            "décliné: déjà vu",
            "CALL_NOT_FOUND: no such call",
            "",
        ] {
            assert_eq!(redacted(text), text);
        }
    }
}
