//! What `Debug` shows of the public types: nothing that a field calls secret.
//!
//! The table is held against the `pub use` lines of the crate: a type that is added without a line here
//! fails the test.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};

use etcd_client_core::{Batch, Change, Entry, Prefix};
use etcd_config::__private::{Context, KeyTree, Replaced};
use etcd_config::{EtcdConfig, Fleet, Live, MemoryStore, Rollout, RolloutEnd, RolloutStep, Secret, field};
use etcd_config_tests::{soon, until};

use crate::service::{SOON, runtime};

/// What is planted in each field that is secret.
const PLANTED: &str = "hunter2";

#[derive(EtcdConfig, Clone, Debug, PartialEq)]
#[etcd(prefix = "/bank")]
struct Bank {
    token: Secret<String>,
    spare: Option<Secret<String>>,
    #[etcd(map)]
    users: std::collections::BTreeMap<String, Secret<String>>,
    pin: Secret<u32>,
    #[etcd(secret, env = "ETCD_CONFIG_TEST_BANK_KEY", default = "none")]
    marked: Secret<String>,
    #[etcd(default = 1, restart)]
    level: u32,
}

fn store() -> MemoryStore {
    MemoryStore::from([
        ("/bank/token", PLANTED),
        ("/bank/spare", PLANTED),
        ("/bank/users/root", PLANTED),
        ("/bank/pin", "1234567"),
        ("/bank/marked", PLANTED),
    ])
}

