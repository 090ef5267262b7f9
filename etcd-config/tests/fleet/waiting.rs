//! Waiting for all instances.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use etcd_config::client::{Error as StoreError, Kind};
use etcd_config::{EtcdConfig, InstanceLag, LaggingInstance, MemoryStore};
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::settings::*;

const LIMIT: Duration = Duration::from_secs(30);

async fn wait(store: &MemoryStore, revision: u64) -> (Result<(), etcd_config::Error>, Duration) {
    let (fleet, begin) = (fleet(store).await, Instant::now());
    (fleet.wait_for_revision_async(revision, LIMIT).await, begin.elapsed())
}

/// Why the one who is named lags.
async fn why(store: &MemoryStore, revision: u64, name: &str) -> (InstanceLag, Duration, etcd_config::Error) {
    let (outcome, after) = wait(store, revision).await;
    let error = outcome.unwrap_err();
    let [LaggingInstance { name: lags, why, .. }] = error.lagging() else { panic!("{error}") };
    assert_eq!(lags, name, "{error}");
    (why.clone(), after, error)
}

#[tokio::test(start_paused = true)]
async fn it_ends_when_everyone_has_it() {
    seeded();
    let store = store();
    let mut lives = Vec::new();
    for number in 0..20 {
        lives.push(instance(&store, &format!("web-{number}")).await);
    }
    sleep(A_WHILE).await;
    let written = Settings::options().edit_async(&store).await.unwrap();
    let written = written.set_text("workers", "20").plan().unwrap().commit_async().await.unwrap();
    let (outcome, after) = wait(&store, written.revision()).await;
    outcome.unwrap();
    assert!(after <= SPREAD * 2, "{after:?}");
    assert!(lives.iter().all(|live| live.load().workers == 20));
    let (outcome, after) = wait(&store, written.revision()).await;
    outcome.unwrap();
    assert!(after.is_zero(), "all have it: {after:?}");
}

/// Such as of an edit that changes nothing.
#[tokio::test(start_paused = true)]
async fn a_revision_at_which_nothing_was_written_below_the_prefix_is_in_force_with_the_one_before() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    sleep(A_WHILE).await;
    let elsewhere = store.put("/elsewhere", "x");
    let (outcome, after) = wait(&store, elsewhere).await;
    outcome.unwrap();
    assert!(after < Duration::from_secs(1), "{after:?}");
    // But not where something was.
    let held_back = Settings::options().instance("slow").debounce(Duration::from_secs(3_600));
    let slow = held_back.watch_async(&store).await.unwrap();
    until("listed", async || slow.status().instance.is_some()).await;
    store.put("/app/workers", "13");
    let later = store.put("/elsewhere", "x");
    let (why, after, _) = why(&store, later, "slow").await;
    assert!(matches!(why, InstanceLag::NotYet { .. }) && after == LIMIT, "{why:?} {after:?}");
    drop(live);
}

#[tokio::test(start_paused = true)]
async fn who_refuses_it_is_named_before_the_limit_with_the_words() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    let bad = store.transaction().put("/app/workers", "many").put("/app/pin", "hunter2").commit();
    let (why, after, error) = why(&store, bad, "web-1").await;
    let InstanceLag::Refused { revision, problems, .. } = why else { panic!("{error}") };
    assert_eq!((revision, problems.len()), (bad, 2));
    assert!(after <= A_WHILE && !error.is_timeout(), "{after:?}");
    let text = error.to_string();
    assert!(
        text.starts_with(&format!(
            "revision {bad} of Settings is not in force everywhere: 1 of 1 instances below /app.fleet do not have it\n  \
             web-1: revision {bad} is refused: "
        )),
        "{text}"
    );
    assert!(text.contains("/app/workers: \"many\" is not") && !text.contains("hunter2"), "{text}");
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/app")]
struct Tolerant {
    #[etcd(default = "x")]
    workers: String,
}

/// One that refuses does not hide who else does, and who has just not answered yet.
#[tokio::test(start_paused = true)]
async fn all_who_refuse_are_named_and_nobody_who_has_it() {
    seeded();
    let store = store();
    let mut lives = Vec::new();
    for number in 0..10 {
        lives.push(instance(&store, &format!("web-{number}")).await);
    }
    let tolerant = Tolerant::options().instance("tolerant").watch_async(&store).await.unwrap();
    until("listed", async || tolerant.status().instance.is_some()).await;
    let bad = store.put("/app/workers", "many");
    let error = wait(&store, bad).await.0.unwrap_err();
    assert_eq!(error.lagging().len(), 10, "{error}");
    let is_refused = |lagging: &LaggingInstance| matches!(lagging.why, InstanceLag::Refused { .. });
    assert!(error.lagging().iter().all(is_refused), "{error}");
    assert_eq!(tolerant.load().workers, "many");
}

