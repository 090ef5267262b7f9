//! Who looks at a fleet.

use etcd_config::{EtcdConfig, Fleet, MemoryStore};
use serde_json::json;
use tokio::time::sleep;

use crate::settings::*;

#[tokio::test(start_paused = true)]
async fn it_is_a_table_and_data() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    let _other = Settings::options().instance("web-10").watch_async(&store).await.unwrap();
    sleep(A_WHILE).await;
    let good = store.put("/app/disk", "/srv");
    let bad = store.put("/app/workers", "many");
    sleep(A_WHILE).await;
    let fleet = fleet(&store).await;
    let shown = fleet.to_string();
    let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(lines[0], ["INSTANCE", "VERSION", "IN", "FORCE", "STATE", "SINCE", "UP"]);
    assert_eq!(lines[1][..4], ["web-1", "1.4.2", &good.to_string(), "watching"]);
    assert_eq!(lines[2][..4], ["web-10", "-", &good.to_string(), "watching"]);
    let note = format!("revision {bad} is refused: /app/workers: \"many\" is not a whole number");
    assert!(shown.lines().skip(1).all(|line| line.contains(&note)), "{shown}");
    assert!(shown.contains("waits for a restart: disk"), "{shown}");
    assert_eq!(fleet.instances().len(), 2);
    assert!(fleet.revision() >= bad);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_entry_is_listed_and_never_fatal() {
    seeded();
    let store = MemoryStore::new();
    let _live = instance(&store, "web-1").await;
    let huge = "x".repeat(200_000);
    for (name, text) in [
        ("a-newer", entry(&json!({ "format": 2 }))),
        ("b-garbage", "\u{1b}[2J".to_owned()),
        ("c-huge", huge),
        (
            "d-\u{1b}[2J",
            entry(&json!({ "version": "\u{1b}[2J\n", "state": "\u{1b}[2J", "restart": ["\u{1b}"] })),
        ),
        ("e/below", entry(&json!({}))),
        ("f-nothing", String::new()),
    ] {
        store.put(format!("/app.fleet/{name}"), text);
    }
    store.put("/app.fleet/g-bytes", vec![0xff]);
    let fleet = fleet(&store).await;
    let readable: Vec<bool> = fleet.instances().iter().map(|instance| instance.report.is_ok()).collect();
    assert_eq!(readable, [false, false, false, true, true, false, false, true], "{fleet}");
    for shown in [fleet.to_string(), format!("{fleet:?}")] {
        assert!(!shown.contains('\u{1b}') && shown.len() < 10_000, "{shown}");
    }
    let shown = fleet.to_string();
    assert!(shown.contains("unreadable: it is of format 2, and this program reads up to 1"), "{shown}");
    assert_eq!(shown.lines().count(), 9, "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_is_not_there_is_answered_with_those_that_are_like_it() {
    let store = MemoryStore::new();
    let error = fleet(&store).await.instance("web-1").unwrap_err();
    assert!(error.to_string().contains("nobody is there"), "{error}");
    assert_eq!(fleet(&store).await.to_string(), "no instance of Settings is listed below /app.fleet");
    for name in ["web-1", "web-2", "worker", "batch", "mail", "cron"] {
        store.put(format!("/app.fleet/{name}"), entry(&json!({})));
    }
    let fleet = fleet(&store).await;
    assert_eq!(fleet.instance("worker").unwrap().name, "worker");
    let error = fleet.instance("wokrer").unwrap_err();
    assert!(error.is_invalid_option() && error.to_string().ends_with("did you mean worker?"), "{error}");
    let error = fleet.instance("zzzzzzzzzz").unwrap_err();
    assert!(error.to_string().ends_with("there is batch, cron, mail, web-1, web-2, ..."), "{error}");
}

/// Blocking, without a runtime; and each configuration has a fleet of its own.
#[test]
fn a_fleet_is_of_one_prefix() {
    let store = MemoryStore::new();
    store.put("/app.fleet/web-1", entry(&json!({})));
    store.put("/canary/app.fleet/web-2", entry(&json!({})));
    assert_eq!(Fleet::of::<Settings>(&store).unwrap().instances()[0].name, "web-1");
    let canary = Settings::options().prefix("/canary/app").fleet(&store).unwrap();
    assert_eq!((canary.instances().len(), canary.instances()[0].name.as_str()), (1, "web-2"));
    store.refuse(true);
    let short = Settings::options().startup_timeout(std::time::Duration::from_millis(50));
    let error = short.fleet(&store).unwrap_err();
    assert!(error.is_timeout() && error.to_string().starts_with("no list of instances within"), "{error}");
}
