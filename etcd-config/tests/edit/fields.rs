//! Which keys a field is, whatever its name, and what is said of those that are none.

use std::collections::{BTreeMap, HashMap};

use etcd_config::{Edit, Error, EtcdConfig, FieldPath, MemoryStore, Secret, field};

use crate::readme::get;

#[derive(EtcdConfig)]
#[etcd(prefix = "/app", rename_all = "kebab-case")]
struct App {
    log_level: Option<String>,
    #[etcd(key = "net/port")]
    port: Option<u16>,
    #[etcd(nested)]
    main_store: Option<Place>,
    #[etcd(nested)]
    stores: BTreeMap<String, Place>,
    #[etcd(nested)]
    by_number: HashMap<u16, Place>,
    #[etcd(map)]
    flags: HashMap<String, bool>,
    #[etcd(flatten)]
    common: Common,
    #[etcd(nested)]
    retries: Retries,
    #[etcd(nested)]
    boxed: Box<Place>,
    #[etcd(key = "/app/root")]
    absolute: Option<u8>,
    #[etcd(alias = "old-name")]
    renamed: Option<u8>,
    #[etcd(default)]
    list: Vec<u8>,
    r#type: Option<String>,
    token: Option<Secret<String>>,
    password: Secret<String>,
    #[etcd(skip)]
    skipped: u8,
    #[etcd(nested)]
    tree: BTreeMap<String, Branch>,
}

#[derive(EtcdConfig)]
struct Place {
    url: Option<String>,
    #[etcd(default = 1)]
    weight: u8,
}

#[derive(EtcdConfig)]
struct Common {
    zone: Option<String>,
}

#[derive(EtcdConfig)]
struct Retries(Option<u32>);

#[derive(EtcdConfig)]
struct Branch {
    size: Option<u8>,
    #[etcd(nested)]
    below: BTreeMap<String, Branch>,
}

fn store() -> MemoryStore {
    MemoryStore::from([("/app/password", "p")])
}

fn written(edit: impl FnOnce(Edit<App>) -> Result<Edit<App>, Error>) -> MemoryStore {
    let store = store();
    edit(App::edit(&store).unwrap()).unwrap().plan().unwrap().commit().unwrap();
    store
}

