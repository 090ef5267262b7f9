//! The messages that `docs::tls_and_users` quotes are those that a program gets.

use std::time::Duration;

use etcd_client_core::Tls;
use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, field};
use etcd_config_tests::{Certificates, Server};

const PAGE: &str = include_str!("../../../etcd-config/src/docs/tls_and_users.md");
/// Before the table.
const TITLE: &str = "# What the errors look like\n";

/// What may be said in the place of the last row: of TLS 1.3 the handshake is over before the server looks at the
/// certificate, and its alert comes when the connection is lost, or does not come.
const WITHOUT_ALERT: &str =
    "the server seems to want a client certificate that it can accept: see Tls::identity_files";

/// The struct of the page.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

/// What is wrong, and what is said of it.
fn rows() -> Vec<(&'static str, &'static str)> {
    let (_, section) = PAGE.split_once(TITLE).expect("the section");
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix("` |"));
    rows.filter_map(|row| row.split_once(" | `")).collect()
}

fn client(endpoint: String, tls: Option<Tls>, user: Option<(&str, &str)>) -> Client {
    let builder = Client::builder().endpoints([endpoint]);
    let builder = tls.into_iter().fold(builder, etcd_client_core::v3::ClientBuilder::tls);
    let builder = user.into_iter().fold(builder, |builder, (name, password)| builder.user(name, password));
    builder.build().expect("a client")
}

/// What a start says.
fn start(client: Client) -> String {
    let options = Settings::options().startup_timeout(Duration::from_secs(1));
    options.watch(client).expect_err("it does not start").to_string()
}

/// The endpoint, and what a start says, where the server's certificate has other names, and where it has expired.
fn of_other_certificates() -> [(String, String); 2] {
    let certificates = Certificates::new();
    let server = Server::builder().tls(&certificates).start();
    // etcd reads its certificate again for each connection.
    let said = || {
        let tls = Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
        (server.endpoint(), start(client(server.endpoint(), Some(tls), None)))
    };
    certificates.issue_server_for(&["localhost", "10.0.0.2"], Duration::from_secs(3_600));
    let other_name = said();
    // The page has its own time.
    let two_days = |said: String| {
        let (before, rest) = said.split_once("has expired, ").expect(&said);
        let (_, after) = rest.split_once(" ago").expect(&said);
        format!("{before}has expired, 2 days ago{after}")
    };
    certificates.issue_server(Duration::ZERO);
    // Its times are whole seconds.
    std::thread::sleep(Duration::from_secs(2));
    let (endpoint, expired) = said();
    [other_name, (endpoint, two_days(expired))]
}

#[test]
fn each_message_of_the_page_is_said() {
    let certificates = Certificates::new();
    let server = Server::builder().tls(&certificates).start();
    server.enable_auth("of-root");
    server.add_user("payments", "secret", "/elsewhere/");
    let trusting = || Tls::new().ca_file(certificates.ca_file()).expect("the authority's certificate");
    let as_user = |user| client(server.endpoint(), Some(trusting()), user);
    let payments = Some(("payments", "secret"));

    let without_role = start(as_user(payments));
    let read = ["role", "grant-permission", "--prefix=true", "payments", "read", "/payments/"];
    server.etcdctl(read);
    let edit = Settings::update(as_user(payments), |edit| edit.set(field!(Settings.workers), &20));
    let mutual = Server::builder().mutual_tls(&certificates).start();
    let plain = server.endpoint().replace("https:", "http:");
    let [other_name, expired] = of_other_certificates();

    let said = [
        ("no user was given", server.endpoint(), start(as_user(None))),
        ("the password is wrong", server.endpoint(), start(as_user(Some(("payments", "guess"))))),
        ("the role is missing, or grants a part only", server.endpoint(), without_role),
        (
            "an edit by a user who may only read",
            server.endpoint(),
            edit.expect_err("it may not be written").to_string(),
        ),
        (
            "the authority is not known",
            server.endpoint(),
            start(client(server.endpoint(), Some(Tls::new()), payments)),
        ),
        ("this name or address is not in the certificate", other_name.0, other_name.1),
        ("the certificate has expired", expired.0, expired.1),
        ("`http` was written", plain.clone(), start(client(plain, None, payments))),
        (
            "a client certificate is wanted",
            mutual.endpoint(),
            start(client(mutual.endpoint(), Some(trusting()), None)),
        ),
    ];
    let rows = rows();
    assert_eq!(
        rows.iter().map(|row| row.0).collect::<Vec<_>>(),
        said.iter().map(|said| said.0).collect::<Vec<_>>()
    );
    assert!(PAGE.contains(&format!("`{WITHOUT_ALERT}`")));
    for ((what, message), (_, endpoint, said)) in rows.iter().zip(&said) {
        // The page has its own address.
        let message = message.replace("10.0.0.1", "127.0.0.1");
        let is_said = said.contains(&format!("{endpoint}: {message}"));
        let is_without_alert = endpoint.contains(&mutual.address())
            && said.contains(&format!("{endpoint}: the connection was lost: "))
            && said.contains(&format!("; {WITHOUT_ALERT}"));
        assert!(is_said || is_without_alert, "{what}: the page has {message}\n{said}");
        assert!(!said.contains("secret") && !said.contains("guess"), "{said}");
    }
}

/// A part of the prefix is no better than none of it.
#[test]
fn a_grant_of_a_part_says_the_same() {
    let server = Server::start();
    server.enable_auth("of-root");
    server.add_user("payments", "secret", "/payments/workers");
    let (_, message) = rows()[2];
    let said = start(client(server.endpoint(), None, Some(("payments", "secret"))));
    assert!(said.contains(&format!("{}: {message}", server.endpoint())), "{said}");
}
