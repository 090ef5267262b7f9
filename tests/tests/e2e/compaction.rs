//! Compactions of what was not seen yet.

use std::collections::BTreeSet;
use std::time::Duration;

use etcd_config::EtcdConfig;
use etcd_config_tests::{Proxy, Server};

use crate::history::History;
use crate::witness::{Flat, PREFIX, Witness};

/// R27
#[test]
fn after_a_compaction_while_away_only_real_differences_are_reported() {
    let server = Server::start();
    let history = History::of(&server, PREFIX);
    let names: Vec<_> = (0..100).map(|n| format!("key{n:02}")).collect();
    history.write(names.iter().map(|name| (name.as_str(), Some("1"))));
    let proxy = Proxy::to(&server.address());
    let live = Flat::watch(proxy.endpoint()).expect("a first snapshot");
    let witness = Witness::of(&live);
    witness.watches(Duration::from_secs(5));

    proxy.refuse(true);
    proxy.cut();
    witness.notices_a_loss(Duration::from_secs(2));
    for name in &names[..3] {
        history.put(name, "2");
    }
    history.delete(&names[3]);
    history.delete(&names[4]);
    history.put(&names[5], "2");
    history.put(&names[5], "1");
    history.compact();
    proxy.accept();

    witness.converges(&history, Duration::from_secs(3));
    let reported: BTreeSet<_> = witness.changes().iter().flat_map(|change| change.keys().to_vec()).collect();
    let differ: BTreeSet<_> = names[..5].iter().map(|name| format!("{PREFIX}{name}").into()).collect();
    assert_eq!(reported, differ);
    history.put(&names[6], "2");
    witness.converges(&history, Duration::from_secs(3));
}
