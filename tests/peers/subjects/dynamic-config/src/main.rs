//! dynamic-config with etcd as its remote store, as its example `etcd_watching` shows it.
//!
//! A typed configuration is one for each type and process there, so what is opened by the dozen is the source below it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dynamic_config::{AsyncRemoteSource, Error, Format, dynamic_config};
use dynamic_config_etcd::{Etcd, Keys};
use serde::Deserialize;
use subject::{Latencies, Scene, json};
use tokio::runtime::{Builder, Handle};

#[dynamic_config]
#[derive(Debug, Deserialize)]
struct Typed {
    written: u64,
}

static SEEN: Latencies = Latencies::new();

fn main() {
    let scene = Scene::from_arguments();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| failed(&error));
    let background = runtime.handle().clone();
    std::thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    match scene.name.as_str() {
        "open" => open(&scene, &background),
        "visible" => visible(&scene, &background),
        _ => scene.unsupported(),
    }
}

/// A connection for each source: a typed configuration has its own, too.
fn open(scene: &Scene, background: &Handle) {
    let mut opened = 0;
    subject::serve(json!({}), |command, words| {
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
        let prefixes: Vec<usize> = match command {
            "open" => (opened..opened + number(0)).collect(),
            "fleet" => (0..number(0)).flat_map(|_| 0..number(1)).collect(),
            _ => Vec::new(),
        };
        opened += prefixes.len();
        for prefix in prefixes {
            let (endpoint, (there, is_there)) = (scene.endpoint.clone(), std::sync::mpsc::channel());
            background.spawn(async move {
                let keys = Keys::prefix(format!("/open/{prefix}/values/"));
                let source = Etcd::new([endpoint], keys).await.unwrap_or_else(|error| failed(&error));
                let source = source.with_format(Format::Json);
                let document = Mutex::new(source.fetch().await.unwrap_or_else(|error| failed(&error)));
                let _ = there.send(());
                let watch = source.watch(|next| {
                    *document.lock().unwrap_or_else(PoisonError::into_inner) = next;
                    Ok(())
                });
                let Err(error) = watch.await else { return };
                failed(&error)
            });
            let _ = is_there.recv();
        }
        json!({})
    });
}

fn visible(scene: &Scene, background: &Handle) {
    let (endpoint, (there, is_there)) = (scene.endpoint.clone(), std::sync::mpsc::channel());
    background.spawn(async move {
        let error = match follow(&endpoint, there).await {
            Ok(()) => return,
            Err(error) => error,
        };
        failed(&error)
    });
    let _ = is_there.recv();
    subject::serve(json!({}), |_, words| SEEN.answer(words));
}

async fn follow(endpoint: &str, there: std::sync::mpsc::Sender<()>) -> Result<(), Error> {
    let key = "/visible/dynamic/typed.json";
    Typed::set_remote_async(Etcd::new([endpoint], key).await?);
    Typed::refresh_remote_async().await?;
    Typed::builder("typed").init_async().await?;
    let sink = Typed::remote_sink();
    let watcher = Arc::new(Etcd::new([endpoint], key).await?);
    let watching = Arc::clone(&watcher);
    tokio::spawn(async move { watching.watch(move |document| sink.apply(document)).await });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _ = there.send(());
    let mut changes = Typed::changes();
    loop {
        SEEN.saw(changes.changed().await.written);
    }
}

fn failed(error: &dyn std::fmt::Display) -> ! {
    subject::fail(&error.to_string())
}
