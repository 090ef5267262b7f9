//! What happens to other watches of a stream, and to the stream itself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use etcd_client_core::v3::Client;
use etcd_client_core::{Error, Kind, Prefix, Signal, Store};
use etcd_config_tests::{Proxy, Server};
use tokio::time::{sleep, timeout};

use super::Tally;

/// How long a watch may take to begin, or to be refused.
const LIMIT: Duration = Duration::from_secs(10);

pub(super) struct Disturber<'s> {
    pub(super) root: Client,
    /// Whose streams are shared with the followers.
    pub(super) shared: &'s dyn Store,
    pub(super) proxy: &'s Proxy,
    pub(super) server: &'s Server,
    pub(super) tally: &'s Tally,
}

impl Disturber<'_> {
    /// One thing after the other, without end.
    pub(super) async fn run(self, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        loop {
            sleep(Duration::from_millis(random.u64(0..100))).await;
            let lasting = Duration::from_millis(random.u64(0..1_000));
            match random.u32(0..40) {
                0..20 => self.cancel_one(lasting / 20).await,
                20..28 => self.have_one_refused().await,
                28..36 => self.have_one_compacted().await,
                36 => self.proxy.cut(),
                37 => self.proxy.end_watches(),
                38 => {
                    self.proxy.hold_replies(true);
                    sleep(lasting).await;
                    self.proxy.hold_replies(false);
                }
                _ => {
                    self.server.pause();
                    sleep(lasting).await;
                    self.server.resume();
                }
            }
        }
    }

    /// A watch is given up before or after it was confirmed, while large frames of it are on their way.
    async fn cancel_one(&self, after: Duration) {
        let watching = async {
            if let Ok(opened) = self.shared.watch(&Prefix::new("/app/busy"), None).await {
                let mut watch = opened.watch;
                while std::future::poll_fn(|cx| watch.poll_next(cx)).await.is_ok() {}
            }
        };
        if timeout(after, watching).await.is_err() {
            self.tally.cancelled.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn have_one_refused(&self) {
        match self.outcome(&Prefix::new("/elsewhere"), None).await {
            Err(error) if error.kind() == Kind::PermissionDenied => {
                self.tally.refused.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.is_transient() => {}
            outcome => self.tally.is_wrong(format!("a forbidden watch is {outcome:?}")),
        }
    }

    /// A watch from a revision that is forgotten, while others have something to replay.
    async fn have_one_compacted(&self) {
        let Ok(answer) = self.root.get("/elsewhere").await else { return };
        if self.root.compact(answer.header.revision).await.is_err() {
            return;
        }
        match self.outcome(&Prefix::new("/app/seldom"), Some(2)).await {
            Err(error) if error.kind() == Kind::Compacted => {
                self.tally.compacted.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) if error.is_transient() => {}
            outcome => self.tally.is_wrong(format!("a watch from before a compaction is {outcome:?}")),
        }
    }

    /// The first thing that a watch says.
    async fn outcome(&self, prefix: &Prefix, after: Option<u64>) -> Result<Signal, Error> {
        let first = async {
            let mut opened = self.shared.watch(prefix, after).await?;
            std::future::poll_fn(|cx| opened.watch.poll_next(cx)).await
        };
        let silent = || Error::new(Kind::Timeout, "nothing was said of the watch");
        timeout(LIMIT, first).await.unwrap_or_else(|_| Err(silent()))
    }
}
