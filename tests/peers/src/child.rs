//! A subject's process: asked through its input, measured from outside. One that does not answer in time is ended, so that
//! no row waits for ever.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child as Process, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde_json::Value;

use crate::proc;

/// How long a subject may take to set its scene, or to answer a line. Under valgrind a scene takes half a minute; 10,000
/// configurations take less.
const LIMIT: Duration = Duration::from_secs(90);

pub(crate) struct Child {
    process: Process,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
    /// Collects what it writes to its standard error, which would hold it up if nobody read it.
    words: Option<JoinHandle<String>>,
    /// What it said when its scene was set.
    pub(crate) first: Value,
}

impl Child {
    /// `None` if it has no such scene.
    pub(crate) fn start(
        program: &[OsString],
        scene: &str,
        endpoint: &str,
        numbers: &[(&str, usize)],
    ) -> Result<Option<Self>, String> {
        let (first, rest) = program.split_first().ok_or("no program")?;
        let mut process = Command::new(first)
            .args(rest)
            .args([scene, endpoint])
            .args(numbers.iter().map(|(name, value)| format!("{name}={value}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{}: {error}", first.display()))?;
        let input = process.stdin.take();
        let lines = lines_of(process.stdout.take().ok_or("no output")?);
        let words = process.stderr.take().map(words_of);
        let mut child = Self { process, input, lines, words, first: Value::Null };
        child.first = child.line()?;
        Ok(child.first["unsupported"].is_null().then_some(child))
    }

    /// Sends a line, and waits for the answer.
    pub(crate) fn ask(&mut self, line: &str) -> Value {
        let sent = self.input.as_mut().map(|input| writeln!(input, "{line}"));
        let answer = if matches!(sent, Some(Ok(()))) { self.line() } else { Err("it has ended".to_owned()) };
        answer.unwrap_or_else(|why| {
            println!("\"{line}\" was not answered: {why}");
            Value::Null
        })
    }

    /// The process's CPU time so far in microseconds, as it says itself.
    pub(crate) fn cpu_us(&mut self) -> f64 {
        number(&self.ask("mark"), "cpu_us")
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn resident_kib(&self) -> f64 {
        proc::status(self.id(), "VmRSS")
    }

    pub(crate) fn peak_kib(&self) -> f64 {
        proc::status(self.id(), "VmHWM")
    }

    /// Ends it by the end of its input; what it has written to its standard error.
    pub(crate) fn end(mut self) -> String {
        drop(self.input.take());
        // Its output ends with it.
        while self.lines.recv_timeout(LIMIT).is_ok() {}
        self.kill()
    }

    fn line(&mut self) -> Result<Value, String> {
        match self.lines.recv_timeout(LIMIT) {
            Ok(line) => serde_json::from_str(&line).map_err(|error| format!("{line}: {error}")),
            Err(RecvTimeoutError::Timeout) => {
                let words = self.kill();
                Err(format!("nothing came for {} s, so it was ended. {}", LIMIT.as_secs(), words.trim()))
            }
            Err(RecvTimeoutError::Disconnected) => Err(self.kill().trim().to_owned()),
        }
    }

    /// Ends it at once; what it has written to its standard error.
    fn kill(&mut self) -> String {
        let _ = self.process.kill();
        let _ = self.process.wait();
        self.words.take().and_then(|words| words.join().ok()).unwrap_or_default()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The lines of its output, until that ends.
fn lines_of(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let all = BufReader::new(output).lines().map_while(Result::ok);
        all.map(|line| sender.send(line)).find(Result::is_err)
    });
    lines
}

fn words_of(mut errors: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut words = Vec::new();
        let _ = errors.read_to_end(&mut words);
        String::from_utf8_lossy(&words).into_owned()
    })
}

/// A number of an answer; not a number where there is none.
pub(crate) fn number(answer: &Value, name: &str) -> f64 {
    answer[name].as_f64().unwrap_or(f64::NAN)
}
