//! What is shown of a text leads back to it, whatever it is and whatever shows it.

use serde::de::IgnoredAny;

use super::from_json;
use super::item::{Entry, Item, Stored};
use super::to_text::{is_same, shown, text_of};
use super::{Document, Exported, Format};
use crate::leaf::{Expectation, Shape};

/// All that the type of a field may expect.
fn expectations() -> Vec<Expectation> {
    let of = |shape| Expectation::of(shape, &IgnoredAny);
    vec![
        of(Shape::Bool),
        of(Shape::Integer { least: i128::MIN, greatest: u128::MAX }),
        of(Shape::Number),
        of(Shape::Char),
        of(Shape::Text),
        of(Shape::Text).in_words("a string"),
        of(Shape::Bytes),
        of(Shape::Unit),
        of(Shape::List),
        of(Shape::Map),
        of(Shape::Struct(&["a"])),
        of(Shape::Variants(&["a"])),
        of(Shape::Any),
    ]
}

/// Goes from the text of a key to each format and back. Panics if anything is lost.
pub(crate) fn round_trip(text: &str) {
    for expectation in expectations() {
        let item = shown(text, &expectation);
        assert_leads_back(text, &item, &expectation, "itself");
        let stored = Stored { key: "/a/b".to_owned(), text: text.to_owned(), secret: false };
        let root = vec![Entry { stored: Some(stored), ..Entry::new("b", None, item) }];
        let exported = Exported { name: "T", docs: text_of_docs(), prefix: "/a".to_owned(), revision: 1 };
        let document =
            Document { root, exported: Some(exported), shows_secrets: true, allows_unknown: false };
        for format in Format::ALL {
            let Ok(written) = document.render(format) else {
                assert!(format == Format::Etcdctl && text.contains('\0'), "{format}: {text:?}");
                continue;
            };
            let again = match Document::parse(&written, format) {
                Err(error) if error.is_invalid_option() => continue,
                again => again.unwrap_or_else(|error| panic!("{format}: {error}\n{written}")),
            };
            let [entry] = again.root.as_slice() else { panic!("{format}: one key\n{written}") };
            assert_leads_back(text, &entry.item, &expectation, &written);
        }
    }
}

/// A comment is one, whatever is in it.
fn text_of_docs() -> &'static str {
    "one\n\n two: 'three'\r# \u{85}x"
}

fn assert_leads_back(text: &str, item: &Item, expectation: &Expectation, written: &str) {
    let is_kept = text_of(item, expectation).is_ok_and(|made| made == text);
    assert!(is_kept || is_same(text, item), "{:?}: {text:?}\n{written}", expectation.shape);
}

/// Reads any text in a format; what can be read is written in all formats, and read again as the same.
pub(crate) fn any_text(text: &str, format: Format) {
    let Ok(document) = Document::parse(text, format) else { return };
    for format in Format::ALL {
        let Ok(written) = document.render(format) else { continue };
        let again = match Document::parse(&written, format) {
            // Written in another format, it is longer, or deeper.
            Err(error) if error.is_invalid_document() && error.to_string().contains("too") => continue,
            Err(error) if error.is_invalid_option() => continue,
            again => again.unwrap_or_else(|error| panic!("{format}: {error}\n{written}")),
        };
        let twice = again.render(format).unwrap_or_default();
        assert_eq!(twice, written, "{format}");
        if format == Format::Json {
            assert!(from_json::item(&written).is_some());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARTS: [&str; 52] = [
        "a", "é", "🦀", " ", "  ", "\n", "\r\n", "\t", "\"", "'", "\\", "#", ":", ": ", "- ", "? ", "&a",
        "*a", "!", "%", "@", "`", "{", "}", "[", "]", ",", "|", ">", "=", "$x", "\u{0}", "\u{7f}", "\u{85}",
        "\u{feff}", "\u{2028}", "\u{1b}", "1", "0x", "0", ".", "e5", "-", "+", "true", "null", "\"a\":",
        "<<", "---", "...", "_", "inf",
    ];

    fn texts(seed: u64) -> String {
        let mut state = (seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut below = |limit: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % 1_000_003).unwrap_or_default() % limit
        };
        let length = below(8);
        (0..length).map(|_| PARTS[below(PARTS.len())]).collect()
    }

    #[test]
    fn what_is_shown_leads_back() {
        for text in [
            "",
            "5",
            "007",
            "-0",
            "1.10",
            "1e5",
            "1E+400",
            "0x10",
            "1_000",
            ".5",
            "5.",
            "+5",
            "inf",
            "NaN",
            "true",
            "null",
            "[]",
            "{}",
            "[1, 2]",
            "{\"a\":1,\"a\":2}",
            "{\"b\":1,\"a\":[null,{}]}",
            "[18446744073709551616]",
            "\"5\"",
            "{\"\":\"\\u00e9\\ud83e\\udd80\"}",
            "[1e400,-0.0,1.50]",
            "{\"a/b\": {\"c.d\": \"\\n\"}}",
            "no",
            "12:30",
            "2026-01-02",
            "a\n\nb\n\n",
            " a\nb",
            "a \nb",
            "\na\nb",
            "a\n\tb",
            "a\n  b\n",
            "a\n#b\n",
            "|\n-",
            "a\n\u{85}b",
        ] {
            round_trip(text);
        }
        for seed in 0..1_500 {
            let text = texts(seed);
            assert!(std::panic::catch_unwind(|| round_trip(&text)).is_ok(), "seed {seed}: {text:?}");
        }
    }

    #[test]
    fn what_can_be_read_can_be_written() {
        for seed in 0..3_000 {
            let text = texts(seed);
            for format in Format::ALL {
                assert!(
                    std::panic::catch_unwind(|| any_text(&text, format)).is_ok(),
                    "seed {seed}, {format}: {text:?}"
                );
            }
        }
    }
}
