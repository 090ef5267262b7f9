//! An example that runs: what it says, what is typed, how it ends.

use std::env::{current_exe, vars_os};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use etcd_config_tests::{SOON, until_found};
use rustix::process::{Pid, Signal, kill_process};

/// A process, killed on drop.
pub(crate) struct Program {
    child: Child,
    said: Arc<Mutex<String>>,
}

/// The example of this name, without the user's own variables for etcd.
pub(crate) fn example(name: &str) -> Command {
    let tests = current_exe().expect("this program");
    let folder =
        tests.parent().and_then(|deps| deps.parent()).expect("the folder of the build").join("examples");
    let program = folder.join(name);
    assert!(
        program.exists(),
        "{} is missing: cargo test -p etcd-config-examples builds it",
        program.display()
    );
    let mut command = Command::new(program);
    for (name, _) in vars_os() {
        if name.to_string_lossy().starts_with("ETCD") {
            command.env_remove(name);
        }
    }
    command
}

/// What an example has printed that came to a good end.
pub(crate) fn output(command: &mut Command) -> String {
    let output = command.output().expect("the example starts");
    let text =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success(), "{command:?}: {}\n{text}", output.status);
    text
}

impl Program {
    pub(crate) fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the example starts");
        let said = Arc::new(Mutex::new(String::new()));
        let (out, err) =
            (child.stdout.take().expect("its output"), child.stderr.take().expect("its complaints"));
        listen(out, &said);
        listen(err, &said);
        Self { child, said }
    }

    /// All that it has said so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first line that has this in it, as soon as it is there: what comes after it.
    #[track_caller]
    pub(crate) fn says(&self, what: &str) -> String {
        let look = || self.said().lines().find_map(|line| Some(line.split_once(what)?.1.to_owned()));
        until_found(SOON, look, || format!("it says {what:?}:\n{}", self.said()))
    }

    pub(crate) fn types(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        writeln!(input, "{line}").expect("it is taken");
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).expect("it runs");
    }

    /// How it has ended, as soon as it has.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        let Self { child, said } = self;
        let said = || said.lock().unwrap_or_else(PoisonError::into_inner).clone();
        until_found(SOON, || child.try_wait().expect("a child"), || format!("it ends:\n{}", said()))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(output: impl Read + Send + 'static, said: &Arc<Mutex<String>>) {
    let said = Arc::clone(said);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
            said.push_str(&line);
            said.push('\n');
        }
    });
}
