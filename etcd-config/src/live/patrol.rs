//! A look at the servers that nobody asks, from time to time: which of them would not serve when they are
//! needed.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{BoxFuture, Store};
use tokio::time::{Instant, sleep_until};

/// The start of a service is not the time for it.
const FIRST: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(60);

pub(crate) struct Patrol {
    store: Arc<dyn Store>,
    stage: Stage,
}

enum Stage {
    Resting { until: Instant },
    Looking(BoxFuture<()>),
}

impl Patrol {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, stage: Stage::Resting { until: Instant::now() + FIRST } }
    }

    /// Ready when it is time for a [look](Self::look); until then the last one goes on.
    pub(crate) async fn due(&mut self) {
        loop {
            match &mut self.stage {
                Stage::Resting { until } => return sleep_until(*until).await,
                Stage::Looking(look) => {
                    look.as_mut().await;
                    self.rest();
                }
            }
        }
    }

    /// Looks for servers that fail, and that do not belong to this cluster.
    pub(crate) fn look(&mut self, cluster: u64) {
        self.stage = Stage::Looking(self.store.check_idle_endpoints(cluster));
    }

    /// Ends a look that is under way.
    pub(crate) fn stop(&mut self) {
        if matches!(self.stage, Stage::Looking(_)) {
            self.rest();
        }
    }

    /// Waits for the next time.
    pub(crate) fn rest(&mut self) {
        self.stage = Stage::Resting { until: Instant::now() + EVERY };
    }
}
