//! Operators with a bad connection, and several of them: what is true is read from the store, and a step is made once.

use std::time::Duration;

use etcd_config::{Promoted, Rollout, RolloutEnd, RolloutStep, field};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::operator_store::{Fate, OperatorStore};
use crate::world::*;

/// Longer than the lease of whoever works on a rollout.
const LEASE: Duration = Duration::from_secs(20);

async fn rollout(store: &OperatorStore) -> Rollout<Settings> {
    let edit = options("-").edit_async(store.shared()).await.unwrap();
    of(edit.set(field!(Settings.workers), &20).unwrap().plan().unwrap()).to(["web-1"])
}

type Running = JoinHandle<Result<Promoted, etcd_config::Error>>;

async fn begun(world: &World, store: &OperatorStore, observe: Duration) -> Running {
    let running = tokio::spawn(rollout(store).await.observe(observe).promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    running
}

#[tokio::test(start_paused = true)]
async fn a_request_that_comes_late_is_not_made_any_more() {
    for step in ["stage", "promote", "take back"] {
        let world = World::new(&["web-1", "web-2"]).await;
        let store = OperatorStore::new(&world.store);
        let rollout = rollout(&store).await.observe(Duration::from_secs(3));
        let late = store.clone();
        let (outcome, workers) = match step {
            "stage" => {
                late.next(Fate::Late);
                (rollout.promote_async().await, "20")
            }
            "promote" => {
                let rollout = rollout.on_step(move |step| {
                    if matches!(step, RolloutStep::InForce { .. }) {
                        late.next(Fate::Late);
                    }
                });
                (rollout.promote_async().await, "20")
            }
            _ => {
                let probe = move || {
                    late.next(Fate::Late);
                    Err::<(), _>("bad")
                };
                (rollout.probe(probe).promote_async().await, "12")
            }
        };
        assert_eq!(outcome.is_ok(), workers == "20", "{step}: {outcome:?}");
        assert_eq!(store.late(), (1, 0), "{step}: it has arrived, and is not made");
        world.assert_only(workers).await;
        world.assert_no_flapping(workers == "20");
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_falls_silent_in_a_step_leaves_what_nobody_knows() {
    for fate in [Fate::MadeAndCut, Fate::LostAndCut] {
        for step in ["stage", "promote"] {
            let world = World::new(&["web-1", "web-2"]).await;
            let store = OperatorStore::new(&world.store);
            let mut rollout = rollout(&store).await.observe(Duration::from_secs(3));
            let next = store.clone();
            if step == "stage" {
                next.next(fate);
            } else {
                rollout = rollout.on_step(move |step| {
                    if matches!(step, RolloutStep::InForce { .. }) {
                        next.next(fate);
                    }
                });
            }
            let error = rollout.promote_async().await.unwrap_err();
            assert!(matches!(error.rollout(), Some(RolloutEnd::Unknown { .. })), "{step}: {error}");
            assert!(error.to_string().contains("the operator is cut off"), "{error}");
            // It is as the store says.
            let found = world.found().await.pop();
            let is_staged =
                matches!((step, fate), ("stage", Fate::MadeAndCut) | ("promote", Fate::LostAndCut));
            assert_eq!(found.is_some(), is_staged, "{step}: {fate:?}");
            if let Some(found) = found {
                found.abort_async().await.unwrap();
            }
            let is_promoted = step == "promote" && fate == Fate::MadeAndCut;
            sleep(LEASE).await;
            world.assert_only(if is_promoted { "20" } else { "12" }).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_whose_lease_has_ended_is_succeeded_and_hears_how_it_went() {
    let world = World::new(&["web-1", "web-2"]).await;
    let store = OperatorStore::new(&world.store);
    let running = begun(&world, &store, Duration::from_secs(600)).await;
    store.cut(true);
    sleep(LEASE).await;
    let found = world.found().await.remove(0);
    assert_eq!(found.driven_by(), None, "{found}");
    let promoted = found.observe(Duration::from_secs(3)).resume_async().await.unwrap();
    assert_eq!(promoted.instances(), ["web-1"]);
    store.cut(false);
    let error = running.await.unwrap().unwrap_err();
    assert_eq!(
        error.rollout(),
        Some(&RolloutEnd::EndedElsewhere { promoted: true, left: Vec::new() }),
        "{error}"
    );
    world.assert_only("20").await;
    world.assert_no_flapping(true);
}

#[tokio::test(start_paused = true)]
async fn one_who_comes_back_goes_on_unless_somebody_has_taken_over() {
    for is_taken_over in [false, true] {
        let world = World::new(&["web-1", "web-2"]).await;
        let store = OperatorStore::new(&world.store);
        let running = begun(&world, &store, Duration::from_secs(60)).await;
        store.cut(true);
        sleep(LEASE).await;
        let successor = if is_taken_over {
            let found = world.found().await.remove(0);
            Some(tokio::spawn(found.observe(Duration::from_secs(600)).resume_async()))
        } else {
            None
        };
        sleep(Duration::from_secs(2)).await;
        store.cut(false);
        let outcome = running.await.unwrap();
        if let Some(successor) = successor {
            let error = outcome.unwrap_err();
            assert!(error.to_string().contains("somebody else drives it"), "{error}");
            assert!(matches!(error.rollout(), Some(RolloutEnd::Staged { .. })), "{error}");
            successor.await.unwrap().unwrap();
        } else {
            outcome.unwrap();
        }
        world.assert_only("20").await;
        world.assert_no_flapping(true);
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_leaves_nothing_of_a_driver_that_has_died() {
    let world = World::new(&["web-1", "web-2"]).await;
    let store = OperatorStore::new(&world.store);
    let running = begun(&world, &store, Duration::from_secs(600)).await;
    store.cut(true);
    running.abort();
    let found = world.found().await.remove(0);
    assert!(found.driven_by().is_some(), "its lease has not ended");
    found.abort_async().await.unwrap();
    world.assert_only("12").await;
    world.assert_no_flapping(false);
}

#[tokio::test(start_paused = true)]
async fn an_edit_after_an_abort_is_no_promotion() {
    for is_promoted in [false, true] {
        let world = World::new(&["web-1", "web-2"]).await;
        let store = OperatorStore::new(&world.store);
        let running = begun(&world, &store, Duration::from_secs(600)).await;
        store.cut(true);
        if is_promoted {
            sleep(LEASE).await;
            world.found().await.remove(0).observe(Duration::ZERO).resume_async().await.unwrap();
        } else {
            world.found().await.remove(0).abort_async().await.unwrap();
            // The very value of the rollout.
            world.store.put("/app/workers", "20");
        }
        store.cut(false);
        let error = running.await.unwrap().unwrap_err();
        assert_eq!(
            error.rollout(),
            Some(&RolloutEnd::EndedElsewhere { promoted: is_promoted, left: Vec::new() }),
            "{error}"
        );
    }
}

/// The answer of an abort is lost, and it was not made: the one who drives it promotes meanwhile.
#[tokio::test(start_paused = true)]
async fn an_abort_that_comes_too_late_says_so() {
    let world = World::new(&["web-1", "web-2"]).await;
    let driver = tokio::spawn(world.rollout().await.observe(Duration::from_secs(5)).promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    let store = OperatorStore::new(&world.store);
    let found = options("-").rollouts_async(store.shared()).await.unwrap().into_rollouts().remove(0);
    store.next(Fate::LostAndCut);
    let abort = tokio::spawn(found.abort_async());
    driver.await.unwrap().unwrap();
    store.cut(false);
    let error = abort.await.unwrap().unwrap_err();
    assert_eq!(
        error.rollout(),
        Some(&RolloutEnd::EndedElsewhere { promoted: true, left: Vec::new() }),
        "{error}"
    );
    sleep(LEASE).await;
    world.assert_only("20").await;
}

/// The answer of a staging is lost, it was made, and somebody has ended it before it is read again.
#[tokio::test(start_paused = true)]
async fn what_somebody_has_ended_is_not_staged_again() {
    for is_promoted in [false, true] {
        let world = World::new(&["web-1", "web-2"]).await;
        let store = OperatorStore::new(&world.store);
        let rollout = rollout(&store).await;
        store.next(Fate::MadeAndCut);
        let running = tokio::spawn(rollout.promote_async());
        until("staged", async || !world.found().await.is_empty()).await;
        let found = world.found().await.remove(0);
        // Of some that have died, whose keys come before the driver's.
        let dead = |number: u32| format!("/app.rollout/{}/abort-{number}", found.id());
        let dead: Vec<String> = (0..5).map(dead).collect();
        for key in &dead {
            world.store.put(&key[..], "dead");
        }
        if is_promoted {
            world.store.delete(format!("/app.rollout/{}/owner", found.id()));
            found.observe(Duration::ZERO).resume_async().await.unwrap();
        } else {
            found.abort_async().await.unwrap();
        }
        store.cut(false);
        let error = running.await.unwrap().unwrap_err();
        assert!(matches!(error.rollout(), Some(RolloutEnd::Unknown { .. })), "{error}");
        sleep(LEASE).await;
        for key in dead {
            world.store.delete(key);
        }
        world.assert_only(if is_promoted { "20" } else { "12" }).await;
    }
}

/// Else others would take it for one that has died, and end it.
#[tokio::test(start_paused = true)]
async fn one_who_comes_back_is_seen_to_drive_it_again() {
    let world = World::new(&["web-1", "web-2"]).await;
    let store = OperatorStore::new(&world.store);
    let running = begun(&world, &store, Duration::from_secs(600)).await;
    store.cut(true);
    sleep(LEASE).await;
    assert_eq!(world.found().await[0].driven_by(), None);
    store.cut(false);
    sleep(LEASE).await;
    let found = world.found().await.remove(0);
    assert!(found.driven_by().is_some(), "{found}");
    let error = found.resume_async().await.unwrap_err();
    assert!(error.to_string().contains("somebody else drives it"), "{error}");
    running.await.unwrap().unwrap();
    world.assert_only("20").await;
}

/// The answer of an abort is lost, it was made, and what shows that cannot be read at once.
#[tokio::test(start_paused = true)]
async fn an_abort_over_a_bad_connection_is_no_failure() {
    let world = World::new(&["web-1", "web-2"]).await;
    let driver = tokio::spawn(world.rollout().await.observe(Duration::from_secs(600)).promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    let store = OperatorStore::new(&world.store);
    let found = options("-").rollouts_async(store.shared()).await.unwrap().into_rollouts().remove(0);
    store.next(Fate::MadeAndFlaky);
    found.abort_async().await.unwrap();
    let error = driver.await.unwrap().unwrap_err();
    assert_eq!(
        error.rollout(),
        Some(&RolloutEnd::EndedElsewhere { promoted: false, left: Vec::new() }),
        "{error}"
    );
    world.assert_only("12").await;
}

/// What nobody lists any more is named: else it would stay in the layer for ever.
#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_deletes_leaves_keys_that_are_named() {
    let world = World::new(&["web-1", "web-2"]).await;
    let running = tokio::spawn(world.rollout().await.promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    let record = format!("/app.rollout/{}", world.found().await[0].id());
    world.store.delete(record);
    let error = running.await.unwrap().unwrap_err();
    let left = vec!["/app@web-1/workers".to_owned()];
    assert_eq!(error.rollout(), Some(&RolloutEnd::EndedElsewhere { promoted: false, left }), "{error}");
    assert!(
        error.to_string().ends_with("left its change in the layers: delete /app@web-1/workers"),
        "{error}"
    );
}

/// The answer of an abort is lost, and the key is changed before it can be read.
#[tokio::test(start_paused = true)]
async fn an_abort_before_a_change_that_hides_it_is_not_known() {
    let world = World::new(&["web-1", "web-2"]).await;
    let driver = tokio::spawn(world.rollout().await.observe(Duration::from_secs(600)).promote_async());
    until("in force", async || world.members[0].live.load().workers == 20).await;
    let store = OperatorStore::new(&world.store);
    let found = options("-").rollouts_async(store.shared()).await.unwrap().into_rollouts().remove(0);
    store.next(Fate::MadeAndCut);
    let abort = tokio::spawn(found.abort_async());
    driver.await.unwrap().unwrap_err();
    world.store.put("/app/workers", "20");
    store.cut(false);
    let error = abort.await.unwrap().unwrap_err();
    assert!(matches!(error.rollout(), Some(RolloutEnd::Unknown { .. })), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_second_one_of_the_field_by_another_name_is_refused() {
    let world = World::new(&["web-1", "web-2"]).await;
    let plan = async |name: &str| world.edit().await.set_text(name, "5").plan().unwrap();
    let first = tokio::spawn(of(plan("length").await).to(["web-1"]).promote_async());
    sleep(Duration::from_secs(5)).await;
    let error = of(plan("size").await).to(["web-2"]).promote_async().await.unwrap_err();
    assert!(error.to_string().contains("size is being rolled out already"), "{error}");
    first.await.unwrap().unwrap();
}