#[test]
fn each_field_is_written_where_it_is_read() {
    let name = String::from("eu 1");
    let store = written(|edit| {
        edit.set(field!(App.log_level), &Some("debug".to_owned()))?
            .set(field!(App.port), &Some(80))?
            .set(field!(App.main_store.weight), &2)?
            .set(field!(App.stores[name].weight), &3)?
            .set(field!(App.by_number[8080].url), &Some("x".to_owned()))?
            .set(field!(App.flags["dark"]), &true)?
            .set(field!(App.common.zone), &Some("a".to_owned()))?
            .set(field!(App.retries.0), &Some(5))?
            .set(field!(App.boxed.weight), &6)?
            .set(field!(App.absolute), &Some(7))?
            .set(field!(App.renamed), &Some(8))?
            .set(field!(App.list), &vec![1, 2])?
            .set(field!(App.r#type), &Some("t".to_owned()))?
            .set(field!(App.password), &Secret::new("q".to_owned()))?
            .set(field!(App.tree["a"].below["b"].below["c"].size), &Some(9))
    });
    for (key, value) in [
        ("log-level", "debug"),
        ("net/port", "80"),
        ("main-store/weight", "2"),
        ("stores/eu 1/weight", "3"),
        ("by-number/8080/url", "x"),
        ("flags/dark", "true"),
        ("zone", "a"),
        ("retries", "5"),
        ("boxed/weight", "6"),
        ("root", "7"),
        ("renamed", "8"),
        ("list", "[1,2]"),
        ("type", "t"),
        ("password", "q"),
        ("tree/a/below/b/below/c/size", "9"),
    ] {
        assert_eq!(get(&store, &format!("/app/{key}")).as_deref(), Some(value), "{key}");
    }
}

#[test]
fn a_field_that_is_read_by_an_old_name_is_set_there_and_unset_everywhere() {
    let store = store();
    store.put("/app/old-name", "1");
    let set = App::edit(&store).unwrap().set(field!(App.renamed), &Some(2)).unwrap();
    set.plan().unwrap().commit().unwrap();
    assert_eq!(get(&store, "/app/old-name").as_deref(), Some("2"));
    store.put("/app/renamed", "3");
    App::edit(&store).unwrap().unset(field!(App.renamed)).plan().unwrap().commit().unwrap();
    assert_eq!((get(&store, "/app/old-name"), get(&store, "/app/renamed")), (None, None));
}

#[test]
fn none_deletes_the_key() {
    let store = store();
    store.put("/app/net/port", "80");
    App::edit(&store).unwrap().set(field!(App.port), &None).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(get(&store, "/app/net/port"), None);
}

#[test]
fn a_struct_a_map_and_an_entry_are_unset_with_all_their_keys() {
    let filled = || {
        let store = store();
        for key in ["stores/a/url", "stores/a/odd", "stores/b/url", "zone", "main-store/url", "flags/x"] {
            store.put(format!("/app/{key}"), "true");
        }
        store
    };
    let left = |edit: fn(Edit<App>) -> Edit<App>| {
        let store = filled();
        edit(App::edit(&store).unwrap()).plan().unwrap().commit().unwrap();
        let keys = ["stores/a/url", "stores/a/odd", "stores/b/url", "zone", "main-store/url", "flags/x"];
        keys.into_iter().filter(|key| get(&store, &format!("/app/{key}")).is_some()).collect::<Vec<_>>()
    };
    let entry = left(|edit| edit.unset(field!(App.stores["a"])));
    assert_eq!(entry, ["stores/b/url", "zone", "main-store/url", "flags/x"]);
    let map = left(|edit| edit.unset(field!(App.stores)));
    assert_eq!(map, ["zone", "main-store/url", "flags/x"]);
    // Those of a flattened struct lie among others, which stay.
    let flattened = left(|edit| edit.unset(field!(App.common)));
    assert_eq!(flattened, ["stores/a/url", "stores/a/odd", "stores/b/url", "main-store/url", "flags/x"]);
    let optional = left(|edit| edit.unset(field!(App.main_store)).unset(field!(App.flags["x"])));
    assert_eq!(optional, ["stores/a/url", "stores/a/odd", "stores/b/url", "zone"]);
}

#[test]
fn what_is_no_key_is_said_of_a_field() {
    let edit = || App::edit(store()).unwrap();
    let error = edit().set(field!(App.skipped), &1).unwrap_err();
    assert!(error.is_invalid_option());
    assert_eq!(
        error.to_string(),
        "skipped cannot be set: skipped of App is read from no key, as `skip` says"
    );
    let error = edit().set(field!(App.flags), &HashMap::new()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "flags cannot be set: it is a directory of keys, /app/flags: set the fields in it"
    );
    let error = edit().set(field!(App.flags["a/b"]), &true).unwrap_err();
    assert_eq!(
        error.to_string(),
        "flags.a/b cannot be set: \"a/b\" cannot be the name of an entry of flags: it is empty, or has a slash in it"
    );
}

#[test]
fn what_cannot_be_a_key_is_said_by_the_plan() {
    let edit = App::edit(store()).unwrap();
    let edit =
        edit.set_text("/other/key", "x").set_text("a//b", "x").unset_key("").unset(field!(App.skipped));
    let error = edit.plan().unwrap_err();
    assert!(error.is_invalid_option());
    assert_eq!(
        error.to_string(),
        "\"/other/key\" cannot be written: it is not below /app\n\
         \"a//b\" cannot be written: there is an empty name in it\n\
         \"\" cannot be written: there is an empty name in it\n\
         skipped cannot be unset: skipped of App is read from no key, as `skip` says"
    );
}

#[test]
fn a_whole_key_is_as_good_as_its_path() {
    let store = written(|edit| Ok(edit.set_text("/app/zone", "z").set_text("net/port", "1")));
    assert_eq!(
        (get(&store, "/app/zone").as_deref(), get(&store, "/app/net/port").as_deref()),
        (Some("z"), Some("1"))
    );
}

mod elsewhere {
    use etcd_config::{EtcdConfig, field};

    #[derive(EtcdConfig)]
    #[etcd(prefix = "/generic")]
    pub(super) struct Generic<T> {
        pub(super) value: Option<T>,
    }

    impl<T: Send + Sync + serde::de::DeserializeOwned + 'static> Generic<T> {
        pub(super) fn value() -> etcd_config::FieldPath<Self, Option<T>> {
            field!(Self.value)
        }
    }
}

#[test]
fn a_struct_may_have_a_path_and_parameters() {
    let path: FieldPath<elsewhere::Generic<u8>, Option<u8>> = field!(elsewhere::Generic::<u8>.value);
    assert_eq!(path.to_string(), "value");
    let store = MemoryStore::new();
    let edit = elsewhere::Generic::<u8>::edit(&store).unwrap();
    edit.set(elsewhere::Generic::value(), &Some(3)).unwrap().plan().unwrap().commit().unwrap();
    assert_eq!(get(&store, "/generic/value").as_deref(), Some("3"));
}
