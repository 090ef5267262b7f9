//! What the server and the processes have used.

use std::fmt;
use std::fs;
use std::time::Duration;

use etcd_config_tests::Server;

/// CPU in seconds, and counts of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    server: f64,
    processes: f64,
    calls: f64,
    puts: f64,
    /// In MiB, now.
    memory: f64,
}

impl Usage {
    pub(crate) fn of(server: &Server, pids: &[u32]) -> Self {
        let pid = server.process_id().expect("it runs");
        Self {
            server: cpu(pid),
            processes: pids.iter().copied().map(cpu).sum(),
            calls: server.metric("grpc_server_msg_received_total"),
            puts: server.metric("etcd_mvcc_put_total"),
            memory: resident(pid),
        }
    }

    pub(crate) fn since(self, before: &Self) -> Self {
        Self {
            server: self.server - before.server,
            processes: self.processes - before.processes,
            calls: self.calls - before.calls,
            puts: self.puts - before.puts,
            memory: self.memory,
        }
    }

    /// The share of a second.
    pub(crate) fn each(self, time: Duration) -> Self {
        let each = |all: f64| all / time.as_secs_f64();
        Self {
            server: each(self.server),
            processes: each(self.processes),
            calls: each(self.calls),
            puts: each(self.puts),
            memory: self.memory,
        }
    }
}

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server, processes, calls, puts, memory } = self;
        write!(
            f,
            "server {server:.3} s of CPU, all instances {processes:.3} s, {calls:.1} messages received, {puts:.2} puts; \
             server has {memory:.0} MiB"
        )
    }
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
