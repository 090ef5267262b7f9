//! What a service sees, and what its operator is told, while etcd is away, refuses, or comes back as
//! another one. All of it is played in memory, and takes a quarter of a minute:
//!
//! ```text
//! cargo run --example outage
//! ```

use std::error::Error;
use std::thread;
use std::time::Duration;

use etcd_config::client::{Error as StoreError, Kind};
use etcd_config::{EtcdConfig, Live, MemoryStore};

/// Limits of a service.
#[derive(EtcdConfig)]
#[etcd(prefix = "/shop")]
struct Limits {
    /// Orders that are handled at a time.
    #[etcd(default = 10)]
    orders: u32,
}

fn main() -> Result<(), Box<dyn Error>> {
    let cache = std::env::temp_dir().join(format!("etcd-config-outage-{}", std::process::id()));
    let played = play(&cache);
    // Nothing is left behind, however it ended.
    let _ = std::fs::remove_file(&cache);
    played
}

fn play(cache: &std::path::Path) -> Result<(), Box<dyn Error>> {
    let store = MemoryStore::from([("/shop/orders", "20")]);
    let options = || Limits::options().cache_file(cache).startup_timeout(Duration::from_millis(500));
    let backup = store.revision();
    let limits = options().watch(&store)?;
    limits.on_status(|status| println!("  [status] {}", status.to_string().replace('\n', "\n          ")));
    limits.on(|limits| &limits.orders, |old, new| println!("  [change] orders: {old} -> {new}"));
    thread::sleep(Duration::from_millis(300));

    scene("etcd is away: the last values stay, for those who do not mind their age");
    store.refuse(true);
    store.cut();
    thread::sleep(Duration::from_millis(800));
    println!("  load().orders is {}", limits.load().orders);
    match limits.require_fresh(Duration::from_millis(500)) {
        Ok(fresh) => println!("  require_fresh().orders is {}", fresh.orders),
        Err(error) => println!("  require_fresh: {error}"),
    }

    scene("a service that starts now takes the values from its file");
    let started: Live<Limits> = options().watch(&store)?;
    println!("  {}", started.status().to_string().replace('\n', "\n  "));
    drop(started);

    scene("what was written meanwhile arrives when etcd is back");
    store.put("/shop/orders", "25");
    store.refuse(false);
    limits.wait_until(|limits| limits.orders == 25, Duration::from_secs(10))?;
    thread::sleep(Duration::from_millis(200));

    scene("the password was changed: that is tried about every ten seconds");
    store.refuse_with(Some(StoreError::new(Kind::Unauthenticated, "invalid user ID or password")));
    store.cut();
    thread::sleep(Duration::from_millis(500));

    scene("a backup was restored: what was written after it is gone, and that is said");
    store.rewind(backup);
    store.refuse(false);
    limits.wait_until(|limits| limits.orders == 20, Duration::from_secs(20))?;
    thread::sleep(Duration::from_millis(200));
    println!("\n{}", limits.status());
    Ok(())
}

fn scene(what: &str) {
    println!("\n{what}");
}
