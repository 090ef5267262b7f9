//! etcd-client by hand: list, watch from the next revision, and an `ArcSwap` that readers load.
//!
//! It runs on one background thread with a current-thread runtime, as etcd-config does: so the comparison is not one
//! of runtimes.

mod burst;
mod follow;
mod load;
mod open;
mod visible;

use std::fmt::Display;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

use etcd_client::Client;
use subject::Scene;
use tokio::runtime::{Builder, Handle};

pub fn run() {
    let scene = Scene::from_arguments();
    match scene.name.as_str() {
        "open" => open::run(&scene),
        "load" => load::run(&scene),
        "visible" => visible::run(&scene),
        "burst" => burst::run(&scene),
        _ => scene.unsupported(),
    }
}

/// A runtime on a thread of its own.
fn background() -> Handle {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap_or_else(|error| failed(&error));
    let handle = runtime.handle().clone();
    thread::spawn(move || runtime.block_on(std::future::pending::<()>()));
    handle
}

async fn connect(endpoint: &str) -> Client {
    Client::connect([endpoint], None).await.unwrap_or_else(|error| failed(&error))
}

/// Runs a call on the background thread, and waits for it.
fn wait_for<T: Send + 'static>(background: &Handle, call: impl Future<Output = T> + Send + 'static) -> T {
    let (sender, receiver) = std::sync::mpsc::channel();
    background.spawn(async move {
        let _ = sender.send(call.await);
    });
    receiver.recv().unwrap_or_else(|error| failed(&error))
}

fn failed(error: &dyn Display) -> ! {
    subject::fail(&error.to_string())
}

/// Wakes whoever waits for an update.
#[derive(Clone, Default)]
struct Bell(Arc<(Mutex<()>, Condvar)>);

impl Bell {
    fn ring(&self) {
        drop(self.0.0.lock());
        self.0.1.notify_all();
    }

    fn wait_until(&self, there: impl Fn() -> bool) {
        let mut guard = self.0.0.lock().unwrap_or_else(|error| failed(&error));
        while !there() {
            guard = self.0.1.wait(guard).unwrap_or_else(|error| failed(&error));
        }
    }
}
