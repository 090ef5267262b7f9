//! A server's process: started so that it does not outlive the tests.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines of what a process wrote are shown.
const SHOWN: usize = 40;

/// A child process, killed on drop.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `program` with its output at the end of the file `log`. Variables of the environment that are etcd's own
    /// do not count.
    ///
    /// # Errors
    /// There is no such program, or the file cannot be written.
    pub fn start(program: &Path, args: &[String], log: &Path) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(log)?;
        // Where the tests are killed, the kernel kills the server.
        let mut command = if has_setpriv() {
            let mut command = Command::new("setpriv");
            command.args(["--pdeathsig", "KILL"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ETCD") {
                command.env_remove(name);
            }
        }
        command.args(args).stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let child = spawn(command)?;
        Ok(Self { child, log: log.to_path_buf() })
    }

    /// The child itself.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// How the process ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            if let Some(status) = self.ended() {
                return Some(status);
            }
            if start.elapsed() >= limit {
                return None;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The end of what the process wrote.
    pub fn log(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        // Whoever waits for the server has asked for its health until it was good.
        let lines: Vec<_> = text.lines().filter(|line| !line.contains("/health")).collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill(); // a stopped process, too
        let _ = self.child.wait();
    }
}

/// Starts a command from a thread that never ends: the kernel takes the end of the thread that
/// started a process for the death of its parent.
fn spawn(command: Command) -> io::Result<Child> {
    type Order = (Command, mpsc::Sender<io::Result<Child>>);
    static ORDERS: OnceLock<Option<mpsc::Sender<Order>>> = OnceLock::new();
    let orders = ORDERS.get_or_init(|| {
        let (orders, inbox) = mpsc::channel::<Order>();
        let work = move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        };
        thread::Builder::new().name("starts-servers".to_owned()).spawn(work).ok()?;
        Some(orders)
    });
    let orders = orders.as_ref().ok_or_else(|| io::Error::other("no thread that starts programs"))?;
    let (reply, answer) = mpsc::channel();
    orders.send((command, reply)).map_err(io::Error::other)?;
    answer.recv().map_err(io::Error::other)?
}

fn has_setpriv() -> bool {
    static ANSWER: OnceLock<bool> = OnceLock::new();
    *ANSWER.get_or_init(|| {
        let try_it = Command::new("setpriv").args(["--pdeathsig", "KILL", "true"]).output();
        try_it.is_ok_and(|output| output.status.success())
    })
}
