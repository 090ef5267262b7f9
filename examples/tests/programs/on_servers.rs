//! Examples on real servers.

use etcd_config_tests::{Certificates, Server, servers};

use crate::program::{Program, example, output};

#[test]
fn the_quickstart_follows_a_server() {
    let server = Server::start();
    let quickstart = Program::start(example("quickstart").args(["--endpoints", &server.endpoint()]));
    quickstart.says("Ctrl-C ends");
    server.put("/payments/log/level", "debug");
    quickstart.says("log level: debug");
    server.put("/payments/database/pool_size", "0");
    quickstart.says("must be at least 1");
}

#[test]
fn tls_and_users_and_what_is_said_when_they_are_wrong() {
    let certificates = Certificates::new();
    let server = Server::builder().tls(&certificates).start();
    server.put("/payments/workers", "20");
    server.add_user("payments", "secret-word", "/payments/");
    server.enable_auth("of-root");
    let password = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(password.path(), "secret-word\n").expect("it is written");
    let mut command = example("tls");
    command.arg(server.endpoint()).arg(certificates.ca_file()).arg("payments").arg(password.path());
    let said = output(&mut command);
    for what in ["20 workers", "UnknownIssuer", "authentication failed", "may read all of /elsewhere/"] {
        assert!(said.contains(what), "{what}: {said}");
    }
    assert!(!said.contains("secret-word") && !said.contains("read all the same"), "{said}");
}

#[test]
fn v2_on_each_line_of_servers_that_has_it() {
    for etcd in servers::with_v2() {
        let server = Server::builder().etcd(etcd).v2().start();
        let said = output(example("v2").arg(server.endpoint()));
        for what in
            ["nothing is in force yet: localhost:80", "now both are: a.example.org:8080", "b.example.org"]
        {
            assert!(said.contains(what), "{what}: {said}");
        }
        let said = output(example("node_etcd_tour").args(["--endpoints", &server.endpoint()]));
        assert!(said.contains("testAndSet") && said.contains("all down"), "{said}");
    }
}
