//! Settings that live in etcd. Without arguments they live in memory, change a few times, and the
//! program ends; with `--endpoints http://127.0.0.1:2379` they live in that etcd, until Ctrl-C.
//! What `Settings` looks like is in `payment_settings.rs`.

use std::{error::Error, thread, time::Duration};

use etcd_config::client::v3::{Client, Compare};
use etcd_config::{EtcdConfig, Live, MemoryStore};
use etcd_config_examples::Settings;

/// The keys that `Settings` has no default for.
const REQUIRED: [(&str, &str); 2] =
    [("/payments/api_token", "a-secret"), ("/payments/database/url", "postgres://db/payments")];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ended = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => in_memory(),
        ["--endpoints", endpoints] => in_etcd(endpoints),
        _ => Err("usage: quickstart [--endpoints http://127.0.0.1:2379,...]".into()),
    };
    if let Err(error) = ended {
        eprintln!("{error}");
        std::process::exit(1);
    }
}

fn in_memory() -> Result<(), Box<dyn Error>> {
    let store = MemoryStore::from(REQUIRED);
    let settings = Settings::watch(&store)?;
    follow(&settings);
    let put = |key: &str, value: &str| {
        println!("\n$ etcdctl put {key} {value}");
        store.put(key, value);
        thread::sleep(Duration::from_millis(200));
    };
    put("/payments/log/level", "debug");
    put("/payments/database/pool_size", "0");
    println!("the pool still has {} connections", settings.load().database.pool_size);
    put("/payments/database/pool_size", "20");
    println!("\n$ etcdctl txn    # three keys in one revision");
    let several = store.transaction().put("/payments/upstreams/visa/addr", "10.0.0.7:443");
    several.put("/payments/upstreams/visa/weight", "3").put("/payments/features/refunds", "true").commit();
    thread::sleep(Duration::from_millis(200));
    println!("\n{}", settings.status());
    Ok(())
}

fn in_etcd(endpoints: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::new(endpoints.split(','))?;
    tokio::runtime::Runtime::new()?.block_on(add_what_is_missing(&client))?;
    let settings = Settings::watch(&client)?;
    follow(&settings);
    println!("\nnow, in another terminal:  etcdctl put /payments/log/level debug    (Ctrl-C ends)");
    loop {
        thread::park();
    }
}

async fn add_what_is_missing(client: &Client) -> Result<(), etcd_config::client::Error> {
    for (key, value) in REQUIRED {
        let absent = Compare::version(key).equals(0);
        if client.txn().when(absent).then(client.put(key, value)).await?.succeeded {
            println!("{key} was missing: it is there now, with a value for trying things out");
        }
    }
    Ok(())
}

fn follow(settings: &Live<Settings>) {
    let first = settings.load();
    println!("loaded at revision {}, and from now on kept current:", first.revision());
    println!("  listen {}, timeout {:?}", first.listen, first.timeout);
    println!("  database {} with a pool of {}", first.database.url, first.database.pool_size);
    settings.on_change(|change| println!("  revision {}: {}", change.revision(), change.keys().join(", ")));
    settings.follow(|s| &s.log_level, |level| println!("  log level: {level}"));
    settings.on(|s| &s.database.pool_size, |old, new| println!("  pool size: {old} -> {new}"));
    settings.on(|s| &s.upstreams, |_, new| println!("  upstreams: {new:?}"));
    settings.on_rejected(|rejection| println!("{rejection}"));
}
