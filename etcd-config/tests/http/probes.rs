//! `/healthz` and `/readyz`, as they are set.

use std::time::Duration;

use etcd_config::http::{Page, Probe, service};

use crate::asking::get;
use crate::service::{SOON, put, watched};

#[test]
fn neither_an_outage_nor_a_refused_value_fails_a_probe_unless_asked_for() {
    let (store, settings) = watched();
    let page = service(&settings);
    put(&store, &settings, "workers", "many");
    store.refuse(true);
    store.cut();
    etcd_config_tests::until("disconnected", || settings.status().state.error().is_some());
    for path in ["/healthz", "/readyz"] {
        assert_eq!((get(&page, path).status, get(&page, path).text.as_str()), (200, "ok\n"), "{path}");
    }
    settings.close(SOON).unwrap();
    for path in ["/healthz", "/readyz"] {
        let stopped = get(&page, path);
        assert_eq!(stopped.status, 503, "{path}");
        assert!(stopped.text.starts_with("stopped: "), "{}", stopped.text);
    }
}

#[test]
fn what_is_asked_for_fails_with_the_reason() {
    let (store, settings) = watched();
    let accepted = Page::of(&settings).ready_when(Probe::following().accepted());
    let connected = Page::of(&settings).ready_when(Probe::following().connected());
    let fresh = Page::of(&settings).ready_when(Probe::following().fresh_within(Duration::from_millis(1)));
    let patient = Page::of(&settings).healthy_when(Probe::following().fresh_within(Duration::from_secs(600)));
    assert_eq!(get(&accepted, "/readyz").status, 200);
    assert_eq!(get(&connected, "/readyz").status, 200);
    put(&store, &settings, "workers", "many");
    let refused = get(&accepted, "/readyz");
    assert_eq!(refused.status, 503);
    assert!(
        refused.text.starts_with("refused: ") && refused.text.contains("/service/workers"),
        "{}",
        refused.text
    );
    assert_eq!(get(&accepted, "/healthz").status, 200, "the other probe is another");
    assert_eq!(get(&connected, "/readyz").status, 200);
    store.refuse(true);
    store.cut();
    etcd_config_tests::until("disconnected", || get(&connected, "/readyz").status == 503);
    assert!(get(&connected, "/readyz").text.starts_with("disconnected: "));
    // The connection may have been lost within a millisecond of the last confirmation.
    etcd_config_tests::until("stale", || get(&fresh, "/readyz").status == 503);
    let stale = get(&fresh, "/readyz");
    assert!(stale.status == 503 && stale.text.starts_with("stale: Service from /service"), "{}", stale.text);
    assert_eq!(get(&patient, "/healthz").status, 200);
}
