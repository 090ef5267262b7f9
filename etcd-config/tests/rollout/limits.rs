//! How much one rollout takes: what is more is refused before anything is written.

use etcd_config::Plan;

use crate::world::*;

/// A plan for so many keys.
async fn plan_of(world: &World, keys: usize) -> Plan<Settings> {
    let edit = world.edit().await;
    (0..keys).fold(edit, |edit, key| edit.set_text(format!("quotas/{key}"), "1")).plan().unwrap()
}

#[tokio::test(start_paused = true)]
async fn what_the_promotion_could_not_write_is_refused_at_the_beginning() {
    let world = World::new(&["web-1", "web-2"]).await;
    let before = world.store.revision();
    for (keys, instances) in [(61, &["web-1"][..]), (40, &["web-1", "web-2"])] {
        let rollout = of(plan_of(&world, keys).await).to(instances.iter().copied());
        for error in [rollout.preview_async().await.unwrap_err(), rollout.promote_async().await.unwrap_err()]
        {
            assert!(error.is_invalid_option(), "{error}");
            assert!(error.to_string().contains("and the store takes 12"), "{error}");
        }
    }
    assert_eq!(world.store.revision(), before);
    // As much as there may be is promoted, also by somebody else than who has begun it.
    let rollout = of(plan_of(&world, 60).await).to(["web-1"]);
    let task = tokio::spawn(rollout.promote_async());
    until("in force", async || world.members[0].live.load().quotas.len() == 60).await;
    task.abort();
    let found = world.found().await.remove(0);
    tokio::time::sleep(std::time::Duration::from_secs(20)).await;
    found.resume_async().await.unwrap();
    until("promoted", async || world.members[1].live.load().quotas.len() == 60).await;
    assert_eq!(world.keys().await.len(), 61);
}

/// Instances `web-1` to `web-31`, all but the first of which are entries of the fleet and no more.
async fn thirty_one() -> World {
    let world = World::new(&["web-1"]).await;
    let entry = world.store.get("/app.fleet/web-1").unwrap();
    let entry = String::from_utf8(entry.to_vec()).unwrap();
    for number in 2..=31 {
        world
            .store
            .put(format!("/app.fleet/web-{number}"), entry.replace("@web-1", &format!("@web-{number}")));
    }
    world
}

/// The table of `docs::rollouts`, and the sentence above it.
#[tokio::test(start_paused = true)]
async fn as_much_fits_in_one_rollout_as_the_page_says() {
    const PAGE: &str = include_str!("../../src/docs/rollouts.md");
    let row = |title: &str| {
        let line = PAGE.lines().find_map(|line| line.strip_prefix(title)).expect(title);
        line.split('|').filter_map(|cell| cell.trim().parse().ok()).collect::<Vec<usize>>()
    };
    let instances = row("| first instances, each through its own layer |");
    let keys = row("| keys at most |");
    assert_eq!((instances.len(), keys.len()), (8, 8));
    assert!(PAGE.contains("**(keys + 1) × (first instances + 1) is at most 122, and there are at most 30"));

    let world = thirty_one().await;
    for (instances, keys) in instances.into_iter().zip(keys) {
        assert_eq!(keys, 122 / (instances + 1) - 1);
        let names = || (1..=instances).map(|number| format!("web-{number}"));
        let record = of(plan_of(&world, keys).await).to(names()).preview_async().await.unwrap();
        assert_eq!(record.layers.len(), instances);
        let error = of(plan_of(&world, keys + 1).await).to(names()).preview_async().await.unwrap_err();
        assert!(error.is_invalid_option(), "{keys} + 1 keys, {instances} instances: {error}");
    }
}

#[tokio::test(start_paused = true)]
async fn thirty_instances_have_it_first_and_no_more() {
    let world = thirty_one().await;
    let names = |count: usize| (1..=count).map(|number| format!("web-{number}"));
    let before = world.store.revision();
    let record = world.rollout().await.to(names(30)).preview_async().await.unwrap();
    assert_eq!(record.layers.len(), 30);
    let error = world.rollout().await.to(names(31)).promote_async().await.unwrap_err();
    assert!(error.is_invalid_option(), "{error}");
    assert!(error.to_string().contains("cannot be staged in its layers"), "{error}");
    assert_eq!(world.store.revision(), before);
}
