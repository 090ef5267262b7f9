//! The v2 client beside a bare keep-alive reqwest loop, on one real etcd, in one run: how soon a
//! watcher has the event of a set, and how long 1,000 concurrent sets take. Rounds of both kinds
//! take turns, so that whatever else the machine does falls on both alike.
//!
//! `cargo bench -p etcd-client-core`

use std::time::{Duration, Instant};

use etcd_client_core::v2::Client;
use etcd_config_tests::{Server, servers};
use tokio::task::JoinSet;

const EVENTS: usize = 300;
const ROUNDS: usize = 15;
const SETS: usize = 1_000;

fn main() {
    // `cargo test --benches` only wants to see that it works.
    let measured = std::env::args().any(|argument| argument == "--bench");
    let (events, rounds, sets) = if measured { (EVENTS, ROUNDS, SETS) } else { (3, 1, 10) };
    let etcd = *servers::with_v2().last().expect("with_v2() fails where there is none");
    let server = Server::builder().etcd(etcd).v2().start();
    println!("{etcd}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = Client::new([server.endpoint()]).expect("a client");
        // reqwest wants to know who would do TLS, also where there is none.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bare = Bare { client: reqwest::Client::new(), keys: format!("{}/v2/keys", server.endpoint()) };
        compare("set -> event", events, async || event(&client).await, async || bare.event().await).await;
        let name = format!("{sets} concurrent sets");
        compare(&name, rounds, async || many(&client, sets).await, async || bare.many(sets).await).await;
    });
}

async fn compare(
    name: &str,
    rounds: usize,
    ours: impl AsyncFn() -> Duration,
    bare: impl AsyncFn() -> Duration,
) {
    let (mut of_ours, mut of_bare) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let pair = if round % 2 == 0 {
            let ours = ours().await;
            (ours, bare().await)
        } else {
            let bare = bare().await;
            (ours().await, bare)
        };
        // The first round opens connections.
        if round > 0 {
            of_ours.push(pair.0);
            of_bare.push(pair.1);
        }
    }
    let (ours, bare) = (median(&mut of_ours), median(&mut of_bare));
    let percent = (ours.as_secs_f64() / bare.as_secs_f64() - 1.0) * 100.0;
    println!("{name:22} etcd-client-core {ours:>10.3?}   bare reqwest {bare:>10.3?}   {percent:+.1} %");
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

async fn event(client: &Client) -> Duration {
    let watch = client.watch("bench/event").open().await.expect("a watch");
    let started = Instant::now();
    let (change, set) = tokio::join!(watch.into_future(), client.set("bench/event", "value").into_future());
    let took = started.elapsed();
    assert_eq!(change.expect("a change").body(), set.expect("written").body());
    took
}

async fn many(client: &Client, sets: usize) -> Duration {
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for i in 0..sets {
        let set = client.set(format!("bench/{i}"), "value").into_future();
        tasks.spawn(async move { set.await.expect("written").headers().status() });
    }
    while let Some(status) = tasks.join_next().await {
        assert!(matches!(status.expect("no panic"), 200 | 201));
    }
    started.elapsed()
}

/// What one would write without a client: no failover, no encoding, no errors but a panic.
struct Bare {
    client: reqwest::Client,
    keys: String,
}

impl Bare {
    fn put(&self, key: &str) -> reqwest::RequestBuilder {
        let (name, form) = ("content-type", "application/x-www-form-urlencoded");
        self.client.put(format!("{}/{key}", self.keys)).header(name, form).body("value=value")
    }

    async fn event(&self) -> Duration {
        let watch = self.client.get(format!("{}/bench/event?wait=true", self.keys));
        let watch = watch.send().await.expect("a watch");
        let started = Instant::now();
        let set = async { self.put("bench/event").send().await.expect("sent").bytes().await };
        let (change, set) = tokio::join!(watch.bytes(), set);
        let took = started.elapsed();
        let read = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).expect("JSON");
        assert_eq!(read(&change.expect("a change")), read(&set.expect("written")));
        took
    }

    async fn many(&self, sets: usize) -> Duration {
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for i in 0..sets {
            let set = self.put(&format!("bench/{i}")).send();
            tasks.spawn(async move {
                let answer = set.await.expect("sent");
                let status = answer.status().as_u16();
                let body = answer.bytes().await.expect("a body");
                let _: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
                status
            });
        }
        while let Some(status) = tasks.join_next().await {
            assert!(matches!(status.expect("no panic"), 200 | 201));
        }
        started.elapsed()
    }
}
