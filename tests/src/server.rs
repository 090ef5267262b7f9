//! An etcd server on loopback.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::certificates::Identity;
use crate::process::Process;
use crate::seats::Seats;
use crate::{Etcd, Proxy, http};

/// How long a server may take to serve, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running etcd server, or a member of a [`Cluster`](crate::Cluster). Dropped, it is killed and
/// its data is removed; where the test has failed, the end of its log is printed.
#[derive(Debug)]
pub struct Server {
    pub(crate) setup: Setup,
    folder: TempDir,
    process: Mutex<Option<Process>>,
    /// The program that took the place of the first one.
    upgraded: Mutex<Option<&'static Etcd>>,
    pub(crate) user: Mutex<Option<String>>,
    /// What is between the server and its peers, if anything.
    pub(crate) peer_proxy: Option<Proxy>,
    seats: Option<Seats>,
}

/// What a server is started with, each time.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) etcd: &'static Etcd,
    pub(crate) name: String,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    pub(crate) client_port: u16,
    /// Where the JSON gateway is reached without TLS.
    pub(crate) gateway_port: u16,
    /// Where the other members reach it: `127.0.0.1:<port>`.
    pub(crate) peer_address: String,
    pub(crate) metrics_port: u16,
    /// All members of the cluster, as etcd writes them: `n0=http://127.0.0.1:12000,...`.
    pub(crate) members: String,
    pub(crate) args: Vec<String>,
    /// The authority, and an identity that the server accepts.
    pub(crate) tls: Option<(PathBuf, Identity)>,
}

/// A server could not start for this reason.
#[derive(Debug)]
pub(crate) enum StartError {
    /// Another process was faster.
    PortTaken,
    /// The server said why not.
    Failed(String),
}

impl Server {
    /// Where clients reach it: `http://127.0.0.1:<port>`, or `https`.
    pub fn endpoint(&self) -> String {
        format!("{}://{}", self.setup.scheme, self.address())
    }