/// Instances write entries, so what is newest in the store is newer than what they refuse. Builds take time of the real clock.
#[tokio::test]
async fn who_refuses_the_newest_settings_refuses_each_revision_at_which_they_are_the_same() {
    seeded();
    let store = store();
    // It soon knows how far the store is.
    let options = Settings::options().instance("web-1").progress_interval(Duration::from_millis(100));
    let live = options.watch_async(&store).await.unwrap();
    until("listed", async || live.status().instance.is_some()).await;
    let tries = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&tries);
    let pool = move |workers: &u32| {
        counted.fetch_add(1, Ordering::Relaxed);
        if *workers < 50 { Ok(()) } else { Err("no room") }
    };
    let _pool = live.building().name("pool").resource(|settings| &settings.workers, pool).unwrap();
    let bad = store.put("/app/workers", "99");
    let refused = async || report(&store, "web-1").await.refused;
    until("refused", async || refused().await.is_some()).await;
    // The build is tried again meanwhile, when the store is further.
    let first = tries.load(Ordering::Relaxed);
    until("tried again", async || {
        store.put("/elsewhere", "x");
        // It is not said while that is being built.
        assert!(refused().await.is_none_or(|refused| refused.revision == bad));
        tries.load(Ordering::Relaxed) >= first + 2
    })
    .await;
    let (why_not, after, error) = why(&store, store.revision(), "web-1").await;
    let InstanceLag::Refused { revision, problems, .. } = why_not else { panic!("{error}") };
    assert!(revision == bad && problems[0].1.contains("no room"), "{error}");
    assert!(after <= A_WHILE && !error.is_timeout(), "{after:?}");
    // One that is corrected meanwhile is no reason to end.
    let fleet = fleet(&store).await;
    let good = store.put("/app/workers", "13");
    fleet.wait_for_revision_async(good, LIMIT).await.unwrap();
    fleet.wait_for_revision_async(store.revision(), LIMIT).await.unwrap();
}

