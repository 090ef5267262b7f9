//! The whole page, with the state of the moment in it, so that it can be read without its script.

use std::hash::{BuildHasher, RandomState};

use super::html::Html;
use super::parts::{Scene, parts};

const PAGE: &str = include_str!("page.html");
const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The page, and what a browser may do with it.
pub(super) struct Whole {
    pub(super) html: String,
    /// The `Content-Security-Policy`.
    pub(super) policy: String,
}

/// Fills the page.
pub(super) fn whole_page(scene: &Scene<'_>, name: &str, prefix: &str) -> Whole {
    let nonce = nonce();
    let parts = parts(scene);
    let mut page = String::with_capacity(PAGE.len() + STYLE.len() + SCRIPT.len() + (64 << 10));
    // What is filled in is not looked at again.
    for (place, text) in PAGE.split("{{").enumerate() {
        let (slot, rest) = if place == 0 { ("", text) } else { text.split_once("}}").unwrap_or(("", text)) };
        match slot {
            "" => {}
            "style" => page.push_str(STYLE),
            "script" => page.push_str(SCRIPT),
            "nonce" => page.push_str(&nonce),
            "name" => page.push_str(&escaped(name)),
            "prefix" => page.push_str(&escaped(prefix)),
            slot => parts.iter().filter(|part| part.name == slot).for_each(|part| page.push_str(&part.html)),
        }
        page.push_str(rest);
    }
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Whole { html: page, policy }
}

fn escaped(text: &str) -> String {
    let mut html = Html::default();
    html.line(text);
    html.finish()
}

/// What nobody can guess: hashes with keys that the system has drawn by lot.
fn nonce() -> String {
    let part = || RandomState::new().hash_one(());
    format!("{:016x}{:016x}", part(), part())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nonces_differ_and_need_no_escaping() {
        let (one, other) = (nonce(), nonce());
        assert_ne!(one, other);
        assert!(one.len() == 32 && one.chars().all(|digit| digit.is_ascii_hexdigit()), "{one}");
    }

    #[test]
    fn every_part_has_its_place() {
        for part in ["banner", "problems", "recent", "values", "resources", "notes", "facts"] {
            assert_eq!(PAGE.matches(&format!("{{{{{part}}}}}")).count(), 1, "{part}");
        }
        assert!(!SCRIPT.contains("</script") && !STYLE.contains("</style"));
    }
}
