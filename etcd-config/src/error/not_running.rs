//! What is said where nothing listens on this machine: most often etcd has not been started.

use std::error::Error as StdError;
use std::io;
use std::net::IpAddr;

/// Where `etcd` listens if it is started without options.
const USUAL: &str = "2379";

/// For a person, where every endpoint is on this machine, and refuses connections.
pub(super) fn hint(error: &etcd_client_core::Error) -> Option<&'static str> {
    let failures = error.failures();
    let all_refused =
        failures.iter().all(|failure| is_local(&failure.endpoint) && is_refused(&failure.error));
    if failures.is_empty() || !all_refused {
        return None;
    }
    Some(if failures.iter().any(|failure| is_usual(&failure.endpoint)) {
        "nothing listens there: is etcd running? `etcd --data-dir /tmp/etcd` starts one to try things out"
    } else {
        "nothing listens there: is etcd running?"
    })
}

fn is_usual(endpoint: &str) -> bool {
    let host = endpoint.strip_prefix("http://");
    host.and_then(|host| host.rsplit_once(':')).is_some_and(|(_, port)| port == USUAL)
}

fn is_local(endpoint: &str) -> bool {
    let host = endpoint.split_once("://").map_or(endpoint, |(_, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

fn is_refused(error: &etcd_client_core::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_on_this_machine_is_known_by_its_address() {
        for local in ["http://127.0.0.1:2379", "https://[::1]:1", "http://localhost:2379", "127.0.0.9:80"] {
            assert!(is_local(local), "{local}");
        }
        for other in
            ["http://10.0.0.1:2379", "http://localhost.example.org:1", "https://[fe80::1]:1", "", "http://"]
        {
            assert!(!is_local(other), "{other}");
        }
        assert!(is_usual("http://[::1]:2379"));
        assert!(!is_usual("http://127.0.0.1:12379") && !is_usual("https://127.0.0.1:2379"));
    }
}
