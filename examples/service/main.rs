//! A whole service, to be copied from: what it is set to lives in etcd, and a change takes effect without a restart.
//! `settings.rs` is what there is to set, `pool.rs` is made of it, `limiter.rs` goes by it, `api.rs` answers requests.
//! ```text
//! # In a project of your own; --rev is the commit that every build is to use.
//! cargo add etcd-config --git https://github.com/etcd-config/etcd-config --rev <commit> --features cli,http,yaml
//! cargo add axum tracing tracing-subscriber && cargo add clap --features derive
//! cargo add tokio --features macros,net,rt-multi-thread,signal,sync,time
//! # Without an etcd the settings are in memory, and what is typed is written to them, as `etcdctl put` would do it: type
//! # `log/level debug` (payments are logged), `database/pool_size 0` (refused: http://127.0.0.1:8080/internal/config).
//! cargo run -p etcd-config-examples --example service
//! curl -d 250 http://127.0.0.1:8080/tenants/acme/payments
//! # With one, where `service` is `cargo run -p etcd-config-examples --example service --`:
//! export ETCDCTL_ENDPOINTS=127.0.0.1:2379    # or --endpoints; etcdctl's other variables have user and certificates
//! export INSTANCE=-                          # for `service config`, which is no instance: a name that none has
//! service config seed examples/service/seed.yaml
//! service config check                       # before a deployment: does what is stored fit this program?
//! service --instance web-1                   # serves, until Ctrl-C or SIGTERM
//! service config set database.pool_size=20   # for web-1 alone: --placeholder instance=web-1 --layer /payments@web-1
//! # In Kubernetes each pod has its own name by this in its manifest:
//! # env: [{name: POD_NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]
//! ```

mod api;
mod limiter;
mod pool;
mod settings;

use std::{env, error::Error, future::IntoFuture as _, io, thread};
use std::{process::ExitCode, sync::Arc, time::Duration};

use clap::Parser as _;
use etcd_config::client::{Store, v3::ClientBuilder};
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
    /// What this process is called in the fleet, and no other one [that in `POD_NAME`; else of host and process]
    #[arg(long, value_name = "NAME")]
    instance: Option<String>,
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
    serve(endpoints.as_deref(), instance)?;
    Ok(ExitCode::SUCCESS)
}

#[tokio::main]
async fn serve(endpoints: Option<&str>, instance: Option<String>) -> Outcome {
    // First of all, so that what is said about the settings is logged; the level of the settings comes with them.
    let (level, reload) = reload::Layer::new(LevelFilter::INFO);
    tracing_subscriber::registry().with(level).with(fmt::layer().with_writer(io::stderr)).init();

    // While a mistake of somebody's is refused by all, a new process comes up with what the others have.
    let options = Settings::options().start_from_last_good(true);
    let options = match instance.or_else(|| env::var("POD_NAME").ok()) {
        Some(name) => options.instance(name),
        None => options.instance_of_this_process(),
    };
    let settings = options.watch_async(store(endpoints)?).await?;
    // What cannot fail is applied once it is in force.
    settings.follow(|s| &s.log_level, move |level| drop(reload.reload(*level)));
    // What can fail is made before: if it does, the new settings are refused, and the pool of the last good ones stays.
    let pool = settings.resource_async(|s| &s.database, pool::Pool::connect).await?;

    let listener = tokio::net::TcpListener::bind(settings.load().listen).await?;
    tracing::info!("listening on http://{}", listener.local_addr()?);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, api::router(&settings, pool));
    let server = tokio::spawn(server.with_graceful_shutdown(async { drop(stopped.await) }).into_future());

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

/// Where the settings are. User and certificates are those of etcdctl's variables, whoever names the servers.
fn store(endpoints: Option<&str>) -> Outcome<Arc<dyn Store>> {
    let variable = |name: &str| match name {
        "ETCDCTL_ENDPOINTS" if endpoints.is_some() => endpoints.map(str::to_owned),
        name => env::var(name).ok(),
    };
    if variable("ETCDCTL_ENDPOINTS").is_some() {
        return Ok(Arc::new(ClientBuilder::from_variables(|name| Ok(variable(name)))?.build()?));
    }
    // Delete this in a service of your own, and fail: a misspelt variable would have it serve with made-up values.
    let store = in_memory()?;
    tracing::warn!("NO ETCD: the settings are in memory, from seed.yaml (see --endpoints)");
    let written = store.clone();
    thread::spawn(move || {
        for line in io::stdin().lines().map_while(Result::ok) {
            line.split_once(' ').map(|(key, value)| written.put(format!("/payments/{key}"), value));
        }
    });
    Ok(Arc::new(store))
}

/// In the place of an etcd, with the values for a first start.
fn in_memory() -> Outcome<MemoryStore> {
    let (store, seed) = (MemoryStore::new(), Document::from_yaml(include_str!("seed.yaml"))?);
    Settings::options().placeholder("instance", "-").edit(&store)?.fill(&seed)?.plan()?.commit()?;
    Ok(store)
}
