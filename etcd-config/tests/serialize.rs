//! The feature `serde`: what the crate says of a configuration, as JSON.

use std::time::Duration;

use etcd_config::{EtcdConfig, Fleet, MemoryStore, Secret};
use serde_json::{Value, json};

/// Settings of a service.
#[derive(EtcdConfig)]
#[etcd(prefix = "/payments")]
struct Settings {
    /// How many there are.
    #[etcd(default = 10)]
    workers: u32,
    #[etcd(default = "hunter1")]
    password: Secret<String>,
    #[etcd(default = "here", restart)]
    region: String,
}

fn to_json(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

#[test]
fn a_status_is_json_without_secrets() {
    let pairs =
        [("/payments/password", "hunter2"), ("/payments/region", "here\n"), ("/payments/wokers", "7")];
    let store = MemoryStore::from(pairs);
    let settings = Settings::watch(&store).unwrap();
    let revision = store.put("/payments/workers", "many");
    store.put("/payments/region", "there\n");
    settings.wait_for_revision(revision, Duration::from_secs(10)).unwrap_err();
    let status = to_json(&settings.status());
    assert_eq!(status["name"], "Settings");
    assert_eq!(status["state"], "watching");
    assert_ne!(status["refused_since"], Value::Null);
    assert_eq!(status["error"], Value::Null);
    assert_eq!(status["source"], "etcd");
    assert_eq!(status["last_rejection"]["problems"][0]["kind"], "undecodable");
    assert_eq!(status["last_rejection"]["problems"][0]["value"], "many");
    let mut warnings: Vec<_> = status["warnings"].as_array().unwrap().iter().collect();
    warnings.sort_by_key(|warning| warning["key"].to_string());
    let warnings: Vec<_> = warnings.iter().map(|warning| (&warning["key"], &warning["kind"])).collect();
    let [region, wokers] = warnings[..] else { panic!("{warnings:?}") };
    assert_eq!(region, (&json!("/payments/region"), &json!("odd_text")));
    assert_eq!(wokers, (&json!("/payments/wokers"), &json!("unknown")));
    assert_eq!(status["counters"]["snapshots"], 1);
    assert!(status["age_seconds"].as_f64().unwrap() < 3600.0, "{status}");
    let since = status["since"].as_str().unwrap();
    assert!(since.starts_with("20") && since.ends_with('Z'), "{since}");

    let explanation = to_json(&settings.explain());
    assert_eq!(explanation[0]["field"], "workers");
    assert_eq!(explanation[0]["value"], "many");
    assert_eq!(explanation[1]["value"], Value::Null);
    assert_eq!(explanation[1]["origin"], "etcd");
    for text in [status.to_string(), explanation.to_string()] {
        assert!(!text.contains("hunter"), "{text}");
    }
}

#[test]
fn a_schema_is_json_without_defaults_of_secrets() {
    let schema = to_json(&Settings::schema());
    assert_eq!(schema["prefix"], "/payments");
    assert_eq!(
        schema["fields"][0],
        json!({
            "key": "/payments/workers", "path": "workers", "type": "u32", "docs": "How many there are.",
            "default": "10", "required": false, "in_optional": false, "entry": false, "secret": false,
            "restart": false, "deprecated": null, "env": null, "aliases": [],
        })
    );
    assert_eq!(schema["fields"][1]["default"], "•••");
    assert_eq!(schema["fields"][2]["restart"], true);
    assert!(!schema.to_string().contains("hunter"), "{schema}");
}

#[test]
fn a_check_and_a_plan_are_json_without_secrets() {
    let store = MemoryStore::from([("/payments/password", "hunter2"), ("/payments/workers", "many")]);
    let check = to_json(&Settings::check_stored(&store).unwrap());
    assert_eq!((&check["ok"], &check["keys"]), (&json!(false), &json!(2)));
    assert_eq!(check["problems"][0]["key"], "/payments/workers");
    let history = to_json(&Settings::history(&store, 3..).unwrap());
    assert_eq!(
        (&history["complete_from"], &history["to"], &history["cut"]),
        (&json!(3), &json!(3), &json!(null))
    );
    let step = &history["steps"][0];
    assert_eq!(
        (&step["revision"], &step["committed"], &step["valid"]),
        (&json!(3), &json!(true), &json!(false))
    );
    assert_eq!(step["problems"][0]["key"], "/payments/workers");
    assert!(
        step["changes"][0]["creation"].is_boolean() && !history.to_string().contains("hunter"),
        "{history}"
    );
    let edit = Settings::edit(&store).unwrap().set_text("workers", "3").set_text("password", "hunter3");
    let plan = to_json(&edit.plan().unwrap());
    let password = json!({
        "field": "password", "key": "/payments/password", "old": null, "new": null,
        "deletion": false, "secret": true, "restart": false,
    });
    let workers = json!({
        "field": "workers", "key": "/payments/workers", "old": "many", "new": "3",
        "deletion": false, "secret": false, "restart": false,
    });
    assert_eq!(plan["changes"], json!([password, workers]));
    assert!(!plan.to_string().contains("hunter") && !check.to_string().contains("hunter"));
}

#[test]
fn a_fleet_is_json_without_secrets() {
    let store = MemoryStore::from([("/payments/password", "hunter2")]);
    let spread = Duration::ZERO;
    let settings = Settings::options().instance("web-1").instance_version("1.4").instance_spread(spread);
    let settings = settings.watch(&store).unwrap();
    etcd_config_tests::until("listed", || settings.status().instance.is_some());
    assert_eq!(to_json(&settings.status())["instance"], "web-1");
    store.put("/payments.fleet/web-2", "{\"format\":2}");
    store.put("/payments.fleet/zero", "?");
    let bad = store.put("/payments/workers", "many");
    let fleet = Fleet::of::<Settings>(&store).unwrap();
    let error = fleet.wait_for_revision(bad, Duration::from_secs(10)).unwrap_err();
    let lagging = to_json(&error.lagging());
    assert_eq!((&lagging[0]["name"], &lagging[0]["reason"]), (&json!("web-1"), &json!("refused")));
    let why = "its entry cannot be read: it is of format 2, and this program reads up to 1";
    assert_eq!(lagging[1], json!({ "name": "web-2", "reason": "unreadable", "why": why }));
    let fleet = to_json(&Fleet::of::<Settings>(&store).unwrap());
    let report = &fleet["instances"][0]["report"];
    assert_eq!((&report["version"], &report["state"]), (&json!("1.4"), &json!("watching")));
    assert_eq!((&report["lease_seconds"], &report["layers"]), (&json!(15), &json!([])));
    assert_eq!(report["refused"]["problems"][0]["key"], "/payments/workers");
    assert!(report["since"].as_str().unwrap().ends_with('Z'), "{report}");
    assert_eq!(fleet["instances"][2]["unreadable"], "it is no JSON");
    assert!(!fleet.to_string().contains("hunter"), "{fleet}");
}

/// Settings whose instances have layers.
#[derive(EtcdConfig)]
#[etcd(prefix = "/bank", layers("/bank@{instance}"))]
struct Layered {
    #[etcd(default = "hunter1", secret)]
    token: String,
    #[etcd(default = 10)]
    workers: u32,
}

#[test]
fn a_rollout_is_json_without_values() {
    use etcd_config::{Rollout, RolloutStep};
    let store = MemoryStore::from([("/bank@web-1/workers", "4711")]);
    let options = |name: &str| Layered::options().placeholder("instance", name);
    let spread = Duration::ZERO;
    let settings = options("web-1").instance("web-1").instance_spread(spread).watch(&store).unwrap();
    etcd_config_tests::until("listed", || settings.status().instance.is_some());
    let plan = options("-").edit(&store).unwrap().set_text("workers", "20").plan().unwrap();
    let rollout = Rollout::of(plan).to(["web-1"]).replace().by("ann").observe(Duration::from_secs(3600));
    let preview = to_json(&rollout.preview().unwrap());
    assert_eq!((&preview["instances"], &preview["observe_seconds"]), (&json!(["web-1"]), &json!(3600.0)));
    let handle = rollout.handle();
    let (sender, steps) = std::sync::mpsc::channel();
    let rollout = rollout.on_step(move |step| sender.send(step.clone()).unwrap());
    let driver = std::thread::spawn(move || rollout.promote());
    let in_force = |step: RolloutStep| matches!(step, RolloutStep::InForce { .. });
    assert!(steps.iter().any(in_force));
    store.put("/bank.rollout/x", "?");
    let found = to_json(&options("-").rollouts(&store).unwrap());
    let record = &found[0]["record"];
    assert_eq!(record["keys"], json!([{ "path": "workers", "field": "workers", "was_at": null }]));
    assert_eq!((&record["by"], &record["layers"]), (&json!("ann"), &json!(["/bank@web-1"])));
    assert!(found[0]["driven_by"].as_str().unwrap().starts_with("ann") && found[0]["staged_at"].is_u64());
    assert_eq!((&found[1]["record"], &found[1]["unreadable"]), (&Value::Null, &json!("it is no JSON")));
    for value in ["4711", "hunter", "\"20\""] {
        assert!(!found.to_string().contains(value), "{found}");
    }
    handle.abort("Ctrl-C");
    let error = driver.join().unwrap().unwrap_err();
    let end = to_json(&error.rollout());
    assert_eq!(
        (&end["end"], &end["left"], &end["promoted"]),
        (&json!("taken_back"), &json!([]), &Value::Null)
    );
    let reason = json!({ "reason": "asked", "instance": null, "lagging": [], "why": "Ctrl-C" });
    assert_eq!(end["reason"], reason);
    assert_eq!(store.get("/bank@web-1/workers").as_deref(), Some(&b"4711"[..]));
}
