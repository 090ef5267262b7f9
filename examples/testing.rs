//! A user's own tests: code that follows the settings, on a store in memory in the place of etcd.
//!
//! ```text
//! cargo test -p etcd-config-examples --example testing
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use etcd_config::{EtcdConfig, Live, MemoryStore};

#[derive(EtcdConfig, Debug)]
#[etcd(prefix = "/payments")]
struct Settings {
    #[etcd(default = 10)]
    workers: u32,
}

/// The code under test: how many work, as it is set.
fn team(settings: &Live<Settings>) -> Arc<AtomicU32> {
    let team = Arc::new(AtomicU32::new(0));
    let size = Arc::clone(&team);
    settings.follow(|s| &s.workers, move |workers| size.store(*workers, Relaxed));
    team
}

fn main() -> Result<(), etcd_config::Error> {
    let settings = Settings::watch(MemoryStore::new())?;
    println!("a team of {}; the tests are the point of this example", team(&settings).load(Relaxed));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use etcd_config::State;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);

    #[test]
    fn the_defaults_fit() -> Result<(), etcd_config::Error> {
        Settings::check_defaults()
    }

    #[test]
    fn the_team_follows_the_setting_and_a_bad_value_changes_nothing() -> Result<(), etcd_config::Error> {
        let store = MemoryStore::from([("/payments/workers", "4")]);
        let settings = Settings::watch(&store)?;
        let team = team(&settings);
        // Not a sleep: it returns as soon as the callbacks have run.
        settings.wait_for_callbacks(store.put("/payments/workers", "8"), SOON)?;
        assert_eq!(team.load(Relaxed), 8);
        let refused = settings.wait_for_revision(store.put("/payments/workers", "many"), SOON).unwrap_err();
        assert_eq!(refused.problems()[0].key(), "/payments/workers");
        assert_eq!(team.load(Relaxed), 8);
        Ok(())
    }

    #[test]
    fn what_was_missed_in_an_outage_arrives() -> Result<(), etcd_config::Error> {
        let store = MemoryStore::new();
        let settings = Settings::watch(&store)?;
        let team = team(&settings);
        settings.wait_until(|_| settings.status().state.is_watching(), SOON)?;
        store.refuse(true); // calls fail,
        store.cut(); // and streams end
        settings.wait_until(|_| matches!(settings.status().state, State::Disconnected(_)), SOON)?;
        let missed = store.put("/payments/workers", "16");
        assert_eq!(team.load(Relaxed), 10);
        store.refuse(false);
        settings.wait_for_callbacks(missed, SOON)?;
        assert_eq!(team.load(Relaxed), 16);
        Ok(())
    }
}
