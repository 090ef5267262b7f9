//! Configurations that are opened, and then idle.

use std::sync::Mutex;
use std::thread;

use etcd_config::client::v3::Client;
use etcd_config::{EtcdConfig, Live};
use subject::{Scene, json};

use crate::{Many, client, failed};

/// As many are opened at a time.
const THREADS: usize = 8;

/// `open <n>` opens n prefixes with one client, `fleet <n> <watches>` n clients that watch the same prefixes.
pub(crate) fn run(scene: &Scene) {
    let shared = client(scene);
    let lives: Mutex<Vec<Live<Many>>> = Mutex::default();
    let open = |store: &Client, number: usize| {
        let live = Many::options().prefix(format!("/open/{number}")).watch(store);
        lives.lock().expect("no panic elsewhere").push(live.unwrap_or_else(|error| failed(&error)));
    };
    subject::serve(json!({}), |command, words| {
        let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or(0);
        match command {
            "open" => {
                let from = lives.lock().expect("no panic elsewhere").len();
                (from..from + number(0)).for_each(|number| open(&shared, number));
            }
            "fleet" => thread::scope(|scope| {
                for thread in 0..THREADS {
                    let open = &open;
                    scope.spawn(move || {
                        for _ in (thread..number(0)).step_by(THREADS) {
                            let own = client(scene);
                            (0..number(1)).for_each(|number| open(&own, number));
                        }
                    });
                }
            }),
            _ => {}
        }
        json!({})
    });
}
