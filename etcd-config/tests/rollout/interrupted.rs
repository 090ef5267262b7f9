//! Rollouts that are cut off somewhere, and what is made of them: etcd ends in a state that a person can name.

use std::time::Duration;

use etcd_config::{RolloutEnd, RolloutStep};
use tokio::time::{sleep, timeout};

use crate::world::*;

#[tokio::test(start_paused = true)]
async fn one_that_is_dropped_anywhere_is_resumed_or_aborted_from_elsewhere() {
    let pause = Duration::from_millis(100);
    for resume in [true, false] {
        let (mut staged, mut promoted, mut untouched) = (0, 0, 0);
        // Each call takes half a pause or a whole one; the watching in between is long.
        let early = (0..30).map(|step| pause / 4 + pause / 2 * step);
        let late = (0..60).map(|step| Duration::from_secs(4) + pause / 4 + pause / 2 * step);
        for at in early.chain(late) {
            let world = World::new(&["web-1", "web-2"]).await;
            let rollout = world.rollout().await.observe(Duration::from_secs(3));
            world.store.delay(pause);
            let ended = timeout(at, rollout.promote_async()).await;
            world.store.delay(Duration::ZERO);
            sleep(Duration::from_secs(16)).await;
            match world.found().await.pop() {
                None => {
                    let is_promoted = world.store.get("/app/workers").as_deref() == Some(&b"20"[..]);
                    assert!(ended.is_err() || is_promoted);
                    *(if is_promoted { &mut promoted } else { &mut untouched }) += 1;
                    world.assert_only(if is_promoted { "20" } else { "12" }).await;
                    world.assert_no_flapping(is_promoted);
                }
                Some(found) => {
                    staged += 1;
                    assert!(ended.is_err() && found.driven_by().is_none(), "{found}");
                    if resume {
                        found.resume_async().await.unwrap();
                    } else {
                        found.abort_async().await.unwrap();
                    }
                    world.assert_only(if resume { "20" } else { "12" }).await;
                    world.assert_no_flapping(resume);
                }
            }
        }
        println!("resume: {resume}; untouched {untouched}, staged {staged}, promoted {promoted}");
        assert!(untouched > 3 && staged > 10 && promoted > 3, "{untouched} {staged} {promoted}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_any_step_is_found_out() {
    for is_written in [true, false] {
        for step in ["stage", "promote", "take back"] {
            let world = World::new(&["web-1", "web-2"]).await;
            let store = world.store.clone();
            let lose = move || if is_written { store.lose_next_answer() } else { store.lose_next_request() };
            let rollout = world.rollout().await.observe(Duration::from_secs(3));
            let outcome = match step {
                "stage" => {
                    lose();
                    rollout.promote_async().await
                }
                "promote" => {
                    let rollout = rollout.on_step(move |step| {
                        if matches!(step, RolloutStep::InForce { .. }) {
                            lose();
                        }
                    });
                    rollout.promote_async().await
                }
                _ => {
                    let probe = move || {
                        lose();
                        Err::<(), _>("bad")
                    };
                    rollout.probe(probe).promote_async().await
                }
            };
            let taken_back = outcome
                .as_ref()
                .is_err_and(|error| matches!(error.rollout(), Some(RolloutEnd::TakenBack { .. })));
            assert!(if step == "take back" { taken_back } else { outcome.is_ok() }, "{step}: {outcome:?}");
            world.assert_only(if taken_back { "12" } else { "20" }).await;
            world.assert_no_flapping(!taken_back);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_at_any_step_leaves_it_staged_or_not_begun() {
    for step in ["stage", "end"] {
        let world = World::new(&["web-1", "web-2"]).await;
        let rollout = world.rollout().await.observe(Duration::from_secs(3));
        let store = world.store.clone();
        let error = etcd_config::client::Error::new(etcd_config::client::Kind::Unavailable, "away");
        let error = if step == "stage" {
            store.refuse_writes_with(Some(error));
            rollout.promote_async().await.unwrap_err()
        } else {
            let rollout = rollout.on_step(move |step| {
                if matches!(step, RolloutStep::InForce { .. }) {
                    store.refuse_writes_with(Some(error.clone()));
                }
            });
            rollout.promote_async().await.unwrap_err()
        };
        world.store.refuse_writes_with(None);
        match (step, error.rollout()) {
            ("stage", Some(RolloutEnd::NotBegun { .. })) => assert!(world.found().await.is_empty()),
            ("end", Some(RolloutEnd::Staged { .. })) => {
                sleep(Duration::from_secs(16)).await;
                world.found().await.remove(0).abort_async().await.unwrap();
            }
            (step, end) => panic!("{step}: {end:?}"),
        }
        assert!(error.store().is_some());
        world.assert_only("12").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_from_elsewhere_ends_it_and_its_driver_says_so() {
    let world = World::new(&["web-1", "web-2"]).await;
    let task = tokio::spawn(world.rollout().await.promote_async());
    sleep(Duration::from_secs(10)).await;
    let mut found = world.found().await;
    let error = world.found().await.remove(0).resume_async().await.unwrap_err();
    assert!(error.to_string().contains("somebody else drives it"), "{error}");
    found.remove(0).abort_async().await.unwrap();
    let error = task.await.unwrap().unwrap_err();
    assert_eq!(
        error.rollout(),
        Some(&RolloutEnd::EndedElsewhere { promoted: false, left: Vec::new() }),
        "{error}"
    );
    world.assert_only("12").await;
}
