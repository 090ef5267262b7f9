//! A key of etcd's v2 API, set and seen by a watcher of the same client, as node-etcd's users do.

use std::time::{Duration, Instant};

use etcd_config::client::v2::{Client, Event};
use subject::{Scene, json, micros};
use tokio::runtime::Builder;

use crate::failed;

/// Sets a key `rounds` times, and waits each time until the watcher has it.
pub(crate) fn run(scene: &Scene) {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| failed(&error));
    let walls = runtime.block_on(rounds(scene)).unwrap_or_else(|error| failed(&error));
    let mut micros: Vec<f64> = walls.into_iter().map(micros).collect();
    micros.sort_unstable_by(f64::total_cmp);
    subject::serve(json!({ "p50_us": micros.get(micros.len() / 2) }), |_, _| json!({}));
}

async fn rounds(scene: &Scene) -> Result<Vec<Duration>, etcd_config::client::Error> {
    let client = Client::new([scene.endpoint.as_str()])?;
    let first = client.set("peers/ours", "0").await?;
    // A watcher asks for nothing before its first `next`, so it is said from where it watches.
    let mut watcher =
        client.watcher("peers/ours").index(first.node().map_or(0, |node| node.modified_index) + 1).start();
    let mut walls = Vec::new();
    for round in 1..=scene.number("rounds") {
        let begin = Instant::now();
        client.set("peers/ours", round.to_string()).await?;
        while !matches!(watcher.next().await, Some(Event::Change(_)) | None) {}
        walls.push(begin.elapsed());
    }
    Ok(walls)
}
