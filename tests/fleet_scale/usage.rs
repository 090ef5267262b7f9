//! What the server and the processes have used.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Duration;

use etcd_config_tests::Server;

/// CPU in seconds, and counts of the server.
#[derive(Clone, Debug)]
pub(crate) struct Usage {
    pub(crate) server: f64,
    /// Of etcd's proxy for gRPC, if there is one.
    pub(crate) proxy: f64,
    pub(crate) instances: f64,
    pub(crate) puts: f64,
    /// Requests, by the method of the call.
    calls: BTreeMap<String, f64>,
    /// Of the server, in MiB, now.
    pub(crate) memory: f64,
}

/// Whose usage it is.
#[derive(Debug)]
pub(crate) struct Users<'s> {
    pub(crate) server: &'s Server,
    pub(crate) proxy: Option<u32>,
    pub(crate) instances: Vec<u32>,
}

impl Users<'_> {
    pub(crate) fn usage(&self) -> Usage {
        let pid = self.server.process_id().expect("it runs");
        Usage {
            server: cpu(pid),
            proxy: self.proxy.map_or(0.0, cpu),
            instances: self.instances.iter().copied().map(cpu).sum(),
            puts: self.server.metric("etcd_mvcc_put_total"),
            calls: requests(self.server),
            memory: resident(pid),
        }
    }
}

impl Usage {
    pub(crate) fn since(&self, before: &Self) -> Self {
        let calls = self.calls.iter();
        let calls = calls.map(|(name, count)| (name.clone(), count - before.calls.get(name).unwrap_or(&0.0)));
        Self {
            server: self.server - before.server,
            proxy: self.proxy - before.proxy,
            instances: self.instances - before.instances,
            puts: self.puts - before.puts,
            calls: calls.collect(),
            memory: self.memory,
        }
    }

    /// The share of a second.
    pub(crate) fn each(&self, time: Duration) -> Self {
        let each = |all: f64| all / time.as_secs_f64();
        Self {
            server: each(self.server),
            proxy: each(self.proxy),
            instances: each(self.instances),
            puts: each(self.puts),
            calls: self.calls.iter().map(|(name, count)| (name.clone(), each(*count))).collect(),
            memory: self.memory,
        }
    }

    pub(crate) fn requests(&self) -> f64 {
        self.calls.values().sum()
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, proxy, instances, puts, memory, .. } = self;
        write!(f, "server {server:.3} s of CPU, ")?;
        if *proxy > 0.0 {
            write!(f, "proxy {proxy:.3} s, ")?;
        }
        write!(f, "all instances {instances:.3} s, {puts:.2} puts, {:.1} requests (", self.requests())?;
        let calls = self.calls.iter().filter(|(_, count)| **count > 0.05);
        let calls = calls.map(|(name, count)| format!("{name} {count:.1}"));
        write!(f, "{}); server has {memory:.0} MiB", calls.collect::<Vec<_>>().join(", "))
    }
}

/// The calls that have begun; of watches, which last, the messages on their streams. Of other calls over a stream, such as
/// the renewal of a lease, the server counts the end of the client's messages as one of them.
fn requests(server: &Server) -> BTreeMap<String, f64> {
    const WATCH: &str = "Watch";
    let mut requests = server.metric_by("grpc_server_started_total", "grpc_method");
    let mut messages = server.metric_by("grpc_server_msg_received_total", "grpc_method");
    requests.extend(messages.remove_entry(WATCH));
    requests
}

/// In hundredths of a second.
fn cpu(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in the second field may have spaces.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn resident(pid: u32) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes =
        line.and_then(|line| line.split_whitespace().next()).and_then(|word| word.parse::<f64>().ok());
    kibibytes.unwrap_or(0.0) / 1024.0
}
