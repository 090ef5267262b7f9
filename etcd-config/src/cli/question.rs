//! The question before a write.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use super::exit::{Code, Failure};

/// How a command that writes is to go about it.
#[derive(clap::Args, Clone, Copy, Debug)]
pub(super) struct Consent {
    /// Only show what would be written
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Write without a question
    #[arg(long, short)]
    pub(super) yes: bool,
}

/// Asks on the terminal. An error where the answer is not yes, or where there is nobody to ask.
pub(super) fn ask(question: &str, is_input_used: bool) -> Result<(), Failure> {
    let ways = "--yes writes without the question, --dry-run only shows what would be written";
    if is_input_used {
        return Err(Failure::usage(format!(
            "nothing is written: standard input had the value, so the question cannot be answered there; {ways}"
        )));
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Failure::usage(format!("nothing is written: there is no terminal to ask at; {ways}")));
    }
    let _ = write!(io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    // Ctrl-C ends the process here, with nothing written.
    let read = io::stdin().lock().read_line(&mut answer);
    if matches!(read, Ok(0) | Err(_)) {
        let _ = writeln!(io::stderr());
    }
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" if read.is_ok() => Ok(()),
        _ => Err(Failure::new(Code::Problems, "nothing is written")),
    }
}
