//! How a command ends: its exit code, and what is said where it fails.

use std::process::ExitCode;

use etcd_client_core::Printable;
use serde_json::{Value, json};

use crate::error::{Error, RolloutEnd};

/// What the exit codes mean, for `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0  done, and nothing is wrong
  1  problems were found, `diff` found differences, `get` found no value, a rollout was not promoted by this command,
     `fleet --wait` did not see the revision in force everywhere, or the question was not answered with yes
  2  the command line is wrong, or asks for what cannot be done
  3  etcd cannot be read or written
  4  a conflict: somebody else has changed something meanwhile, and nothing is written";

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Fine = 0,
    Problems = 1,
    Usage = 2,
    Unreachable = 3,
    Conflict = 4,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) code: Code,
    /// For a person, in lines; escaped.
    pub(super) text: String,
    error: Option<Error>,
}

impl Failure {
    pub(super) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), error: None }
    }

    /// The command line is the reason.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::new(Code::Usage, text)
    }

    /// The command line is none of this program.
    pub(super) fn unparsed(error: &clap::Error) -> Self {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text);
        // How it is used is for a person.
        let what = ["\n\nUsage:", "\n\nFor more information"]
            .iter()
            .fold(text, |text, end| text.split_once(end).map_or(text, |(before, _)| before));
        Self::usage(Printable::block(what.trim_end(), "").to_string())
    }

    /// The same failure in other words.
    pub(super) fn in_words(self, text: String) -> Self {
        Self { text, ..self }
    }

    /// The same failure, with problems that there are besides.
    pub(super) fn beside(self, problems: Error) -> Self {
        let lines = problems.problems().iter().map(|problem| format!("\n{problem}"));
        Self { text: self.text + &lines.collect::<String>(), error: Some(problems), ..self }
    }

    /// For a program.
    pub(super) fn to_json(&self) -> Value {
        let Self { code, text, error } = self;
        let conflicts = error.iter().flat_map(Error::conflicts);
        let conflicts: Vec<Value> =
            conflicts.map(|one| json!({ "key": one.key, "revision": one.revision })).collect();
        let problems = error.as_ref().map(Error::problems).unwrap_or_default();
        let mut value = json!({
            "error": text,
            "code": *code as u8,
            "problems": problems,
            "conflicts": conflicts,
            "maybe_applied": error.as_ref().is_some_and(Error::maybe_applied),
            "written": error.as_ref().and_then(Error::written),
        });
        // What only a wait for a fleet has.
        let lagging = error.as_ref().map(Error::lagging).unwrap_or_default();
        if !lagging.is_empty() {
            value["lagging"] = json!(lagging);
        }
        // What only a rollout has.
        if let Some(end) = error.as_ref().and_then(Error::rollout) {
            value["rollout"] = json!(end);
        }
        value
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        use crate::client::Kind;
        let is_input = error.store().is_some_and(|error| error.kind() == Kind::InvalidInput);
        let code = match &error {
            error if error.rollout().is_some() => code_of_rollout(error),
            error if error.is_conflict() => Code::Conflict,
            error if error.is_fleet_lag() => Code::Problems,
            error if error.is_invalid() => Code::Problems,
            error if error.is_invalid_option() || error.is_invalid_document() || is_input => Code::Usage,
            _ => Code::Unreachable,
        };
        Self { code, text: in_flags(&error.to_string()), error: Some(error) }
    }
}

/// What is called in a program, and the flags that do it here.
const FLAGS: [(&str, &str); 6] = [
    ("`in_layer` makes changes there", "--layer makes changes there"),
    ("make the edit without `in_layer`", "leave --layer out"),
    ("call `replace()`", "say --replace"),
    ("resume or abort that first", "end that first, with --continue or --abort"),
    ("Tls::ca_file", "--cacert"),
    ("Tls::identity_files", "--cert and --key"),
];

/// An error of the library names what is called in a program; here a flag does it.
fn in_flags(text: &str) -> String {
    let text = FLAGS.iter().fold(text.to_owned(), |text, (call, flag)| text.replace(call, flag));
    let found = text
        .split_once(".placeholder(\"")
        .and_then(|(before, rest)| Some((before, rest.split_once("\", ...)")?)));
    match found {
        Some((before, (name, after))) => {
            let after = after.strip_prefix(" or .instance(...)").unwrap_or(after);
            format!("{before}--placeholder {name}=...{after}")
        }
        None => text,
    }
}

/// Of one that was not promoted.
fn code_of_rollout(error: &Error) -> Code {
    match error.rollout() {
        // It is etcd that is in the way.
        _ if error.store().is_some() => Code::Unreachable,
        Some(RolloutEnd::NotBegun { .. }) => Code::Usage,
        Some(RolloutEnd::Unknown { .. }) => Code::Unreachable,
        _ => Code::Problems,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calls_of_a_program_are_flags_here() {
        let said = "it needs a value: give it with .placeholder(\"zone\", ...); name its authority with Tls::ca_file, or \
                    give one with Tls::identity_files";
        let expected = "it needs a value: give it with --placeholder zone=...; name its authority with --cacert, or give \
                        one with --cert and --key";
        assert_eq!(in_flags(said), expected);
    }
}
