//! Settings over etcd's older API, as node-etcd writes them: on a server of etcd 3.4 or 3.5 that was started with
//! `--enable-v2`, whose keys of the two APIs have nothing to do with each other.
//!
//! ```text
//! cargo run -p etcd-config-examples --example v2 -- http://127.0.0.1:2379
//! curl http://127.0.0.1:2379/v2/keys/shop?recursive=true
//! ```
//!
//! One sees a value that is followed, and two that become visible together although v2 has no transactions. Only keys below
//! `/shop` are touched. The example `node_etcd_tour` is about the client alone.

use std::error::Error;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config::client::v2::Client;

/// Changes are held back until `/shop/version` is written, with whatever value.
#[derive(EtcdConfig)]
#[etcd(prefix = "/shop", commit_key = "version")]
struct Settings {
    #[etcd(default = "localhost")]
    host: String,
    #[etcd(default = 80)]
    port: u16,
}

const SOON: Duration = Duration::from_secs(10);

fn main() -> Result<(), Box<dyn Error>> {
    let endpoints = std::env::args().nth(1).ok_or("usage: v2 http://127.0.0.1:2379,...")?;
    let client = Client::new(endpoints.split(','))?;
    let _ = client.blocking().delete("shop").recursive(true).send(); // from the last time

    let settings = Settings::watch(&client)?;
    settings.on_change(|change| println!("  {} at index {}", change.keys().join(", "), change.revision()));
    settings.follow(|s| &s.host, |host| println!("  host: {host}"));

    println!("set by hand, as by node-etcd");
    let put = |key: &str, value: &str| client.blocking().set(key, value).send();
    put("shop/host", "a.example.org")?;
    put("shop/port", "8080")?;
    println!("nothing is in force yet: {}:{}", settings.load().host, settings.load().port);
    put("shop/version", "1")?;
    settings.wait_until(|s| s.port == 8080, SOON)?;
    println!("now both are: {}:{}", settings.load().host, settings.load().port);

    // Checked before it is written; over v2 an edit is of one key, and this one writes the commit key after it.
    let written = Settings::update(&client, |edit| Ok(edit.set_text("host", "b.example.org")))?;
    settings.wait_for_revision(written.revision(), SOON)?;
    println!("{}", settings.explain());
    Ok(())
}
