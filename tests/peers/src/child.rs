//! A subject's process: asked through its input, measured from outside.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use crate::proc;

pub(crate) struct Child {
    process: Process,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
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
        let output = BufReader::new(process.stdout.take().ok_or("no output")?);
        let mut child = Self { process, input, output, first: Value::Null };
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
        let mut words = String::new();
        if let Some(mut errors) = self.process.stderr.take() {
            let _ = errors.read_to_string(&mut words);
        }
        words
    }

    fn line(&mut self) -> Result<Value, String> {
        let mut line = String::new();
        match self.output.read_line(&mut line) {
            Ok(0) => {
                let mut words = String::new();
                let _ = self.process.stderr.take().map(|mut errors| errors.read_to_string(&mut words));
                Err(words.trim().to_owned())
            }
            Ok(_) => serde_json::from_str(&line).map_err(|error| format!("{line}: {error}")),
            Err(error) => Err(error.to_string()),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A number of an answer; not a number where there is none.
pub(crate) fn number(answer: &Value, name: &str) -> f64 {
    answer[name].as_f64().unwrap_or(f64::NAN)
}
