//! `schema`: what there is to set.

use super::exit::{Code, Failure};
use super::session::Session;
use crate::schema::Schema as Fields;

/// How it is written.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    /// A table for a page
    Markdown,
    /// For editors, and for checks of a deployment
    JsonSchema,
    /// The commands that store the defaults
    Etcdctl,
    /// A transaction that stores the defaults of what is absent, and overwrites nothing
    EtcdctlTxn,
}

/// Print what there is to set: keys, types, defaults, descriptions. Needs no etcd
#[derive(clap::Args, Debug)]
pub(super) struct Schema {
    /// How it is written
    #[arg(long, value_enum, default_value_t = Format::Markdown)]
    format: Format,
}

impl Schema {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let is_placed = session.place.prefix.is_some() || !session.place.placeholders.is_empty();
        let mut schemas = Vec::new();
        for subject in session.chosen()? {
            schemas.push(if is_placed { subject.schema(&session.place)? } else { subject.fields() });
        }
        if session.json {
            match schemas.as_slice() {
                [one] => session.terminal.print_json(one),
                several => session.terminal.print_json(&several),
            }
            return Ok(Code::Fine);
        }
        let texts: Vec<String> = schemas.iter().map(|schema| self.text(schema)).collect();
        let text = texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n\n");
        // For a file: nothing is broken to the width of the terminal.
        session.terminal.write(text.as_bytes());
        session.terminal.write(b"\n");
        Ok(Code::Fine)
    }

    fn text(&self, schema: &Fields) -> String {
        match self.format {
            Format::Markdown => schema.to_markdown(),
            Format::JsonSchema => schema.to_json_schema(),
            Format::Etcdctl => schema.to_etcdctl(),
            Format::EtcdctlTxn => schema.to_etcdctl_if_absent(),
        }
    }
}