    /// Where clients reach it: `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.client_port)
    }

    /// Where the other members reach it: `127.0.0.1:<port>`.
    pub fn peer_address(&self) -> String {
        self.setup.peer_address.clone()
    }

    /// Where it shows its metrics: `127.0.0.1:<port>`.
    pub fn metrics_address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.metrics_port)
    }

    /// Where it speaks HTTP, and no gRPC where it [has](crate::Builder::http_port) a port for that alone:
    /// `127.0.0.1:<port>`.
    pub fn http_address(&self) -> String {
        format!("127.0.0.1:{}", self.setup.gateway_port)
    }

    /// The member's name.
    pub fn name(&self) -> &str {
        &self.setup.name
    }

    /// The program that it runs.
    pub fn etcd(&self) -> &'static Etcd {
        self.upgraded.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(self.setup.etcd)
    }

    /// The process id, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.process().as_ref().map(Process::id)
    }

    /// Where it keeps its data; `snapshot restore` wants to know.
    pub fn data_folder(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The certificate that etcd has made for itself: see [`auto_tls`](crate::Builder::auto_tls).
    pub fn auto_tls_certificate(&self) -> PathBuf {
        self.data_folder().join("fixtures/client/cert.pem")
    }

    /// Ends the server at once (SIGKILL), and waits for that.
    pub fn kill(&self) {
        self.process().take();
    }

    /// Asks the server to end (SIGTERM), and does not wait: etcd keeps serving for some seconds.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Freezes the server (SIGSTOP): its connections stay open, and nothing is answered.
    pub fn pause(&self) {
        self.with_process(Process::stop);
    }

    /// Lets a frozen server go on (SIGCONT).
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Starts the server again, on the same ports and data, and waits until it serves. One that
    /// still runs is killed before, one that was asked to end is waited for.
    pub fn restart(&self) {
        self.launch();
        self.wait_until_healthy();
    }

    /// As [`restart`](Self::restart), with another program from now on.
    pub fn restart_as(&self, etcd: &'static Etcd) {
        *self.upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(etcd);
        self.restart();
    }

    /// As [`restart`](Self::restart), but does not wait until it serves: a member alone has no
    /// quorum.
    pub fn launch(&self) {
        let mut process = self.process();
        drop(process.take());
        let log = self.folder.path().join("log");
        let started = Process::start(self.etcd().path(), &self.args(), &log);
        let started = started.unwrap_or_else(|error| panic!("{}: {error}", self.etcd()));
        *process = Some(started);
    }

    /// Waits for a server that was asked to end; says whether it did in time.
    pub fn wait_until_ended(&self, limit: Duration) -> bool {
        let mut process = self.process();
        let ended = process.as_mut().is_none_or(|process| process.wait(limit).is_some());
        if ended {
            process.take();
        }
        ended
    }

    /// Waits until the server has a leader and answers linearizable reads.
    pub fn wait_until_healthy(&self) {
        match self.try_until_healthy() {
            Ok(()) => {}
            Err(StartError::PortTaken) => panic!("another process took a port of {}", self.setup.name),
            Err(StartError::Failed(why)) => panic!("{why}"),
        }
    }

    /// Whether the server has a leader and answers linearizable reads.
    pub fn is_healthy(&self) -> bool {
        let reply = http::get(loopback(self.setup.metrics_port), "/health");
        reply.is_ok_and(|(_, body)| body.contains(r#""health":"true""#))
    }

    /// Kills the server and removes all its data; it stays down.
    pub fn wipe(&self) {
        self.kill();
        let data = self.data_folder();
        if data.exists() {
            fs::remove_dir_all(&data).unwrap_or_else(|error| panic!("{}: {error}", data.display()));
        }
    }

    /// The end of what the server has logged.
    pub fn log(&self) -> String {
        self.process().as_ref().map(|process| process.log()).unwrap_or_default()
    }

    pub(crate) fn new(setup: Setup, peer_proxy: Option<Proxy>) -> Self {
        let folder = tempfile::Builder::new().prefix("etcd-server").tempdir().expect("a temporary folder");
        let (process, upgraded, user) = (Mutex::new(None), Mutex::new(None), Mutex::new(None));
        Self { setup, folder, process, upgraded, user, peer_proxy, seats: None }
    }

    pub(crate) fn seated(mut self, seats: Seats) -> Self {
        self.seats = Some(seats);
        self
    }

    pub(crate) fn try_until_healthy(&self) -> Result<(), StartError> {
        let start = Instant::now();
        while !self.is_healthy() {
            let mut process = self.process();
            let Some(running) = process.as_mut() else {
                return Err(StartError::Failed(format!("{} does not run", self.setup.name)));
            };
            let ended = running.ended();
            if ended.is_none() && start.elapsed() < PATIENCE {
                drop(process);
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let log = running.log();
            if ended.is_some() && log.contains("address already in use") {
                return Err(StartError::PortTaken);
            }
            let what = ended.map_or("does not get healthy".to_owned(), |status| format!("ended: {status}"));
            return Err(StartError::Failed(format!(
                "{} ({}) {what}\n{log}",
                self.setup.name, self.setup.etcd
            )));
        }
        Ok(())
    }

    fn args(&self) -> Vec<String> {
        let data = format!("--data-dir={}", self.data_folder().display());
        [data].into_iter().chain(self.setup.args.iter().cloned()).collect()
    }

    fn signal(&self, signal: Signal) {
        self.with_process(|process| process.signal(signal));
    }

    fn with_process(&self, act: impl FnOnce(&Process)) {
        match self.process().as_ref() {
            Some(process) => act(process),
            None => panic!("{} does not run", self.setup.name),
        }
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- log of {} ({}), its end:\n{}\n---", self.setup.name, self.setup.etcd, self.log());
        }
        self.kill();
        drop(self.seats.take());
    }
}

pub(crate) fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
