//! The server, and who writes to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{SystemTime, UNIX_EPOCH};

use etcd_client_core::v3::Client;
use etcd_config_tests::Server;
use tokio::runtime::{Builder, Runtime};

use crate::proc;

/// The most operations that etcd takes in one transaction.
const OPERATIONS: usize = 128;

pub(crate) struct Etcd {
    server: Server,
    client: Client,
    runtime: Runtime,
}

impl Etcd {
    /// The newest server at hand: of `ETCD_BIN`, `PATH`, or `target/etcd`.
    pub(crate) fn start() -> Self {
        let server = Server::start();
        let client = Client::new([server.endpoint()]).expect("the endpoint of a server");
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        Self { server, client, runtime }
    }

    pub(crate) fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// `127.0.0.1:<port>`.
    pub(crate) fn address(&self) -> String {
        self.server.address()
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        self.runtime.block_on(async { self.client.put(key, value).await }).expect("a put");
    }

    /// Writes pairs in one transaction.
    pub(crate) fn write(&self, pairs: &[(String, String)]) {
        let mut txn = self.client.txn();
        for (key, value) in pairs {
            txn = txn.then(self.client.put(key.as_str(), value.as_str()));
        }
        self.runtime.block_on(async { txn.await }).expect("a transaction");
    }

    /// `<prefix>/values/<six digits>`, so many of them, with values of 100 bytes.
    pub(crate) fn fill(&self, prefix: &str, keys: usize) {
        let pairs: Vec<_> =
            (0..keys).map(|key| (format!("{prefix}/values/{key:06}"), "x".repeat(100))).collect();
        pairs.chunks(OPERATIONS).for_each(|some| self.write(some));
    }

    /// `/open/<n>/values/<k0 to k9>`, with documents of JSON: dynamic-config reads nothing else.
    pub(crate) fn fill_prefixes(&self, prefixes: usize) {
        let of_prefix = |prefix| (0..10).map(move |key| (prefix, key));
        let pair = |(prefix, key)| {
            (format!("/open/{prefix}/values/k{key}"), format!("{{\"k{key}\":\"{}\"}}", "x".repeat(20)))
        };
        let pairs: Vec<_> = (0..prefixes).flat_map(of_prefix).map(pair).collect();
        pairs.chunks(OPERATIONS).for_each(|some| self.write(some));
    }

    pub(crate) fn cpu(&self) -> f64 {
        proc::cpu_of_threads(self.id())
    }

    pub(crate) fn resident_kib(&self) -> f64 {
        proc::status(self.id(), "VmRSS")
    }

    pub(crate) fn connections(&self) -> usize {
        let port = self.address().rsplit(':').next().and_then(|port| port.parse().ok());
        port.map_or(0, proc::connections_to)
    }

    /// What the server counts, at one moment.
    pub(crate) fn metrics(&self) -> Metrics {
        let read = || {
            let mut stream = TcpStream::connect(self.server.metrics_address())?;
            stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
            let mut text = String::new();
            stream.read_to_string(&mut text).map(|_| text)
        };
        Metrics(read().unwrap_or_else(|error| panic!("/metrics: {error}")))
    }

    fn id(&self) -> u32 {
        self.server.process_id().expect("it runs")
    }
}

pub(crate) struct Metrics(String);

impl Metrics {
    /// The sum of all series of this name whose labels have the word.
    pub(crate) fn sum(&self, name: &str, label: &str) -> f64 {
        let value = |line: &str| {
            let rest = line
                .strip_prefix(name)
                .filter(|rest| rest.starts_with(['{', ' ']) && rest.contains(label))?;
            rest.rsplit(' ').next()?.parse::<f64>().ok()
        };
        self.0.lines().filter_map(value).sum()
    }
}

/// What the clock shows, in nanoseconds since 1970.
pub(crate) fn now() -> u128 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()
}
