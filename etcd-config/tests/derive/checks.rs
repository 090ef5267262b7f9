//! Checks of fields and of whole structs.

use std::collections::BTreeMap;

use etcd_config::EtcdConfig;

use crate::keys::{Keys, lines, problems};

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
    assert_eq!(
        lines(&found),
        [
            "/app/names names: BTreeMap<String, String>: 3 names are too many; the newest of its keys is /app/names/c, \
          set at revision 3"
        ]
    );
    keys.update(&mut value, &[("/app/names/a", None)]).unwrap();
}

#[test]
fn checks_of_a_struct_all_speak_and_give_no_secret_away() {
    let found = problems::<Checked>("/app", &[("/app/size", "10"), ("/app/token", "abcd")]);
    let newest = "the newest of its keys is /app/size, set at revision 1";
    assert_eq!(found, ["first", "second (secret)"].map(|said| format!("/app Checked: {said}; {newest}")));
}

#[test]
fn the_newest_key_of_what_is_refused_is_one_that_is_read() {
    let mut keys = Keys::of::<Checked>("/app", &[("/app/maybe", "1")]);
    let mut value = keys.decode::<Checked>().unwrap();
    keys.change(&[("/app/unread", Some("x")), ("/app/maybe/below", Some("x"))]);
    let refused = keys.update(&mut value, &[("/app/size", Some("9")), ("/app/names/a", Some("x"))]);
    refused.unwrap();
    keys.change(&[("/app/unread", Some("y"))]);
    let refused = keys.update(&mut value, &[("/app/size", Some("10"))]).unwrap_err();
    assert!(
        lines(&refused)[0].ends_with("; the newest of its keys is /app/size, set at revision 5"),
        "{refused:?}"
    );
    keys.change(&[("/app/unread", Some("z"))]);
    assert_eq!(lines(&keys.decode::<Checked>().unwrap_err()), lines(&refused));
}

#[test]
fn the_newest_key_of_the_whole_store_is_named_as_it_is() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(validate = Never::never)]
    struct Never {
        #[etcd(default = 1)]
        size: u32,
    }
    impl Never {
        fn never(&self) -> Result<(), String> {
            Err(format!("{} is refused", self.size))
        }
    }
    for (prefix, key) in [("", "size"), ("/", "/size"), ("/app", "/app/size")] {
        let found = problems::<Never>(prefix, &[(key, "2")]);
        assert!(
            found[0].ends_with(&format!("the newest of its keys is {key}, set at revision 1")),
            "{found:?}"
        );
    }
}

#[test]
fn of_very_many_refusals_the_first_are_shown() {
    #[derive(EtcdConfig, Debug)]
    #[allow(dead_code)] // Never read: none is good.
    struct Many {
        #[etcd(nested)]
        all: BTreeMap<String, One>,
    }
    #[derive(EtcdConfig, Debug)]
    #[etcd(validate = One::never)]
    struct One {
        #[etcd(secret)]
        token: String,
    }
    impl One {
        fn never(&self) -> Result<(), String> {
            Err(format!("{} is refused", self.token))
        }
    }
    let keys: Vec<String> = (0..3_000).map(|n| format!("/app/all/{n:04}/token")).collect();
    let values: Vec<String> = (0..3_000).map(|n| format!("secret-{n}")).collect();
    let pairs: Vec<(&str, &str)> =
        keys.iter().zip(&values).map(|(key, value)| (key.as_str(), value.as_str())).collect();
    let found = problems::<Many>("/app", &pairs);
    assert_eq!(found.len(), 3_000);
    assert!(found[0].contains(": (secret) is refused"), "{}", found[0]);
    assert!(found[100].contains(": refused by its check"), "{}", found[100]);
    assert!(!found.concat().contains("secret-"), "a secret is shown");
}
