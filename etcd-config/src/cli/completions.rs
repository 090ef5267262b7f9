//! `completions`: what a shell needs to complete commands and fields.

use clap::Command;
use clap::builder::PossibleValuesParser;

use super::exit::{Code, Failure};
use super::session::Session;
use crate::schema::ENTRY;

/// The arguments that are fields.
const FIELDS: [(&str, &str); 3] = [("get", "field"), ("unset", "fields"), ("history", "field")];

/// Print a script that has the shell complete commands, flags and fields
///
/// For bash: source <(PROGRAM completions bash)
#[derive(clap::Args, Debug)]
pub(super) struct Completions {
    /// The shell
    #[arg(value_enum)]
    shell: clap_complete::Shell,
}

impl Completions {
    /// `whole` is the command line of the program; none if it is not known here.
    pub(super) fn run(&self, session: &Session, whole: Option<Command>) -> Result<Code, Failure> {
        let Some(mut whole) = whole else {
            return Err(Failure::usage(
                "this program has a command line of its own: it makes its completions with clap_complete::generate",
            ));
        };
        let names: Vec<String> =
            session.chosen()?.iter().flat_map(|subject| names(&subject.fields())).collect();
        for (command, argument) in FIELDS {
            if whole.find_subcommand(command).is_some() {
                let parser = PossibleValuesParser::new(names.clone());
                whole = whole.mut_subcommand(command, |command| {
                    command.mut_arg(argument, |argument| argument.value_parser(parser))
                });
            }
        }
        let name = whole.get_name().to_owned();
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut whole, name.clone(), &mut script);
        if self.shell == clap_complete::Shell::Fish {
            script.extend(for_fish(&whole, &name, &names).into_bytes());
        }
        session.terminal.write(&script);
        Ok(Code::Fine)
    }
}

/// `clap_complete` knows no values of arguments without a flag for fish.
fn for_fish(whole: &Command, program: &str, names: &[String]) -> String {
    let condition = format!("__fish_{}_using_subcommand", program.replace('-', "_"));
    let commands = FIELDS.iter().filter(|(command, _)| whole.find_subcommand(command).is_some());
    let names = names.join(" ");
    let line = |(command, _): &(&str, &str)| {
        format!("complete -c {program} -n \"{condition} {command}\" -f -a \"{names}\"\n")
    };
    commands.map(line).collect()
}

/// The fields that have one name.
fn names(schema: &crate::schema::Schema) -> Vec<String> {
    let paths = schema.fields().iter().map(|field| field.path().to_owned());
    paths.filter(|path| !path.contains(ENTRY)).collect()
}
