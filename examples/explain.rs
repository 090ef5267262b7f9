//! What there is to set, where each value comes from, and what is said about keys that are wrong:
//! for people who run a service, without reading its source.

use std::error::Error;
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore};
use etcd_config_examples::Settings;

/// The same settings, with no key beside them.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments", deny_unknown_keys)]
struct Strict {
    #[etcd(flatten)]
    settings: Settings,
}

fn main() -> Result<(), Box<dyn Error>> {
    print_schema();
    explain()?;
    print_mistakes();
    Ok(())
}

fn print_schema() {
    let schema = Settings::schema();
    println!("# What there is to set, for a README\n\n{}", schema.to_markdown());
    println!("# The commands that store the defaults\n\n{}", schema.to_etcdctl());
    let json = schema.to_json_schema();
    let lines = json.lines().count();
    let start: Vec<&str> = json.lines().take(12).collect();
    println!("# The start of {lines} lines of JSON Schema, for editors and checks\n\n{}\n", start.join("\n"));
}

fn explain() -> Result<(), etcd_config::Error> {
    let store = MemoryStore::from([
        ("/payments/api_token", "a-secret"),
        ("/payments/database/url", "postgres://db/payments"),
        ("/payments/features/refunds", "true"),
        ("/payments/upstreams/visa/addr", "10.0.0.7:443"),
    ]);
    let settings = Settings::watch(&store)?;
    store.put("/payments/log/level", "debug");
    settings.wait_until(|settings| settings.log_level == "debug", Duration::from_secs(5))?;
    let refused = store.put("/payments/database/pool_size", "0");
    // The error is the refusal: this waits until it is there.
    let _ = settings.wait_for_revision(refused, Duration::from_secs(5));
    println!("# Where each value comes from\n\n{}\n", settings.explain());
    Ok(())
}

fn print_mistakes() {
    let store = MemoryStore::from([
        ("/payments/listen", "localhost"),
        ("/payments/database/url", "postgres://db/payments"),
        ("/payments/database/pool_sze", "20"),
        ("/payments/upstreams/visa/addr", "10.0.0.7:443"),
        ("/payments/upstreams/visa/weight", "300"),
        ("/payments/limits", "{\"per_second\": 100}"),
    ]);
    match Strict::load_once(&store) {
        Ok(strict) => println!("no mistake was found: {:?}", strict.settings),
        Err(error) => println!("# What is said about five mistakes\n\n{error}"),
    }
}
