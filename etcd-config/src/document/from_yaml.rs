//! A document read as YAML 1.2.

use std::collections::HashMap;

use granit_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use super::fault::{DEEPEST, Fault, Names};
use super::item::{Entry, Item, Place, ScalarKind};
use super::yaml_scalar;

/// The most values, those that aliases repeat included.
const MOST: usize = 1_000_000;

/// The most bytes that all of their texts have together.
const MOST_BYTES: usize = 64 << 20;

/// The table that a text holds.
pub(super) fn table(text: &str) -> Result<Vec<Entry>, Fault> {
    let mut builder = Builder::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| Fault::at(place(error.marker()), error.info()))?;
        builder.event(event, place(&span.start))?;
    }
    match builder.root {
        Some((Item::Table(entries), _)) => Ok(entries),
        Some((Item::Null, _)) | None => Ok(Vec::new()),
        Some((other, place)) => Err(Fault::not_a_table(place, other.noun())),
    }
}

fn place(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col() + 1 }
}

/// What has been read so far.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    root: Option<(Item, Place)>,
    documents: usize,
    size: Size,
}

/// What an alias repeats.
struct Anchored {
    item: Item,
    size: Size,
}

#[derive(Clone, Copy, Default)]
struct Size {
    values: usize,
    bytes: usize,
}

/// A list or a table that has not ended.
struct Open {
    place: Place,
    anchor: usize,
    inside: Inside,
}

enum Inside {
    List(Vec<Item>),
    Table(OpenTable),
}

#[derive(Default)]
struct OpenTable {
    entries: Vec<Entry>,
    names: Names,
    /// The name whose value comes next, and whether it is `<<`.
    name: Option<(String, Place, bool)>,
    /// The tables of `<<`.
    merged: Vec<Entry>,
}

impl Builder {
    fn event(&mut self, event: Event<'_>, place: Place) -> Result<(), Fault> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Fault::at(place, "a second document begins here, and one is read"));
                }
            }
            Event::Alias(anchor) => {
                let Some(size) = self.anchors.get(&anchor).map(|anchored| anchored.size) else {
                    return Err(Fault::at(place, "an alias of something that is around it"));
                };
                // Before it is copied.
                self.count(size, place)?;
                if let Some(item) = self.anchors.get(&anchor).map(|anchored| anchored.item.clone()) {
                    self.add(item, place, false, 0)?;
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.count(Size { values: 1, bytes: text.len() }, place)?;
                let is_plain = matches!(style, ScalarStyle::Plain);
                let item = scalar(&text, is_plain, tag.as_deref(), place)?;
                let is_name = self.wants_name();
                // The name of a key is a text, whatever it looks like.
                let item = if is_name { Item::text(text) } else { item };
                self.add(item, place, is_name && is_plain, anchor)?;
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.start(Inside::List(Vec::new()), place, anchor, tag.as_deref())?;
            }
            Event::MappingStart(_, anchor, tag) => {
                self.start(Inside::Table(OpenTable::default()), place, anchor, tag.as_deref())?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.end()?,
            _ => {}
        }
        Ok(())
    }

    fn wants_name(&self) -> bool {
        matches!(self.open.last(), Some(Open { inside: Inside::Table(OpenTable { name: None, .. }), .. }))
    }

    fn count(&mut self, more: Size, place: Place) -> Result<(), Fault> {
        self.size.values += more.values;
        self.size.bytes += more.bytes;
        if self.size.values > MOST || self.size.bytes > MOST_BYTES {
            let what = format!("more than {MOST} values, or {MOST_BYTES} bytes, with what aliases repeat");
            return Err(Fault::at(place, what));
        }
        Ok(())
    }

    fn start(&mut self, inside: Inside, place: Place, anchor: usize, tag: Option<&Tag>) -> Result<(), Fault> {
        if self.open.len() >= DEEPEST {
            return Err(Fault::too_deep(place));
        }
        if self.wants_name() {
            return Err(Fault::at(place, "the name of a key is a text, and no list or table"));
        }
        if tag.is_some_and(|tag| tag.core_suffix().is_none()) {
            return Err(unknown_tag(place));
        }
        self.count(Size { values: 1, bytes: 0 }, place)?;
        self.open.push(Open { place, anchor, inside });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { place, anchor, inside }) = self.open.pop() else { return Ok(()) };
        let item = match inside {
            Inside::List(items) => Item::List(items),
            Inside::Table(mut table) => {
                // What the table says itself comes first.
                for entry in table.merged {
                    if !table.names.has(&entry.name) {
                        table.names.add(&entry.name, place)?;
                        table.entries.push(entry);
                    }
                }
                Item::Table(table.entries)
            }
        };
        self.add(item, place, false, anchor)
    }

    /// Takes what is complete over into what is around it.
    fn add(&mut self, item: Item, place: Place, is_plain_name: bool, anchor: usize) -> Result<(), Fault> {
        if anchor > 0 {
            let size = size(&item);
            self.count(size, place)?;
            self.anchors.insert(anchor, Anchored { size, item: item.clone() });
        }
        match self.open.last_mut().map(|open| &mut open.inside) {
            None => self.root = Some((item, place)),
            Some(Inside::List(items)) => items.push(item),
            Some(Inside::Table(table)) => table.add(item, place, is_plain_name)?,
        }
        Ok(())
    }
}

