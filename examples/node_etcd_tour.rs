//! Everything that node-etcd can do, row by row of its table, on a real server with the v2 API:
//! `cargo run --example node_etcd_tour -- --endpoints http://127.0.0.1:2379`. Only keys below
//! `/tour` are touched.

use std::{error::Error, fmt::Debug, time::Duration};

use etcd_config::client::Proxy;
use etcd_config::client::v2::{Client, Event, Refusal};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let ["--endpoints", endpoints] = arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] else {
        return Err("usage: node_etcd_tour --endpoints http://127.0.0.1:2379,...".into());
    };
    let client = Client::builder().endpoints(endpoints.split(',')).proxy(Proxy::from_env()?).build()?;
    let _ = client.delete("tour").recursive(true).await;
    keys(&client).await?;
    watches(&client).await?;
    servers(&client).await?;
    row("getSync", client.blocking().get("tour/key").send()?); // legal in the runtime as well
    row("del", client.delete("tour").recursive(true).await?.action());
    Ok(())
}

async fn keys(client: &Client) -> Result<(), Box<dyn Error>> {
    row("set", client.set("tour/key", "1").ttl(Duration::from_secs(60)).await?.node());
    row("get", client.get("tour/key").quorum(true).await?.value());
    row("refresh", client.refresh("tour/key", Duration::from_secs(600)).await?.action());
    let swapped = client.compare_and_swap("tour/key", "2", "1").await?.into_body();
    let index = swapped.index().ok_or("a write without an index")?;
    row("testAndSet", swapped);
    row("by index", client.compare_index_and_swap("tour/key", "3", index).await?.value());
    row("create", client.set("tour/new", "x").prev_exist(false).await?.action());
    row("update", client.set("tour/new", "y").prev_exist(true).await?.action());
    row("no value", client.set("tour/new", "y").no_value_on_success().await?.body());
    row("testAndDelete", client.compare_and_delete("tour/new", "y").await?.action());
    row("mkdir", client.mkdir("tour/dir").await?.action());
    row("post", client.create_in_order("tour/dir/queue", "first").await?.node());
    row("post", client.create_in_order("tour/dir/queue", "second").await?.node());
    row("in order", client.get("tour/dir").recursive(true).sorted(true).await?.node());
    row("rmdir", client.rmdir("tour/dir").recursive(true).await?.action());
    row("raw", client.raw("GET", "/v2/keys/tour/key").await?.body());
    Ok(())
}

async fn watches(client: &Client) -> Result<(), Box<dyn Error>> {
    let watch = client.watch("tour/watched").open().await?;
    let start = client.set("tour/watched", "a").await?.body().index().ok_or("no index")?;
    row("watch", watch.await?.value());
    row("watchIndex", client.watch_index("tour/watched", start).await?.value());
    let mut events = client.watcher("tour/watched").index(start + 1).start();
    client.delete("tour/watched").await?;
    while let Some(event) = events.next().await {
        row("watcher", &event);
        if matches!(event, Event::Change(_)) {
            events.stop();
        }
    }
    let waiting = client.watch("tour/watched");
    waiting.abort_handle().abort();
    row("abort", waiting.await);
    Ok(())
}

async fn servers(client: &Client) -> Result<(), Box<dyn Error>> {
    row("getHosts", (client.endpoints(), Client::default().endpoints()));
    row("machines", client.machines().await?.body());
    row("leader", (client.leader().await?.body(), client.members().await?.body()));
    row("stats", (client.leader_stats().await?.body(), client.self_stats().await?.body()));
    row("version", (client.version().await?.body(), client.health().await?.body()));
    row("errors", client.get("tour/missing").await.err().as_ref().and_then(Refusal::of));
    row("refused", client.set("tour/key", "x").prev_index(0).await);
    row("all down", Client::new(["127.0.0.1:1", "[::1]:1"])?.get("x").max_retries(1).await);
    Ok(())
}

fn row(name: &str, value: impl Debug) {
    println!("{name:14}{value:?}");
}
