//! Each attribute, and what it promises.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

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
struct Database {
    #[etcd(default = "pg://db")]
    url: String,
    #[etcd(default = 1)]
    pool: u32,
}

#[test]
fn an_alias_is_read_until_the_key_is_there() {
    let mut keys = Keys::of::<Renamed>("/app", &[("/app/older_size", "3")]);
    let mut value = keys.decode::<Renamed>().unwrap();
    assert_eq!(value.size, 3);
    assert_eq!(lines(&keys.warnings()), ["/app/older_size: older_size is an old name of size"]);
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
    let expected = "/app/_address _address: IpAddr: \"localhost\" is not an IP address: invalid IP address syntax \
                    (the default in the source)";
    assert_eq!(problems::<Wrong>("/app", &[]), [expected]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Flat {
    #[etcd(flatten)]
    database: Database,
    own: u32,
}

#[test]
fn flattened_fields_are_among_the_others() {
    let mut keys = Keys::of::<Flat>("/app", &[("/app/pool", "3"), ("/app/own", "1")]);
    let mut value = keys.decode::<Flat>().unwrap();
    assert_eq!(value, Flat { database: Database { url: "pg://db".to_owned(), pool: 3 }, own: 1 });
    assert_eq!(keys.warnings(), []);
    keys.update(&mut value, &[("/app/url", Some("x"))]).unwrap();
    assert_eq!(value.database.url, "x");
    assert_eq!(
        lines(&keys.update(&mut value, &[("/app/pool", Some("x"))]).unwrap_err())[0],
        "/app/pool database.pool: u32: \"x\" is not a whole number from 0 to 4294967295: invalid digit found in string (set at revision 3)"
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Port(u16);

#[derive(EtcdConfig, Debug, PartialEq)]
struct Primary(#[etcd(nested)] Database);

#[derive(EtcdConfig, Debug, PartialEq)]
struct Features(#[etcd(map)] BTreeMap<String, bool>);

#[derive(EtcdConfig, Debug, PartialEq)]
struct Newtypes {
    #[etcd(nested)]
    port: Port,
    #[etcd(nested)]
    other: Option<Port>,
    #[etcd(nested)]
    primary: Primary,
    #[etcd(nested)]
    features: Features,
}

#[test]
fn a_newtype_takes_the_place_of_its_field() {
    let pairs = [("/app/port", "80"), ("/app/primary/pool", "2"), ("/app/features/a", "true")];
    let mut keys = Keys::of::<Newtypes>("/app", &pairs);
    let mut value = keys.decode::<Newtypes>().unwrap();
    let expected = Newtypes {
        port: Port(80),
        other: None,
        primary: Primary(Database { url: "pg://db".to_owned(), pool: 2 }),
        features: Features(BTreeMap::from([("a".to_owned(), true)])),
    };
    assert_eq!(value, expected);
    assert_eq!(keys.warnings(), []);
    let changes = [("/app/port", Some("81")), ("/app/features/b", Some("false")), ("/app/other", Some("1"))];
    keys.update(&mut value, &changes).unwrap();
    assert_eq!((value.port, value.other, value.features.0.len()), (Port(81), Some(Port(1)), 2));
    let bad = problems::<Newtypes>("/app", &[("/app/port", "x")]);
    assert_eq!(
        bad,
        [
            "/app/port port: u16: \"x\" is not a whole number from 0 to 65535: invalid digit found in string (set at revision 1)"
        ]
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Wrapped {
    #[etcd(nested)]
    shared: Arc<Database>,
    #[etcd(nested)]
    boxed: Box<Database>,
    #[etcd(nested)]
    both: HashMap<String, Option<Arc<Database>>>,
    #[etcd(nested)]
    deep: BTreeMap<String, HashMap<String, Database>>,
}

#[test]
fn nested_structs_may_be_wrapped() {
    let pairs = [
        ("/app/shared/pool", "1"),
        ("/app/boxed/pool", "2"),
        ("/app/both/x/pool", "3"),
        ("/app/deep/a/b/pool", "4"),
    ];
    let mut keys = Keys::of::<Wrapped>("/app", &pairs);
    let mut value = keys.decode::<Wrapped>().unwrap();
    let held = Arc::clone(&value.shared);
    let changes = [
        ("/app/shared/pool", Some("5")),
        ("/app/boxed/pool", Some("6")),
        ("/app/both/x/pool", Some("7")),
        ("/app/both/y/pool", Some("8")),
        ("/app/deep/a/b/pool", None),
        ("/app/deep/a/c/pool", Some("9")),
    ];
    keys.update(&mut value, &changes).unwrap();
    assert_eq!((held.pool, value.shared.pool), (1, 5), "who took it out of a snapshot keeps it");
    assert_eq!((value.boxed.pool, value.both.len(), value.deep["a"]["c"].pool), (6, 2, 9));
    keys.update(&mut value, &[("/app/deep/a/c/pool", None), ("/app/both/x/pool", None)]).unwrap();
    assert_eq!((value.deep.len(), value.both.len()), (0, 1));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct ByNumber {
    #[etcd(map)]
    names: BTreeMap<u32, String>,
    #[etcd(nested)]
    databases: HashMap<u8, Database>,
}

#[test]
fn names_of_entries_may_be_numbers() {
    let mut keys = Keys::of::<ByNumber>("/app", &[("/app/names/7", "seven"), ("/app/databases/1/pool", "2")]);
    let mut value = keys.decode::<ByNumber>().unwrap();
    assert_eq!((value.names[&7].as_str(), value.databases[&1].pool), ("seven", 2));
    keys.update(&mut value, &[("/app/names/8", Some("eight")), ("/app/names/7", None)]).unwrap();
    assert_eq!(value.names, BTreeMap::from([(8, "eight".to_owned())]));
    let bad =
        problems::<ByNumber>("/app", &[("/app/names/x", "1"), ("/app/names/1", "a"), ("/app/names/01", "b")]);
    let expected = [
        "/app/names/1 names.1: the same u32 as another key's name",
        "/app/names/x names.x: the name \"x\" is not a whole number from 0 to 4294967295: invalid digit found in string",
    ];
    assert_eq!(bad, expected);
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
    let expected = "/app/size size: u32: \"x\" is not a whole number from 0 to 4294967295: invalid digit found in \
                    string (from the environment variable APP_SIZE)";
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
    assert_eq!(lines(&keys.context.pending(&keys.tree)), waiting);
    assert!(keys.context.pending(&keys.tree).iter().all(|problem| problem.kind() == ProblemKind::Pending));
    keys.update(&mut value, &[("/app/port", Some("80")), ("/app/database/pool", None)]).unwrap();
    assert_eq!(keys.context.pending(&keys.tree), []);
}

#[test]
fn what_a_restart_would_refuse_does_not_hold_updates_up() {
    let mut keys = Keys::of::<Restarted>("/app", &[]);
    let mut value = keys.decode::<Restarted>().unwrap();
    keys.update(&mut value, &[("/app/port", Some("x")), ("/app/live", Some("2"))]).unwrap();
    assert_eq!((value.port, value.live), (1, 2));
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

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(bound = "T: serde::de::DeserializeOwned + Send + Sync + 'static, U: EtcdConfig")]
struct Bounded<T, U> {
    value: T,
    #[etcd(nested)]
    inner: U,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Generic<T, U, const N: usize> {
    value: Vec<Option<T>>,
    #[etcd(skip, default_fn = zeros)]
    zeros: [u8; N],
    #[etcd(map)]
    all: HashMap<String, Vec<T>>,
    #[etcd(nested)]
    inner: Option<U>,
    #[etcd(default)]
    other: T,
}

type Of = Generic<bool, Database, 2>;

#[test]
fn structs_may_be_generic() {
    let pairs = [("/app/value", "7"), ("/app/inner/pool", "2")];
    let value = Keys::of::<Bounded<u8, Database>>("/app", &pairs).decode::<Bounded<u8, Database>>().unwrap();
    assert_eq!((value.value, value.inner.pool), (7, 2));
    let pairs = [("/app/value", "[true, null]"), ("/app/all/a", "[false]"), ("/app/inner/pool", "2")];
    let value = Keys::of::<Of>("/app", &pairs).decode::<Of>().unwrap();
    assert_eq!((value.value, value.zeros), (vec![Some(true), None], [0, 0]));
}

fn zeros<const N: usize>() -> [u8; N] {
    [0; N]
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Tree {
    #[etcd(default = 0)]
    weight: u32,
    #[etcd(nested)]
    children: BTreeMap<String, Tree>,
    #[etcd(nested)]
    next: Option<Box<Tree>>,
}

#[test]
fn structs_may_be_recursive() {
    let pairs =
        [("/app/children/a/children/b/weight", "3"), ("/app/next/next/weight", "4"), ("/app/next/oops", "1")];
    let mut keys = Keys::of::<Tree>("/app", &pairs);
    let mut value = keys.decode::<Tree>().unwrap();
    assert_eq!(value.children["a"].children["b"].weight, 3);
    assert_eq!(value.next.as_ref().and_then(|next| next.next.as_ref()).map(|next| next.weight), Some(4));
    assert_eq!(lines(&keys.warnings()), ["/app/next/oops: unknown key; no field reads it"]);
    keys.update(&mut value, &[("/app/children/a/children/c/weight", Some("5"))]).unwrap();
    assert_eq!(value.children["a"].children["c"].weight, 5);
}

#[test]
fn keys_deeper_than_any_struct_are_unknown_and_harmless() {
    let deep = format!("/app/children{}/weight", "/children".repeat(100_000));
    let deepest_read = format!("/app{}/weight", "/next".repeat(60));
    let keys = Keys::of::<Tree>("/app", &[(&deep, "1"), (&deepest_read, "2")]);
    assert!(keys.decode::<Tree>().is_ok());
    assert_eq!(keys.warnings().len(), 1);
}

#[derive(EtcdConfig, Debug)]
struct Endless {
    #[etcd(nested)]
    _next: Box<Endless>,
}

#[test]
fn a_struct_without_an_end_is_a_problem() {
    let found = problems::<Endless>("/app", &[]);
    assert!(found[0].ends_with("nested more than 64 structs deep"), "{found:?}");
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(validate = Checked::first, validate = Checked::second)]
struct Checked {
    #[etcd(default = 1, validate = not_two, validate = not_three)]
    size: u32,
    #[etcd(validate = not_two)]
    maybe: Option<u32>,
    #[etcd(map, validate = few)]
    names: BTreeMap<String, String>,
    #[etcd(secret, default = "fine", validate = no_echo)]
    token: String,
}

fn not_two(size: &u32) -> Result<(), &'static str> {
    if *size == 2 { Err("not two") } else { Ok(()) }
}

fn not_three(size: &u32) -> Result<(), String> {
    if *size == 3 { Err("not three".to_owned()) } else { Ok(()) }
}

fn few(names: &BTreeMap<String, String>) -> Result<(), String> {
    if names.len() > 2 { Err(format!("{} names are too many", names.len())) } else { Ok(()) }
}

fn no_echo(token: &str) -> Result<(), String> {
    if token.len() > 4 { Err(format!("{token} is too long")) } else { Ok(()) }
}

impl Checked {
    fn first(&self) -> Result<(), &'static str> {
        if self.size == 10 { Err("first") } else { Ok(()) }
    }

    fn second(&self) -> Result<(), String> {
        if self.size >= 10 { Err(format!("second {}", self.token)) } else { Ok(()) }
    }
}

#[test]
fn checks_refuse_what_decodes() {
    let least = Keys::of::<Checked>("/app", &[]);
    let mut value = least.decode::<Checked>().unwrap();
    let refused = |changes: &[(&str, &str)]| problems::<Checked>("/app", changes);
    assert_eq!(
        refused(&[("/app/size", "2")]),
        ["/app/size size: u32: \"2\" is refused: not two (set at revision 1)"]
    );
    assert_eq!(
        refused(&[("/app/size", "3")]),
        ["/app/size size: u32: \"3\" is refused: not three (set at revision 1)"]
    );
    assert_eq!(
        refused(&[("/app/maybe", "2")]),
        ["/app/maybe maybe: Option<u32>: \"2\" is refused: not two (set at revision 1)"]
    );
    assert_eq!(
        refused(&[("/app/token", "my secret")]),
        ["/app/token token: String: (secret) is refused by its check (set at revision 1)"]
    );
    let mut keys = least;
    keys.update(&mut value, &[("/app/names/a", Some("x")), ("/app/names/b", Some("x"))]).unwrap();
    let found = keys.update(&mut value, &[("/app/names/c", Some("x"))]).unwrap_err();
    assert_eq!(lines(&found), ["/app/names names: BTreeMap<String, String>: 3 names are too many"]);
    keys.update(&mut value, &[("/app/names/a", None)]).unwrap();
}

#[test]
fn checks_of_a_struct_all_speak_and_give_no_secret_away() {
    let found = problems::<Checked>("/app", &[("/app/size", "10"), ("/app/token", "abcd")]);
    assert_eq!(found, ["/app Checked: first", "/app Checked: second (secret)"]);
}
