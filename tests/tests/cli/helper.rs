//! The program with a store in memory, as a script runs it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Keys with which the program's settings are valid.
pub(crate) const VALID: &str = "\
/payments/api_token=hunter2
/payments/database/url=postgres://db
/payments/features/refunds=true
/payments/upstreams/visa/addr=10.0.0.7:443
";

/// What a run has left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    /// The keys in the store at the end.
    pub(crate) after: String,
}

impl Ran {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }
}

/// A run that is prepared.
pub(crate) struct Run {
    pub(crate) folder: TempDir,
    pub(crate) command: Command,
    input: Option<String>,
}

impl Run {
    pub(crate) fn new(seed: &str, args: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_settings-program"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ETCD") {
                command.env_remove(name);
            }
        }
        let seed_file = folder.path().join("seed");
        std::fs::write(&seed_file, seed).expect("the seed is written");
        command.args(args).env("SEED", seed_file).env("AFTER", folder.path().join("after"));
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color");
        Self { folder, command, input: None }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn input(self, text: &str) -> Self {
        Self { input: Some(text.to_owned()), ..self }
    }

    pub(crate) fn run(mut self) -> Ran {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("its input");
        stdin.write_all(self.input.unwrap_or_default().as_bytes()).expect("its input is taken");
        drop(stdin);
        let output = child.wait_with_output().expect("the program ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the output is UTF-8");
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: text(output.stdout),
            err: text(output.stderr),
            after: std::fs::read_to_string(self.folder.path().join("after")).unwrap_or_default(),
        }
    }
}

pub(crate) fn run(args: &[&str]) -> Ran {
    Run::new(VALID, args).run()
}

pub(crate) fn run_on(seed: &str, args: &[&str]) -> Ran {
    Run::new(seed, args).run()
}
