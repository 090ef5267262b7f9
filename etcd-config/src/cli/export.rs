//! `export`: what is stored, as a document.

use super::document_file::format;
use super::exit::{Code, Failure};
use super::in_layer::InLayer;
use super::session::Session;
use crate::document::Format;

/// Print what is stored as a document, which `diff`, `apply` and `seed` take
///
/// Defaults are not in it, nor are secrets unless they are asked for, nor keys that no field reads.
#[derive(clap::Args, Debug)]
pub(super) struct Export {
    /// json, yaml, toml or etcdctl; yaml where nothing else is said
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Print secrets, too
    #[arg(long)]
    secrets: bool,
    #[command(flatten)]
    in_layer: InLayer,
}

impl Export {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let (subject, site) = (session.one()?, session.site_in(self.in_layer.name())?);
        let document = subject.read(&site)?.export()?;
        let document = if self.secrets { document.with_secrets() } else { document };
        let format = match self.format {
            Some(format) if !session.json || format == Format::Json => format,
            Some(_) => return Err(Failure::usage("--json and another --format contradict each other")),
            None if session.json => Format::Json,
            None => Format::Yaml,
        };
        let text = document.render(format)?;
        // A document has escaped what a terminal would obey, as far as its format knows how to.
        if session.terminal.is_terminal() {
            session.terminal.write(harmless(&text).as_bytes());
        } else {
            session.terminal.write(text.as_bytes());
        }
        Ok(Code::Fine)
    }
}

/// For a terminal: what it would obey is escaped, lines stay lines.
fn harmless(text: &str) -> String {
    let escaped = |line: &str| etcd_client_core::Printable::line(line).at_most(usize::MAX).to_string();
    text.lines().map(|line| escaped(line) + "\n").collect()
}
