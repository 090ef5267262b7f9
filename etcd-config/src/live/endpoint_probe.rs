//! A periodic probe of idle endpoints: which of them would not serve if they were needed.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{BoxFuture, Store};
use tokio::time::{Instant, Sleep, sleep_until};

/// The first probe waits until the start of the service is over.
const FIRST: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_secs(60);

/// Asks the store's endpoints that no call uses how they are. What fails is in the store's
/// [`failing_endpoints`](Store::failing_endpoints).
pub(crate) struct EndpointProbe {
    store: Arc<dyn Store>,
    schedule: Schedule,
}

enum Schedule {
    At(Instant),
    /// The same, kept from one look at it to the next: to make a timer costs more than to look at it.
    Waiting(Pin<Box<Sleep>>),
    Running(BoxFuture<()>),
}

impl EndpointProbe {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, schedule: Schedule::At(Instant::now() + FIRST) }
    }

    /// Ready when it is time to [start](Self::start) the next probe; until then it drives the one that runs.
    pub(crate) async fn due(&mut self) {
        loop {
            match &mut self.schedule {
                Schedule::At(time) => self.schedule = Schedule::Waiting(Box::pin(sleep_until(*time))),
                Schedule::Waiting(time) => return time.as_mut().await,
                Schedule::Running(probe) => {
                    probe.as_mut().await;
                    self.postpone();
                }
            }
        }
    }

    /// Starts a probe for endpoints that fail, or that do not belong to this cluster.
    pub(crate) fn start(&mut self, cluster: u64) {
        self.schedule = Schedule::Running(self.store.check_idle_endpoints(cluster));
    }

    /// Stops a probe that is running.
    pub(crate) fn stop(&mut self) {
        if matches!(self.schedule, Schedule::Running(_)) {
            self.postpone();
        }
    }

    /// The next probe is an interval from now; one that is running is stopped.
    pub(crate) fn postpone(&mut self) {
        self.schedule = Schedule::At(Instant::now() + EVERY);
    }
}
