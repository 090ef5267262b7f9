//! The page for the people who run a service, with probes and metrics, over a store in memory in which something changes
//! every few seconds: sometimes to what it should not be.
//!
//! ```text
//! cargo run -p etcd-config-examples --example page          # then look at http://127.0.0.1:8080/config
//! cargo run -p etcd-config-examples --example page -- 127.0.0.1:9000
//! curl -s http://127.0.0.1:8080/config/status.json
//! curl -si http://127.0.0.1:8080/config/readyz
//! curl -s http://127.0.0.1:8080/config/metrics
//! ```

use std::{error::Error, thread, time::Duration};

use axum::Router;
use etcd_config::{EtcdConfig, MemoryStore};
use etcd_config_examples::Settings;
use tokio::signal::unix::{SignalKind, signal};

/// What is written, one after the other: a key, its value, and how long until the next.
const CHANGES: [(&str, &str, u64); 7] = [
    ("/payments/log/level", "debug", 5),
    ("/payments/features/refunds", "true", 3),
    ("/payments/database/pool_size", "0", 20), // refused: a check wants at least one
    ("/payments/database/pool_size", "20", 5),
    ("/payments/featurs/refunds", "false", 5), // misspelt: a warning
    ("/payments/upstreams/visa/weight", "5", 3),
    ("/payments/log/level", "info", 5),
];

fn main() -> Result<(), Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let store = MemoryStore::from([
        ("/payments/api_token", "a-secret"),
        ("/payments/database/url", "postgres://db/payments"),
        ("/payments/upstreams/visa/addr", "10.0.0.7:443"),
    ]);
    let settings = Settings::watch(&store)?;

    // `readyz` asks for no word of etcd (`Probe::fresh_within`): an outage of it would take out all instances at once.
    let app = Router::new().nest_service("/config", etcd_config::http::service(&settings));

    thread::spawn(move || {
        for (key, value, pause) in CHANGES.into_iter().cycle() {
            thread::sleep(Duration::from_secs(pause));
            store.put(key, value);
        }
    });
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = tokio::net::TcpListener::bind(&address).await?;
        println!("look at http://{}/config", listener.local_addr()?);
        // With the configuration the streams of open pages end, for which the server would wait.
        let mut terminate = signal(SignalKind::terminate())?;
        let ended = async move {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {} // as Kubernetes and systemd send it
            }
            let _ = settings.close_async(Duration::from_secs(5)).await;
        };
        axum::serve(listener, app).with_graceful_shutdown(ended).await?;
        Ok(())
    })
}
