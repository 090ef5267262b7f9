//! What a plan says, refuses, and leaves out.

use etcd_config::{EtcdConfig, MemoryStore, ProblemKind, field};

use crate::readme::{Settings, get, store};

#[test]
fn all_that_a_reader_would_refuse_is_said_at_once_and_nothing_is_written() {
    let store = store();
    let revision = store.revision();
    let edit = Settings::edit(&store).unwrap();
    let edit = edit.set_text("timeout", "5").set(field!(Settings.database.pool_size), &0).unwrap();
    let error = edit.set_text("listen", "localhost").plan().unwrap_err();
    assert!(error.is_invalid() && !error.is_conflict());
    assert_eq!(error.problems().len(), 3);
    let shown = error.to_string();
    assert!(shown.starts_with("3 problems in Settings\n"), "{shown}");
    assert!(shown.ends_with("\n  based on revision 3: nothing is written"), "{shown}");
    assert!(!shown.contains("set at revision"), "{shown}");
    assert_eq!(store.revision(), revision);
}

#[test]
fn a_check_of_a_struct_sees_the_whole_of_the_edit() {
    let store = store();
    let edit = || Settings::edit(&store).unwrap().set_text("database/url", "sqlite:x");
    let error = edit().plan().unwrap_err();
    assert_eq!(error.problems()[0].kind(), ProblemKind::Refused);
    edit().set(field!(Settings.database.pool_size), &1).unwrap().plan().unwrap().commit().unwrap();
}

#[test]
fn what_is_bad_already_is_corrected_by_an_edit_and_refused_until_then() {
    let store = store();
    store.put("/payments/log/level", "x");
    store.put("/payments/timeout", "5");
    let untouched = Settings::edit(&store).unwrap().set_text("log/level", "y").plan().unwrap_err();
    assert_eq!(untouched.problems()[0].revision(), Some(5));
    let way_out = "nothing is written; /payments/timeout was bad before: set or unset it in the same edit";
    assert!(untouched.to_string().ends_with(way_out), "{untouched}");
    Settings::edit(&store).unwrap().set_text("timeout", "5s").plan().unwrap().commit().unwrap();
    assert!(Settings::load_once(&store).is_ok());
}

#[test]
fn an_edit_that_changes_nothing_writes_nothing() {
    let store = store();
    store.put("/payments/database/pool_size", "20");
    let revision = store.revision();
    let edit = Settings::edit(&store).unwrap();
    let edit = edit.set(field!(Settings.database.pool_size), &20).unwrap();
    let plan = edit.unset(field!(Settings.max_connections)).unset_key("nothing").plan().unwrap();
    assert!(plan.is_empty());
    assert_eq!(plan.to_string(), "no change in Settings below /payments, based on revision 4");
    let written = plan.commit().unwrap();
    assert_eq!((written.revision(), written.has_changed(), store.revision()), (revision, false, revision));
}

#[test]
fn secrets_are_set_and_never_shown() {
    let store = store();
    let edit = Settings::edit(&store).unwrap().set_text("api_token", "hunter3");
    assert!(!format!("{edit:?}").contains("hunter"));
    let plan = edit.plan().unwrap();
    let (shown, debug) = (plan.to_string(), format!("{plan:?}"));
    assert!(shown.contains("••• -> •••"), "{shown}");
    assert!(!shown.contains("hunter") && !debug.contains("hunter"), "{shown}\n{debug}");
    let change = &plan.changes()[0];
    assert!(change.is_secret() && !change.is_deletion());
    assert_eq!((change.old(), change.new(), change.field()), (None, None, "api_token"));
    plan.commit().unwrap();
    assert_eq!(get(&store, "/payments/api_token").as_deref(), Some("hunter3"));
}

#[test]
fn what_waits_for_a_restart_and_what_no_field_reads_is_said() {
    let store = store();
    let edit = Settings::edit(&store).unwrap();
    let plan = edit.set_text("listen", "0.0.0.0:80").set_text("log/lvel", "x").plan().unwrap();
    let shown = "2 changes in Settings below /payments, based on revision 3\n\
  \x20 listen      /payments/listen    127.0.0.1:8080 (default) -> 0.0.0.0:80  after a restart\n\
  \x20 (no field)  /payments/log/lvel  absent -> x                             at once\n\
  \x20 warning: /payments/log/lvel: unknown key; did you mean level (log_level)?";
    assert_eq!(plan.to_string(), shown);
    assert_eq!(plan.warnings()[0].kind(), ProblemKind::Unknown);
    assert!(plan.changes()[0].is_restart());
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/strict", deny_unknown_keys)]
struct Strict {
    level: Option<String>,
}

#[test]
fn an_unknown_key_is_refused_where_readers_refuse_it() {
    let store = MemoryStore::new();
    let error = Strict::edit(&store).unwrap().set_text("lvel", "x").plan().unwrap_err();
    assert_eq!(error.problems()[0].kind(), ProblemKind::Unknown);
    let set = Strict::edit(&store).unwrap().set(field!(Strict.level), &Some("x".to_owned())).unwrap();
    set.plan().unwrap().commit().unwrap();
}

#[test]
fn options_name_the_prefix() {
    let store = MemoryStore::new();
    let edit = Strict::options().prefix("/{zone}/x").placeholder("zone", "eu").edit(&store).unwrap();
    edit.set_text("level", "a").plan().unwrap().commit().unwrap();
    assert_eq!(get(&store, "/eu/x/level").as_deref(), Some("a"));
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/env")]
struct Env {
    /// Every process has this variable.
    #[etcd(env = "PATH", validate = not_bad)]
    path: String,
    size: Option<u8>,
}

fn not_bad(path: &String) -> Result<(), &'static str> {
    if path == "bad" { Err("it is bad") } else { Ok(()) }
}

#[test]
fn variables_of_this_process_neither_help_nor_hinder() {
    let store = MemoryStore::new();
    let edit = || Env::edit(&store).unwrap();
    edit().set(field!(Env.size), &Some(1)).unwrap().plan().unwrap().commit().unwrap();
    let error = edit().set(field!(Env.path), &"bad".to_owned()).unwrap().plan().unwrap_err();
    assert_eq!(error.problems()[0].kind(), ProblemKind::Refused, "{error}");
    edit().set(field!(Env.path), &"good".to_owned()).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(get(&store, "/env/path").as_deref(), Some("good"));
    assert_ne!(Env::load_once(&store).unwrap().path, "good");
}

#[test]
fn of_what_a_struct_refuses_the_newest_key_is_that_of_the_edit() {
    let store = store();
    store.put("/payments/database/url", "sqlite:payments.db");
    store.put("/payments/database/pool_size", "1");
    store.put("/payments/database/url", "sqlite:other.db"); // as new as what is read, and not what is refused now
    let edit = Settings::edit(&store).unwrap();
    let error = edit.set(field!(Settings.database.pool_size), &2).unwrap().plan().unwrap_err();
    let words = "the newest of its keys is /payments/database/pool_size, which this edit sets";
    assert!(error.problems()[0].what().ends_with(words), "{error}");
    // What is stored has its revision.
    store.put("/payments/database/pool_size", "2");
    let error = Settings::check_stored(&store).unwrap().into_result().unwrap_err();
    let words = format!("/payments/database/pool_size, set at revision {}", store.revision());
    assert!(error.problems()[0].what().ends_with(&words), "{error}");
}
