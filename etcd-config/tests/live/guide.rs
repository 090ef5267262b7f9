//! What the guide shows of what a program says is what it says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore};

use crate::service::SOON;

const FIRST_FIVE_MINUTES: &str = include_str!("../../src/docs/first_five_minutes.md");

/// The struct of that page.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/hello")]
struct Settings {
    name: String,
    #[etcd(key = "log/level", default = "info")]
    log_level: String,
    #[etcd(default = 10)]
    workers: u32,
}

#[track_caller]
fn is_shown(said: &str) {
    assert!(FIRST_FIVE_MINUTES.contains(said), "the page shows something else than\n{said}");
}

#[test]
fn the_first_five_minutes_are_as_the_page_shows_them() {
    let store = MemoryStore::new();
    is_shown(&format!("Error: {:?}", Settings::watch(&store).unwrap_err()));
    store.put("/hello/name", "world");
    let settings = Settings::watch(&store).unwrap();
    is_shown(&format!("{}\n\nhello {}", settings.explain(), settings.load().name));
    assert_eq!(settings.load().log_level, "info");

    let said = Arc::new(Mutex::new(Vec::new()));
    let say = || {
        let said = Arc::clone(&said);
        move |line: String| said.lock().unwrap().push(line)
    };
    let (changed, rejected, warned) = (say(), say(), say());
    settings.on(|s| &s.workers, move |old, new| changed(format!("workers: {old} -> {new}")));
    settings.on_rejected(move |rejection| rejected(rejection.to_string()));
    settings.on_warning(move |warning| warned(warning.to_string()));
    for (key, value) in [("/hello/workers", "20"), ("/hello/workers", "many"), ("/hello/wrokers", "20")] {
        is_shown(&format!("etcdctl put {key} {value}"));
        settings.wait_for_callbacks(store.put(key, value), SOON).unwrap();
    }
    is_shown(&said.lock().unwrap().join("\n"));
}

/// The words of the system are those of Linux.
#[cfg(target_os = "linux")]
#[test]
fn a_start_without_etcd_says_what_the_page_shows() {
    let options = Settings::options().startup_timeout(Duration::from_millis(300));
    let said = options.watch("http://127.0.0.1:1").unwrap_err().to_string();
    let said = said.replace("300ms", "10s").replace("127.0.0.1:1:", "127.0.0.1:2379:");
    let (said, hint) = said.split_once(" (after ").unwrap();
    is_shown(&format!("Error: {said}"));
    let (_, hint) = hint.split_once('\n').unwrap();
    is_shown(hint);
}