/// Whether the newer ones are refused, too, is not known yet.
#[tokio::test(start_paused = true)]
async fn who_has_refused_older_settings_is_waited_for_and_named_with_that() {
    let store = store();
    let before = store.revision();
    let refused = json!({
        "revision": before, "keys": 1, "omitted": 0,
        "problems": [{ "key": "/app/workers", "what": "no room" }],
    });
    store.put("/app.fleet/web-1", entry(&json!({ "refused": refused })));
    let (why_not, after, error) = why(&store, store.revision(), "web-1").await;
    assert!(matches!(why_not, InstanceLag::Refused { .. }) && after.is_zero(), "{after:?} {error}");
    let written = store.put("/app/workers", "13");
    let (why_not, after, error) = why(&store, written, "web-1").await;
    assert!(matches!(why_not, InstanceLag::NotYet { .. }) && after == LIMIT, "{after:?} {error}");
    let words = format!(
        "web-1: not in force yet, at revision 1; revision {before} is refused: /app/workers: no room"
    );
    assert!(error.to_string().ends_with(&words), "{error}");
    let answers = async {
        sleep(Duration::from_secs(10)).await;
        store.put("/app.fleet/web-1", entry(&json!({ "revision": written, "keys": 1 })));
    };
    let ((outcome, _), ()) = tokio::join!(wait(&store, written), answers);
    outcome.unwrap();
    // One of an older version does not say how many keys there were.
    let refused = json!({ "revision": written, "omitted": 0, "problems": [] });
    store.put("/app.fleet/web-1", entry(&json!({ "refused": refused })));
    let (why_not, after, error) = why(&store, store.revision(), "web-1").await;
    assert!(matches!(why_not, InstanceLag::NotYet { .. }) && after == LIMIT, "{after:?} {error}");
    assert!(error.to_string().ends_with(&format!("; revision {written} is refused")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_restart_is_said_to() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    let written = store.put("/app/disk", "/srv");
    let (why, after, error) = why(&store, written, "web-1").await;
    assert_eq!(why, InstanceLag::WaitsForRestart { fields: vec!["disk".into()] });
    assert!(error.is_timeout() && after == LIMIT, "{after:?}");
    assert!(error.to_string().ends_with("web-1: waits for a restart: disk"), "{error}");
    // It is restarted while somebody waits.
    let restart = async {
        sleep(Duration::from_secs(10)).await;
        drop(live);
        instance(&store, "web-1").await
    };
    let ((outcome, _), _live) = tokio::join!(wait(&store, written), restart);
    outcome.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_has_lost_the_store_or_cannot_be_read_is_said_to() {
    let store = MemoryStore::new();
    let written = store.put("/app/workers", "12");
    store.put("/app.fleet/web-1", entry(&json!({ "state": "disconnected" })));
    let (why_not, after, _) = why(&store, written, "web-1").await;
    assert_eq!(why_not, InstanceLag::Disconnected { state: "disconnected".into(), revision: 1 });
    assert_eq!(after, LIMIT);
    store.put("/app.fleet/web-1", entry(&json!({ "format": 2 })));
    let (why_not, after, error) = why(&store, written, "web-1").await;
    assert!(matches!(why_not, InstanceLag::Unreadable(_)) && !error.is_timeout(), "{why_not:?} {error}");
    assert!(after.is_zero(), "no waiting makes it readable: {after:?}");
    let words = "web-1: its entry cannot be read: it is of format 2, and this program reads up to 1";
    assert!(error.to_string().ends_with(words), "{error}");
}

#[tokio::test(start_paused = true)]
async fn one_of_a_newer_version_ends_it_when_the_others_have_answered() {
    seeded();
    let store = store();
    let live = instance(&store, "web-1").await;
    store.put("/app.fleet/web-2", entry(&json!({ "format": 2, "revision": "of another kind" })));
    let written = store.put("/app/workers", "13");
    let (why_not, after, error) = why(&store, written, "web-2").await;
    assert!(matches!(why_not, InstanceLag::Unreadable(_)) && !error.is_timeout(), "{error}");
    assert!(after <= A_WHILE, "{after:?}");
    store.delete("/app.fleet/web-2");
    wait(&store, written).await.0.unwrap();
    drop(live);
}

#[tokio::test(start_paused = true)]
async fn what_no_instance_has_written_is_listed_and_not_waited_for() {
    seeded();
    let store = store();
    for (name, text) in
        [("by-hand", "?"), ("empty", ""), ("half", "{\"format\":1}"), ("old", "{\"format\":0}")]
    {
        store.put(format!("/app.fleet/{name}"), text);
    }
    let written = store.put("/app/workers", "13");
    // It is nobody, too.
    let (outcome, after) = wait(&store, written).await;
    let error = outcome.unwrap_err();
    assert!(error.lagging().is_empty() && after == LIMIT, "{error}");
    assert!(error.to_string().contains("no instance is listed below /app.fleet"), "{error}");
    let _live = instance(&store, "web-1").await;
    assert_eq!(names(&store).await, ["by-hand", "empty", "half", "old", "web-1"]);
    let (outcome, after) = wait(&store, written).await;
    outcome.unwrap();
    assert!(after <= A_WHILE, "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_there_it_is_no_success() {
    let store = store();
    let (outcome, after) = wait(&store, 2).await;
    let error = outcome.unwrap_err();
    assert!(error.is_timeout() && error.lagging().is_empty() && after == LIMIT, "{error}");
    assert!(error.to_string().contains("no instance is listed below /app.fleet"), "{error}");
    // Somebody who comes meanwhile counts.
    let comes = async {
        sleep(Duration::from_secs(10)).await;
        instance(&store, "web-1").await
    };
    let ((outcome, after), _live) = tokio::join!(wait(&store, 2), comes);
    outcome.unwrap();
    assert!(after >= Duration::from_secs(10), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn who_goes_meanwhile_is_not_waited_for() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    let held_back = Settings::options().instance("slow").debounce(Duration::from_secs(3_600));
    let slow = held_back.watch_async(&store).await.unwrap();
    until("listed", async || slow.status().instance.is_some()).await;
    let written = store.put("/app/workers", "13");
    let goes = async {
        sleep(Duration::from_secs(10)).await;
        drop(slow);
    };
    let ((outcome, after), ()) = tokio::join!(wait(&store, written), goes);
    outcome.unwrap();
    assert!((10..12).contains(&after.as_secs()), "{after:?}");
}

#[tokio::test(start_paused = true)]
async fn an_operator_who_loses_the_connection_tries_again_within_the_limit() {
    seeded();
    let store = store();
    let _live = instance(&store, "web-1").await;
    let fleet = fleet(&store).await;
    let breaks = async {
        sleep(Duration::from_secs(1)).await;
        store.cut();
        store.refuse(true);
        let written = store.put("/app/workers", "13");
        sleep(Duration::from_secs(10)).await;
        store.refuse(false);
        written
    };
    let expected = store.revision() + 1;
    let (outcome, written) =
        tokio::join!(fleet.wait_for_revision_async(expected, Duration::from_secs(60)), breaks);
    outcome.unwrap();
    assert_eq!(written, expected);
    // For longer than the limit it says why.
    store.cut();
    store.refuse(true);
    let error = fleet.wait_for_revision_async(expected + 1, LIMIT).await.unwrap_err();
    assert!(error.is_timeout() && error.store().is_some(), "{error}");
    assert!(error.to_string().starts_with("no list of instances within 30s: "), "{error}");
    store.refuse_with(Some(StoreError::new(Kind::PermissionDenied, "etcdserver: permission denied")));
    let error = fleet.wait_for_revision_async(expected + 1, LIMIT).await.unwrap_err();
    assert!(error.is_access() && error.to_string().contains("may read all of /app.fleet/"), "{error}");
}

/// Blocking, without a runtime; and refused where it would wait for itself.
#[test]
fn blocking_code_waits_too() {
    let store = store();
    let options = Settings::options().instance("web-1").instance_spread(Duration::from_millis(10));
    let live = options.watch(&store).unwrap();
    etcd_config_tests::until("listed", || live.status().instance.is_some());
    let written = Settings::update(&store, |edit| Ok(edit.set_text("workers", "20"))).unwrap();
    let fleet = etcd_config::Fleet::of::<Settings>(&store).unwrap();
    fleet.wait_for_revision(written.revision(), Duration::from_secs(20)).unwrap();
    assert_eq!(live.load().workers, 20);
}

/// What an instance reads counts, and not what is read by who waits: a key of another zone is none of its own.
#[tokio::test(start_paused = true)]
async fn who_does_not_read_a_layer_has_in_force_what_was_written_there() {
    seeded();
    let store = store();
    // One that overrides: more keys are stored than are in force.
    store.put("/app@eu/workers", "5");
    let of_zone = |zone: &str| Settings::options().layer(format!("/app@{zone}"));
    let mut lives = Vec::new();
    for zone in ["eu", "us"] {
        let live = of_zone(zone).instance(format!("{zone}-1")).watch_async(&store).await.unwrap();
        until("listed", async || live.status().instance.is_some()).await;
        lives.push(live);
    }
    sleep(A_WHILE).await;
    let fleet = of_zone("us").fleet_async(&store).await.unwrap();
    assert_eq!(fleet.instance("eu-1").unwrap().report.as_ref().unwrap().layers, ["/app@eu"]);
    for key in ["/app@us/workers", "/elsewhere"] {
        let (written, begin) = (store.put(key, "7"), Instant::now());
        fleet.wait_for_revision_async(written, LIMIT).await.unwrap();
        assert!(begin.elapsed() <= A_WHILE, "{key}: {:?}", begin.elapsed());
    }
    assert_eq!(lives.iter().map(|live| live.load().workers).collect::<Vec<_>>(), [5, 7]);
}

/// The entry of an instance with a layer of its own, which has this revision.
fn with_own_layer(number: usize, revision: u64) -> (String, String) {
    let layers = [format!("/app@web-{number}")];
    (format!("/app.fleet/web-{number}"), entry(&json!({ "revision": revision, "keys": 1, "layers": layers })))
}

/// Nobody else has anything to say then, so the store is asked about each.
#[tokio::test(start_paused = true)]
async fn a_change_of_one_layer_of_hundreds_is_soon_known_to_be_in_force_for_all() {
    let store = store();
    let before = store.revision();
    for number in 0..500 {
        let (key, text) = with_own_layer(number, before);
        store.put(key, text);
    }
    let written = store.put("/app@web-0/workers", "7");
    let (key, text) = with_own_layer(0, written);
    store.put(key, text);
    let (outcome, after) = wait(&store, written).await;
    outcome.unwrap();
    assert!(after < Duration::from_secs(2), "{after:?}");
}

/// Each of thousands writes once, and looking at all of them after each write would take as long as their number squared.
#[tokio::test]
async fn thousands_are_waited_for_in_no_more_time_than_their_writes_take() {
    const INSTANCES: usize = 4_000;
    let store = store();
    let before = store.revision();
    for number in 0..INSTANCES {
        let (key, text) = with_own_layer(number, before);
        store.put(key, text);
    }
    let written = store.put("/app/workers", "20");
    let begin = Instant::now();
    let write = async {
        for number in 0..INSTANCES {
            let (key, text) = with_own_layer(number, written);
            store.put(key, text);
            tokio::task::yield_now().await;
        }
    };
    let ((outcome, after), ()) = tokio::join!(wait(&store, written), write);
    outcome.unwrap();
    println!("{after:?} of {:?}", begin.elapsed());
    assert!(after < Duration::from_secs(10), "{after:?}");
}
