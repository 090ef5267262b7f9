//! A command line over a configuration: to check, look at, change and watch what is stored.
//!
//! ```no_run
//! use std::process::ExitCode;
//! use etcd_config::EtcdConfig;
//!
//! /// Settings of the payment service.
//! #[derive(EtcdConfig)]
//! #[etcd(prefix = "/payments")]
//! struct Settings {
//!     #[etcd(default = 10)]
//!     workers: u32,
//! }
//!
//! fn main() -> ExitCode {
//!     etcd_config::cli::main::<Settings>()
//! }
//! ```
//!
//! | command | what it does |
//! | --- | --- |
//! | `settings check` | whether what is stored fits this build's struct: the gate before a deployment |
//! | `settings show` | all values, where they come from, and since when |
//! | `settings get database.pool_size` | one value, for a script |
//! | `settings set database.pool_size=20 features.dark=true` | checks, shows the plan, asks, writes in one transaction |
//! | `settings set api_token --from-file token` | the same of a secret, which is no argument |
//! | `settings set workers=20 --layer /payments@eu-1` | in one of several layers; also `unset`, `apply`, `seed`, `diff`, `export`, `get` |
//! | `settings unset max_connections` | deletes, so that the default is in force |
//! | `settings diff prod.yaml`, `apply prod.yaml`, `seed defaults.yaml` | what a document has, against what is stored |
//! | `settings export --format yaml` | what is stored, as a document |
//! | `settings history database.pool_size` | what was changed, newest first, and whether it could be read |
//! | `settings rollback 48120` | what was stored at that revision, as a change like any other |
//! | `settings rollout database.pool_size=20 --to web-1` | the change for some instances first, watched there, then for all, or taken back |
//! | `settings watch` | a live table of values, changes and refusals; without a terminal a line for each change |
//! | `settings fleet` | the instances: who has which revision in force, who refuses what; `--watch` follows them |
//! | `settings fleet --wait 48122 --for 30s` | waits until all have the revision that was written |
//! | `settings schema --format json-schema` | what there is to set |
//! | `settings completions bash` | for the shell |
//!
//! All commands and flags, and how a field is named, are in [`docs::command_line`](crate::docs::command_line). `--json` prints for
//! programs. A program that has a command line of its own takes [`Args`] in, and
//! several structs are given as a tuple: [`Configurations`]. The connection is that of etcdctl's flags and variables;
//! [`main_over`] has a store of the program instead.
//!
//! | exit code | what it means |
//! | --- | --- |
//! | 0 | done, and nothing is wrong |
//! | 1 | problems were found, `diff` found differences, `get` found no value, a rollout was not promoted, `fleet --wait` did not see the revision in force everywhere, or the question was not answered with yes |
//! | 2 | the command line is wrong, or asks for what cannot be done |
//! | 3 | etcd cannot be read or written |
//! | 4 | a conflict: somebody else has changed something meanwhile, and nothing is written |

mod apply;
mod args;
mod assignment;
mod check;
mod completions;
mod configurations;
#[allow(clippy::doc_markdown, reason = "the lines are the help of the program")]
mod connection;
mod document_file;
mod ending;
mod exit;
mod export;
mod field_name;
mod fleet;
mod get;
mod history;
mod in_layer;
mod paragraph;
mod question;
mod rollback;
mod rollout;
mod schema;
mod screen;
mod session;
mod set;
mod show;
mod style;
mod subject;
mod table;
mod terminal;
mod unset;
mod value_table;
mod watch;
mod writing;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _};
use etcd_client_core::Store;

pub use self::args::Args;
pub use self::configurations::Configurations;
use self::terminal::Terminal;
use crate::options::into_store::IntoStore;

/// The arguments as those of a whole program.
#[derive(clap::Parser)]
struct Alone {
    #[command(flatten)]
    args: Args,
}

/// The `main` of a program that is nothing but this command line.
pub fn main<C: Configurations>() -> ExitCode {
    alone::<C>(None)
}

/// The same over a store of the program, unless the arguments or `ETCDCTL_ENDPOINTS` name servers; as
/// [`Args::run_over`].
///
/// ```no_run
/// # use std::process::ExitCode;
/// # use etcd_config::{EtcdConfig, MemoryStore, cli};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// fn main() -> ExitCode {
///     let store = MemoryStore::from([("/payments/workers", "12")]);
///     cli::main_over::<Settings>(&store)
/// }
/// ```
pub fn main_over<C: Configurations>(store: impl IntoStore) -> ExitCode {
    match store.into_store() {
        Ok(store) => alone::<C>(Some(store)),
        Err(error) => {
            Terminal::here().say(&error.to_string());
            exit::Code::Usage.into()
        }
    }
}

fn alone<C: Configurations>(store: Option<Arc<dyn Store>>) -> ExitCode {
    let command = command::<C>();
    let parsed = command.clone().try_get_matches().and_then(|matches| Alone::from_arg_matches(&matches));
    match parsed {
        Ok(alone) => alone.args.run_in::<C>(store, Some(command)),
        Err(error) => {
            let is_for_program = std::env::args_os().any(|argument| argument == "--json");
            unparsed(&error.format(&mut command.clone()), is_for_program)
        }
    }
}

/// Says what is wrong with a command line, or prints the help that it asks for.
fn unparsed(error: &clap::Error, is_for_program: bool) -> ExitCode {
    let is_failure = error.use_stderr();
    if is_failure && is_for_program {
        Terminal::here().print_json(&exit::Failure::unparsed(error).to_json());
    }
    // Where nobody reads it any more, there is nobody to say so to.
    let _ = error.print();
    if is_failure { exit::Code::Usage.into() } else { exit::Code::Fine.into() }
}

/// The command line, by the name that the program is called by.
fn command<C: Configurations>() -> clap::Command {
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_stem().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| "settings".to_owned());
    let subjects = C::subjects().0;
    let names: Vec<&str> = subjects.iter().map(|subject| subject.name()).collect();
    let docs = subjects.first().map(|subject| subject.fields().docs()).unwrap_or_default();
    let about = match (subjects.as_slice(), docs.lines().next().unwrap_or_default()) {
        ([_], first) if !first.is_empty() => first.to_owned(),
        _ => format!("Check, look at, change and watch {} in etcd", names.join(", ")),
    };
    let command = Alone::command().name(name.clone()).bin_name(name).about(about).long_about(None);
    match Terminal::here().help_width() {
        Some(width) => command.term_width(width),
        None => command,
    }
}
