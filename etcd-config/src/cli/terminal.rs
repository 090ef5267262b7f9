//! Where output goes: a terminal with a width and colours, or a file or a pipe without.

use std::cell::Cell;
use std::io::{self, IsTerminal, Write};

use etcd_client_core::Printable;

use super::paragraph::wrap;
use super::style::Style;
use super::table::Table;

/// Standard output and standard error, as they are for this process.
#[derive(Debug)]
pub(super) struct Terminal {
    /// It is a terminal, and no file or pipe.
    seen: bool,
    /// Some terminals do not know it.
    width: Option<usize>,
    colours: bool,
    error_width: Option<usize>,
    /// Nobody reads the output any more.
    closed: Cell<bool>,
}

impl Terminal {
    pub(super) fn here() -> Self {
        let width = || crossterm::terminal::size().ok().map(|(columns, _)| usize::from(columns));
        let width_of = |is_terminal: bool| is_terminal.then(width).flatten().filter(|width| *width > 0);
        let is_terminal = io::stdout().is_terminal();
        Self {
            seen: is_terminal,
            width: width_of(is_terminal),
            colours: is_terminal && are_colours_wanted(),
            error_width: width_of(io::stderr().is_terminal()),
            closed: Cell::new(false),
        }
    }

    /// Whether a person looks at the output.
    pub(super) fn is_terminal(&self) -> bool {
        self.seen
    }

    /// The columns that the help has, if a person reads it: lines longer than these 100 are hard to read.
    pub(super) fn help_width(&self) -> Option<usize> {
        self.width.map(|width| width.clamp(40, 100))
    }

    pub(super) fn colours(&self) -> bool {
        self.colours
    }

    /// The reader of a pipe may go away when it has seen enough.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    /// Prints lines, broken between words where the terminal is too narrow.
    pub(super) fn print(&self, text: &str) {
        self.print_as(Style::Plain, text);
    }

    /// The same in a colour.
    pub(super) fn print_as(&self, style: Style, text: &str) {
        for line in wrap(text, self.width).lines() {
            self.write(style.paint(line, self.colours).as_bytes());
            self.write(b"\n");
        }
    }

    pub(super) fn print_table(&self, table: &Table) {
        let lines = table.lines(self.width, self.colours);
        self.write(lines.join("\n").as_bytes());
        self.write(b"\n");
    }

    pub(super) fn print_json(&self, value: &impl serde::Serialize) {
        // What is printed here has no maps with keys that JSON does not know.
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        self.write(harmless_json(&text).as_bytes());
        self.write(b"\n");
    }

    /// Writes what is there as it is, unless nobody reads it.
    pub(super) fn write(&self, bytes: &[u8]) {
        if self.closed.get() {
            return;
        }
        let mut out = io::stdout().lock();
        if out.write_all(bytes).and_then(|()| out.flush()).is_err() {
            self.closed.set(true);
        }
    }

    /// Says something on standard error, where it is in the way of no output.
    pub(super) fn say(&self, text: &str) {
        // Where standard error is closed, there is nowhere else to say so.
        let _ = writeln!(io::stderr(), "{}", wrap(text, self.error_width));
    }

    pub(super) fn say_table(&self, table: &Table) {
        let lines = table.lines(self.error_width, self.error_width.is_some() && are_colours_wanted());
        let _ = writeln!(io::stderr(), "{}", lines.join("\n"));
    }
}

/// The same JSON, with escapes for what a terminal would obey, as well as what JSON itself has them for.
pub(super) fn harmless_json(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        // Line breaks are between values: those in texts are escaped already.
        if character == '\n' || is_harmless(character) {
            text.push(character);
        } else {
            let mut units = [0; 2];
            text.extend(character.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

fn is_harmless(character: char) -> bool {
    let mut text = [0; 4];
    let text: &str = character.encode_utf8(&mut text);
    character == ' ' || character.is_ascii_graphic() || Printable::line(text).to_string() == text
}

fn are_colours_wanted() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !is_set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}
