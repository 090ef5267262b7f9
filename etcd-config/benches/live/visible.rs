//! A key is put: from the call to the typed snapshot, beside a bare watch with the same client.
//!
//! Both sides have a thread and a connection of their own, and wake the same waiting thread.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use etcd_client_core::v3::Client;
use etcd_config::{EtcdConfig, Live};
use etcd_config_tests::Server;
use tokio::runtime::{Builder, Runtime};

use crate::samples::{Samples, verdict};

#[derive(EtcdConfig)]
#[etcd(prefix = "/visible/typed")]
struct Typed {
    #[etcd(default = 0)]
    number: u64,
}

/// The newest number that the bare watch has seen.
#[derive(Default)]
struct Seen {
    number: Mutex<u64>,
    moved: Condvar,
}

const LIMIT: Duration = Duration::from_secs(10);

pub(crate) fn run(server: &Server, quick: bool) {
    let rounds = if quick { 5 } else { 3_000 };
    let client = Client::new([server.endpoint()]).expect("the endpoint of a server");
    let live = Typed::watch(&client).expect("everything has a default");
    let seen = watch_bare(&client);
    let writer = writer(&client);

    let (mut bare, mut typed) = (Samples::default(), Samples::default());
    for number in 1..=rounds {
        // Whoever is first finds the machine as the other has left it, so they take turns.
        if number % 2 == 0 {
            bare.push(through_bare(&writer, &seen, number));
            typed.push(through_typed(&writer, &live, number));
        } else {
            typed.push(through_typed(&writer, &live, number));
            bare.push(through_bare(&writer, &seen, number));
        }
    }
    println!("\nput until visible, {rounds} puts each");
    println!("  a bare watch        {bare}");
    println!("  the typed snapshot  {typed}");
    verdict("typed to bare, medians", typed.median() / bare.median(), 1.05);
}

fn through_bare(writer: &Sender<(String, u64)>, seen: &Seen, number: u64) -> Duration {
    let begin = Instant::now();
    let _ = writer.send(("/visible/bare/number".to_owned(), number));
    let mut newest = seen.number.lock().expect("no panic elsewhere");
    while *newest != number {
        newest = seen.moved.wait(newest).expect("no panic elsewhere");
    }
    begin.elapsed()
}

fn through_typed(writer: &Sender<(String, u64)>, live: &Live<Typed>, number: u64) -> Duration {
    let begin = Instant::now();
    let _ = writer.send(("/visible/typed/number".to_owned(), number));
    live.wait_until(|typed| typed.number == number, LIMIT).expect("what was put");
    begin.elapsed()
}

/// A thread that puts what it is sent.
fn writer(client: &Client) -> Sender<(String, u64)> {
    let client = client.with_own_connections();
    let (sender, receiver) = mpsc::channel::<(String, u64)>();
    thread::spawn(move || {
        let runtime = runtime();
        for (key, number) in receiver {
            runtime.block_on(async { client.put(key, number.to_string()).await }).expect("a put");
        }
    });
    sender
}

fn watch_bare(client: &Client) -> Arc<Seen> {
    let client = client.with_own_connections();
    let seen = Arc::new(Seen::default());
    let (ready, is_ready) = mpsc::channel();
    let writes = Arc::clone(&seen);
    thread::spawn(move || {
        runtime().block_on(async {
            let mut changes = client.watch("/visible/bare/").prefix().await.expect("a watch");
            let _ = ready.send(());
            while let Some(Ok(change)) = changes.next().await {
                for event in change.events {
                    let text = String::from_utf8_lossy(&event.kv.value).into_owned();
                    *writes.number.lock().expect("no panic elsewhere") = text.parse().expect("a number");
                }
                writes.moved.notify_all();
            }
        });
    });
    is_ready.recv().expect("a watch");
    seen
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
