//! The command line over the settings of a payment service, as its operators have it.
//!
//! Where neither `--endpoints` nor `ETCDCTL_ENDPOINTS` names servers it works on a store in memory, which begins anew each
//! time: what `set` writes is gone when the program ends. No instance is there, so `fleet` and `rollout` have nothing to show.
//!
//! ```text
//! cargo run -p etcd-config-examples --example settings -- check
//! cargo run -p etcd-config-examples --example settings -- show
//! cargo run -p etcd-config-examples --example settings -- set database.pool_size=20 features.dark=true
//! cargo run -p etcd-config-examples --example settings -- watch
//! cargo run -p etcd-config-examples --example settings -- --endpoints 127.0.0.1:2379 check
//! ```
//!
//! In a program of your own it is `cli::main::<Settings>()`, without a store: see `docs::command_line`.

use std::process::ExitCode;

use etcd_config::{MemoryStore, cli};
use etcd_config_examples::Settings;

fn main() -> ExitCode {
    let store = MemoryStore::from([
        ("/payments/api_token", "a-secret"),
        ("/payments/database/url", "postgres://db/payments"),
        ("/payments/log/level", "debug"),
        ("/payments/features/refunds", "true"),
        ("/payments/upstreams/visa/addr", "10.0.0.7:443"),
        ("/payments/upstreams/visa/weight", "3"),
    ]);
    store.put("/payments/limits", r#"{"per_second": 100, "burst": 20}"#);
    store.put("/payments/log/level", "info");
    cli::main_over::<Settings>(&store)
}
