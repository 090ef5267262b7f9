//! The names of instances.

use std::time::Duration;

use etcd_config::{EtcdConfig, ProblemKind};
use tokio::time::sleep;

use crate::settings::*;

#[test]
fn what_cannot_be_a_name_is_refused_before_anything_is_sent() {
    let store = store();
    store.refuse(true);
    for name in ["", "a/b", "/", "a\nb", "\u{1b}[2J", &"x".repeat(200)] {
        let error = Settings::options().instance(name).watch(&store).unwrap_err();
        assert!(error.is_invalid_option(), "{error}");
        assert!(!error.to_string().contains(char::is_control), "{error}");
    }
    let short = Settings::options().instance("a").instance_lease(Duration::from_millis(1)).watch(&store);
    assert!(short.unwrap_err().to_string().contains("instance_lease"));
    for prefix in ["", "/"] {
        let whole = Settings::options().prefix(prefix).instance("a").watch(&store).unwrap_err();
        assert!(whole.is_invalid_option() && whole.to_string().contains("beside"), "{whole}");
        Settings::options().prefix(prefix).fleet(&store).unwrap_err();
    }
}

#[test]
fn a_process_without_a_name_has_that_of_its_machine() {
    let store = store();
    let live = Settings::options().instance_of_this_process().watch(&store).unwrap();
    etcd_config_tests::until("listed", || live.status().instance.is_some());
    let name = live.status().instance.unwrap();
    assert!(name.ends_with(&format!("-{}", std::process::id())) && name.len() > 6, "{name}");
}

#[tokio::test(start_paused = true)]
async fn the_first_keeps_a_name_and_the_next_say_that_theirs_is_another() {
    seeded();
    let store = store();
    let first = instance(&store, "web-1").await;
    let mut others = Vec::new();
    for number in 2..=5 {
        let other = instance(&store, "web-1").await;
        assert_eq!(other.status().instance, Some(format!("web-1~{number}")));
        others.push(other);
    }
    let last = instance(&store, "web-1").await;
    let name = last.status().instance.unwrap();
    assert!(name.starts_with("web-1~") && name.len() == "web-1~".len() + 6, "{name}");
    assert_eq!(names(&store).await.len(), 6);
    assert!(first.status().warnings.is_empty());
    let status = others[0].status();
    let [warning] = &status.warnings[..] else { panic!("{status}") };
    assert_eq!((warning.kind(), warning.key()), (ProblemKind::Instance, "/app.fleet/web-1~2"));
    assert!(status.to_string().contains("another instance of the name web-1"), "{status}");
    // All of them stay for as long as they live.
    sleep(Duration::from_secs(300)).await;
    assert_eq!(names(&store).await.len(), 6);
    drop((last, others));
    first.close_async(Duration::from_secs(1)).await.unwrap();
    until("nobody", async || names(&store).await.is_empty()).await;
}

/// As after a crash and a restart within the time of the lease.
#[tokio::test(start_paused = true)]
async fn a_name_that_becomes_free_is_taken_back() {
    seeded();
    let store = store();
    let first = instance(&store, "web-1").await;
    let second = instance(&store, "web-1").await;
    assert_eq!(second.status().instance.as_deref(), Some("web-1~2"));
    drop(first);
    let after = until("its own", async || second.status().instance.as_deref() == Some("web-1")).await;
    assert!(after <= LEASE * 2, "{after:?}");
    assert!(second.status().warnings.is_empty(), "{}", second.status());
    assert_eq!(names(&store).await, ["web-1"]);
    // Its new lease is the one that is kept alive.
    sleep(LEASE * 3).await;
    let written = store.put("/app/workers", "3");
    until("said", async || report(&store, "web-1").await.revision == written).await;
    assert_eq!(names(&store).await, ["web-1"]);
}

#[test]
fn a_layer_where_the_instances_are_listed_is_refused() {
    for layer in ["/app.fleet", "/app.fleet/web-1"] {
        let options = || Settings::options().layer(layer);
        for error in [
            options().instance("web-1").watch(store()).map(drop).unwrap_err(),
            options().fleet(store()).map(drop).unwrap_err(),
        ] {
            assert!(error.is_invalid_option() && error.to_string().contains(layer), "{error}");
        }
        // Nothing is listed of it.
        options().watch(store()).unwrap();
    }
}

#[test]
fn times_of_any_length_may_be_given() {
    let options = Settings::options().instance("web-1").instance_spread(std::time::Duration::MAX);
    options.instance_lease(std::time::Duration::MAX).watch(store()).unwrap();
}
