//! The file of a document, and its format.

use std::path::{Path, PathBuf};

use super::assignment::Source;
use super::exit::Failure;
use crate::document::{Document, Format};

/// A document that a command reads.
#[derive(clap::Args, Debug)]
pub(super) struct DocumentFile {
    /// The file with the document, in JSON, YAML, TOML or commands of etcdctl; - for standard input
    file: PathBuf,
    /// The format, where the name of the file does not say it: json, yaml, toml or etcdctl
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// Take keys that no field reads, too
    #[arg(long)]
    allow_unknown: bool,
}

impl DocumentFile {
    pub(super) fn is_input(&self) -> bool {
        self.file == Path::new("-")
    }

    /// The document that is in the file.
    pub(super) fn read(&self) -> Result<Document, Failure> {
        let document = document_in(&self.file, self.format)?;
        Ok(if self.allow_unknown { document.allow_unknown() } else { document })
    }
}

/// The document that is in a file, or on standard input for `-`.
pub(super) fn document_in(file: &Path, format: Option<Format>) -> Result<Document, Failure> {
    let is_input = file == Path::new("-");
    let format = match format {
        Some(format) => format,
        None if is_input => {
            return Err(Failure::usage(
                "standard input has no name that says its format: give it with --format",
            ));
        }
        None => Format::from_path(file)?,
    };
    let source = if is_input { Source::Input } else { Source::File(file.to_owned()) };
    let shown = etcd_client_core::Printable::line(&file.to_string_lossy()).to_string();
    let text = String::from_utf8(source.read()?)
        .map_err(|_| Failure::usage(format!("{shown} is no text: it is not UTF-8")))?;
    Document::parse(&text, format).map_err(|error| Failure::usage(format!("{shown}: {error}")))
}

pub(super) fn format(name: &str) -> Result<Format, String> {
    name.parse::<Format>().map_err(|error| error.to_string())
}
