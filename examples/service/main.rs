//! A whole service, to be copied from: what it is set to lives in etcd, and a change takes effect without a restart.
//! `settings.rs` is what there is to set, `pool.rs` is made of it, `limiter.rs` goes by it, `api.rs` answers requests.
//!
//! Without an etcd the settings are in memory, and what is typed is written to them as `etcdctl put` would do it:
//! ```text
//! cargo run -p etcd-config-examples --example service
//! curl -d 250 http://127.0.0.1:8080/tenants/acme/payments
//! log/level debug                          typed: from now on each payment is logged
//! database/pool_size 0                     typed: refused; look at http://127.0.0.1:8080/internal/config
//! ```
//!
//! With one, where `service` is `cargo run -p etcd-config-examples --example service --`:
//! ```text
//! export ETCDCTL_ENDPOINTS=127.0.0.1:2379  or --endpoints; etcdctl's other variables have user and certificates
//! service config seed examples/service/seed.yaml
//! service config check                     the gate before a rollout: does what is stored fit this program?
//! service --instance web-1                 serves, until Ctrl-C or SIGTERM
//! service config set database.pool_size=20
//! etcdctl put /payments/log/level debug
//! ```

mod api;
mod limiter;
mod pool;
mod settings;

use std::{env, error::Error, future::IntoFuture as _, io, thread};
use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser as _;
use etcd_config::client::{Store, v3::Client};
use etcd_config::{Document, EtcdConfig as _, MemoryStore, cli};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{filter::LevelFilter, fmt, prelude::*, reload};

use self::settings::Settings;

/// The payment service
#[derive(clap::Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Program {
    /// The servers of etcd, with commas between [those of etcdctl's variables; else the settings are in memory]
    #[arg(long, value_name = "ADDRESSES")]
    endpoints: Option<String>,
    /// What this process is called in the fleet: the name of its host or pod
    #[arg(long, default_value = "web-1")]
    instance: String,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Check the settings, look at them, seed and change them
    Config(cli::Args),
}

type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<ExitCode> {
    let Program { endpoints, instance, command } = Program::parse();
    if let Some(Command::Config(args)) = command {
        return Ok(args.run_over::<Settings>(in_memory()?));
    }
    serve(store(endpoints)?, instance)?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve(store: Arc<dyn Store>, instance: String) -> Outcome {
    // First of all, so that what is said about the settings is logged; the level of the settings comes with them.
    let (level, reload) = reload::Layer::new(LevelFilter::INFO);
    tracing_subscriber::registry().with(level).with(fmt::layer().with_writer(io::stderr)).init();

    // While a mistake of somebody's is refused by all, a new process comes up with what the others have.
    let options = Settings::options().instance(instance).start_from_last_good(true);
    let settings = options.watch_async(store).await?;
    // What cannot fail is applied once it is in force.
    settings.follow(|s| &s.log_level, move |level| drop(reload.reload(*level)));
    // What can fail is made before: if it does, the new settings are refused, and the pool of the last good ones stays.
    let pool = settings.resource_async(|s| &s.database, pool::Pool::connect).await?;

    let listener = tokio::net::TcpListener::bind(settings.load().listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, api::router(&settings, pool));
    let server = server.with_graceful_shutdown(async { drop(stopped.await) });
    let server = tokio::spawn(server.into_future());

    asked_to_end().await?;
    // From here on `readyz` fails, so that no more requests are sent here; the event streams of the page end, and the
    // fleet does not have this instance any more. Requests that are under way go on with what is in force.
    if let Err(error) = settings.close_async(Duration::from_secs(5)).await {
        tracing::warn!("{error}");
    }
    drop(stop);
    if let Ok(ended) = tokio::time::timeout(Duration::from_secs(10), server).await {
        ended??;
    } else {
        tracing::warn!("requests that have not ended within 10 s are given up");
    }
    Ok(())
}

/// SIGTERM, as Kubernetes and systemd send it, or Ctrl-C.
async fn asked_to_end() -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        ended = tokio::signal::ctrl_c() => ended,
        _ = terminate.recv() => Ok(()),
    }
}

/// Where the settings are.
fn store(endpoints: Option<String>) -> Outcome<Arc<dyn Store>> {
    if let Some(endpoints) = endpoints {
        return Ok(Arc::new(Client::new(endpoints.split(','))?));
    }
    if env::var_os("ETCDCTL_ENDPOINTS").is_some() {
        return Ok(Arc::new(Client::from_env()?));
    }
    let store = in_memory()?;
    write_what_is_typed(store.clone());
    Ok(Arc::new(store))
}

/// In the place of an etcd, with the values for a first start.
fn in_memory() -> Outcome<MemoryStore> {
    let (store, seed) = (MemoryStore::new(), Document::from_yaml(include_str!("seed.yaml"))?);
    Settings::edit(&store)?.fill(&seed)?.plan()?.commit()?;
    Ok(store)
}

fn write_what_is_typed(store: MemoryStore) {
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            line.split_once(' ').map(|(key, value)| store.put(format!("/payments/{key}"), value));
        }
    });
}
