//! Credentials that somebody else keeps.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_client_core::{Credentials, Kind};
use etcd_config::EtcdConfig;
use etcd_config_tests::{Flat, Proxy, Server};

const SOON: Duration = Duration::from_secs(15);

/// Where passwords are fetched from; sealed while it holds none.
type Vault = Arc<Mutex<Option<&'static str>>>;

fn client(endpoint: String, vault: &Vault) -> Client {
    let vault = Arc::clone(vault);
    let provider = move || {
        let password = vault.lock().unwrap().ok_or("the vault is sealed");
        async move { password.map(|password| Credentials::new("app", password)) }
    };
    Client::builder().endpoints([endpoint]).credentials(provider).build().unwrap()
}

fn secured() -> Server {
    let server = Server::builder().flag("--auth-token-ttl", "1").start();
    server.enable_auth("of-root");
    server.add_user("app", "first", "/app/");
    server.put("/app/all/a", "1");
    server
}

#[test]
fn a_password_is_fetched_again_when_it_is_needed() {
    let server = secured();
    let vault = Vault::new(Mutex::new(Some("first")));
    let proxy = Proxy::to(&server.address());
    let live = Flat::watch(client(proxy.endpoint(), &vault)).unwrap();
    server.try_etcdctl(["user", "passwd", "app", "--interactive=false"], "second").unwrap();
    *vault.lock().unwrap() = Some("second");
    std::thread::sleep(Duration::from_secs(3)); // the token's life is over
    proxy.cut();
    server.put("/app/all/a", "2");
    live.wait_until(|flat| flat.all["a"] == "2", SOON).unwrap();
}

#[test]
fn a_sealed_vault_is_waited_for_like_a_server_that_is_away() {
    let server = secured();
    let vault = Vault::default();
    let client = client(server.endpoint(), &vault);
    let limit = Duration::from_millis(500);
    let error = Flat::options().startup_timeout(limit).watch(&client).unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("the vault is sealed"), "{error}");
    assert_eq!(error.store().map(etcd_client_core::Error::kind), Some(Kind::Unavailable));
    let opens = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        *vault.lock().unwrap() = Some("first");
    });
    let begin = Instant::now();
    assert_eq!(Flat::watch(&client).unwrap().load().all["a"], "1");
    assert!(begin.elapsed() < SOON);
    opens.join().unwrap();
}
