//! How a rollout ends that is not interrupted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use etcd_config::{Error, RolloutEnd, RolloutStep, TakeBackReason};
use tokio::time::{Instant, sleep};

use crate::world::*;

/// Why it was taken back.
fn reason(error: &Error) -> TakeBackReason {
    match error.rollout() {
        Some(RolloutEnd::TakenBack { reason, left, .. }) if left.is_empty() => reason.clone(),
        end => panic!("{end:?}: {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_promoted_in_one_transaction_and_nobody_flaps() {
    let world = World::new(&["web-1", "web-2", "web-3"]).await;
    let steps = Arc::new(Mutex::new(Vec::new()));
    let notes = Arc::clone(&steps);
    let rollout = world.rollout().await.observe(Duration::from_secs(60));
    let begin = Instant::now();
    let promoted =
        rollout.on_step(move |step| notes.lock().unwrap().push(step.clone())).promote_async().await.unwrap();
    let took = begin.elapsed();
    assert!((Duration::from_secs(60)..Duration::from_secs(600)).contains(&took), "{took:?}");
    assert_eq!(promoted.instances(), ["web-1"]);
    world.assert_only("20").await;
    let steps = steps.lock().unwrap();
    let [
        RolloutStep::Staged { revision: staged, .. },
        RolloutStep::InForce { .. },
        RolloutStep::Promoted { revision },
    ] = steps[..]
    else {
        panic!("{steps:?}")
    };
    assert!(staged < revision && revision == promoted.revision());
    // The one that had it before saw nothing of the promotion.
    assert_eq!((world.seen(0), world.seen(1), world.seen(2)), (vec![12, 20], vec![12, 20], vec![12, 20]));
}

#[tokio::test(start_paused = true)]
async fn meanwhile_it_is_in_force_for_the_chosen_ones_only_and_others_see_it() {
    let world = World::new(&["web-1", "web-2"]).await;
    let task = tokio::spawn(world.rollout().await.by("ann").promote_async());
    sleep(Duration::from_secs(10)).await;
    until("in force", async || world.members[0].live.load().workers == 20).await;
    assert_eq!(world.members[1].live.load().workers, 12);
    let found = world.found().await;
    let record = found[0].record().unwrap();
    assert_eq!((&record.instances[..], &record.by[..]), (&["web-1".to_owned()][..], "ann"));
    assert_eq!((&record.keys[0].path[..], &record.layers[..]), ("workers", &["/app@web-1".to_owned()][..]));
    assert!(found[0].driven_by().unwrap().starts_with("ann"));
    let shown = found[0].to_string();
    assert!(shown.contains("workers for web-1") && shown.contains("driven by ann"), "{shown}");
    // No value stands in the record.
    let texts: Vec<String> = world
        .keys()
        .await
        .into_iter()
        .filter(|(key, _)| key.starts_with("/app.rollout"))
        .map(|(_, text)| text)
        .collect();
    assert!(texts.len() == 2 && texts.iter().all(|text| !text.contains("20\"")), "{texts:?}");
    task.await.unwrap().unwrap();
    world.assert_only("20").await;
}

#[tokio::test(start_paused = true)]
async fn a_layer_and_a_share_have_it_first() {
    let world = World::new(&["web-1", "web-2", "web-3"]).await;
    let plan = world.plan().await;
    let promoted = of(plan).to_layer("/app@canary").promote_async().await.unwrap();
    assert_eq!(promoted.instances(), ["web-1", "web-2", "web-3"]);
    world.assert_only("20").await;
    let plan = world.edit().await.set_text("workers", "21").plan().unwrap();
    let promoted = of(plan).to_share(0.5).promote_async().await.unwrap();
    assert_eq!(promoted.instances(), ["web-2", "web-3"], "in the order of the hash");
    world.assert_only("21").await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_takes_it_back() {
    let world = World::new(&["web-1", "web-2"]).await;
    // In this layer, so that the change is good everywhere else.
    let plan = world.edit().await.set_text("level", "debug").plan().unwrap();
    let rollout = of(plan).to(["web-1"]);
    let store = world.store.clone();
    let rollout = rollout.on_step(move |step| {
        if matches!(step, RolloutStep::Staged { .. }) {
            store.put("/app@web-1/workers", "many");
        }
    });
    let error = rollout.promote_async().await.unwrap_err();
    let TakeBackReason::Refused(instance) = reason(&error) else { panic!("{error}") };
    assert_eq!(instance.name, "web-1");
    assert!(error.to_string().contains("/app@web-1/workers"), "{error}");
    world.store.delete("/app@web-1/workers");
    world.assert_only("12").await;
    assert_eq!(world.seen(1), [12]);
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_or_is_started_again_takes_it_back() {
    for again in [false, true] {
        let mut world = World::new(&["web-1", "web-2"]).await;
        let task = tokio::spawn(world.rollout().await.promote_async());
        sleep(Duration::from_secs(10)).await;
        drop(world.members.remove(0));
        if again {
            let member = member(&world.store, "web-1").await;
            world.members.insert(0, member);
        }
        let error = task.await.unwrap().unwrap_err();
        match reason(&error) {
            TakeBackReason::Gone(name) => assert_eq!(name, "web-1"),
            TakeBackReason::Restarted(name) => assert!(again && name == "web-1"),
            other => panic!("{other}"),
        }
        world.assert_only("12").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_fails_takes_it_back() {
    for what in ["error", "panic"] {
        let world = World::new(&["web-1", "web-2"]).await;
        let count = Arc::new(Mutex::new(0));
        let asked = Arc::clone(&count);
        let rollout = world.rollout().await.probe(move || {
            *asked.lock().unwrap() += 1;
            match *asked.lock().unwrap() {
                1..=4 => Ok(()),
                _ if what == "panic" => panic!("the probe's own"),
                _ => Err("too many errors"),
            }
        });
        let error = rollout.promote_async().await.unwrap_err();
        let TakeBackReason::Probe(words) = reason(&error) else { panic!("{error}") };
        assert!(words == "too many errors" || what == "panic", "{words}");
        world.assert_only("12").await;
        world.assert_no_flapping(false);
    }
}

/// However short the time is: without its answer nothing is promoted.
#[tokio::test(start_paused = true)]
async fn a_probe_is_asked_before_each_promotion() {
    let world = World::new(&["web-1", "web-2"]).await;
    for _ in 0..10 {
        let rollout = world.rollout().await.observe(Duration::ZERO).probe(|| Err::<(), _>("bad"));
        let error = rollout.promote_async().await.unwrap_err();
        assert!(matches!(reason(&error), TakeBackReason::Probe(_)), "{error}");
    }
    world.assert_only("12").await;
}

#[tokio::test(start_paused = true)]
async fn it_may_be_watched_for_ever() {
    let world = World::new(&["web-1", "web-2"]).await;
    let rollout = world.rollout().await.observe(Duration::MAX).probe(|| Ok::<(), String>(()));
    let rollout = rollout.probe_every(Duration::MAX);
    let handle = rollout.handle();
    let task = tokio::spawn(rollout.promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    sleep(Duration::from_secs(3)).await;
    handle.abort("enough");
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(reason(&error), TakeBackReason::Asked("enough".to_owned()));
    world.assert_only("12").await;
}

#[tokio::test(start_paused = true)]
async fn what_is_not_in_force_within_the_limit_is_taken_back() {
    let world = World::new(&["web-1", "web-2"]).await;
    // It waits for a restart, which nobody makes.
    let plan = world.edit().await.set_text("disk", "/srv").plan().unwrap();
    let rollout = of(plan).to(["web-1"]).within(Duration::from_secs(600));
    let error = rollout.promote_async().await.unwrap_err();
    let TakeBackReason::Limit { limit, lagging } = reason(&error) else { panic!("{error}") };
    assert_eq!((limit, &lagging[0].name[..]), (Duration::from_secs(600), "web-1"));
    assert!(error.to_string().contains("waits for a restart: disk"), "{error}");
    world.assert_only("12").await;
    // A map waits as a whole.
    let plan = world.edit().await.set_text("shards/a", "3").plan().unwrap();
    let rollout = of(plan).to(["web-1"]).within(Duration::from_secs(600));
    let error = rollout.promote_async().await.unwrap_err();
    assert!(matches!(reason(&error), TakeBackReason::Limit { .. }), "{error}");
    assert!(error.to_string().contains("waits for a restart: shards"), "{error}");
    world.assert_only("12").await;
}

#[tokio::test(start_paused = true)]
async fn a_change_that_waits_for_a_restart_is_in_force_after_it() {
    let mut world = World::new(&["web-1", "web-2"]).await;
    let plan = world.edit().await.set_text("disk", "/srv").plan().unwrap();
    let task = tokio::spawn(of(plan).to(["web-1"]).promote_async());
    sleep(Duration::from_secs(10)).await;
    drop(world.members.remove(0));
    sleep(Duration::from_secs(2)).await;
    world.members.push(member(&world.store, "web-1").await);
    task.await.unwrap().unwrap();
    assert_eq!(world.store.get("/app/disk").as_deref(), Some(&b"/srv"[..]));
    assert_eq!(world.store.get("/app@web-1/disk"), None);
}

#[tokio::test(start_paused = true)]
async fn whoever_has_the_handle_takes_it_back() {
    let world = World::new(&["web-1"]).await;
    let rollout = world.rollout().await;
    let handle = rollout.handle();
    let task = tokio::spawn(rollout.promote_async());
    sleep(Duration::from_secs(10)).await;
    handle.abort("Ctrl-C");
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(reason(&error), TakeBackReason::Asked("Ctrl-C".to_owned()));
    world.assert_only("12").await;
}

/// As long as nothing is promoted it is not too late, such as while the last answer of the probe is waited for.
#[tokio::test(start_paused = true)]
async fn what_is_asked_for_before_the_promotion_is_heard() {
    let world = World::new(&["web-1", "web-2"]).await;
    for _ in 0..10 {
        let rollout = world.rollout().await.observe(Duration::ZERO);
        let handle = rollout.handle();
        let rollout = rollout.probe(move || -> Result<(), String> {
            handle.abort("Ctrl-C");
            Ok(())
        });
        let error = rollout.promote_async().await.unwrap_err();
        assert_eq!(reason(&error), TakeBackReason::Asked("Ctrl-C".to_owned()));
    }
    world.assert_only("12").await;
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_at_each_step_does_not_end_it() {
    for is_good in [true, false] {
        let world = World::new(&["web-1", "web-2"]).await;
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        let rollout = world.rollout().await.observe(Duration::from_secs(3)).on_step(move |_| {
            count.fetch_add(1, Ordering::SeqCst);
            panic!("the listener's own");
        });
        let probe = move || if is_good { Ok(()) } else { Err("bad") };
        let outcome = rollout.probe(probe).promote_async().await;
        assert_eq!(told.load(Ordering::SeqCst), 3, "staged, in force, and the end");
        match outcome {
            Ok(promoted) => assert!(is_good && promoted.instances() == ["web-1"]),
            Err(error) => assert_eq!(reason(&error), TakeBackReason::Probe("bad".to_owned())),
        }
        world.assert_only(if is_good { "20" } else { "12" }).await;
        world.assert_no_flapping(is_good);
    }
}

#[tokio::test(start_paused = true)]
async fn of_several_who_ask_the_first_one_counts_also_before_it_begins() {
    for is_begun in [true, false] {
        let world = World::new(&["web-1", "web-2"]).await;
        let rollout = world.rollout().await;
        let handles = [rollout.handle(), rollout.handle()];
        let ask = || {
            handles[0].abort("the first");
            handles[1].abort("the second");
            handles[0].abort("the third");
        };
        if !is_begun {
            ask();
        }
        let task = tokio::spawn(rollout.promote_async());
        if is_begun {
            until("in force", async || world.members[0].live.load().workers == 20).await;
            ask();
        }
        let error = task.await.unwrap().unwrap_err();
        assert_eq!(reason(&error), TakeBackReason::Asked("the first".to_owned()));
        world.assert_only("12").await;
        world.assert_no_flapping(false);
    }
}

/// Whenever it is asked for: it is taken back whole or promoted whole, and from some moment on it is too late.
#[tokio::test(start_paused = true)]
async fn once_it_is_being_promoted_it_is_too_late_to_take_it_back() {
    const OBSERVE: Duration = Duration::from_secs(10);
    // Each call takes one second, or half of one.
    const SLOW: Duration = Duration::from_secs(1);
    let (mut taken_back, mut too_late) = (0, 0);
    for half in 0..10 {
        let world = World::new(&["web-1", "web-2"]).await;
        let (in_force, promoted) = (Arc::new(Mutex::new(None)), Arc::new(Mutex::new(None)));
        let (slow, in_force_at, ended) = (world.store.clone(), Arc::clone(&in_force), Arc::clone(&promoted));
        let rollout = world.rollout().await.observe(OBSERVE).on_step(move |step| match step {
            RolloutStep::InForce { .. } => {
                slow.delay(SLOW);
                *in_force_at.lock().unwrap() = Some(Instant::now());
            }
            RolloutStep::Promoted { .. } => *ended.lock().unwrap() = Some(Instant::now()),
            _ => {}
        });
        let handle = rollout.handle();
        let task = tokio::spawn(rollout.promote_async());
        until("in force", async || in_force.lock().unwrap().is_some()).await;
        let begin = in_force.lock().unwrap().unwrap();
        tokio::time::sleep_until(begin + OBSERVE - SLOW + SLOW * half / 2 + SLOW / 4).await;
        let asked = Instant::now();
        handle.abort("Ctrl-C");
        let outcome = task.await.unwrap();
        world.store.delay(Duration::ZERO);
        match outcome {
            Ok(_) => too_late += usize::from(asked < promoted.lock().unwrap().unwrap()),
            Err(error) => {
                assert_eq!(too_late, 0, "it was too late before");
                assert_eq!(reason(&error), TakeBackReason::Asked("Ctrl-C".to_owned()));
                taken_back += 1;
            }
        }
        let is_promoted = promoted.lock().unwrap().is_some();
        world.assert_only(if is_promoted { "20" } else { "12" }).await;
        world.assert_no_flapping(is_promoted);
    }
    assert!(taken_back >= 2 && too_late >= 2, "{taken_back} {too_late}");
}
