//! A document read as TOML.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::fault::{DEEPEST, Fault, Lines};
use super::item::{Entry, Item, Place, ScalarKind};

/// The table that a text holds.
pub(super) fn table(text: &str) -> Result<Vec<Entry>, Fault> {
    let lines = Lines::of(text);
    let table = DeTable::parse(text).map_err(|error| {
        let place = error.span().map(|span| lines.place(span.start));
        let what = match error.message() {
            "recursion limit" => "tables and lists are too deep in one another",
            what => what,
        };
        Fault { place, what: what.to_owned() }
    })?;
    Reader { lines }.entries(table.get_ref(), 0)
}

struct Reader<'t> {
    lines: Lines<'t>,
}

impl Reader<'_> {
    fn entries(&self, table: &DeTable<'_>, depth: usize) -> Result<Vec<Entry>, Fault> {
        let mut pairs: Vec<_> = table.iter().collect();
        // As it is written.
        pairs.sort_by_key(|(name, _)| name.span().start);
        let entry = |(name, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
            let place = self.lines.place(name.span().start);
            let name: &std::borrow::Cow<'_, str> = name.get_ref();
            Ok(Entry::new(name.as_ref(), Some(place), self.item(value.get_ref(), place, depth + 1)?))
        };
        pairs.into_iter().map(entry).collect()
    }

    fn item(&self, value: &DeValue<'_>, place: Place, depth: usize) -> Result<Item, Fault> {
        if depth > DEEPEST {
            return Err(Fault::too_deep(place));
        }
        Ok(match value {
            DeValue::String(text) => Item::text(text.as_ref()),
            DeValue::Integer(number) => Item::scalar(number.to_string(), ScalarKind::Number),
            DeValue::Float(number) => Item::scalar(number.as_str(), ScalarKind::Number),
            DeValue::Boolean(value) => Item::scalar(value.to_string(), ScalarKind::Bool),
            DeValue::Datetime(time) => Item::text(time.to_string()),
            DeValue::Table(table) => Item::Table(self.entries(table, depth)?),
            DeValue::Array(elements) => {
                let elements = elements.iter().map(|element| self.item(element.get_ref(), place, depth + 1));
                Item::List(elements.collect::<Result<_, _>>()?)
            }
        })
    }
}
