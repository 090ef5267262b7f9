//! What is said of builds: no secrets.

use etcd_config::{EtcdConfig, MemoryStore, Secret};
use etcd_config_tests::SOON;

#[derive(EtcdConfig)]
#[etcd(prefix = "/vault")]
struct Vault {
    #[etcd(default = "hunter1")]
    password: Secret<String>,
    #[etcd(default = 1)]
    size: u32,
}

#[test]
fn an_error_shows_no_secret_new_or_old() {
    let store = MemoryStore::from([("/vault/password", "hunter22")]);
    let settings = Vault::watch(&store).unwrap();
    settings
        .prepare(|old: &Vault, new: &Vault| {
            let (old, new) = (old.password.expose(), new.password.expose());
            if new == "hunter33" { Err(format!("{old} was\u{1b}[2J better than {new}")) } else { Ok(()) }
        })
        .unwrap();
    let refused = store.put("/vault/password", "hunter33");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "has failed: (secret) was\\u{1b}[2J better than (secret)");
    let status = settings.status();
    for shown in [format!("{status}"), format!("{status:?}"), settings.explain().to_string()] {
        assert!(!shown.contains("hunter") && shown.contains("better"), "{shown}");
    }
}

#[test]
fn an_error_of_the_first_build_shows_no_secret() {
    let settings = Vault::watch(MemoryStore::new()).unwrap();
    let fails = |password: &Secret<String>| Err::<(), _>(format!("no {}", password.expose()));
    let error = settings.resource(|s| &s.password, fails).unwrap_err();
    assert_eq!(error.problems()[0].what(), "cannot be built: no (secret)");
}

#[test]
fn a_panic_shows_nothing_where_there_are_secrets() {
    let store = MemoryStore::new();
    let settings = Vault::watch(&store).unwrap();
    let panics = |size: &u32| {
        assert!(*size == 1, "hunter1 on purpose");
        Ok::<_, String>(())
    };
    let resource = settings.resource(|s| &s.size, panics).unwrap();
    let refused = store.put("/vault/size", "2");
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    assert_eq!(error.problems()[0].what(), "panicked: (not shown: there are secrets)");
    drop(resource);
}

/// The secret was rotated while the build ran, which failed because of that: it is built again with the new one.
#[test]
fn a_first_build_that_was_overtaken_is_no_error_and_shows_no_former_secret() {
    let store = MemoryStore::from([("/vault/password", "hunter22")]);
    let settings = Vault::watch(&store).unwrap();
    let (rotates, watched) = (store.clone(), settings.reader());
    let connect = move |password: &Secret<String>| {
        if password.expose() == "hunter22" {
            rotates.put("/vault/password", "hunter33");
            let mut watched = watched.clone();
            while watched.load().password.expose() != "hunter33" {
                std::thread::yield_now();
            }
            return Err(format!("no access with {}", password.expose()));
        }
        Ok(password.expose().len())
    };
    let resource = settings.resource(|s| &s.password, connect).map_err(|error| error.to_string());
    assert_eq!(resource.map(|resource| *resource.load()), Ok("hunter33".len()));
}
