//! Each attribute, and what it promises.

use std::collections::BTreeMap;
use std::net::IpAddr;

use etcd_config::{EtcdConfig, ProblemKind};

use crate::keys::{Keys, lines, problems};

#[derive(EtcdConfig, Debug, PartialEq)]
struct Renamed {
    #[etcd(alias = "old/size", alias = "older_size", default = 1)]
    size: u32,
    #[etcd(nested, alias = "db")]
    database: Option<Database>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
pub(crate) struct Database {
    #[etcd(default = "pg://db")]
    pub(crate) url: String,
    #[etcd(default = 1)]
    pub(crate) pool: u32,
}

#[test]
fn an_alias_is_read_until_the_key_is_there() {
    let mut keys = Keys::of::<Renamed>("/app", &[("/app/older_size", "3")]);
    let mut value = keys.decode::<Renamed>().unwrap();
    assert_eq!(value.size, 3);
    assert_eq!(
        lines(&keys.warnings()),
        ["/app/older_size: older_size is an old name of size, which counts where both are there"]
    );
    keys.update(&mut value, &[("/app/old/size", Some("4"))]).unwrap();
    assert_eq!(value.size, 4);
    keys.update(&mut value, &[("/app/size", Some("5"))]).unwrap();
    assert_eq!(value.size, 5);
    keys.update(&mut value, &[("/app/size", None)]).unwrap();
    assert_eq!(value.size, 4);
}

#[test]
fn the_alias_of_a_directory_gives_way_to_the_directory() {
    let mut keys = Keys::of::<Renamed>("/app", &[("/app/db/pool", "3"), ("/app/db/url", "x")]);
    let mut value = keys.decode::<Renamed>().unwrap();
    assert_eq!(value.database, Some(Database { url: "x".to_owned(), pool: 3 }));
    keys.update(&mut value, &[("/app/database/pool", Some("4"))]).unwrap();
    assert_eq!(value.database, Some(Database { url: "pg://db".to_owned(), pool: 4 }));
    keys.update(&mut value, &[("/app/database/pool", None), ("/app/db/url", None)]).unwrap();
    assert_eq!(value.database, Some(Database { url: "pg://db".to_owned(), pool: 3 }));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct BothRenamed {
    #[etcd(alias = "old_size")]
    size: u32,
    #[etcd(nested, alias = "old")]
    new: Database,
    #[etcd(map, alias = "old_map")]
    map: BTreeMap<String, u32>,
}

#[test]
fn what_is_no_value_of_the_field_hides_none_by_its_old_name() {
    let pairs = [("/app/old_size", "1"), ("/app/old/pool", "2"), ("/app/old_map/a", "3")];
    let mut keys = Keys::of::<BothRenamed>("/app", &pairs);
    let mut value = keys.decode::<BothRenamed>().unwrap();
    let stray = [("/app/size/note", Some("x")), ("/app/new", Some("x")), ("/app/map", Some("x"))];
    keys.update(&mut value, &stray).unwrap();
    let all = |value: &BothRenamed| (value.size, value.new.pool, value.map["a"]);
    assert_eq!(all(&value), (1, 2, 3));
    let written = [("/app/old_size", Some("4")), ("/app/old/pool", Some("5")), ("/app/old_map/a", Some("6"))];
    keys.update(&mut value, &written).unwrap();
    assert_eq!(all(&value), (4, 5, 6));
    keys.update(&mut value, &[("/app/size", Some("7")), ("/app/new/pool", Some("8"))]).unwrap();
    assert_eq!(all(&value), (7, 8, 6));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Defaults {
    #[etcd(default = "text")]
    string: String,
    #[etcd(default = 'c')]
    character: char,
    #[etcd(default = true)]
    flag: bool,
    #[etcd(default = -1.5)]
    number: f64,
    #[etcd(default = 1_000)]
    grouped: u32,
    #[etcd(default = "[1, 2]")]
    list: Vec<u8>,
    #[etcd(default)]
    own: Vec<u8>,
    #[etcd(default_fn = answer)]
    made: u32,
    #[etcd(skip)]
    skipped: Option<String>,
    #[etcd(skip, default_fn = answer)]
    skipped_made: u32,
}

fn answer() -> u32 {
    42
}

#[test]
fn defaults_are_text_or_made() {
    let keys = Keys::of::<Defaults>("/app", &[("/app/skipped", "x")]);
    let expected = Defaults {
        string: "text".to_owned(),
        character: 'c',
        flag: true,
        number: -1.5,
        grouped: 1000,
        list: vec![1, 2],
        own: vec![],
        made: 42,
        skipped: None,
        skipped_made: 42,
    };
    assert_eq!(keys.decode::<Defaults>(), Ok(expected));
    assert_eq!(lines(&keys.warnings()), ["/app/skipped: unknown key; no field reads it"]);
}

#[test]
fn a_default_that_does_not_decode_is_a_problem() {
    #[derive(EtcdConfig, Debug)]
    struct Wrong {
        #[etcd(default = "localhost")]
        _address: IpAddr,
    }
    let expected = "/app/_address _address: IpAddr: \"localhost\" is not an IP address (such as 10.0.0.1 or ::1): invalid IP address syntax \
                    (the default in the source)";
    assert_eq!(problems::<Wrong>("/app", &[]), [expected]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Overridden {
    #[etcd(env = "APP_SIZE", default = 1)]
    size: u32,
    #[etcd(env = "APP_TOKEN", secret)]
    token: String,
}

#[test]
fn the_environment_comes_before_etcd() {
    let pairs = [("/app/size", "2"), ("/app/token", "stored")];
    let environment = [("APP_SIZE", "3"), ("APP_TOKEN", "set")];
    let mut keys = Keys::with_environment::<Overridden>("/app", &pairs, &environment);
    let mut value = keys.decode::<Overridden>().unwrap();
    assert_eq!(value, Overridden { size: 3, token: "set".to_owned() });
    keys.update(&mut value, &[("/app/size", Some("9"))]).unwrap();
    assert_eq!(value.size, 3);
    let keys = Keys::with_environment::<Overridden>("/app", &pairs, &[("APP_SIZE", "x")]);
    let expected = "/app/size size: u32: \"x\" is not a whole number from 0 to 4294967295 \
                    (from the environment variable APP_SIZE)";
    assert_eq!(lines(&keys.decode::<Overridden>().unwrap_err()), [expected]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Restarted {
    #[etcd(restart, default = 1)]
    port: u16,
    #[etcd(nested, restart)]
    database: Database,
    #[etcd(default = 1)]
    live: u32,
}

#[test]
fn a_restart_field_stays_and_the_rest_goes_live() {
    let mut keys = Keys::of::<Restarted>("/app", &[("/app/port", "80")]);
    let mut value = keys.decode::<Restarted>().unwrap();
    let changes = [("/app/port", Some("81")), ("/app/database/pool", Some("7")), ("/app/live", Some("2"))];
    keys.update(&mut value, &changes).unwrap();
    assert_eq!((value.port, value.database.pool, value.live), (80, 1, 2));
    let waiting = [
        "/app/database: has changed since the start; a restart brings the change into force",
        "/app/port: has changed since the start; a restart brings the change into force",
    ];
    assert_eq!(lines(&keys.context.restart_changes(&keys.tree)), waiting);
    assert!(
        keys.context.restart_changes(&keys.tree).iter().all(|problem| problem.kind() == ProblemKind::Pending)
    );
    keys.update(&mut value, &[("/app/port", Some("80")), ("/app/database/pool", None)]).unwrap();
    assert_eq!(keys.context.restart_changes(&keys.tree), []);
}

#[test]
fn a_default_that_is_written_down_waits_for_no_restart() {
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Service {
        #[etcd(restart, default = 80)]
        port: u16,
    }
    for (before, after) in [(None, Some("80")), (Some("80"), None)] {
        let pairs: Vec<_> = before.map(|text| ("/app/port", text)).into_iter().collect();
        let mut keys = Keys::of::<Service>("/app", &pairs);
        keys.decode::<Service>().unwrap();
        keys.change(&[("/app/port", after)]);
        assert_eq!(keys.context.restart_changes(&keys.tree), []);
        keys.change(&[("/app/port", Some("81"))]);
        assert_eq!(keys.context.restart_changes(&keys.tree).len(), 1);
    }
}

#[test]
fn what_a_restart_would_refuse_does_not_hold_updates_up() {
    let mut keys = Keys::of::<Restarted>("/app", &[]);
    let mut value = keys.decode::<Restarted>().unwrap();
    keys.update(&mut value, &[("/app/port", Some("x")), ("/app/live", Some("2"))]).unwrap();
    assert_eq!((value.port, value.live), (1, 2));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct ConflictingKey {
    #[etcd(restart, default = 1, alias = "old_port")]
    port: u16,
}

#[test]
fn a_restart_field_stays_whatever_name_its_key_has() {
    let waiting =
        |key: &str| [format!("{key}: has changed since the start; a restart brings the change into force")];
    let mut keys = Keys::of::<ConflictingKey>("/app", &[("/app/old_port", "80")]);
    let mut value = keys.decode::<ConflictingKey>().unwrap();
    for (changes, pending) in [
        (&[("/app/port", Some("81"))][..], Some("/app/port")),
        (&[("/app/old_port", None)], Some("/app/port")),
        (&[("/app/port", None)], Some("/app/old_port")),
        // The same value under the other name is no change.
        (&[("/app/port", Some("80"))], None),
    ] {
        keys.update(&mut value, changes).unwrap();
        assert_eq!(value.port, 80, "{changes:?}");
        let expected: Vec<_> = pending.into_iter().flat_map(waiting).collect();
        assert_eq!(lines(&keys.context.restart_changes(&keys.tree)), expected, "{changes:?}");
    }
}

#[test]
fn a_restart_field_stays_whatever_name_the_directory_around_it_has() {
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Around {
        #[etcd(nested, alias = "old")]
        new: ConflictingKey,
    }
    let mut keys = Keys::of::<Around>("/app", &[("/app/old/port", "80")]);
    let mut value = keys.decode::<Around>().unwrap();
    for change in [("/app/new/port", Some("81")), ("/app/old/port", None), ("/app/new/port", None)] {
        keys.update(&mut value, &[change]).unwrap();
        assert_eq!(value.new.port, 80, "{change:?}");
    }
}

#[test]
fn an_absolute_key_in_a_restart_field_stays_too() {
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Around {
        #[etcd(nested, restart)]
        service: Shared,
        #[etcd(default = 1)]
        live: u32,
    }
    #[derive(EtcdConfig, Debug, PartialEq)]
    struct Shared {
        #[etcd(key = "/app/shared/region")]
        region: String,
        #[etcd(default = 1)]
        size: u32,
    }
    let mut keys = Keys::of::<Around>("/app", &[("/app/shared/region", "eu"), ("/app/service/size", "2")]);
    let mut value = keys.decode::<Around>().unwrap();
    let changes =
        [("/app/shared/region", Some("us")), ("/app/service/size", Some("3")), ("/app/live", Some("4"))];
    keys.update(&mut value, &changes).unwrap();
    assert_eq!((value.service.region.as_str(), value.service.size, value.live), ("eu", 2, 4));
    let waits =
        |key: &str| format!("{key}: has changed since the start; a restart brings the change into force");
    let pending = lines(&keys.context.restart_changes(&keys.tree));
    assert_eq!(pending, [waits("/app/service"), waits("/app/shared/region")]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Old {
    #[etcd(default = 1, deprecated = "use pool")]
    size: u32,
    #[etcd(nested, deprecated = "use databases")]
    database: Database,
}

#[test]
fn a_deprecated_field_is_read_with_a_warning() {
    let keys = Keys::of::<Old>("/app", &[("/app/size", "3"), ("/app/database/pool", "4")]);
    assert_eq!(keys.decode::<Old>().unwrap().size, 3);
    let expected = ["/app/database/pool: deprecated: use databases", "/app/size: deprecated: use pool"];
    assert_eq!(lines(&keys.warnings()), expected);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Absolute {
    #[etcd(key = "/app/shared/region")]
    region: String,
    #[etcd(nested)]
    services: BTreeMap<String, Service>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Service {
    #[etcd(key = "/app/shared/region")]
    region: String,
    #[etcd(default = 1)]
    size: u32,
}

#[test]
fn an_absolute_key_is_one_key_for_all() {
    let mut keys =
        Keys::of::<Absolute>("/app", &[("/app/shared/region", "eu"), ("/app/services/a/size", "2")]);
    let mut value = keys.decode::<Absolute>().unwrap();
    assert_eq!((value.region.as_str(), value.services["a"].region.as_str()), ("eu", "eu"));
    assert_eq!(keys.warnings(), []);
    keys.update(&mut value, &[("/app/shared/region", Some("us"))]).unwrap();
    assert_eq!((value.region.as_str(), value.services["a"].region.as_str()), ("us", "us"));
}

#[test]
fn an_absolute_key_outside_of_the_prefix_is_refused() {
    let expected =
        "/app/shared/region region: String: outside of /canary/app, and only what is below it is watched";
    assert_eq!(problems::<Absolute>("/canary/app", &[]), [expected]);
}

#[test]
fn a_type_that_keeps_itself_secret_needs_no_mark() {
    use etcd_config::Secret;

    #[derive(EtcdConfig, Debug)]
    struct Types {
        own: Secret<String>,
        inside: Option<Secret<u32>>,
        theirs: secrecy::SecretString,
        #[etcd(map)]
        each: std::collections::BTreeMap<String, Secret<u32>>,
        // A word in a longer name is none of them.
        plain: Secretary,
    }
    type Secretary = String;

    let schema = Types::schema();
    let secret: Vec<_> = schema.fields().iter().map(|field| (field.path(), field.is_secret())).collect();
    assert_eq!(
        secret,
        [("own", true), ("inside", true), ("theirs", true), ("each.<name>", true), ("plain", false)]
    );
    let pairs = [("/app/own", "hunter2"), ("/app/theirs", "x"), ("/app/plain", "x"), ("/app/each/a", "1")];
    let types = Keys::of::<Types>("/app", &pairs).decode::<Types>().unwrap();
    assert_eq!((types.own.expose().as_str(), types.each["a"].expose(), types.inside), ("hunter2", &1, None));
    assert_eq!(format!("{:?}", types.own), "•••");
    let refused = problems::<Types>("/app", &[pairs[0], pairs[1], pairs[2], ("/app/inside", "hunter2")]);
    assert!(refused.iter().all(|line| line.contains("(secret)") && !line.contains("hunter2")), "{refused:?}");
    assert_eq!(types.plain, "x");
    drop((types.theirs, types.own.into_exposed()));
}

/// The attributes of serde for another derive: said here as well, about writing alone, or not for this one.
mod beside_serde {
    use etcd_config::EtcdConfig;

    #[derive(EtcdConfig, serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "kebab-case")]
    #[etcd(rename_all = "kebab-case")]
    pub(crate) struct Both {
        #[serde(rename = "size", default)]
        #[etcd(key = "size", default)]
        pub(crate) pool_size: u32,
        #[serde(skip_serializing_if = "Option::is_none", rename(serialize = "most"))]
        pub(crate) pool_limit: Option<u32>,
    }

    #[derive(EtcdConfig, serde::Deserialize, Debug, PartialEq)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    #[etcd(ignore_serde)]
    pub(crate) struct Apart {
        #[serde(rename = "size", default)]
        pub(crate) pool_size: u32,
    }
}

#[test]
fn serde_s_attributes_are_for_other_derives() {
    use beside_serde::{Apart, Both};
    let both = Keys::of::<Both>("/app", &[("/app/size", "2"), ("/app/pool-limit", "3")]).decode::<Both>();
    assert_eq!(both, Ok(Both { pool_size: 2, pool_limit: Some(3) }));
    let apart = Keys::of::<Apart>("/app", &[("/app/pool_size", "2")]).decode::<Apart>();
    assert_eq!(apart, Ok(Apart { pool_size: 2 }));
}
