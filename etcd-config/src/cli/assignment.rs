//! `FIELD=VALUE`, and values that come from a file or from standard input.

use std::io::Read as _;
use std::path::PathBuf;

use etcd_client_core::Printable;

use super::exit::{Code, Failure};

/// The longest value that is read, in bytes: etcd takes 1.5 MiB.
const LONGEST: u64 = 16 << 20;

/// Where a value is.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum Source {
    /// There is none: the field was named alone.
    Nowhere,
    Argument(String),
    File(PathBuf),
    Input,
}

/// A field, and the value that it is to have.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Assignment {
    pub(super) field: String,
    pub(super) source: Source,
}

impl Assignment {
    /// From the arguments of `set`: `FIELD=VALUE`, as often as wanted; or one `FIELD` whose value is in a file, or on
    /// standard input, which `-` stands for.
    pub(super) fn all(arguments: &[String], file: Option<PathBuf>) -> Result<Vec<Self>, Failure> {
        let is_bare = |argument: &&String| !argument.contains('=');
        let of_file =
            |file: PathBuf| if file.as_os_str() == "-" { Source::Input } else { Source::File(file) };
        match (arguments, file) {
            ([field], Some(file)) if is_bare(&field) => {
                Ok(vec![Self { field: field.clone(), source: of_file(file) }])
            }
            ([argument, ..], Some(_)) => Err(Failure::usage(format!(
                "--from-file has the value of one field: set {} --from-file FILE",
                field_of(argument)
            ))),
            ([field, dash], None) if is_bare(&field) && dash == "-" => {
                Ok(vec![Self { field: field.clone(), source: Source::Input }])
            }
            // As in `set api_token hunter2`. The argument may be a secret, and output may end up in a log.
            (arguments, None) if arguments.iter().skip(1).any(|argument| is_bare(&argument)) => {
                Err(Failure::usage(
                    "an argument is no FIELD=VALUE (it is not printed here, as it may be a secret): write FIELD=VALUE, \
                     or for a secret only FIELD --from-file FILE",
                ))
            }
            (arguments, None) => arguments.iter().map(|argument| Self::one(argument)).collect(),
            ([], Some(_)) => {
                Err(Failure::usage("--from-file needs the name of a field: set FIELD --from-file FILE"))
            }
        }
    }

    fn one(argument: &str) -> Result<Self, Failure> {
        match argument.split_once('=') {
            Some(("", _)) | None if argument.is_empty() || argument.starts_with('=') => {
                Err(Failure::usage("there is no field before a value: write it as FIELD=VALUE"))
            }
            Some((field, value)) => {
                Ok(Self { field: field.to_owned(), source: Source::Argument(value.to_owned()) })
            }
            None => Ok(Self { field: argument.to_owned(), source: Source::Nowhere }),
        }
    }
}

fn field_of(argument: &str) -> String {
    let field = argument.split_once('=').map_or(argument, |(field, _)| field);
    Printable::line(field).to_string()
}

impl Source {
    /// The value. A line break at its end belongs to the file, and not to the value.
    pub(super) fn read(self) -> Result<Vec<u8>, Failure> {
        let (what, read) = match self {
            Self::Nowhere => return Err(Failure::usage("there is no value")),
            Self::Argument(text) => return Ok(text.into_bytes()),
            Self::File(path) => {
                let what = Printable::line(&path.to_string_lossy()).to_string();
                (what, std::fs::File::open(path).and_then(limited))
            }
            Self::Input => ("standard input".to_owned(), limited(std::io::stdin().lock())),
        };
        let mut text =
            read.map_err(|error| Failure::new(Code::Usage, format!("{what} cannot be read: {error}")))?;
        if text.len() as u64 > LONGEST {
            return Err(Failure::usage(format!("{what} is too long: {LONGEST} bytes are read at most")));
        }
        if text.last() == Some(&b'\n') {
            text.pop();
            if text.last() == Some(&b'\r') {
                text.pop();
            }
        }
        Ok(text)
    }
}

fn limited(from: impl std::io::Read) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    from.take(LONGEST + 1).read_to_end(&mut text)?;
    Ok(text)
}
