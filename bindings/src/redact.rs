//! What no log and no diagnostics may hold: tokens, passwords, descriptions, addresses. Each is cut out of a text,
//! wherever it came from.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest text of an IPv6 address.
const MAX_ADDRESS: usize = 45;

/// Words after which a secret stands: in JSON, in Rust's debug form, in an SDP line, in a header.
const SECRETS: [&str; 9] = [
    "authorization",
    "bearer",
    "basic",
    "token",
    "credential",
    "password",
    "secret",
    "pwd",
    "ufrag",
];

/// The text without tokens, passwords, descriptions and addresses.
pub(crate) fn redacted(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let mut out: Option<String> = None;
    let (mut kept, mut at) = (0, 0);
    while at < bytes.len() {
        // Only at the beginning of a word, so that no part of one is taken for something else.
        let begins = at == 0 || !is_word(bytes[at - 1]) || follows_escape(&bytes[..at]);
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

/// Whether `\\n`, `\\r` or `\\t` stands before, as in Rust's debug form and in JSON.
fn follows_escape(before: &[u8]) -> bool {
    matches!(before, [.., b'\\', b'n' | b'r' | b't'])
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
    if let Some(ends) = userinfo(text) {
        return Some((0, ends, "<secret>"));
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

/// Length of `user:password` before the `@` of an address (RFC 3986 §3.2.1).
fn userinfo(text: &str) -> Option<usize> {
    let length = end(text, |byte| {
        byte.is_ascii_alphanumeric() || b"-._~%!$&+=:".contains(&byte)
    });
    let named = text[..length].contains(':') && text[length..].starts_with('@');
    named.then_some(length)
}

/// The value behind one of the [`SECRETS`], whatever the key begins with: `access_token`.
fn secret(text: &str) -> Option<(usize, usize)> {
    let key = end(text, |byte| is_word(byte) || byte == b'-');
    let named = text.get(..key)?.to_ascii_lowercase();
    let word = SECRETS.iter().find(|word| named.ends_with(**word))?;
    let rest = &text[key..];
    let mut from = end(rest, is_between);
    // `Some("…")`, `String("…")`, `Bearer …`
    loop {
        let inner = end(&rest[from..], |byte| byte.is_ascii_alphanumeric());
        let after = &rest[from + inner..];
        let scheme = ["bearer", "basic"].contains(&&*rest[from..from + inner].to_ascii_lowercase());
        if inner == 0 || !(after.starts_with('(') || (scheme && after.starts_with(' '))) {
            break;
        }
        from += inner + end(after, is_between);
    }
    // A word like any other: "token refused" says nothing secret, and "token: …" does.
    let named = rest[..from].bytes().any(|byte| b":=\"'(".contains(&byte));
    if !named && (!["bearer", "basic"].contains(word) || from == 0) {
        return None;
    }
    let quoted = rest[..from].ends_with(['"', '\'']);
    let value = &rest[from..];
    let length = if value.starts_with('{') {
        value.find('}').map_or(value.len(), |at| at + 1)
    } else if quoted {
        let quote = rest.as_bytes()[from - 1];
        let mut before = 0;
        end(value, |byte| {
            let closes = byte == quote && before != b'\\';
            before = byte;
            !closes
        })
    } else {
        end(value, |byte| {
            !byte.is_ascii_whitespace() && !b"\"',;)}\\".contains(&byte)
        })
    };
    (length > 0).then_some((key + from, key + from + length))
}

/// What stands between a key and its value.
fn is_between(byte: u8) -> bool {
    b" \t:=\"'\\(".contains(&byte)
}

/// Length of the IP address at the beginning, port excluded.
fn address(text: &str) -> Option<usize> {
    let inside = |byte: u8| byte.is_ascii_hexdigit() || byte == b':' || byte == b'.';
    let long = end(text, inside).min(MAX_ADDRESS);
    let candidate = &text[..long];
    if candidate.matches(':').count() >= 2 {
        // The longest beginning that is an address: a sentence may end with a colon or a full stop.
        let ends = (2..=long).rev().find(|until| {
            let whole = text.as_bytes().get(*until);
            whole.is_none_or(|byte| !byte.is_ascii_hexdigit())
                && candidate[..*until].parse::<Ipv6Addr>().is_ok()
        });
        // `::` alone stands in every path of Rust.
        let says = ends.filter(|ends| candidate[..*ends].bytes().any(|byte| byte != b':'));
        if says.is_some() {
            return says;
        }
    }
    let ends = end(text, |byte| byte.is_ascii_digit() || byte == b'.');
    let ends = text[..ends].trim_end_matches('.').len();
    let follows = text.as_bytes().get(ends);
    let whole = follows.is_none_or(|byte| !is_word(*byte));
    (whole && text[..ends].parse::<Ipv4Addr>().is_ok()).then_some(ends)
}

/// Length of the beginning of which each byte is so.
fn end(text: &str, mut is: impl FnMut(u8) -> bool) -> usize {
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
                r#"{"authToken": String("s3cr3t")}"#,
                r#"{"authToken": String("<secret>")}"#,
            ),
            (
                r#"Some(Password("x")), "credential":{"v":"x"}"#,
                r#"Some(Password("<secret>")), "credential":<secret>"#,
            ),
            ("token: Bearer s3cr3t", "token: Bearer <secret>"),
            (
                r#"password: "correct horse", credential: "ab,cd""#,
                r#"password: "<secret>", credential: "<secret>""#,
            ),
            ("access_token=x y", "access_token=<secret> y"),
            (r#"accessToken: "x""#, r#"accessToken: "<secret>""#),
            ("Authorization: Basic dTpw", "Authorization: Basic <secret>"),
            ("at https://u:pw@host/x", "at https://<secret>@host/x"),
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
            ("192.168.1.20:5000: refused", "<address>:5000: refused"),
            (r#""\n10.0.0.1""#, r#""\n<address>""#),
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
