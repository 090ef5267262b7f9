//! A service with a page, on a port of its own.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use etcd_config::http::Page;
use etcd_config::{EtcdConfig, Live, MemoryStore, Resource, Secret};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

/// Settings of a payment service.
#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments")]
pub(crate) struct Settings {
    /// Address to listen on.
    #[etcd(default = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Lowest level that is logged: one of `error`, `warn`, `info`, `debug`, `trace`.
    #[etcd(key = "log/level", default = "info")]
    pub log_level: String,
    /// Per-request budget, such as `1500ms`.
    #[etcd(with = humantime_serde, default = "2s")]
    pub timeout: Duration,
    /// Absent means unlimited.
    pub max_connections: Option<u32>,
    #[etcd(nested)]
    pub database: Database,
    /// Switches of <b>single</b> features.
    #[etcd(map)]
    pub features: BTreeMap<String, bool>,
    /// Where it runs.
    #[etcd(default = "eu-1", restart)]
    pub zone: String,
    /// Token of the bank.
    pub api_token: Secret<String>,
}

#[derive(EtcdConfig, Debug)]
pub(crate) struct Database {
    /// Where the database is.
    pub url: String,
    /// Connections that are kept open.
    #[etcd(default = 10, validate = at_least_one)]
    pub pool_size: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // What a check is called with.
fn at_least_one(value: &u32) -> Result<(), String> {
    if *value >= 1 { Ok(()) } else { Err("must be at least 1".to_owned()) }
}

/// The service below a path of its own; it ends with this.
pub(crate) struct Served {
    pub(crate) store: MemoryStore,
    pub(crate) settings: Live<Settings>,
    pub(crate) page: Page,
    pub(crate) port: u16,
    runtime: Option<Runtime>,
    _pool: Resource<u32>,
}

/// What is planted as the secret.
pub(crate) const PLANTED: &str = "hunter2";

impl Served {
    pub(crate) fn start() -> Self {
        let store = MemoryStore::from([
            ("/payments/api_token", PLANTED),
            ("/payments/database/url", "postgres://db/payments"),
            ("/payments/features/refunds", "true"),
        ]);
        let settings = Settings::watch(&store).expect("the store holds what it needs");
        let page = etcd_config::http::service(&settings);
        let build = |size: &u32| if *size == 13 { Err("13 connections: one too many") } else { Ok(*size) };
        let pool = settings.building().name("pool").resource(|s| &s.database.pool_size, build);
        let pool = pool.expect("it is built");
        let mut served = Self { store, settings, page, port: 0, runtime: None, _pool: pool };
        served.serve();
        served
    }

    /// Serves the page, on the same port as before if there was one.
    pub(crate) fn serve(&mut self) {
        let runtime = Runtime::new().expect("a runtime");
        let app = Router::new().nest_service("/internal/config", self.page.clone());
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", self.port))).expect("a port");
        self.port = listener.local_addr().expect("it has an address").port();
        runtime.spawn(async { axum::serve(listener, app).await });
        self.runtime = Some(runtime);
    }

    /// Serves nothing any more; connections end.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
    }

    /// Without a slash at its end, unless it is in `rest`.
    pub(crate) fn address(&self, rest: &str) -> String {
        format!("http://127.0.0.1:{}/internal/config{rest}", self.port)
    }
}
