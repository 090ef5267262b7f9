//! Whether what is stored fits, as data.

use etcd_config::{EtcdConfig, ProblemKind};

use crate::readme::{Settings, store};

#[test]
fn a_check_has_problems_and_warnings() {
    let store = store();
    let good = store.put("/payments/log/lvel", "x");
    store.put("/payments/timeout", "5");
    let check = Settings::check_stored(&store).unwrap();
    assert!(!check.is_ok());
    assert_eq!((check.keys(), check.revision(), check.prefix()), (4, store.revision(), "/payments"));
    assert_eq!(check.problems()[0].key(), "/payments/timeout");
    assert_eq!(check.warnings()[0].kind(), ProblemKind::Unknown);
    assert!(
        check
            .to_string()
            .ends_with("\n  warning: /payments/log/lvel: unknown key; did you mean level (log_level)?"),
        "{check}"
    );
    assert!(check.into_result().unwrap_err().is_invalid());
    let before = Settings::options().check_stored_at(&store, good).unwrap();
    assert!(before.is_ok() && before.warnings().len() == 1, "{before}");
    let first = "Settings can be read from /payments at revision 4: 3 keys\n";
    assert!(before.to_string().starts_with(first), "{before}");
}

#[test]
fn a_prefix_without_keys_is_a_warning_or_all_that_is_missing() {
    let check = Settings::options().prefix("/elsewhere").check_stored(store()).unwrap();
    assert_eq!(check.problems().len(), 2, "{check}");
    assert_eq!(check.warnings()[0].kind(), ProblemKind::NothingRead);
}

#[test]
fn a_past_that_is_compacted_is_an_error_with_the_way_out() {
    let store = store();
    store.put("/payments/log/level", "x");
    store.compact(store.revision());
    let error = Settings::options().check_stored_at(&store, 2).unwrap_err();
    assert!(error.to_string().contains("take a later revision"), "{error}");
}
