//! A struct whose readers wait for a commit key to be written.

use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Options, Rollout, field};
use tokio::time::sleep;

use crate::world::until;

#[derive(EtcdConfig, Debug, Clone, PartialEq)]
#[etcd(prefix = "/c", layers("/c@{instance}"), commit_key = "version")]
struct Committed {
    #[etcd(default = 1)]
    workers: u32,
    #[etcd(default = 1)]
    limit: u32,
}

fn options(instance: &str) -> Options<Committed> {
    Committed::options().placeholder("instance", instance)
}

async fn member(store: &MemoryStore, name: &str) -> Live<Committed> {
    let live = options(name).instance(name).watch_async(store).await.unwrap();
    until("listed", async || live.status().instance.is_some()).await;
    live
}

#[tokio::test(start_paused = true)]
async fn it_is_written_with_each_step_and_stays_in_the_layer() {
    let store = MemoryStore::from([("/c/workers", "12"), ("/c/limit", "12"), ("/c/version", "a")]);
    let (first, second) = (member(&store, "web-1").await, member(&store, "web-2").await);
    sleep(Duration::from_secs(3)).await;
    let rollout = async || {
        let edit = options("-").edit_async(&store).await.unwrap();
        let edit =
            edit.set(field!(Committed.workers), &20).unwrap().set(field!(Committed.limit), &20).unwrap();
        Rollout::of(edit.plan().unwrap()).to(["web-1"]).within(Duration::from_secs(3_600))
    };
    let get = |key: &str| store.get(key).map(|text| String::from_utf8(text.to_vec()).unwrap());
    let values = |live: &Live<Committed>| (live.load().workers, live.load().limit);

    let (seen, before) = (first.clone(), second.clone());
    let failing = rollout().await.probe(move || {
        assert_eq!((seen.load().workers, before.load().workers), (20, 12));
        Err::<(), _>("bad")
    });
    let error = failing.promote_async().await.unwrap_err();
    assert!(error.to_string().contains("the probe has failed: bad"), "{error}");
    until("it is taken back", async || values(&first) == (12, 12)).await;
    assert_eq!((get("/c@web-1/workers"), get("/c@web-1/limit")), (None, None));
    assert!(get("/c@web-1/version").is_some(), "readers would wait for it for ever");

    rollout().await.promote_async().await.unwrap();
    until("all have it", async || values(&first) == (20, 20) && values(&second) == (20, 20)).await;
    assert_eq!((get("/c/workers"), get("/c@web-1/workers")), (Some("20".into()), None));
    // What is changed afterwards is in force with the key of the prefix.
    let edit = options("-").edit_async(&store).await.unwrap().set(field!(Committed.workers), &30).unwrap();
    edit.plan().unwrap().commit_async().await.unwrap();
    until("all have that", async || values(&first).0 == 30 && values(&second).0 == 30).await;
}
