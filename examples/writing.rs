//! Changing settings as safely as they are read: an edit is checked as every reader will check it, shown, and written in
//! one transaction. In memory:
//!
//! ```text
//! cargo run -p etcd-config-examples --example writing
//! ```
//!
//! One sees a plan, what is said of two mistakes, a conflict, what was changed before, and the way back.

use std::collections::HashMap;

use etcd_config::{EtcdConfig, MemoryStore, Secret, field};

#[derive(EtcdConfig)]
#[etcd(prefix = "/payments", deny_unknown_keys)]
struct Settings {
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    #[etcd(nested)]
    database: Database,
    #[etcd(map)]
    features: HashMap<String, bool>,
    api_token: Secret<String>,
}

#[derive(EtcdConfig)]
struct Database {
    #[etcd(default = 10)]
    pool_size: u32,
}

fn main() -> Result<(), etcd_config::Error> {
    let store = MemoryStore::from([("/payments/api_token", "a-secret")]);
    let before = store.revision();

    // The compiler knows the fields and their types; nothing is written before `commit`.
    let plan = Settings::edit(&store)?
        .set(field!(Settings.database.pool_size), &20)?
        .set(field!(Settings.features["dark"]), &true)?
        .set_text("api_token", "a new one")
        .plan()?;
    println!("{plan}\n");
    let written = plan.commit()?;
    println!("written at revision {}\n", written.revision());

    // As text, as on a command line: all mistakes at once, and nothing is written.
    let mistaken =
        Settings::edit(&store)?.set_text("database/pool_size", "many").set_text("log/levl", "debug");
    if let Err(error) = mistaken.plan() {
        println!("{error}\n");
    }

    // Somebody else is first: what the plan was checked against is not there any more.
    let late = Settings::edit(&store)?.set(field!(Settings.log_level), &"debug".to_owned())?.plan()?;
    store.put("/payments/database/pool_size", "30");
    match late.commit() {
        Err(error) if error.is_conflict() => println!("{error}\n"),
        other => println!("no conflict: {other:?}"),
    }
    // `update` reads again then, and asks for the changes once more.
    Settings::update(&store, |edit| edit.set(field!(Settings.log_level), &"debug".to_owned()))?;

    println!("What was changed, newest first:\n{}\n", Settings::history(&store, before + 1..)?);
    let undo = Settings::edit(&store)?.restore(before)?.plan()?;
    println!("The way back:\n{undo}");
    undo.commit()?;
    Ok(())
}
