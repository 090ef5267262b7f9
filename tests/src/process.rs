//! A server's process, signalled by its id.

use std::io;
use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::testing;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// A child process, killed on drop.
#[derive(Debug)]
pub(crate) struct Process(testing::Process);

impl Process {
    /// Starts `program` with its output at the end of the file `log`.
    pub(crate) fn start(program: &Path, args: &[String], log: &Path) -> io::Result<Self> {
        testing::Process::start(program, args, log).map(Self)
    }

    pub(crate) fn id(&self) -> u32 {
        self.child().id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let id = Pid::from_child(self.child());
        kill_process(id, signal)
            .unwrap_or_else(|error| panic!("signal {signal:?} to process {id:?}: {error}"));
    }

    /// Stops the process, and waits until all its threads have stopped: until then, it still works.
    pub(crate) fn stop(&self) {
        self.signal(Signal::STOP);
        let id = Pid::from_child(self.child());
        let start = Instant::now();
        while !matches!(waitid(WaitId::Pid(id), WaitIdOptions::STOPPED | WaitIdOptions::NOHANG), Ok(Some(_)))
        {
            assert!(start.elapsed() < Duration::from_secs(5), "process {id:?} does not stop");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Deref for Process {
    type Target = testing::Process;

    fn deref(&self) -> &testing::Process {
        &self.0
    }
}

impl DerefMut for Process {
    fn deref_mut(&mut self) -> &mut testing::Process {
        &mut self.0
    }
}
