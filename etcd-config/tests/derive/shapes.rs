//! What structs may be made of: flattened, wrapped, generic, recursive.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use etcd_config::EtcdConfig;

use crate::attributes::Database;
use crate::keys::{Keys, lines, problems};

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
        "/app/pool database.pool: u32: \"x\" is not a whole number from 0 to 4294967295 (set at revision 3)"
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
    assert_eq!(bad, ["/app/port port: u16: \"x\" is not a whole number from 0 to 65535 (set at revision 1)"]);
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
        "/app/names/1 names.1: its name is the same u32 as the name of another key; leave one out",
        "/app/names/x names.x: the name \"x\" is not a whole number from 0 to 4294967295",
    ];
    assert_eq!(bad, expected);
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

macro_rules! wide {
    ($($field:ident),* $(,)?) => {
        /// More fields than one function reads.
        #[derive(EtcdConfig, Debug, PartialEq)]
        #[etcd(prefix = "/app", validate = Wide::check)]
        struct Wide<T> {
            $(#[etcd(default = 1, validate = Self::small)] $field: u32,)*
            #[etcd(skip)]
            skipped: Vec<u8>,
            required: T,
            #[etcd(nested)]
            below: Option<Box<Self>>,
            other: String,
        }
    };
}

wide!(a0, a1, a2, a3, a4, a5, a6, a7, a8, a9, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, c0, c1, c2, c3, c4, c5);

impl<T> Wide<T> {
    fn small(number: &u32) -> Result<(), &'static str> {
        if *number < 100 { Ok(()) } else { Err("big") }
    }

    fn check(&self) -> Result<(), &'static str> {
        if self.a0 + self.c5 < 100 { Ok(()) } else { Err("too much together") }
    }
}

#[test]
fn a_struct_of_many_fields_is_read_and_kept_current_as_a_whole() {
    let pairs = [("/app/b3", "7"), ("/app/required", "true"), ("/app/other", "x")];
    let mut keys = Keys::of::<Wide<bool>>("/app", &pairs);
    let mut wide = keys.decode::<Wide<bool>>().unwrap();
    assert_eq!((wide.a0, wide.b3, wide.c5, wide.required, wide.other.as_str()), (1, 7, 1, true, "x"));
    keys.update(&mut wide, &[("/app/c5", Some("9")), ("/app/a0", Some("3")), ("/app/b3", None)]).unwrap();
    assert_eq!((wide.a0, wide.b3, wide.c5), (3, 1, 9));
    keys.update(&mut wide, &[("/app/below/required", Some("false")), ("/app/below/other", Some("y"))])
        .unwrap();
    assert_eq!(wide.below.as_ref().map(|below| below.other.as_str()), Some("y"));
    let refused = keys.update(&mut wide, &[("/app/a0", Some("60")), ("/app/c5", Some("60"))]).unwrap_err();
    assert_eq!(
        lines(&refused),
        ["/app Wide: too much together; the newest of its keys is /app/a0, set at revision 4"]
    );
    // Every field is tried before any is missed.
    assert_eq!(
        problems::<Wide<bool>>("/app", &[("/app/a1", "x"), ("/app/c4", "200")]),
        [
            "/app/a1 a1: u32: \"x\" is not a whole number from 0 to 4294967295 (set at revision 1)",
            "/app/c4 c4: u32: \"200\" is refused: big (set at revision 1)",
            "/app/required required: T: required, but there is no such key",
            "/app/other other: String: required, but there is no such key",
        ]
    );
}
