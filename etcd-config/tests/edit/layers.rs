//! Edits of a configuration of several layers: each change is of one layer, and all of them are checked.

use std::collections::BTreeMap;

use etcd_config::{
    EtcdConfig, HistoryChange, HistoryStep, MemoryStore, Options, PlannedChange, client, field,
};

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/app", layers("/app@{zone}", "/app@{instance}"))]
struct App {
    #[etcd(validate = at_least_one, alias = "threads")]
    workers: u32,
    #[etcd(default = "info")]
    level: String,
    #[etcd(map)]
    limits: BTreeMap<String, u32>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "what a check is called with")]
fn at_least_one(workers: &u32) -> Result<(), &'static str> {
    if *workers > 0 { Ok(()) } else { Err("at least one is needed") }
}

fn options() -> Options<App> {
    App::options().placeholder("zone", "eu").placeholder("instance", "web-1")
}

#[test]
fn a_check_says_how_many_keys_each_layer_has() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app/level", "debug"), ("/app@eu/workers", "2")]);
    let check = options().check_stored(&store).unwrap();
    assert_eq!(check.layers().collect::<Vec<_>>(), [("/app@eu", 1), ("/app@web-1", 0)]);
    assert_eq!((check.prefix(), check.keys()), ("/app", 3));
    let line = "App can be read from /app, /app@eu and /app@web-1 at revision 4: 3 keys, 1 of them in /app@eu, none in \
                /app@web-1";
    assert_eq!(check.to_string(), line);
}

#[test]
fn a_user_who_may_not_write_is_told_all_that_has_to_be_readable() {
    let store = MemoryStore::from([("/app/workers", "1")]);
    let plan = options().edit(&store).unwrap().set(field!(App.workers), &5).unwrap().plan().unwrap();
    store.refuse_with(Some(client::Error::new(client::Kind::PermissionDenied, "permission denied")));
    let error = plan.commit().unwrap_err();
    let way_out = "a role that may read /app/, /app@eu/, /app@web-1/ and write /app/workers";
    assert!(error.to_string().contains(way_out), "{error}");
}

#[test]
fn an_edit_changes_one_layer_and_checks_all() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app@eu/workers", "2")]);
    let plan = options().edit(&store).unwrap().set(field!(App.workers), &5).unwrap().plan().unwrap();
    let change = &plan.changes()[0];
    assert_eq!(
        (change.key(), change.old(), change.overridden_by()),
        ("/app/workers", Some("1"), Some("/app@eu/workers"))
    );
    assert!(plan.to_string().contains("overridden by /app@eu/workers: not in force here"), "{plan}");
    plan.commit().unwrap();
    assert_eq!(store.get("/app/workers").as_deref(), Some(&b"5"[..]));
    assert_eq!(options().load_once(&store).unwrap().workers, 2);
    // What is overridden here may be in force elsewhere: it is checked, too.
    let error = options().edit(&store).unwrap().set(field!(App.workers), &0).unwrap().plan().unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app/workers");
    let error = options().edit(&store).unwrap().set_text("workers", "many").plan().unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app/workers");

    let in_zone = |store| options().in_layer("/app@{zone}").edit(store).unwrap();
    let error = in_zone(&store).set(field!(App.workers), &0).unwrap().plan().unwrap_err();
    assert_eq!(error.problems()[0].key(), "/app@eu/workers");
    in_zone(&store).set(field!(App.level), &"debug".to_owned()).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(store.get("/app@eu/level").as_deref(), Some(&b"debug"[..]));
    // Written in one transaction: the base and what overrides it.
    let edit = options().edit(&store).unwrap().set(field!(App.workers), &7).unwrap();
    let plan = edit.in_layer("/app@eu").unwrap().unset(field!(App.workers)).plan().unwrap();
    let changes: Vec<_> =
        plan.changes().iter().map(|change| (change.key(), change.overridden_by())).collect();
    assert_eq!(changes, [("/app/workers", None), ("/app@eu/workers", None)]);
    let before = store.revision();
    assert_eq!(plan.commit().unwrap().revision(), before + 1);
    assert_eq!(options().load_once(&store).unwrap().workers, 7);
    // Any layer that was written meanwhile is a conflict.
    let plan = options().edit(&store).unwrap().set(field!(App.workers), &8).unwrap().plan().unwrap();
    store.put("/app@web-1/level", "info");
    assert!(plan.commit().unwrap_err().is_conflict());
    let error = options().edit(&store).unwrap().in_layer("/app@us").unwrap_err();
    assert!(
        error.is_invalid_option() && error.to_string().contains("/app@us is none of the layers"),
        "{error}"
    );
}

#[test]
fn an_edit_under_another_name_says_what_overrides_it() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app@eu/threads", "2")]);
    let plan = options().edit(&store).unwrap().set(field!(App.workers), &5).unwrap().plan().unwrap();
    assert_eq!(plan.changes()[0].overridden_by(), Some("/app@eu/threads"));
}

