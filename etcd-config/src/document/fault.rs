//! What is wrong with a text that should be a document.

use std::cell::Cell;
use std::collections::HashMap;

use super::item::Place;

/// The most bytes of a document.
pub(super) const LONGEST: usize = 16 << 20;

/// The deepest that tables and lists may be in one another.
pub(super) const DEEPEST: usize = 96;

/// Why a text cannot be read, and where in it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) place: Option<Place>,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn at(place: Place, what: impl Into<String>) -> Self {
        Self { place: Some(place), what: what.into() }
    }

    pub(super) fn too_deep(place: Place) -> Self {
        Self::at(place, format!("tables and lists are more than {DEEPEST} deep in one another"))
    }

    pub(super) fn not_a_table(place: Place, noun: &str) -> Self {
        Self::at(place, format!("a document is a table of names and values, and this is {noun}"))
    }
}

/// The names of one table, none of which may come twice.
#[derive(Default)]
pub(super) struct Names(HashMap<String, Place>);

impl Names {
    pub(super) fn add(&mut self, name: &str, place: Place) -> Result<(), Fault> {
        match self.0.insert(name.to_owned(), place) {
            None => Ok(()),
            Some(first) => {
                let name = etcd_client_core::Printable::line(name).to_string();
                Err(Fault::at(place, format!("{name} is there twice, first in line {}", first.line)))
            }
        }
    }

    #[cfg(feature = "yaml")]
    pub(super) fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// Where the lines of a text begin.
pub(super) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
    /// The place that was asked for last, and its byte. The next one is further on in nearly every case, and a line may be
    /// all of the text.
    last: Cell<(usize, Place)>,
}

impl<'t> Lines<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts, last: Cell::new((0, Place { line: 1, column: 1 })) }
    }

    /// The place of a byte.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self.starts.partition_point(|start| *start <= offset);
        let start = self.starts.get(line.saturating_sub(1)).copied().unwrap_or_default();
        let (from, column) = match self.last.get() {
            (from, last) if last.line == line && from <= offset => (from, last.column),
            _ => (start, 1),
        };
        let between = self.text.get(from..offset).unwrap_or_default();
        let place = Place { line, column: column + between.chars().count() };
        self.last.set((offset, place));
        place
    }
}
