//! The names of instances.

use std::time::Duration;

use etcd_config::{EtcdConfig, Fleet, MemoryStore, ProblemKind};
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

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", layers("/app@{instance}"))]
struct Layered {
    #[etcd(default = 10)]
    workers: u32,
}

/// The one that finds its name taken reads the layer of the name that it was given: a process that is started again before
/// its lease has ended must not come up with other values.
#[tokio::test(start_paused = true)]
async fn the_layer_is_that_of_the_name_that_was_asked_for() {
    seeded();
    let store = MemoryStore::from([("/app@web-1/workers", "3"), ("/app@web-1~2/workers", "4")]);
    let mut lives = Vec::new();
    for name in ["web-1", "web-1~2"] {
        let live = Layered::options().instance("web-1").watch_async(&store).await.unwrap();
        until("listed", async || live.status().instance.as_deref() == Some(name)).await;
        assert_eq!(live.load().workers, 3);
        lives.push(live);
    }
    // Who looks need not be an instance, nor know one.
    let fleet = Fleet::of_async::<Layered>(&store).await.unwrap();
    let layers: Vec<(&str, Vec<String>)> = fleet
        .instances()
        .iter()
        .map(|instance| (instance.name.as_str(), instance.report.as_ref().unwrap().layers.clone()))
        .collect();
    let layer = || vec!["/app@web-1".to_owned()];
    assert_eq!(layers, [("web-1", layer()), ("web-1~2", layer())]);
    let written = store.put("/app@web-1/workers", "5");
    fleet.wait_for_revision_async(written, Duration::from_secs(10)).await.unwrap();
    assert!(lives.iter().all(|live| live.load().workers == 5));
    // When it has its name again, that is the same layer.
    drop(lives.remove(0));
    until("its own", async || lives[0].status().instance.as_deref() == Some("web-1")).await;
    assert_eq!(lives[0].load().workers, 5);
}

/// Each reads other keys, so the store is asked about each.
#[tokio::test(start_paused = true)]
async fn many_instances_with_a_layer_each_are_waited_for() {
    seeded();
    let store = store();
    let mut lives = Vec::new();
    for number in 0..96 {
        let name = format!("web-{number}");
        lives.push(Layered::options().instance(&name).watch_async(&store).await.unwrap());
        until("listed", async || lives[number].status().instance.is_some()).await;
    }
    let fleet = Fleet::of_async::<Layered>(&store).await.unwrap();
    let written = store.put("/app@web-7/workers", "5");
    let begin = tokio::time::Instant::now();
    fleet.wait_for_revision_async(written, Duration::from_secs(30)).await.unwrap();
    assert!(begin.elapsed() < Duration::from_millis(2_500), "{:?}", begin.elapsed());
}