#[derive(Default)]
struct Table(Vec<(&'static str, String)>);

impl Table {
    fn row(&mut self, name: &'static str, value: &dyn Debug) {
        self.0.push((name, format!("{value:?} {value:#?}")));
    }

    fn both(&mut self, name: &'static str, value: &(impl Debug + Display)) {
        self.row(name, value);
        self.0.push((name, value.to_string()));
    }
}

/// The names in the `pub use` lines before the part that is not for people.
fn exported() -> BTreeSet<String> {
    let source = include_str!("../../src/lib.rs").split("pub mod __private").next().unwrap_or_default();
    let uses = source.split(';').filter_map(|item| item.rsplit_once("pub use "));
    let names = uses.flat_map(|(_, path)| {
        let path = path.replace("watcher::Cause", "Cause");
        let (_, end) = path.rsplit_once("::").unwrap_or(("", &path));
        let list = end.trim_matches(['{', '}']).to_owned();
        list.split(',')
            .map(|name| name.rsplit(" as ").next().unwrap_or(name).trim().to_owned())
            .collect::<Vec<_>>()
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// A fleet with one instance, which refuses a revision, and what comes of waiting for it.
fn fleet(table: &mut Table) {
    let store =
        MemoryStore::from([("/bank/token", PLANTED), ("/bank/pin", "1234567"), ("/bank/marked", PLANTED)]);
    let spread = std::time::Duration::ZERO;
    let settings = Bank::options().instance("web-1").instance_spread(spread).watch(&store).unwrap();
    until("listed", || settings.status().instance.is_some());
    let refused = store.transaction().put("/bank/pin", PLANTED).put("/bank/users/a", b"hunter2\xff").commit();
    let error = Fleet::of::<Bank>(&store).unwrap().wait_for_revision(refused, SOON).unwrap_err();
    let fleet = Fleet::of::<Bank>(&store).unwrap();
    table.both("Fleet", &fleet);
    table.row("Instance", &fleet.instances());
    table.row("InstanceReport", &fleet.instances()[0].report);
    table.row("RefusedRevision", &fleet.instances()[0].report.as_ref().unwrap().refused);
    table.both("Error", &error);
    table.both("LaggingInstance", &error.lagging()[0]);
    table.both("InstanceLag", &error.lagging()[0].why);
}

/// A build that fails with secrets in its words.
fn of_what_is_made(table: &mut Table, store: &MemoryStore, settings: &Live<Bank>) {
    table.row("Building", &settings.building());
    let build = |pin: &Secret<u32>| match pin.expose() {
        1_234_567 => Ok(pin.clone()),
        pin => Err(format!("{PLANTED} and {pin}")),
    };
    let resource = settings.resource(|bank| &bank.pin, build).unwrap();
    table.row("Resource", &resource);
    table.row("ResourceGuard", &resource.load());
    let refused = store.put("/bank/pin", "12345678");
    table.both("Error", &settings.wait_for_revision(refused, SOON).unwrap_err());
    let status = settings.status();
    assert!(status.resources[0].error.is_some());
    table.both("ResourceStatus", &status.resources[0]);
    table.both("Status", &status);
    table.both("Explanation", &settings.explain());
    settings.wait_for_revision(store.put("/bank/pin", "1234567"), SOON).unwrap();
}

/// What derived code is handed.
fn of_derived_code(table: &mut Table) {
    let mut tree = KeyTree::new(Prefix::new("/bank"));
    let entry = Entry { key: "/bank/token".into(), value: PLANTED.into(), revision: 2 };
    let replaced: Replaced = tree.apply(&Batch { revision: 2, changes: vec![Change::Put(entry)] });
    table.row("__private", &(&tree, replaced.touched(), replaced));
    let context = Context::with_environment::<Bank>(Prefix::new("/bank"), |_| Some(PLANTED.into()));
    table.row("__private", &context);
}

/// What was changed before, and what would undo what came after `revision`.
fn history(table: &mut Table, store: &MemoryStore, revision: u64) {
    let history = Bank::history(store, ..).unwrap();
    table.both("History", &history);
    table.row("HistoryCut", &history.cut());
    table.both("HistoryStep", &history.steps()[0]);
    table.row("HistoryChange", &history.steps()[0].changes());
    let restored = Bank::edit(store).unwrap().restore(revision).unwrap();
    table.row("Edit", &restored);
    table.both("Plan", &restored.plan().unwrap());
}

fn of_documents(table: &mut Table) {
    let document = Bank::export(self::store()).unwrap();
    for text in
        [document.to_json(), document.to_yaml(), document.to_toml().unwrap(), document.to_etcdctl().unwrap()]
    {
        table.row("Document", &text);
    }
    table.row("Document", &document.with_secrets());
    table.both("Format", &etcd_config::Format::Json);
}

/// A rollout of secrets to an instance with a layer of its own, seen from elsewhere, and taken back by a probe.
fn rollout(table: &mut Table) {
    let store =
        MemoryStore::from([("/bank/token", PLANTED), ("/bank/pin", "1234567"), ("/bank/marked", PLANTED)]);
    let options = || Bank::options().layer("/bank@web-1");
    let spread = std::time::Duration::ZERO;
    let settings = options().instance("web-1").instance_spread(spread).watch(&store).unwrap();
    until("listed", || settings.status().instance.is_some());
    let begin = || {
        let edit = options().edit(&store).unwrap().set_text("token", "hunter22").set_text("pin", "7654321");
        Rollout::of(edit.plan().unwrap()).to(["web-1"]).within(SOON)
    };
    let rollout = begin();
    table.row("Rollout", &rollout);
    table.row("RolloutHandle", &rollout.handle());
    let handle = rollout.handle();
    let steps = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = std::sync::Arc::clone(&steps);
    let rollout = rollout.on_step(move |step| told.lock().unwrap().push(step.clone()));
    let driver = std::thread::spawn(move || rollout.promote());
    let is_in_force = |step: &RolloutStep| matches!(step, RolloutStep::InForce { .. });
    until("in force", || steps.lock().unwrap().iter().any(is_in_force));
    let found = options().rollouts(&store).unwrap();
    table.both("Rollouts", &found);
    table.both("StagedRollout", &found.rollouts()[0]);
    let record = found.rollouts()[0].record().unwrap();
    table.row("RolloutRecord", record);
    table.row("RolloutKey", &record.keys);
    let key = format!("/bank.rollout/{}", found.rollouts()[0].id());
    table.row("RolloutRecord", &String::from_utf8_lossy(&store.get(key).unwrap()));
    handle.abort("Ctrl-C");
    let error = driver.join().unwrap().unwrap_err();
    table.both("Error", &error);
    let Some(RolloutEnd::TakenBack { reason, .. }) = error.rollout() else { panic!("{error}") };
    table.both("TakeBackReason", reason);
    table.row("RolloutEnd", &error.rollout());
    for step in steps.lock().unwrap().iter() {
        table.both("RolloutStep", step);
    }
    let promoted = begin().observe(std::time::Duration::ZERO).promote().unwrap();
    table.row("Promoted", &promoted);
    // What does not pass is refused by the instance.
    let error = begin().promote().unwrap_err();
    table.both("Error", &error);
}

#[test]
fn no_public_type_shows_what_a_field_calls_secret() {
    let mut table = Table::default();
    let store = store();
    let settings = Bank::watch(&store).unwrap();
    let mut changes = settings.changes();
    table.row("MemoryStore", &store);
    table.row("Options", &Bank::options());
    table.row("Live", &settings);
    table.row("Reader", &settings.reader());
    table.row("Guard", &settings.load());
    table.row("Snapshot", &settings.snapshot());
    table.row("Secret", &settings.load().token);
    table.row("Subscription", &settings.on_change(|_| {}));
    table.row("Changes", &changes);
    table.row("ChangesOf", &settings.changes_of(|bank| &bank.token));
    of_what_is_made(&mut table, &store, &settings);
    let schema = Bank::schema();
    table.row("Schema", &schema);
    table.row("Field", &schema.fields());
    table.row("FieldDefault", &schema.fields()[0].default());
    table.row("Schema", &(schema.to_markdown(), schema.to_etcdctl()));
    let revision = store.transaction().put("/bank/token", "hunter22").put("/bank/level", "2").commit();
    settings.wait_for_revision(revision, SOON).unwrap();
    let change = runtime().block_on(soon(changes.next())).unwrap();
    table.row("Change", &change);
    table.row("Cause", &change.cause());
    let refused = store.transaction().put("/bank/pin", PLANTED).put("/bank/users/a", b"hunter2\xff").commit();
    let error = settings.wait_for_revision(refused, SOON).unwrap_err();
    table.both("Error", &error);
    table.both("Error", &Bank::load_once(&store).unwrap_err());
    for problem in error.problems() {
        table.both("Problem", problem);
        table.row("ProblemKind", &problem.kind());
    }
    let status = settings.status();
    table.both("Status", &status);
    table.both("State", &status.state);
    table.both("Source", &status.source);
    table.row("Counters", &status.counters);
    table.both("Rejection", status.last_rejection.as_ref().unwrap());
    let explanation = settings.explain();
    table.both("Explanation", &explanation);
    table.row("Row", &explanation.rows());
    table.both("Origin", &explanation.rows()[0].origin());
    table.both("Check", &Bank::check_stored(&store).unwrap());
    of_documents(&mut table);
    history(&mut table, &store, revision);
    let (pin, level) = (field!(Bank.pin), field!(Bank.level));
    table.both("FieldPath", &pin);
    let edit = || Bank::edit(&store).unwrap().set_text("users/a", PLANTED).set_text("token", "hunter23");
    table.row("Edit", &edit());
    let refused = Bank::edit(&store).unwrap().set_text("pin", PLANTED).plan().unwrap_err();
    table.both("Error", &refused);
    let plan = edit().set(pin, &Secret::new(1_234_567)).unwrap().set(level, &3).unwrap().plan().unwrap();
    table.both("Plan", &plan);
    table.row("PlannedChange", &plan.changes());
    store.put("/bank/spare", "hunter24");
    let conflict = plan.commit().unwrap_err();
    table.both("Error", &conflict);
    table.row("ConflictingKey", &conflict.conflicts());
    let plan = edit().set(field!(Bank.pin), &Secret::new(1_234_567)).unwrap().plan().unwrap();
    store.lose_next_request();
    table.both("Error", &plan.commit().unwrap_err());
    let written = Bank::update(self::store(), |edit| edit.set(field!(Bank.level), &3)).unwrap();
    table.row("Written", &written);
    fleet(&mut table);
    rollout(&mut table);
    table.both("Printable", &etcd_config::Printable::line("text"));
    of_derived_code(&mut table);

    // Traits; what a type of the user's is written with, and its own words; a path and numbers; times and numbers; a crate with a table of its own; a server without values.
    let bare = [
        "EtcdConfig",
        "IntoStore",
        "ToText",
        "TextSerializer",
        "NoText",
        "CacheFile",
        "Rewind",
        "ReportedProblem",
        "client",
        "testing",
    ];
    let named: BTreeSet<String> =
        table.0.iter().map(|(name, _)| *name).chain(bare).map(str::to_owned).collect();
    let missing: Vec<_> = exported().difference(&named).cloned().collect();
    assert!(missing.is_empty(), "show that `Debug` keeps secrets of these to itself: {missing:?}");
    let bytes = format!("{:?}", PLANTED.as_bytes());
    for (name, shown) in table.0 {
        assert!(![PLANTED, "1234567", &bytes].iter().any(|secret| shown.contains(secret)), "{name}: {shown}");
    }
}
