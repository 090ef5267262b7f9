//! What happened last.

use etcd_config::http::service;
use serde_json::json;

use crate::asking::get;
use crate::service::{put, watched};

#[test]
fn changes_refusals_and_losses_are_recorded_newest_first() {
    let (store, settings) = watched();
    let page = service(&settings);
    assert_eq!(get(&page, "/recent.json").json(), json!([]));
    let changed =
        store.transaction().put("/service/workers", "12").put("/service/features/dark", "true").commit();
    settings.wait_for_callbacks(changed, crate::service::SOON).unwrap();
    let refused = put(&store, &settings, "workers", "many");
    store.refuse(true);
    store.cut();
    let recent = || get(&page, "/recent.json").json();
    etcd_config_tests::until("lost", || recent()[0]["what"] == "lost");
    store.refuse(false);
    etcd_config_tests::until("back", || recent()[0]["what"] == "back");
    let recent = recent();
    let kinds: Vec<_> = recent.as_array().unwrap().iter().map(|happening| &happening["what"]).collect();
    assert_eq!(kinds, ["back", "lost", "refused", "changed"]);
    assert_eq!(recent[1]["state"], "disconnected");
    assert_eq!((&recent[2]["revision"], &recent[2]["kept_revision"]), (&json!(refused), &json!(changed)));
    assert_eq!(recent[2]["problems"][0]["key"], "/service/workers");
    assert_eq!(recent[3]["revision"], changed);
    let fields: Vec<_> = recent[3]["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|field| (field["field"].clone(), field["old"].clone(), field["new"].clone()))
        .collect();
    let expected = [
        (json!("workers"), json!("8 (default)"), json!("12")),
        (json!("features.dark"), json!(null), json!("true")),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn what_is_refused_again_for_the_same_reasons_is_one_refusal() {
    let (store, settings) = watched();
    let page = service(&settings);
    let changed = put(&store, &settings, "level", "debug");
    put(&store, &settings, "workers", "many");
    for n in 0..50 {
        put(&store, &settings, "features/dark", if n % 2 == 0 { "true" } else { "false" });
    }
    let recent = get(&page, "/recent.json").json();
    assert_eq!(recent.as_array().unwrap().len(), 2, "{recent}");
    assert_eq!((&recent[0]["what"], &recent[0]["times"]), (&json!("refused"), &json!(51)));
    assert_eq!((&recent[1]["what"], &recent[1]["revision"]), (&json!("changed"), &json!(changed)));
}

#[test]
fn many_of_one_kind_do_not_push_out_the_other_and_none_grows() {
    let (store, settings) = watched();
    let page = service(&settings);
    let mut last = 0;
    for n in 10..60 {
        last = put(&store, &settings, "workers", &n.to_string());
    }
    for n in 0..50 {
        put(&store, &settings, "workers", &format!("many{n}"));
    }
    let mut several = store.transaction();
    for n in 0..200 {
        several = several.put(format!("/service/features/{n}"), "perhaps");
    }
    settings.wait_for_callbacks(several.commit(), crate::service::SOON).unwrap();
    let recent = get(&page, "/recent.json").json();
    let recent = recent.as_array().unwrap();
    assert_eq!(recent.len(), 40);
    let problems = recent[0]["problems"].as_array().unwrap();
    assert_eq!((problems.len(), &recent[0]["more"]), (20, &json!(181)));
    assert_eq!(recent[20]["revision"], last);
}

#[test]
fn of_a_large_configuration_the_keys_are_recorded() {
    let (store, settings) = watched();
    let mut several = store.transaction();
    for n in 0..1_500 {
        several = several.put(format!("/service/features/{n}"), "true");
    }
    settings.wait_for_revision(several.commit(), crate::service::SOON).unwrap();
    let page = service(&settings);
    put(&store, &settings, "workers", "9");
    let recent = get(&page, "/recent.json").json();
    assert_eq!((&recent[0]["keys"], &recent[0]["fields"]), (&json!(["/service/workers"]), &json!([])));
}
