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
    assert_eq!(lines(&found), ["/app/names names: BTreeMap<String, String>: 3 names are too many"]);
    keys.update(&mut value, &[("/app/names/a", None)]).unwrap();
}

#[test]
fn checks_of_a_struct_all_speak_and_give_no_secret_away() {
    let found = problems::<Checked>("/app", &[("/app/size", "10"), ("/app/token", "abcd")]);
    assert_eq!(found, ["/app Checked: first", "/app Checked: second (secret)"]);
}
