//! A pool and a log filter that are made of the settings, and made again before a change of them is in force. All of it
//! is played in memory:
//!
//! ```text
//! cargo run --example resources
//! ```

use std::fmt::Display;
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore};

/// Settings of a shop.
#[derive(EtcdConfig)]
#[etcd(prefix = "/shop")]
struct Shop {
    /// Below which level nothing is logged.
    #[etcd(default = "info")]
    log_level: String,
    #[etcd(nested)]
    database: Database,
}

#[derive(EtcdConfig, PartialEq)]
struct Database {
    #[etcd(default = "pg://db")]
    url: String,
    #[etcd(default = 10)]
    pool_size: usize,
}

/// Connections to the database, as a crate for that would have them.
struct Pool {
    connections: Vec<String>,
}

impl Pool {
    fn connect(url: &str, size: usize) -> Result<Self, String> {
        let host = url.strip_prefix("pg://").ok_or("not the address of a database")?;
        if host == "nowhere" {
            return Err(format!("{host}: connection refused"));
        }
        Ok(Self { connections: vec![host.to_owned(); size] })
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        println!("  [pool] {} connections closed", self.connections.len());
    }
}

/// What is logged: a filter of `tracing_subscriber` is made and asked in the same way.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
enum Level {
    Error,
    Info,
    Debug,
}

impl Level {
    fn parse(name: &str) -> Result<Self, String> {
        match name {
            "error" => Ok(Self::Error),
            "info" => Ok(Self::Info),
            "debug" => Ok(Self::Debug),
            _ => Err(format!("`{name}` is not error, info or debug")),
        }
    }
}

fn main() -> Result<(), etcd_config::Error> {
    let store = MemoryStore::new();
    let settings = Shop::watch(&store)?;
    settings.on_rejected(|rejection| eprintln!("  [refused] {rejection:#}"));

    // Made here for the first time: an error is an error of the start.
    let pool = settings.resource(|s| &s.database, |db| Pool::connect(&db.url, db.pool_size))?;
    let filter = settings.building().name("log filter");
    let filter = filter.resource(|s| &s.log_level, |level| Level::parse(level))?;
    let show = |what: &str| {
        println!(
            "{what}: {} connections, logging from {:?} on",
            pool.load().connections.len(),
            *filter.load()
        );
    };
    show("at the start");

    write(&settings, &store, "/shop/database/pool_size", 20)?;
    show("a larger pool");

    write(&settings, &store, "/shop/database/url", "pg://nowhere")?;
    show("nothing answers there, and what was there stays");

    let both = store.transaction().put("/shop/database/url", "pg://other").put("/shop/log_level", "debug");
    settings.wait_for_revision(both.commit(), Duration::from_secs(5))?;
    show("both at one moment");
    println!("{}", settings.status());
    Ok(())
}

/// Writes a key, and waits until it is in force or refused.
fn write(
    settings: &Live<Shop>,
    store: &MemoryStore,
    key: &str,
    value: impl Display,
) -> Result<(), etcd_config::Error> {
    let written = store.put(key, value.to_string());
    match settings.wait_for_revision(written, Duration::from_secs(5)) {
        Err(error) if !error.is_invalid() => Err(error),
        _ => Ok(()),
    }
}
