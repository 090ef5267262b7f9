//! Commands as a POSIX shell reads them, without anything that it would replace.

/// The words of one command.
pub(super) struct Command {
    /// Where it begins, in bytes.
    pub(super) offset: usize,
    pub(super) words: Vec<String>,
}

/// What cannot be read, and at which byte.
pub(super) struct Unreadable {
    pub(super) offset: usize,
    pub(super) what: String,
}

/// The commands of a script, one a line. Quotation marks, escapes and comments are understood; what a shell would replace
/// or run besides is refused.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, Unreadable> {
    let mut reader = Reader { text, at: 0, commands: Vec::new(), words: None, word: None };
    while let Some(character) = reader.next() {
        reader.step(character)?;
    }
    reader.end_command();
    Ok(reader.commands)
}

struct Reader<'t> {
    text: &'t str,
    /// The byte that comes next.
    at: usize,
    commands: Vec<Command>,
    words: Option<Command>,
    word: Option<String>,
}

impl Reader<'_> {
    fn next(&mut self) -> Option<char> {
        let character = self.text.get(self.at..)?.chars().next()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn step(&mut self, character: char) -> Result<(), Unreadable> {
        let start = self.at - character.len_utf8();
        match character {
            '\n' => self.end_command(),
            ' ' | '\t' | '\r' => self.end_word(),
            '#' if self.word.is_none() => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                self.at += rest.find('\n').unwrap_or(rest.len());
            }
            '\'' => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let end = rest.find('\'').ok_or_else(|| unclosed(start))?;
                let quoted = rest[..end].to_owned();
                self.word(start).push_str(&quoted);
                self.at += end + 1;
            }
            '"' => self.double_quoted(start)?,
            '\\' => match self.next() {
                // The command goes on in the next line.
                Some('\n') | None => {}
                Some(escaped) => self.word(start).push(escaped),
            },
            '$' | '`' => return Err(replaced(start, character)),
            // Names of files, and of a person's folder.
            '*' | '?' => return Err(expanded(start, character)),
            '~' if self.word.is_none() => return Err(expanded(start, character)),
            '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                let what =
                    format!("{character} means something to a shell: put the value between quotation marks");
                return Err(Unreadable { offset: start, what });
            }
            other => self.word(start).push(other),
        }
        Ok(())
    }

    fn double_quoted(&mut self, start: usize) -> Result<(), Unreadable> {
        self.word(start);
        while let Some(character) = self.next() {
            match character {
                '"' => return Ok(()),
                '$' | '`' => return Err(replaced(self.at - 1, character)),
                '\\' => match self.next() {
                    Some('\n') | None => {}
                    Some(escaped @ ('"' | '\\' | '$' | '`')) => self.word(start).push(escaped),
                    Some(other) => self.word(start).extend(['\\', other]),
                },
                other => self.word(start).push(other),
            }
        }
        Err(unclosed(start))
    }

    /// The word at hand, which begins here if there is none.
    fn word(&mut self, start: usize) -> &mut String {
        self.words.get_or_insert_with(|| Command { offset: start, words: Vec::new() });
        self.word.get_or_insert_default()
    }

    fn end_word(&mut self) {
        if let (Some(word), Some(command)) = (self.word.take(), &mut self.words) {
            command.words.push(word);
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        self.commands.extend(self.words.take());
    }
}

fn unclosed(offset: usize) -> Unreadable {
    Unreadable { offset, what: "the quotation marks that begin here do not end".to_owned() }
}

fn expanded(offset: usize, character: char) -> Unreadable {
    let what = format!(
        "a shell would put names of files in the place of {character}: put the value between quotation marks"
    );
    Unreadable { offset, what }
}

fn replaced(offset: usize, character: char) -> Unreadable {
    let what = format!(
        "a shell would replace what {character} begins: put the value between single quotation marks"
    );
    Unreadable { offset, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Vec<String>> {
        let commands = commands(text).map_err(|fault| fault.what).unwrap();
        commands.into_iter().map(|command| command.words).collect()
    }

    #[test]
    fn words_are_those_of_a_shell() {
        let text = "a 'b c' \"d \\\"e\\\" \\n\" f\\ g '' # h\n\n  i \\\n j 'k\nl'\n#m\nn#o 'p'\\''q'";
        let expected: [&[&str]; 3] =
            [&["a", "b c", "d \"e\" \\n", "f g", ""], &["i", "j", "k\nl"], &["n#o", "p'q"]];
        assert_eq!(words(text), expected);
    }

    #[test]
    fn what_a_shell_would_do_besides_is_refused() {
        for (text, offset) in
            [("a $b", 2), ("a \"`b`\"", 3), ("a 'b", 2), ("a; b", 1), ("a > b", 2), ("a \"b", 2)]
        {
            assert_eq!(commands(text).err().map(|fault| fault.offset), Some(offset), "{text}");
        }
        assert_eq!(words("a '$b;'"), [["a", "$b;"]]);
    }
}