#[test]
fn a_layer_is_written_down_and_restored_by_itself() {
    let store = MemoryStore::from([("/app/workers", "1"), ("/app@eu/level", "debug")]);
    let base = options().export(&store).unwrap().to_json();
    assert!(base.contains("workers") && !base.contains("level"), "{base}");
    let zone = options().in_layer("/app@eu").export(&store).unwrap().to_json();
    assert!(!zone.contains("workers") && zone.contains("level"), "{zone}");
    let then = store.revision();
    store
        .transaction()
        .put("/app/workers", "2")
        .delete("/app@eu/level")
        .put("/app@web-1/level", "warn")
        .commit();
    let plan = options().edit(&store).unwrap().restore(then).unwrap().plan().unwrap();
    let keys: Vec<&str> = plan.changes().iter().map(PlannedChange::key).collect();
    assert_eq!(keys, ["/app/workers", "/app@eu/level", "/app@web-1/level"]);
    plan.commit().unwrap();
    assert_eq!(store.get("/app@eu/level").as_deref(), Some(&b"debug"[..]));
    assert_eq!(
        (store.get("/app@web-1/level"), store.get("/app/workers").as_deref()),
        (None, Some(&b"1"[..]))
    );
    let history = options().history(&store, ..).unwrap().for_field(field!(App.level));
    let keys: Vec<&str> =
        history.steps().iter().flat_map(HistoryStep::changes).map(HistoryChange::key).collect();
    assert!(keys.contains(&"/app@web-1/level") && keys.contains(&"/app@eu/level"), "{keys:?}");
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/big", layers("/big@eu"), commit_key = "version")]
struct Big {
    version: u32,
    #[etcd(map)]
    limits: BTreeMap<String, u32>,
}

/// A condition for each directory takes the place of a write.
#[test]
fn as_many_keys_are_written_at_once_as_the_layers_leave_room_for() {
    let set = |count: usize| {
        let store = MemoryStore::from([("/app/workers", "1")]);
        let edit = options().edit(&store).unwrap();
        let edit = (0..count).fold(edit, |edit, key| edit.set_text(format!("limits/{key}"), "1"));
        (edit.plan(), store)
    };
    let (plan, store) = set(125);
    plan.unwrap().commit().unwrap();
    assert_eq!(options().load_once(&store).unwrap().limits.len(), 125);
    let (plan, _store) = set(126);
    assert!(plan.unwrap_err().to_string().contains("125"));
    // With a commit key it takes several transactions.
    let store = MemoryStore::from([("/big/version", "1")]);
    let edit = Big::edit(&store).unwrap().set(field!(Big.version), &2).unwrap();
    let edit = (0..300).fold(edit, |edit, key| edit.set_text(format!("limits/{key}"), "1"));
    edit.plan().unwrap().commit().unwrap();
    assert_eq!(Big::load_once(&store).unwrap().limits.len(), 300);
}

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/vault", layers("/vault@eu"))]
struct Vault {
    #[etcd(key = "/vault/token", secret, default = "none")]
    token: String,
}

#[test]
fn a_secret_with_an_absolute_key_is_hidden_in_the_plan_of_every_layer() {
    let store = MemoryStore::from([("/vault/token", "hunter1")]);
    for layer in ["/vault", "/vault@eu"] {
        let edit = Vault::edit(&store).unwrap().in_layer(layer).unwrap();
        let plan = edit.set_text("token", "hunter2").plan().unwrap();
        let shown = format!("{plan} {plan:?} {:?}", plan.changes());
        assert!(!shown.contains("hunter"), "{layer}: {shown}");
        assert_eq!(plan.changes()[0].field(), "token");
    }
}

/// It is below the lowest layer, and is read from the same place of each.
#[test]
fn an_absolute_key_is_known_in_every_layer() {
    for layer in ["/vault", "/vault@eu"] {
        let store = MemoryStore::from([("/vault/token", "hunter1")]);
        let edit = || Vault::edit(&store).unwrap().in_layer(layer).unwrap();
        let plan = edit().set(field!(Vault.token), &"hunter2".to_owned()).unwrap().plan().unwrap();
        assert!(plan.warnings().is_empty(), "{layer}: {:?}", plan.warnings());
        assert_eq!(plan.changes()[0].key(), format!("{layer}/token"));
        plan.commit().unwrap();
        assert_eq!(Vault::load_once(&store).unwrap().token, "hunter2");
        let document = Vault::options().in_layer(layer).export(&store).unwrap().with_secrets();
        let json = document.to_json();
        assert!(json.contains("\"token\": \"hunter2\""), "{layer}: {json}");
        // And back again.
        store.put(format!("{layer}/token"), "hunter3");
        let plan = edit().replace_with(&document).unwrap().plan().unwrap();
        assert!(plan.warnings().is_empty(), "{layer}: {:?}", plan.warnings());
        assert_eq!((plan.changes().len(), plan.changes()[0].key()), (1, &*format!("{layer}/token")));
        plan.commit().unwrap();
        assert_eq!(store.get(format!("{layer}/token")).as_deref(), Some(&b"hunter2"[..]));
    }
}

/// Where a transaction has no room for all keys as conditions, those of fields come first, in whatever layer they are.
#[test]
fn an_override_that_is_gone_meanwhile_is_a_conflict_among_many_keys() {
    let keys = (0..300).map(|key| (format!("/app/limits/{key}"), "1".to_owned()));
    let others = [("/app/workers", "1"), ("/app@web-1/workers", "3")];
    let others = others.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let store: MemoryStore = keys.chain(others).collect();
    let plan = options().edit(&store).unwrap().set(field!(App.level), &"debug".to_owned()).unwrap();
    let plan = plan.plan().unwrap();
    store.delete("/app@web-1/workers");
    let error = plan.commit().unwrap_err();
    assert!(error.is_conflict(), "{error}");
}
