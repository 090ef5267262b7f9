//! From the task that follows a fleet to the thread that shows it.

use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use tokio::time::sleep;

use crate::error::Error;
use crate::fleet::following::{FleetView, Told, follow};
use crate::fleet::place::FleetPlace;

/// How soon it is seen that a terminal that stood still has gone on.
const PAUSE: Duration = Duration::from_millis(100);

/// Tells what there is to be seen, until nobody listens, and at the end why there is no more. The task shares its thread
/// with others, so it never waits for who listens.
pub(in crate::cli) async fn tell(place: FleetPlace, heard: SyncSender<Result<FleetView, Error>>) {
    let view = |view| match heard.try_send(Ok(view)) {
        Ok(()) => Told::Heard,
        Err(TrySendError::Full(_)) => Told::NotYet,
        Err(TrySendError::Disconnected(_)) => Told::Over,
    };
    let Err(error) = follow(place, view).await else { return };
    while let Err(TrySendError::Full(_)) = heard.try_send(Err(error.clone())) {
        sleep(PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use etcd_client_core::{MemoryStore, Prefix};

    use super::*;
    use crate::reading::ReadPlan;

    fn place(store: &MemoryStore) -> FleetPlace {
        let (store, prefix) = (Arc::new(store.clone()), Prefix::new("/app"));
        let plan = ReadPlan { store, prefix, layer: 0, limit: Duration::from_secs(5) };
        FleetPlace { plan, entries: Prefix::new("/app.fleet"), name: "Settings" }
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_not_looked_for_long_sees_one_old_state_and_then_the_newest() {
        let store = MemoryStore::new();
        let (sender, heard) = mpsc::sync_channel(1);
        let task = tokio::spawn(tell(place(&store), sender));
        for number in 0..1_000 {
            store.put("/app/workers", number.to_string());
            sleep(Duration::from_millis(300)).await;
        }
        let next = || heard.try_recv().map(|view| view.unwrap().fleet.revision());
        assert!(next().unwrap() < 10);
        assert!(next().is_err(), "one is kept");
        sleep(PAUSE * 3).await;
        assert_eq!(next().unwrap(), store.revision());
        drop(heard);
        store.put("/app/workers", "end");
        sleep(Duration::from_secs(3)).await;
        assert!(task.is_finished());
    }
}
