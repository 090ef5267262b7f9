//! Endpoints in messages: what may be a password in one is not shown.

use std::fmt;

/// An endpoint as it was given, as it may be shown: without what could be a password.
pub(crate) struct Redacted<'t>(pub(crate) &'t str);

impl fmt::Debug for Redacted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(text) = self;
        let end = text.find(['?', '#']).unwrap_or(text.len());
        let after_scheme = text.find("://").map_or(0, |at| at + 3);
        let authority = &text[after_scheme.min(end)..end];
        match authority.split_once(':') {
            _ if may_hold_credentials(text) => f.write_str("(not shown: it may hold a password)"),
            // `user:password` looks like `host:port`. An IPv6 address has colons, too.
            Some((host, rest))
                if !host.starts_with('[') && !is_like_ipv6(authority) && !is_like_a_port(rest) =>
            {
                write!(f, "{:?}…", format_args!("{}{host}:", &text[..after_scheme]).to_string())
            }
            _ if end < text.len() => write!(f, "{:?}…", &text[..=end]),
            _ => write!(f, "{text:?}"),
        }
    }
}

pub(super) fn is_like_ipv6(authority: &str) -> bool {
    let colons = authority.bytes().filter(|byte| *byte == b':').count();
    (authority.contains("::") || colons >= 7)
        && authority.chars().all(|c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'))
}

/// What is shown after `host:`; a password may begin with a digit, too.
fn is_like_a_port(rest: &str) -> bool {
    let port = rest.split('/').next().unwrap_or_default();
    port.len() <= 5 && !rest.contains(':') && port.chars().all(|c| c.is_ascii_digit())
}

/// Wherever the `@` is: a password may hold a slash, and the whole may be percent-encoded.
pub(super) fn may_hold_credentials(text: &str) -> bool {
    text.contains('@') || text.contains("%40")
}
