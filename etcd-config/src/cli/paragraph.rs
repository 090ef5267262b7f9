//! Lines that are too long for a terminal, broken between words.

use unicode_width::UnicodeWidthStr as _;

/// How much further the rest of a broken line is moved in.
const FURTHER: usize = 4;

/// The text in lines of at most `width` columns; the rest of a line stays below its beginning. A word that is wider
/// than all of that is broken anywhere.
pub(super) fn wrap(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let lines: Vec<String> = text.lines().flat_map(|line| wrap_line(line, width)).collect();
    lines.join("\n")
}

fn wrap_line(line: &str, width: usize) -> Vec<String> {
    if line.width() <= width {
        return vec![line.to_owned()];
    }
    let indent = line.len() - line.trim_start_matches(' ').len();
    let hanging = " ".repeat((indent + FURTHER).min(width / 2));
    let mut lines = Vec::new();
    let mut current = " ".repeat(indent.min(width / 2));
    let mut is_empty = true;
    for word in line.trim_start_matches(' ').split(' ').filter(|word| !word.is_empty()) {
        let gap = usize::from(!is_empty);
        if !is_empty && current.width() + gap + word.width() > width {
            lines.push(std::mem::replace(&mut current, hanging.clone()));
            is_empty = true;
        }
        if !is_empty {
            current.push(' ');
        }
        for character in word.chars() {
            current.push(character);
            if current.width() > width {
                current.pop();
                lines.push(std::mem::replace(&mut current, hanging.clone()));
                current.push(character);
            }
        }
        is_empty = false;
    }
    lines.push(current);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_broken_between_words_and_moved_in() {
        let text = "short\n  one two three four five";
        assert_eq!(wrap(text, Some(16)), "short\n  one two three\n      four five");
        assert_eq!(wrap(text, None), text);
    }

    #[test]
    fn a_word_that_is_too_long_is_broken_anywhere() {
        assert_eq!(wrap("abcdefghijkl", Some(8)), "abcdefgh\n    ijkl");
        assert_eq!(wrap("日本語日本語", Some(8)), "日本語日\n    本語");
    }
}
