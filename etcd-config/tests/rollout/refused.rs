//! What is refused, before anything is written, or when it is to be promoted.

use std::time::Duration;

use etcd_config::{EtcdConfig, RolloutEnd, field};
use tokio::time::sleep;

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn what_cannot_be_rolled_out_is_refused_and_nothing_is_written() {
    let world = World::new(&["web-1", "web-2"]).await;
    let plain = Settings::options().placeholder("instance", "web-2");
    let _same_layer = plain.instance("web-9").watch_async(&world.store).await.unwrap();
    sleep(Duration::from_secs(3)).await;
    let before = world.store.revision();
    let nothing = world.edit().await.plan().unwrap();
    let deletion = world.edit().await.unset(field!(Settings.workers)).plan().unwrap();
    let layered = world.edit().await.in_layer("/app@canary").unwrap();
    let layered = layered.set(field!(Settings.workers), &20).unwrap().plan().unwrap();
    for (rollout, words) in [
        (of(nothing), "the plan changes nothing"),
        (of(deletion), "the plan deletes a key"),
        (of(layered), "the plan is for a layer"),
        (world.rollout().await.to(["web-3"]), "there is no instance web-3"),
        (world.rollout().await.to(["wbe-1"]), "did you mean"),
        (world.rollout().await.to(["web-2"]), "web-9 reads its highest layer, /app@web-2, too"),
        (world.rollout().await.to_layer("/app@eu"), "they read /app@canary, /app@web-1, /app@web-2"),
        (world.rollout().await.to_share(0.0), "a share of 0"),
        (world.rollout().await.to_share(f64::NAN), "a share of NaN"),
        (world.rollout().await.to([""; 0]), "there is no instance"),
    ] {
        let preview = rollout.preview_async().await.unwrap_err();
        let error = rollout.promote_async().await.unwrap_err();
        assert!(error.is_invalid_option() && error.to_string().contains(words), "{error}");
        assert_eq!(preview.to_string(), error.to_string());
    }
    assert_eq!(world.store.revision(), before);
}

#[tokio::test(start_paused = true)]
async fn a_preview_says_for_whom_and_where_and_writes_nothing() {
    let world = World::new(&["web-1", "web-2", "web-3"]).await;
    let before = world.store.revision();
    let record = world.rollout().await.to_share(0.5).by("ann").preview_async().await.unwrap();
    assert_eq!(
        (&record.instances[..], &record.by[..]),
        (&["web-2".to_owned(), "web-3".to_owned()][..], "ann")
    );
    assert_eq!(record.layers, ["/app@web-2", "/app@web-3"]);
    assert_eq!((&record.keys[0].path[..], record.keys[0].was_at), ("workers", Some(2)));
    assert_eq!(world.store.revision(), before);
    world.store.put("/app@web-1/workers", "15");
    let error = world.rollout().await.preview_async().await.unwrap_err();
    assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
    assert!(error.to_string().contains("/app@web-1/workers = 15"), "{error}");
    let old = world.rollout().await;
    world.store.put("/app/workers", "13");
    assert!(old.preview_async().await.unwrap_err().is_conflict());
    assert_eq!(world.store.revision(), before + 2);
}

