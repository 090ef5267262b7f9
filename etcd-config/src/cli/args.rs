//! The command line: its commands and flags.

use std::cell::OnceCell;
use std::fmt;
use std::process::ExitCode;
use std::sync::Arc;

use etcd_client_core::Store;

use super::apply::{Apply, Diff, Seed};
use super::check::Check;
use super::completions::Completions;
use super::configurations::Configurations;
use super::connection::Connection;
use super::exit::{Code, EXIT_CODES, Failure};
use super::export::Export;
use super::fleet::Fleet;
use super::get::Get;
use super::history::History;
use super::rollback::Rollback;
use super::rollout::Rollout;
use super::schema::Schema;
use super::session::Session;
use super::set::Set;
use super::show::Show;
use super::subject::Place;
use super::terminal::Terminal;
use super::unset::Unset;
use super::watch::Watch;
use crate::options::into_store::IntoStore;

/// The commands for settings, as arguments of a program that has a command line of its own.
///
/// ```no_run
/// use std::process::ExitCode;
/// use clap::Parser as _;
/// use etcd_config::{EtcdConfig, cli};
///
/// #[derive(clap::Parser)]
/// struct Program {
///     #[command(subcommand)]
///     command: Command,
/// }
///
/// #[derive(clap::Subcommand)]
/// enum Command {
///     /// Serve payments
///     Serve,
///     /// Look at the settings, and change them
///     Config(cli::Args),
/// }
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// fn main() -> ExitCode {
///     match Program::parse().command {
///         Command::Serve => ExitCode::SUCCESS,
///         Command::Config(args) => args.run::<Settings>(), // payments config check
///     }
/// }
/// ```
#[derive(clap::Args)]
#[command(after_help = EXIT_CODES)]
pub struct Args {
    /// The directory in etcd, in place of the one that the program has
    #[arg(long, global = true, display_order = 101, value_name = "KEY", hide_short_help = true)]
    prefix: Option<String>,
    /// What a {placeholder} of the prefix stands for; may be given several times
    #[arg(long, global = true, display_order = 102, value_name = "NAME=VALUE", value_parser = placeholder, hide_short_help = true)]
    placeholder: Vec<(String, String)>,
    /// The configuration that is meant, where the program has several
    #[arg(long, global = true, display_order = 103, value_name = "NAME", hide_short_help = true)]
    config: Option<String>,
    /// Print JSON, for programs
    #[arg(long, global = true, display_order = 104)]
    json: bool,
    // Boxed, so that it is no large variant of the commands of a program.
    #[command(flatten)]
    connection: Box<Connection>,
    #[command(subcommand)]
    command: Box<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(Check),
    Show(Show),
    Get(Get),
    Set(Set),
    Unset(Unset),
    Diff(Diff),
    Apply(Apply),
    Seed(Seed),
    Export(Export),
    History(History),
    Rollback(Rollback),
    Rollout(Rollout),
    Watch(Watch),
    Fleet(Fleet),
    Schema(Schema),
    Completions(Completions),
}

impl Args {
    /// Does what the arguments say, in the etcd that they name. The exit code says how it went; what there is to be said
    /// is printed.
    pub fn run<C: Configurations>(self) -> ExitCode {
        self.run_in::<C>(None, None)
    }

    /// The same over a store of the program, unless the arguments or `ETCDCTL_ENDPOINTS` name servers: for tests, for
    /// examples, and for a program that knows better how to reach its etcd.
    pub fn run_over<C: Configurations>(self, store: impl IntoStore) -> ExitCode {
        match store.into_store() {
            Ok(store) => self.run_in::<C>(Some(store), None),
            Err(error) => {
                Terminal::here().say(&error.to_string());
                Code::Usage.into()
            }
        }
    }

    /// `whole` is the command line that these arguments are all of.
    pub(super) fn run_in<C: Configurations>(
        self,
        store: Option<Arc<dyn Store>>,
        whole: Option<clap::Command>,
    ) -> ExitCode {
        let Self { connection, prefix, placeholder, config, json, command } = self;
        let store = store.filter(|_| !connection.names_servers());
        let place = Place {
            prefix,
            placeholders: placeholder,
            layer: None,
            is_common: false,
            startup_timeout: connection.startup_timeout,
        };
        let session = Session {
            subjects: C::subjects().0,
            config,
            connection: *connection,
            place,
            store: store.map_or_else(OnceCell::new, OnceCell::from),
            json,
            terminal: Terminal::here(),
        };
        match command.run(&session, whole) {
            Ok(code) => code.into(),
            Err(failure) => session.fail(&failure).into(),
        }
    }
}

impl Command {
    fn run(self, session: &Session, whole: Option<clap::Command>) -> Result<Code, Failure> {
        match self {
            Self::Check(command) => command.run(session),
            Self::Show(Show {}) => Show::run(session),
            Self::Get(command) => command.run(session),
            Self::Set(command) => command.run(session),
            Self::Unset(command) => command.run(session),
            Self::Diff(command) => command.run(session),
            Self::Apply(command) => command.run(session),
            Self::Seed(command) => command.run(session),
            Self::Export(command) => command.run(session),
            Self::History(command) => command.run(session),
            Self::Rollback(command) => command.run(session),
            Self::Rollout(command) => command.run(session),
            Self::Watch(command) => command.run(session),
            Self::Fleet(command) => command.run(session),
            Self::Schema(command) => command.run(session),
            Self::Completions(command) => command.run(session, whole),
        }
    }
}

fn placeholder(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.trim_matches(['{', '}']).to_owned(), value.to_owned()))
}

/// Shows no argument, as there may be a password among them.
impl fmt::Debug for Args {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Args").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;

    #[derive(clap::Parser)]
    struct Program {
        #[command(subcommand)]
        command: Inner,
    }

    #[derive(clap::Subcommand)]
    enum Inner {
        Serve,
        /// Look at the settings
        Config(Args),
    }

    #[test]
    fn a_command_line_of_its_own_takes_it_in() {
        Program::command().debug_assert();
        let program =
            Program::parse_from(["payments", "config", "--json", "set", "a=b", "--prefix", "/other"]);
        let Inner::Config(args) = program.command else { panic!("it is another command") };
        assert!(args.json && matches!(*args.command, Command::Set(_)));
        assert_eq!(args.prefix.as_deref(), Some("/other"));
        assert_eq!(format!("{args:?}"), "Args { .. }");
        assert!(matches!(Program::parse_from(["payments", "serve"]).command, Inner::Serve));
        let help = Program::command().find_subcommand_mut("config").unwrap().render_long_help().to_string();
        assert!(help.starts_with("Look at the settings\n") && help.contains("4  a conflict"), "{help}");
    }
}
