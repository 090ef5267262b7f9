//! A real etcd for a test: see [`Etcd`]. Most tests need none, and have [`MemoryStore`](crate::MemoryStore).

mod health;
mod ports;
mod process;

use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::health::is_healthy;
// For the tests of this workspace, which do more to a server.
#[doc(hidden)]
pub use self::ports::free_port;
#[doc(hidden)]
pub use self::process::Process;
use crate::{Error, Kind};

/// How long a server may take to serve, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often other ports are tried, where another program was faster.
const TRIES: usize = 10;

/// An etcd of a test's own: a cluster of one on free ports of 127.0.0.1, with its data in a temporary directory. Dropped,
/// it is killed, and its data is removed; where the test panics, the end of its log is printed. On Linux it does not
/// outlive a test that is killed, either.
///
/// The program is the one that the environment variable `ETCD_BIN` names, else the `etcd` on the `PATH`. It is started
/// without any of the `ETCD_...` variables, and with no users and no TLS.
///
/// ```no_run
/// use etcd_client_core::{testing::Etcd, v3::Client};
///
/// # async fn run() -> Result<(), etcd_client_core::Error> {
/// let mut etcd = Etcd::start()?;
/// let client = Client::new([etcd.endpoint()])?;
/// client.put("/app/level", "debug").await?;
///
/// etcd.stop(); // an outage, and its end: with the same data at the same endpoint
/// etcd.restart()?;
/// assert_eq!(client.get("/app/level").await?.kvs.len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Etcd {
    // Dropped first: it writes into the folder.
    process: Option<Process>,
    folder: TempDir,
    program: PathBuf,
    args: Vec<String>,
    endpoint: String,
    port: u16,
}

impl Etcd {
    /// Starts one, and waits until it answers.
    ///
    /// # Errors
    /// There is no etcd: the error says how to have one, and its kind is [`Kind::InvalidInput`]. Or it has ended, or has
    /// not answered within a minute; then the error has the end of its log.
    pub fn start() -> Result<Self, Error> {
        Self::start_with([""; 0])
    }

    /// The same with further flags for etcd, such as `--quota-backend-bytes=16777216` or `--unsafe-no-fsync` (3.5 and later),
    /// which is faster.
    ///
    /// # Errors
    /// As of [`start`](Self::start).
    pub fn start_with<A: Into<String>>(flags: impl IntoIterator<Item = A>) -> Result<Self, Error> {
        Self::start_program(&program()?, flags)
    }

    /// The same with another program than the usual one.
    ///
    /// # Errors
    /// The program is none, or as of [`start`](Self::start).
    pub fn start_program<A: Into<String>>(
        program: &Path,
        flags: impl IntoIterator<Item = A>,
    ) -> Result<Self, Error> {
        let flags: Vec<String> = flags.into_iter().map(Into::into).collect();
        for _ in 0..TRIES {
            let mut etcd = Self::on_free_ports(program, &flags)?;
            if etcd.launch()? {
                return Ok(etcd);
            }
        }
        Err(Error::new(Kind::Unavailable, "other programs take the ports that were free, again and again"))
    }

    /// Where clients reach it: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Kills it at once, as a machine that loses its power; its data stays.
    pub fn stop(&mut self) {
        self.process = None;
    }

    /// Starts it again, at the same endpoint and with the same data, and waits until it answers. One that still runs is
    /// killed before.
    ///
    /// # Errors
    /// It does not come up.
    pub fn restart(&mut self) -> Result<(), Error> {
        let is_there = self.launch()?;
        let taken = || format!("another program listens at {} by now", self.endpoint);
        if is_there { Ok(()) } else { Err(Error::new(Kind::Unavailable, taken())) }
    }

    /// The end of what it has logged, while it runs.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::log).unwrap_or_default()
    }

    fn on_free_ports(program: &Path, flags: &[String]) -> Result<Self, Error> {
        let folder = tempfile::Builder::new().prefix("etcd-").tempdir();
        let folder = folder.map_err(|error| failed("no temporary directory", &error))?;
        let ports = free_port().zip(free_port());
        let (port, peer_port) =
            ports.ok_or_else(|| Error::new(Kind::Unavailable, "no free port on 127.0.0.1"))?;
        let (endpoint, peer) = (format!("http://127.0.0.1:{port}"), format!("http://127.0.0.1:{peer_port}"));
        let mut args = vec![
            format!("--data-dir={}", folder.path().join("data").display()),
            "--name=test".to_owned(),
            format!("--listen-client-urls={endpoint}"),
            format!("--advertise-client-urls={endpoint}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=test={peer}"),
            "--logger=zap".to_owned(),
            "--log-level=warn".to_owned(),
        ];
        args.extend_from_slice(flags);
        Ok(Self { process: None, folder, program: program.to_owned(), args, endpoint, port })
    }

    /// Starts the program and waits until it answers; `false` if another one has taken its ports.
    fn launch(&mut self) -> Result<bool, Error> {
        self.stop();
        let started = Process::start(&self.program, &self.args, &self.folder.path().join("log"));
        let process = started.map_err(|error| failed(&self.program.display().to_string(), &error))?;
        let process = self.process.insert(process);
        let start = Instant::now();
        while !is_healthy(self.port) {
            let ended = process.ended();
            if ended.is_none() && start.elapsed() < PATIENCE {
                thread::sleep(Duration::from_millis(20));
                continue;
            }
            let log = process.log();
            if ended.is_some() && log.contains("address already in use") {
                return Ok(false);
            }
            let what = ended.map_or_else(
                || format!("does not answer within {PATIENCE:?}"),
                |status| format!("has ended: {status}"),
            );
            let kind = if ended.is_some() { Kind::Unavailable } else { Kind::Timeout };
            // The log has lines; an error is one.
            let lines: Vec<&str> = log.lines().collect();
            let message = format!("{} {what}: {}", self.program.display(), lines.join("; "));
            return Err(Error::new(kind, message));
        }
        Ok(true)
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        if thread::panicking() && self.process.is_some() {
            eprintln!("--- etcd at {}, the end of its log:\n{}\n---", self.endpoint, self.log());
        }
    }
}

fn failed(what: &str, error: &std::io::Error) -> Error {
    Error::new(Kind::Unavailable, format!("{what}: {error}"))
}

/// The program to start.
fn program() -> Result<PathBuf, Error> {
    let folders = |variable: &str| std::env::var_os(variable).unwrap_or_default();
    let asked = folders("ETCD_BIN");
    // There may be several, for tests that run on each; one is enough here.
    if let Some(program) = std::env::split_paths(&asked).find(|path| !path.as_os_str().is_empty()) {
        let message = || format!("ETCD_BIN: there is no program {}", program.display());
        return if program.is_file() { Ok(program) } else { Err(Error::invalid_input(message())) };
    }
    let path = folders("PATH");
    let name = format!("etcd{}", std::env::consts::EXE_SUFFIX);
    let found = std::env::split_paths(&path).map(|folder| folder.join(&name)).find(|file| file.is_file());
    found.ok_or_else(|| {
        Error::invalid_input(
            "there is no etcd for this test: ETCD_BIN is not set, and there is none on the PATH. Install it (Debian: \
             etcd-server; https://github.com/etcd-io/etcd/releases), or set ETCD_BIN to the program",
        )
    })
}
