//! The servers that the cases run on, and what they look at.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use etcd_client_core::Error;
use etcd_client_core::v2::{Client, Event, Refusal, Watcher};
use etcd_config_tests::{Etcd, Server, block_on, servers};
use tokio::time::{sleep, timeout};

/// A server of one line, and a directory that belongs to one case.
pub(crate) struct Line {
    pub(crate) server: Arc<Server>,
    pub(crate) client: Client,
    directory: &'static str,
}

impl Line {
    /// A key of the case.
    pub(crate) fn key(&self, name: &str) -> String {
        format!("/{}/{name}", self.directory)
    }

    /// The case's directory.
    pub(crate) fn directory(&self) -> &'static str {
        self.directory
    }

    pub(crate) fn is(&self, major: u16, minor: u16) -> bool {
        self.server.etcd().version().line() == (major, minor)
    }
}

/// Runs a case on each line, on servers that other cases use at the same time.
pub(crate) fn on_each_line(directory: &'static str, case: &impl AsyncFn(&Line)) {
    for etcd in servers::with_v2() {
        let server = shared(etcd);
        let client = Client::new([server.endpoint()]).unwrap();
        block_on(case(&Line { server, client, directory }));
    }
}

/// Runs a case on each line, on servers of its own: it looks at indexes, or floods the history.
pub(crate) fn on_own_servers(directory: &'static str, case: &impl AsyncFn(&Line)) {
    for etcd in servers::with_v2() {
        let server = Arc::new(Server::builder().etcd(etcd).v2().start());
        let client = Client::new([server.endpoint()]).unwrap();
        block_on(case(&Line { server, client, directory }));
    }
}

/// One server a line, for as long as a case uses it.
fn shared(etcd: &'static Etcd) -> Arc<Server> {
    static SHARED: Mutex<Vec<Weak<Server>>> = Mutex::new(Vec::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let line = etcd.version().line();
    shared.retain(|server| server.strong_count() > 0);
    let known = shared.iter().filter_map(Weak::upgrade).find(|server| server.etcd().version().line() == line);
    if let Some(server) = known {
        return server;
    }
    let server = Arc::new(Server::builder().etcd(etcd).v2().start());
    shared.push(Arc::downgrade(&server));
    server
}

/// The status, the code and the cause of a refusal.
pub(crate) fn refusal(error: &Error) -> (u16, i32, &str) {
    let refusal = Refusal::of(error).unwrap_or_else(|| panic!("no refusal: {error}"));
    (refusal.status(), refusal.code().map_or(0, etcd_client_core::v2::ErrorCode::number), refusal.cause())
}

/// The status and the code of what must be refused.
pub(crate) fn refused<T: std::fmt::Debug>(outcome: Result<T, Error>) -> (u16, i32) {
    let (status, code, _) = refusal(&outcome.expect_err("a refusal"));
    (status, code)
}

/// The next event, which must not be long in coming.
pub(crate) async fn next(watcher: &mut Watcher) -> Event {
    timeout(Duration::from_secs(20), watcher.next()).await.expect("an event in time").expect("no end")
}

/// Whether nothing happens for a while.
pub(crate) async fn is_quiet(watcher: &mut Watcher) -> bool {
    timeout(Duration::from_millis(700), watcher.next()).await.is_err()
}

/// How many watches a server holds.
pub(crate) async fn watchers(client: &Client) -> u64 {
    client.store_stats().await.unwrap().body().watchers
}

/// Waits until a server holds so many watches.
pub(crate) async fn until_watchers(client: &Client, count: u64, limit: Duration) {
    let waiting = async {
        while watchers(client).await != count {
            sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(limit, waiting).await.unwrap_or_else(|_| panic!("not {count} watchers within {limit:?}"));
}

/// Starts a watcher, and polls it until the server has registered it.
pub(crate) async fn registered(client: &Client, mut watcher: Watcher) -> Watcher {
    let before = watchers(client).await;
    let registration = async {
        loop {
            let event = timeout(Duration::from_millis(20), watcher.next()).await;
            assert!(event.is_err(), "{event:?} before anything happened");
            if watchers(client).await > before {
                break;
            }
        }
    };
    timeout(Duration::from_secs(10), registration).await.expect("a registration");
    watcher
}