#[tokio::test(start_paused = true)]
async fn a_plan_whose_revision_has_moved_is_a_conflict() {
    let world = World::new(&["web-1"]).await;
    let rollout = world.rollout().await;
    world.store.put("/app/level", "debug");
    let error = rollout.promote_async().await.unwrap_err();
    assert!(error.is_conflict(), "{error}");
    assert_eq!(error.conflicts()[0].key, "/app/level");
    assert!(world.found().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_second_one_of_the_same_key_is_refused_and_one_of_another_is_not() {
    let world = World::new(&["web-1", "web-2"]).await;
    let first = tokio::spawn(world.rollout().await.by("ann").promote_async());
    sleep(Duration::from_secs(5)).await;
    let error = world.rollout().await.to(["web-2"]).promote_async().await.unwrap_err();
    assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
    assert!(
        error.to_string().contains("workers is being rolled out already")
            && error.to_string().contains("ann")
    );
    let plan = world.edit().await.set_text("level", "debug").plan().unwrap();
    let second = tokio::spawn(of(plan).to(["web-2"]).promote_async());
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(world.store.get("/app/level").as_deref(), Some(&b"debug"[..]));
    assert_eq!(world.keys().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_override_is_shown_and_replaced_only_when_that_is_said() {
    let world = World::new(&["web-1"]).await;
    world.store.put("/app@web-1/workers", "15");
    world.store.put("/app@web-1/pin", "4711");
    sleep(Duration::from_secs(3)).await;
    let error = world.rollout().await.promote_async().await.unwrap_err();
    assert!(error.to_string().contains("/app@web-1/workers = 15"), "{error}");
    let secret = || async { of(world.edit().await.set_text("pin", "1").plan().unwrap()).to(["web-1"]) };
    for rollout in [secret().await, secret().await.replace()] {
        let error = rollout.promote_async().await.unwrap_err();
        assert!(
            error.to_string().contains("/app@web-1/pin") && !format!("{error:?}").contains("4711"),
            "{error}"
        );
    }
    // Taken back, it is there again; promoted, it is gone.
    let failing = world.rollout().await.replace().probe(|| Err::<(), _>("bad"));
    failing.promote_async().await.unwrap_err();
    assert_eq!(world.store.get("/app@web-1/workers").as_deref(), Some(&b"15"[..]));
    until("taken back", async || world.members[0].live.load().workers == 15).await;
    // What somebody has changed there meanwhile is left, and named.
    let rollout = world.rollout().await.replace();
    let handle = rollout.handle();
    let task = tokio::spawn(rollout.promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    world.store.put("/app@web-1/workers", "17");
    handle.abort("enough");
    let error = task.await.unwrap().unwrap_err();
    let Some(RolloutEnd::TakenBack { left, .. }) = error.rollout() else { panic!("{error}") };
    assert_eq!(left, &["/app@web-1/workers"]);
    assert_eq!(world.store.get("/app@web-1/workers").as_deref(), Some(&b"17"[..]));
    world.rollout().await.replace().promote_async().await.unwrap();
    world.store.delete("/app@web-1/pin");
    world.assert_only("20").await;
}

/// Else it would not be the change that the instance has in force, or would fall back to the other one when it is promoted.
#[tokio::test(start_paused = true)]
async fn an_override_by_another_name_of_the_field_is_refused() {
    for (stored, overridden) in [("length", "size"), ("size", "length")] {
        let world = World::new(&["web-1"]).await;
        world.store.put(format!("/app/{stored}"), "2");
        world.store.put(format!("/app@web-1/{overridden}"), "8");
        sleep(Duration::from_secs(3)).await;
        let plan = || async { world.edit().await.set(field!(Settings.size), &20).unwrap().plan().unwrap() };
        for rollout in [of(plan().await).to(["web-1"]), of(plan().await).to(["web-1"]).replace()] {
            let error = rollout.promote_async().await.unwrap_err();
            assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
            let words = format!("/app@web-1/{overridden} is another name of {stored}");
            assert!(error.to_string().contains(&words), "{error}");
        }
        assert!(world.found().await.is_empty());
    }
}

/// Of a directory each layer is read by one name: the others would be hidden while it is staged, and come to light again.
#[tokio::test(start_paused = true)]
async fn another_name_of_a_directory_is_refused() {
    for (overridden, changed, names) in [
        ("db/pool", "database/retries", "db is another name of database"),
        ("limits/a", "quotas/b", "limits is another name of quotas"),
    ] {
        let world = World::new(&["web-1"]).await;
        world.store.put(format!("/app@web-1/{overridden}"), "8");
        sleep(Duration::from_secs(3)).await;
        let plan = world.edit().await.set_text(changed, "3").plan().unwrap();
        let error = of(plan).to(["web-1"]).promote_async().await.unwrap_err();
        assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
        assert!(error.to_string().contains(&format!("/app@web-1/{names}")), "{error}");
        let live = world.members[0].live.load();
        assert!(live.database.pool == 8 || live.quotas["a"] == 8);
    }
}

/// What would not be in force below the prefix, or would hide what is there, is not what the first ones have.
#[tokio::test(start_paused = true)]
async fn a_name_that_the_prefix_has_not_is_refused() {
    for (stored, changed, names) in [
        ("size", "length", "size is another name of length"),
        ("db/pool", "database/retries", "db is another name of database"),
        ("database/pool", "db/retries", "database is another name of db"),
    ] {
        let world = World::new(&["web-1"]).await;
        world.store.put(format!("/app/{stored}"), "8");
        sleep(Duration::from_secs(3)).await;
        let plan = world.edit().await.set_text(changed, "3").plan().unwrap();
        let error = of(plan).to(["web-1"]).promote_async().await.unwrap_err();
        assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
        assert!(error.to_string().contains(&format!("/app/{names}")), "{error}");
    }
    // Also if it has come since.
    let world = World::new(&["web-1"]).await;
    let plan = world.edit().await.set_text("length", "7").plan().unwrap();
    let task = tokio::spawn(of(plan).to(["web-1"]).promote_async());
    sleep(Duration::from_secs(10)).await;
    world.store.put("/app/size", "3");
    let error = task.await.unwrap().unwrap_err();
    assert!(matches!(error.rollout(), Some(RolloutEnd::Staged { can_resume: true, .. })), "{error}");
    assert!(error.to_string().contains("/app/size is another name of length"), "{error}");
    // A later name of one key hides nothing, and a directory may be read by the name that is there.
    for (stored, changed) in [("length", "size"), ("db/pool", "db/retries")] {
        let world = World::new(&["web-1"]).await;
        world.store.put(format!("/app/{stored}"), "8");
        sleep(Duration::from_secs(3)).await;
        let plan = world.edit().await.set_text(changed, "3").plan().unwrap();
        of(plan).to(["web-1"]).promote_async().await.unwrap();
        let live = &world.members[0].live;
        until("in force", async || live.load().size == 3 || live.load().database.retries == 3).await;
    }
}

/// The first ones would have the change while they are watched, and not when it is promoted.
#[tokio::test(start_paused = true)]
async fn an_override_in_a_lower_layer_of_the_first_ones_is_refused() {
    for (stored, field) in [("workers", "workers"), ("length", "size")] {
        let world = World::new(&["web-1", "web-2"]).await;
        world.store.put(format!("/app@canary/{stored}"), "15");
        sleep(Duration::from_secs(3)).await;
        let plan = || async { world.edit().await.set_text(field, "20").plan().unwrap() };
        let rollouts = [
            of(plan().await).to(["web-1"]),
            of(plan().await).to(["web-1"]).replace(),
            of(plan().await).to_share(0.5),
        ];
        for rollout in rollouts {
            let preview = rollout.preview_async().await.unwrap_err();
            let error = rollout.promote_async().await.unwrap_err();
            assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
            assert!(error.to_string().contains(&format!("/app@canary/{stored}")), "{error}");
            assert_eq!(preview.to_string(), error.to_string());
        }
        assert!(world.found().await.is_empty());
        // Through that layer it can be.
        let rollout = of(plan().await).to_layer("/app@canary").replace();
        let is_same_name = stored == field;
        assert_eq!(rollout.promote_async().await.is_ok(), is_same_name);
    }
}

/// It may have been a secret of another version.
#[tokio::test(start_paused = true)]
async fn an_override_that_no_field_reads_is_shown_and_kept_nowhere() {
    let world = World::new(&["web-1"]).await;
    world.store.put("/app@web-1/password", "hunter2");
    sleep(Duration::from_secs(3)).await;
    let plan = || async { world.edit().await.set_text("password", "other").plan().unwrap() };
    for rollout in [of(plan().await).to(["web-1"]), of(plan().await).to(["web-1"]).replace()] {
        let error = rollout.promote_async().await.unwrap_err();
        assert!(error.to_string().contains("/app@web-1/password"), "{error}");
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
    }
}

/// What could not be read again could be neither promoted nor aborted.
#[tokio::test(start_paused = true)]
async fn a_record_that_would_be_too_large_is_refused() {
    let world = World::new(&["web-1"]).await;
    world.store.put("/app@web-1/level", "x".repeat(1_100_000));
    sleep(Duration::from_secs(3)).await;
    let plan = world.edit().await.set_text("level", "debug").plan().unwrap();
    let error = of(plan).to(["web-1"]).replace().promote_async().await.unwrap_err();
    assert!(matches!(error.rollout(), Some(RolloutEnd::NotBegun { .. })), "{error}");
    assert!(error.to_string().contains("take overrides away first"), "{error}");
    assert!(world.found().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn garbage_below_the_records_is_listed_and_in_nobodys_way() {
    let world = World::new(&["web-1"]).await;
    world.store.put("/app.rollout/a", "\u{1b}[2J");
    world.store.put("/app.rollout/b", "{}");
    let shown = options("-").rollouts_async(&world.store).await.unwrap().to_string();
    assert!(shown.lines().count() == 2 && shown.contains("a  unreadable: it is no JSON"), "{shown}");
    assert!(world.found().await.remove(0).abort_async().await.unwrap_err().is_invalid_option());
    world.rollout().await.promote_async().await.unwrap();
    // One of a newer version may be about the same.
    world.store.put("/app.rollout/c", r#"{"format":2}"#);
    let plan = world.edit().await.set_text("workers", "5").plan().unwrap();
    let error = of(plan).to(["web-1"]).promote_async().await.unwrap_err();
    assert!(error.to_string().contains("/app.rollout/c, which may be about the same"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn what_somebody_changes_meanwhile_is_not_overwritten() {
    for key in ["/app/workers", "/app@web-1/workers"] {
        let world = World::new(&["web-1"]).await;
        let task = tokio::spawn(world.rollout().await.promote_async());
        sleep(Duration::from_secs(10)).await;
        world.store.put(key, "13");
        let error = task.await.unwrap().unwrap_err();
        let Some(RolloutEnd::Staged { id, can_resume: false, .. }) = error.rollout() else {
            panic!("{error}")
        };
        assert!(error.to_string().contains(&format!("somebody else has changed {key}")), "{error}");
        let found = world.found().await.remove(0);
        assert_eq!((found.id(), found.driven_by()), (&id[..], None));
        found.abort_async().await.unwrap();
        assert_eq!(world.store.get(key).as_deref(), Some(&b"13"[..]));
        assert!(world.found().await.is_empty());
    }
    // Another key is in nobody's way.
    let world = World::new(&["web-1"]).await;
    let task = tokio::spawn(world.rollout().await.promote_async());
    sleep(Duration::from_secs(10)).await;
    world.store.put("/app/level", "debug");
    task.await.unwrap().unwrap();
}
