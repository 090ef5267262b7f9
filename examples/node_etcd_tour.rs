//! Everything that node-etcd can do, row by row of its table, on a real server with the v2 API:
//! `cargo run --example node_etcd_tour -- --endpoints http://127.0.0.1:2379`. Only keys below
//! `/tour` are touched.

use std::{error::Error, time::Duration};

use etcd_client_core::Proxy;
use etcd_client_core::v2::{Client, Event, Refusal};

type Outcome = Result<(), Box<dyn Error>>;

#[tokio::main]
async fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [flag, endpoints] = &arguments[..] else { return Err("usage: --endpoints URL[,URL...]".into()) };
    assert_eq!(flag, "--endpoints");
    let client = Client::builder().endpoints(endpoints.split(',')).max_retries(1);
    let client = client.proxy(Proxy::from_env()?).build()?;
    println!("version       {:?}", client.version().await?.body());
    let _ = client.delete("tour").recursive(true).await;
    keys(&client).await?;
    directories(&client).await?;
    watches(&client).await?;
    servers(&client).await?;
    failures(&client).await?;
    let inside_the_runtime = client.blocking().get("tour/key").send()?;
    println!(
        "getSync       {:?} {:?}",
        inside_the_runtime.value(),
        inside_the_runtime.headers().etcd_index()
    );
    client.delete("tour").recursive(true).await?;
    Ok(())
}

async fn keys(client: &Client) -> Outcome {
    let set = client.set("tour/key", "1").ttl(Duration::from_secs(60)).await?;
    println!("set           {:?} {:?}", set.action(), set.node());
    println!("get           {:?}", client.get("tour/key").quorum(true).await?.value());
    println!("refresh       {:?}", client.refresh("tour/key", Duration::from_secs(600)).await?.action());
    let swapped = client.compare_and_swap("tour/key", "2", "1").await?;
    println!("testAndSet    {:?} was {:?}", swapped.action(), swapped.body().prev_node);
    let index = swapped.body().index().ok_or("a write without an index")?;
    println!("by index      {:?}", client.compare_index_and_swap("tour/key", "3", index).await?.value());
    println!("create        {:?}", client.set("tour/new", "x").prev_exist(false).await?.action());
    println!("update        {:?}", client.set("tour/new", "y").prev_exist(true).await?.action());
    println!("testAndDelete {:?}", client.compare_and_delete("tour/new", "y").await?.action());
    Ok(())
}

async fn directories(client: &Client) -> Outcome {
    println!("mkdir         {:?}", client.mkdir("tour/dir").await?.action());
    for job in ["first", "second"] {
        println!("post          {:?}", client.create_in_order("tour/dir/queue", job).await?.node());
    }
    let listed = client.get("tour/dir").recursive(true).sorted(true).await?;
    let tree = listed.node().ok_or("a listing without a node")?;
    println!("in order      {:?}", tree.walk().filter_map(|node| node.value.as_deref()).collect::<Vec<_>>());
    println!("rmdir         {:?}", client.rmdir("tour/dir").recursive(true).await?.action());
    Ok(())
}

async fn watches(client: &Client) -> Outcome {
    let watch = client.watch("tour/watched").open().await?;
    let start = client.set("tour/watched", "a").await?.body().index().ok_or("no index")?;
    println!("watch         {:?}", watch.await?.value());
    println!("watchIndex    {:?}", client.watch_index("tour/watched", start).await?.value());
    let mut events = client.watcher("tour/watched").index(start + 1).start();
    client.delete("tour/watched").await?;
    while let Some(event) = events.next().await {
        println!("watcher       {:?} {:?}", event.action(), event.change());
        if matches!(event, Event::Change(_)) {
            events.stop();
        }
    }
    let waiting = client.watch("tour/watched");
    let handle = waiting.abort_handle();
    handle.abort();
    println!("abort         {} {}", handle.is_aborted(), waiting.await.unwrap_err());
    Ok(())
}

async fn servers(client: &Client) -> Outcome {
    println!("machines      {:?}", client.machines().await?.body());
    println!("members       {:?}", client.members().await?.body());
    println!("leader        {:?}", client.leader().await?.body().name);
    println!("leaderStats   {:?}", client.leader_stats().await?.body());
    println!("selfStats     {:?}", client.self_stats().await?.body().state);
    println!("storeStats    {:?}", client.store_stats().await?.body());
    println!("health        {:?}", client.health().await?.body());
    println!("raw           {:?}", client.raw("GET", "/v2/keys/tour/key").await?.body());
    Ok(())
}

async fn failures(client: &Client) -> Outcome {
    let missing = client.get("tour/missing").await.unwrap_err();
    let refusal = Refusal::of(&missing).ok_or("no refusal")?;
    println!("errors        {:?} {} {:?}", refusal.code(), refusal.cause(), refusal.index());
    println!("refused       {}", client.set("tour/key", "x").prev_index(0).await.unwrap_err());
    let dead = Client::new(["127.0.0.1:1", "[::1]:1"])?;
    println!("all down      {}", dead.get("x").max_retries(1).await.unwrap_err());
    Ok(())
}
