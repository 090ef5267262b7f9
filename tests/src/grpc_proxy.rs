//! etcd's own proxy for gRPC, as operators put it before a cluster.

use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::Server;
use crate::ports::free_port;
use crate::process::Process;
use crate::server::loopback;

/// A running `etcd grpc-proxy`. Dropped, it is killed.
#[derive(Debug)]
pub struct GrpcProxy {
    address: SocketAddr,
    process: Process,
    _folder: TempDir,
}

impl GrpcProxy {
    /// Starts one, by the server's own program, and waits until it listens. What it is connected to
    /// is the server's address for clients, without TLS.
    pub fn before(server: &Server) -> Self {
        let folder = tempfile::Builder::new().prefix("grpc-proxy").tempdir().expect("a temporary folder");
        let address = loopback(free_port());
        let args = ["grpc-proxy".to_owned(), "start".to_owned()];
        let args = args.into_iter().chain([
            format!("--endpoints={}", server.address()),
            format!("--listen-addr={address}"),
            // Since 3.6 it connects to itself, where it says that it is.
            format!("--advertise-client-url={address}"),
            format!("--data-dir={}", folder.path().display()),
        ]);
        let args: Vec<_> = args.collect();
        let process = Process::start(server.etcd().path(), &args, &folder.path().join("log"));
        let mut process = process.unwrap_or_else(|error| panic!("{}: {error}", server.etcd()));
        let start = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = process.ended().is_some();
            assert!(!ended && start.elapsed() < Duration::from_secs(30), "{}", process.log());
            thread::sleep(Duration::from_millis(20));
        }
        Self { address, process, _folder: folder }
    }

    /// Where clients reach it: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The process id.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// The end of what it has logged.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
