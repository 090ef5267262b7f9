//! What was stored before, and what is stored first, on real servers.

use std::process::{Command, Stdio};
use std::{io::Write, path::Path};

use etcd_config::EtcdConfig;
use etcd_config_tests::{Server, servers};

#[derive(EtcdConfig)]
#[etcd(prefix = "/{region}/first")]
struct First {
    #[etcd(default = "it's \"quoted\" \\n $HOME `x` (1) größe\n\tsecond line\r\n\n-- third")]
    text: String,
    #[etcd(default = -5)]
    offset: i16,
    #[etcd(default = "")]
    empty: String,
    #[etcd(key = "k'e\"y (x)", default = "a b")]
    odd: String,
    #[etcd(default = 10)]
    workers: u32,
}

fn shell(script: &str, etcdctl: &Path, endpoint: &str) {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut shell = Command::new("sh")
        .arg("-e")
        .env("PATH", format!("{}:{path}", etcdctl.parent().unwrap().display()))
        .env("ETCDCTL_ENDPOINTS", endpoint)
        .env("ETCDCTL_API", "3")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

/// etcdctl of each line reads the same of it, and leaves alone what is there.
#[test]
fn the_script_of_a_schema_writes_the_defaults_where_there_are_none() {
    for etcd in servers::all() {
        let server = Server::builder().etcd(etcd).start();
        server.put("/it's/first/workers", "3");
        let options = First::options().placeholder("region", "it's");
        let script = options.clone().schema().unwrap().to_etcdctl_if_absent();
        for _ in 0..2 {
            shell(&script, etcd.etcdctl(), &server.endpoint());
            let first = options.clone().load_once(server.endpoint()).unwrap();
            let text = "it's \"quoted\" \\n $HOME `x` (1) größe\n\tsecond line\r\n\n-- third";
            assert_eq!((first.text.as_str(), first.offset, first.empty.as_str()), (text, -5, ""));
            assert_eq!((first.odd.as_str(), first.workers), ("a b", 3));
            let keys = server.etcdctl(["get", "--prefix", "--keys-only", "/it's/first/"]);
            assert_eq!(keys.split_whitespace().count(), 6, "{keys}"); // one of them has a space
            server.etcdctl(["put", "/it's/first/empty", ""]);
        }
        // The commands that overwrite do.
        shell(&options.clone().schema().unwrap().to_etcdctl(), etcd.etcdctl(), &server.endpoint());
        assert_eq!(options.load_once(server.endpoint()).unwrap().workers, 10);
    }
}
