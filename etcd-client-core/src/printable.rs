//! Text from outside, escaped and bounded for terminals and logs.

use std::fmt::{self, Write as _};

use bytes::Bytes;

/// Displays text from outside (a key, an answer, the message of another crate's error) so that it is harmless in a
/// terminal or a log. Errors of this crate are escaped already; use it for keys, and for endpoints from outside.
///
/// Characters that cannot be seen are escaped: control characters, such as the one that begins a terminal's
/// commands, line breaks, changes of the text's direction, characters without width. Text that is longer than the
/// limit is cut, and ends with `…`.
///
/// ```
/// use etcd_client_core::Printable;
///
/// assert_eq!(Printable::line("/app/\u{1b}[2J\n").to_string(), r"/app/\u{1b}[2J\n");
/// assert_eq!(Printable::line("/app/größe").to_string(), "/app/größe");
/// assert_eq!(Printable::line("abcdef").at_most(3).to_string(), "abc…");
/// ```
#[derive(Clone, Copy)]
pub struct Printable<'t> {
    text: &'t str,
    /// The limit, in displayed characters.
    limit: usize,
    /// Written after a line break; if `None`, line breaks are escaped.
    indent: Option<&'static str>,
}

impl<'t> Printable<'t> {
    /// The most characters of a [line](Self::line), unless another limit is given.
    pub const LINE: usize = 256;
    /// The most characters of a [block](Self::block), unless another limit is given.
    pub const BLOCK: usize = 4096;

    /// Displays it on one line: line breaks are escaped.
    pub const fn line(text: &'t str) -> Self {
        Self { text, limit: Self::LINE, indent: None }
    }

    /// Keeps line breaks, and begins each line after the first with this indentation.
    pub const fn block(text: &'t str, indent: &'static str) -> Self {
        Self { text, limit: Self::BLOCK, indent: Some(indent) }
    }

    /// Sets another limit, in displayed characters.
    #[must_use]
    pub const fn at_most(self, characters: usize) -> Self {
        Self { limit: characters, ..self }
    }
}

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = self.limit;
        for character in self.text.chars() {
            let width = match (character, self.indent) {
                ('\n', Some(_)) => 1,
                _ => shown(character, |_| Ok(()))?,
            };
            // No escape is cut in half.
            let Some(rest) = left.checked_sub(width) else { return f.write_char('…') };
            left = rest;
            match (character, self.indent) {
                ('\n', Some(indent)) => write!(f, "\n{indent}")?,
                _ => drop(shown(character, |part| f.write_char(part))?),
            }
        }
        Ok(())
    }
}

/// The beginning of an answer that is not what was expected, on one line: white space of any length is one
/// space. Bytes that are not UTF-8 are replaced.
pub(crate) fn excerpt(text: &[u8]) -> String {
    const LONGEST: usize = 200;
    let text = String::from_utf8_lossy(&text[..text.len().min(4 * LONGEST)]);
    let words: Vec<&str> = text.split_whitespace().collect();
    Printable::line(&words.join(" ")).at_most(LONGEST).to_string()
}

/// A key in the output of `Debug`.
pub(crate) struct Key<'k>(pub(crate) &'k Bytes);

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&Printable::line(&String::from_utf8_lossy(self.0)), f)
    }
}

/// A value in the output of `Debug`: only its length, because it may be a secret.
pub(crate) struct Length(usize);

impl Length {
    pub(crate) fn of(value: impl AsRef<[u8]>) -> Self {
        Self(value.as_ref().len())
    }
}

impl fmt::Debug for Length {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// In quotation marks.
impl fmt::Debug for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// What is displayed for a character, and how many characters that is.
fn shown(character: char, mut show: impl FnMut(char) -> fmt::Result) -> Result<usize, fmt::Error> {
    if character == ' ' || character.is_ascii_graphic() {
        return show(character).map(|()| 1);
    }
    // A combining mark belongs to the letter before it, and is only escaped if there is none.
    let mut pair = [b'a'; 5];
    let length = character.encode_utf8(&mut pair[1..]).len();
    let pair = std::str::from_utf8(&pair[..=length]).unwrap_or_default();
    let mut width = 0;
    for part in pair.escape_debug().skip(1) {
        show(part)?;
        width += 1;
    }
    Ok(width)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> String {
        Printable::line(text).to_string()
    }

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        assert_eq!(line("\u{1b}[2J\r\n\t\u{7f}\u{9b}"), r"\u{1b}[2J\r\n\t\u{7f}\u{9b}");
        // Turns the direction; no width; a line break of another kind; a mark of the byte order.
        assert_eq!(line("a\u{202e}b\u{200b}c\u{2028}d\u{feff}"), r"a\u{202e}b\u{200b}c\u{2028}d\u{feff}");
        assert_eq!(line("\u{2066}\u{200d}\u{e0041}\u{ad}"), r"\u{2066}\u{200d}\u{e0041}\u{ad}");
    }

    #[test]
    fn writing_of_all_peoples_stays_as_it_is() {
        for text in ["größe", "naïve e\u{301}", "हिन्दी", "ไทย", "日本語", "مرحبا", "\"it's\" C:\\x", "🙂"]
        {
            assert_eq!(line(text), text);
        }
    }

    #[test]
    fn long_text_is_cut_and_no_escape_is_cut_in_half() {
        assert_eq!(line(&"x".repeat(70_000)).chars().count(), Printable::LINE + 1);
        assert_eq!(Printable::line("ab\u{1b}").at_most(5).to_string(), "ab…");
        assert_eq!(Printable::line("abc").at_most(3).to_string(), "abc");
        assert!(Printable::block(&"x\n".repeat(70_000), "  ").to_string().len() < 4 * Printable::BLOCK);
    }

    #[test]
    fn an_excerpt_is_one_line_of_words() {
        assert_eq!(excerpt(b"<html>\r\n  <h1>502\t</h1>\n"), "<html> <h1>502 </h1>");
        assert_eq!(excerpt(b"\x1b[2J \xff"), "\\u{1b}[2J \u{fffd}");
        assert_eq!(excerpt(&b"x".repeat(1_000)).chars().count(), 201);
        assert_eq!(excerpt(b" \n"), "");
    }

    #[test]
    fn a_block_keeps_its_lines_and_a_line_has_none() {
        assert_eq!(Printable::block("a\nb\r", "   ").to_string(), "a\n   b\\r");
        assert_eq!(line(&line("a\nb")), r"a\nb");
    }
}