impl OpenTable {
    fn add(&mut self, item: Item, place: Place, is_plain_name: bool) -> Result<(), Fault> {
        let Some((name, at, is_merge)) = self.name.take() else {
            let Item::Scalar(name) = item else {
                return Err(Fault::at(place, "the name of a key is a text"));
            };
            let is_merge = is_plain_name && name.text == "<<";
            if !is_merge {
                self.names.add(&name.text, place)?;
            }
            self.name = Some((name.text, place, is_merge));
            return Ok(());
        };
        if !is_merge {
            self.entries.push(Entry::new(name, Some(at), item));
            return Ok(());
        }
        let tables = if let Item::List(items) = item { items } else { vec![item] };
        for table in tables {
            let Item::Table(entries) = table else {
                return Err(Fault::at(at, "`<<` takes a table, or a list of tables"));
            };
            self.merged.extend(entries);
        }
        Ok(())
    }
}

fn size(item: &Item) -> Size {
    let of =
        |size: Size, item: Size| Size { values: size.values + item.values, bytes: size.bytes + item.bytes };
    let own = Size { values: 1, bytes: 0 };
    match item {
        Item::Null => own,
        Item::Scalar(scalar) => Size { bytes: scalar.text.len(), ..own },
        Item::List(items) => items.iter().map(size).fold(own, of),
        Item::Table(entries) => {
            let entry = |entry: &Entry| of(size(&entry.item), Size { values: 1, bytes: entry.name.len() });
            entries.iter().map(entry).fold(own, of)
        }
    }
}

fn unknown_tag(place: Place) -> Fault {
    Fault::at(place, "a tag that says nothing here: those of YAML itself, such as !!str, are known")
}

fn scalar(text: &str, is_plain: bool, tag: Option<&Tag>, place: Place) -> Result<Item, Fault> {
    let Some(tag) = tag else {
        return Ok(if is_plain { yaml_scalar::plain(text) } else { Item::text(text) });
    };
    Ok(match tag.core_suffix() {
        Some("str") => Item::text(text),
        Some("null") => Item::Null,
        Some(tag @ ("int" | "float" | "bool")) => {
            let kind = if tag == "bool" { ScalarKind::Bool } else { ScalarKind::Number };
            match yaml_scalar::plain(text) {
                Item::Scalar(scalar) if scalar.kind == kind => Item::Scalar(scalar),
                _ => return Err(Fault::at(place, format!("the tag says !!{tag}, which this is not"))),
            }
        }
        // A single `!` says that it is a text.
        _ if tag.handle().is_empty() && tag.suffix() == "!" => Item::text(text),
        _ => return Err(unknown_tag(place)),
    })
}
