//! A pseudo-terminal, with the program in it and somebody before it.

use std::io::{Read as _, Write as _};
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, Pty, open};

use crate::helper::Run;

/// The longest that is waited for anything.
const LIMIT: Duration = Duration::from_secs(20);
/// So many lines that nothing scrolls away.
const HEIGHT: u16 = 50;

pub(crate) struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    shown: Arc<Mutex<Shown>>,
    run: Run,
}

struct Shown {
    screen: vt100::Parser,
    bytes: Vec<u8>,
}

impl Terminal {
    /// Starts the program in a terminal of this width.
    pub(crate) fn start(run: Run, width: u16) -> Self {
        Self::with_size(run, width, HEIGHT)
    }

    pub(crate) fn with_size(run: Run, width: u16, height: u16) -> Self {
        let (pty, pts) = open().expect("a pseudo-terminal");
        pty.resize(pty_process::Size::new(height, width)).expect("it has a size");
        // Where the tests run in the background of a shell, Ctrl-C is ignored, and so by all that they start.
        let mut command = Command::new("env").arg("--default-signal=INT");
        command = command.arg(run.command.get_program()).args(run.command.get_args());
        for (name, value) in run.command.get_envs() {
            command = match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let child = command.spawn(pts).expect("the program starts");
        // One that has no size is not without one for who looks at it.
        let size = |given: u16, usual| if given == 0 { usual } else { given };
        let screen = vt100::Parser::new(size(height, HEIGHT), size(width, 80), 0);
        let shown = Arc::new(Mutex::new(Shown { screen, bytes: Vec::new() }));
        let pty = Arc::new(pty);
        let (reader, screen) = (Arc::clone(&pty), Arc::clone(&shown));
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            // The other side is gone when the program has ended.
            while let Ok(count @ 1..) = (&*reader).read(&mut buffer) {
                let mut shown = screen.lock().unwrap();
                shown.screen.process(&buffer[..count]);
                shown.bytes.extend(&buffer[..count]);
            }
        });
        Self { child, pty, shown, run }
    }

    /// Sends a signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let sent = std::process::Command::new("kill").args(["-s", name, &id]).status();
        assert!(sent.expect("there is a kill").success());
    }

    pub(crate) fn screen(&self) -> String {
        let shown = self.shown.lock().unwrap();
        let contents = shown.screen.screen().contents();
        contents.lines().map(str::trim_end).collect::<Vec<_>>().join("\n").trim_end().to_owned()
    }

    /// All that was ever sent to the terminal.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap().bytes.clone()
    }

    /// Waits until something is on the screen.
    pub(crate) fn sees(&self, text: &str) {
        self.waits(&format!("{text:?} is seen"), |screen| screen.contains(text));
    }

    pub(crate) fn waits(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let start = Instant::now();
        while !is_so(&self.screen()) {
            assert!(start.elapsed() < LIMIT, "it is not so that {what}:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn types(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).expect("the terminal takes it");
    }

    pub(crate) fn resize(&self, width: u16, height: u16) {
        self.shown.lock().unwrap().screen.screen_mut().set_size(height, width);
        self.pty.resize(pty_process::Size::new(height, width)).expect("it has a size");
    }

    /// Waits for the end of the program; its exit code, or 128 and the signal.
    pub(crate) fn ends(&mut self) -> i32 {
        use std::os::unix::process::ExitStatusExt as _;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the program can be waited for") {
                break status;
            }
            assert!(start.elapsed() < LIMIT, "the program does not end:\n{}", self.screen());
            thread::sleep(Duration::from_millis(10));
        };
        // What it has written last is on its way.
        let mut before = None;
        while before.replace(self.bytes().len()) != Some(self.bytes().len()) {
            thread::sleep(Duration::from_millis(50));
        }
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
    }

    /// The keys in the store when the program has ended; empty if it was ended.
    pub(crate) fn after(&self) -> String {
        std::fs::read_to_string(self.run.folder.path().join("after")).unwrap_or_default()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
