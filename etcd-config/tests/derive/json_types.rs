//! Values that are JSON, described by their types in the schema.

#![allow(dead_code, reason = "the types are described, and nothing is read")]

use std::collections::BTreeMap;

use etcd_config::{EtcdConfig, Schema, Secret};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// How much at once.
#[derive(Deserialize, JsonSchema, Debug, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Limits {
    /// Requests a second.
    most_requests: u32,
    #[serde(default)]
    mode: Mode,
}

#[derive(Deserialize, JsonSchema, Debug, Default)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Soft,
    Hard {
        after: u8,
    },
}

#[derive(Deserialize, JsonSchema, Debug)]
struct Credentials {
    user: String,
    #[serde(default = "hunter2")]
    password: String,
}

fn hunter2() -> String {
    "hunter2".to_owned()
}

fn schema_of(schema: &Schema) -> Value {
    serde_json::from_str(&schema.to_json_schema()).unwrap()
}

#[test]
fn a_type_says_all_of_its_json() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Settings {
        /// The usual ones.
        #[etcd(schemars, default = r#"{"mostRequests": 5}"#)]
        limits: Limits,
        #[etcd(schemars)]
        others: Option<Vec<Limits>>,
        #[etcd(map, schemars)]
        of_users: BTreeMap<String, Limits>,
        #[etcd(default = r#"{"mostRequests": 5}"#)]
        plain: Limits,
    }
    let schema = schema_of(&Settings::schema());
    let limits = json!({
        "description": "How much at once.",
        "type": "object",
        "properties": {
            "mostRequests": {
                "description": "Requests a second.", "type": "integer", "format": "uint32", "minimum": 0,
            },
            "mode": {
                "oneOf": [
                    {"type": "string", "enum": ["soft"]},
                    {
                        "type": "object",
                        "properties": {"hard": {
                            "type": "object",
                            "properties": {"after": {
                                "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255,
                            }},
                            "required": ["after"],
                        }},
                        "required": ["hard"],
                        "additionalProperties": false,
                    },
                ],
            },
        },
        "required": ["mostRequests"],
        "additionalProperties": false,
    });
    let properties = &schema["properties"];
    assert_eq!(properties["others"], json!({"type": "array", "items": limits}));
    assert_eq!(properties["of_users"], json!({"type": "object", "additionalProperties": limits}));
    let mut documented = limits.clone();
    documented["description"] = json!("The usual ones.");
    documented["default"] = json!({"mostRequests": 5});
    assert_eq!(properties["limits"], documented);
    // Without being asked there are the names.
    assert_eq!(properties["plain"]["properties"], json!({"mostRequests": {}, "mode": {}}));
    assert!(schema.get("$defs").is_none(), "{schema:#}");
}

#[test]
fn a_type_that_refers_to_itself_meets_no_struct_of_that_name() {
    mod json {
        #[derive(serde::Deserialize, schemars::JsonSchema, Debug)]
        pub(super) struct Tree {
            pub(super) left: Option<Box<Tree>>,
        }
    }
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Tree {
        #[etcd(nested)]
        children: BTreeMap<String, Tree>,
        #[etcd(schemars)]
        value: json::Tree,
    }
    let schema = schema_of(&Tree::schema());
    assert_eq!(schema["properties"]["children"]["additionalProperties"], json!({"$ref": "#/$defs/Tree"}));
    assert_eq!(schema["$defs"]["Tree"]["properties"]["children"]["type"], "object");
    let left = json!({"anyOf": [{"$ref": "#/$defs/json.Tree"}, {"type": "null"}]});
    assert_eq!(schema["$defs"]["json.Tree"]["properties"]["left"], left);
    // Each reference leads somewhere.
    let text = schema.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(schema.pointer(reference).is_some(), "{reference}\n{schema:#}");
    }
}

#[test]
fn a_secret_shows_no_values_of_its_type() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/app")]
    struct Settings {
        #[etcd(schemars, secret)]
        one: Credentials,
        #[etcd(schemars)]
        other: Secret<Credentials>,
    }
    let schema = schema_of(&Settings::schema());
    assert!(!schema.to_string().contains("hunter2"), "{schema:#}");
    for name in ["one", "other"] {
        assert_eq!(schema["properties"][name]["writeOnly"], true, "{schema:#}");
        assert_eq!(schema["properties"][name]["properties"]["password"], json!({"type": "string"}));
    }
}

#[test]
fn a_generic_struct_and_placeholders() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/{region}/app")]
    struct Settings<T> {
        #[etcd(schemars)]
        value: T,
        #[etcd(schemars, key = "/eu/app/elsewhere")]
        list: Vec<T>,
    }
    let options = Settings::<Mode>::options().placeholder("region", "eu");
    let schema = options.schema().unwrap();
    assert_eq!(schema.fields()[0].key(), "/eu/app/value");
    let schema = schema_of(&schema);
    assert_eq!(schema["properties"]["value"], schema["properties"]["elsewhere"]["items"]);
    assert_eq!(schema["properties"]["value"]["oneOf"][0], json!({"type": "string", "enum": ["soft"]}));
}
