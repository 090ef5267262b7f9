//! Secrets, in whatever is said.

use std::sync::mpsc::channel;

use etcd_config::{EtcdConfig, MemoryStore};

use crate::service::SOON;

const SECRET: &str = "hunter2\"";

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/vault", validate = Vault::check)]
struct Vault {
    #[etcd(secret)]
    token: String,
    #[etcd(default = 1)]
    level: u32,
}

impl Vault {
    fn check(&self) -> Result<(), String> {
        assert!(self.level != 0, "what is {self:?}?");
        if self.level == 9 { Err(format!("no {self:?}")) } else { Ok(()) }
    }
}

fn store(level: &str) -> MemoryStore {
    MemoryStore::from([("/vault/token", SECRET), ("/vault/level", level)])
}

fn assert_is_silent(text: &str) {
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn are_in_no_form_of_an_explanation() {
    let settings = Vault::watch(store("1")).unwrap();
    let explanation = settings.explain();
    assert_is_silent(&format!("{explanation:?} {explanation}"));
    assert!(explanation.to_string().contains("•••"));
}

#[test]
fn are_not_in_the_words_of_a_check_that_panics_or_shows_the_struct() {
    let store = store("1");
    let settings = Vault::watch(&store).unwrap();
    let (heard, rejections) = channel();
    settings.on_rejected(move |rejection| heard.send(format!("{rejection} {rejection:?}")).unwrap());
    for level in ["0", "9"] {
        let refused = store.put("/vault/level", level);
        assert_is_silent(&settings.wait_for_revision(refused, SOON).unwrap_err().to_string());
        assert_is_silent(&rejections.recv_timeout(SOON).unwrap());
        assert_is_silent(&settings.status().to_string());
        let error = Vault::load_once(self::store(level)).unwrap_err();
        assert_is_silent(&format!("{error} {error:?}"));
        settings.wait_for_revision(store.put("/vault/level", "2"), SOON).unwrap();
    }
}

#[test]
fn are_not_in_the_log_where_a_callback_panics_with_one() {
    let log = crate::outside::Log::of_this_process();
    let store = store("1");
    let settings = Vault::watch(&store).unwrap();
    settings.on_change(|change| panic!("what is {:?}?", **change.after()));
    // By the second one the line about the first is written.
    for (panics, level) in [(1, "2"), (2, "3")] {
        settings.wait_for_revision(store.put("/vault/level", level), SOON).unwrap();
        crate::service::until("counted", || settings.status().counters.callback_panics == panics);
    }
    assert!(log.lines().iter().any(|line| line.contains("a callback panicked")));
    log.lines().iter().for_each(|line| assert_is_silent(line));
}

/// The same directory twice: as fields, one of them secret, and as a map.
#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/vault")]
struct Twice {
    #[etcd(map)]
    all: std::collections::BTreeMap<String, u32>,
    #[etcd(key = "all/token", secret, default = "none")]
    token: String,
    #[etcd(key = "/vault/all/token", default = "none")]
    copy: String,
    #[etcd(nested)]
    deep: std::collections::BTreeMap<String, Part>,
    #[etcd(key = "deep/a/size", secret, default = "none")]
    size: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Part {
    #[etcd(default = 1)]
    size: u32,
}

#[test]
fn a_key_that_any_field_calls_secret_is_secret_for_all_that_read_it() {
    let folder = crate::folder::Folder::new();
    let options = || folder.options::<Twice>();
    let store = MemoryStore::from([("/vault/all/token", "70656"), ("/vault/all/level", "12345")]);
    let settings = options().watch(&store).unwrap();
    let explanation = settings.explain();
    let text = format!("{explanation:?} {explanation}");
    assert!(!text.contains("70656") && text.contains("12345"), "{text}");
    drop(settings);
    let settings = options().watch(&store).unwrap();
    let keys = [("/vault/all/token", "hunter2"), ("/vault/deep/a/size", "hunter2")];
    for (key, value) in keys {
        let refused = store.put(key, value);
        let error = settings.wait_for_revision(refused, SOON).unwrap_err();
        assert_is_silent(&format!("{error} {error:?} {:?}", error.problems()));
        assert!(error.to_string().contains("(secret) is not"), "{error}");
        let status = settings.status();
        assert_is_silent(&format!("{status} {status:?}"));
        let explanation = settings.explain();
        assert_is_silent(&format!("{explanation} {explanation:?}"));
        settings.wait_for_revision(store.delete(key), SOON).unwrap();
    }
    let fine =
        store.transaction().put("/vault/all/token", "40404").put("/vault/deep/a/size", "50505").commit();
    settings.wait_for_revision(fine, SOON).unwrap();
    crate::service::until("saved", || {
        settings.status().cache_file.and_then(|file| file.revision) == Some(fine)
    });
    let cached = folder.text();
    assert!(cached.contains("12345") && !cached.contains("40404") && !cached.contains("50505"));
    assert!(
        Twice::schema()
            .fields()
            .iter()
            .filter(|field| field.key() == "/vault/all/token")
            .all(etcd_config::Field::is_secret)
    );
}

/// A map over keys that secret fields name and do not read at the moment: an old name beside the new one, one that
/// was read at the start, one that the environment overrides.
#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/vault", validate = Beside::check)]
struct Beside {
    #[etcd(map)]
    all: std::collections::BTreeMap<String, String>,
    #[etcd(key = "all/new", alias = "all/old", secret)]
    token: String,
    #[etcd(key = "all/pinned", secret, restart, default = "none")]
    pinned: String,
    #[etcd(key = "all/path", secret, env = "PATH")]
    path: String,
    #[etcd(nested)]
    parts: std::collections::BTreeMap<String, SecretPart>,
    #[etcd(default = 1)]
    level: u32,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct SecretPart {
    #[etcd(default = "none")]
    word: etcd_config::Secret<String>,
    #[etcd(default = "none")]
    open: String,
}

impl Beside {
    fn check(&self) -> Result<(), String> {
        if self.level == 9 { Err(format!("no {self:?}")) } else { Ok(()) }
    }
}

#[test]
fn are_in_no_words_of_a_check_that_sees_them_by_another_field() {
    let store = MemoryStore::from([
        ("/vault/all/new", "hunter2"),
        ("/vault/all/old", "hunter2-old"),
        ("/vault/all/path", "hunter2-path"),
        ("/vault/all/open", "tell"),
        ("/vault/parts/a/word", "hunter2-part"),
        ("/vault/parts/a/open", "tell"),
    ]);
    let settings = Beside::watch(&store).unwrap();
    assert_eq!(settings.load().all["old"], "hunter2-old");
    store.put("/vault/all/pinned", "hunter2-pinned");
    for round in 0..2 {
        // By an update of a snapshot that is used again, and by a new one.
        let refused = store.put("/vault/level", "9");
        let error = settings.wait_for_revision(refused, SOON).unwrap_err();
        let text = error.to_string();
        assert!(text.contains("tell") && !text.contains("-old"), "{round}: {error}");
        assert_is_silent(&format!("{error} {error:?} {:?}", error.problems()));
        let status = settings.status();
        assert_is_silent(&format!("{status} {status:?} {} {:?}", settings.explain(), settings.explain()));
        let error = Beside::load_once(&store).unwrap_err();
        assert_is_silent(&format!("{error} {error:?}"));
        settings.wait_for_revision(store.put("/vault/level", (round + 2).to_string()), SOON).unwrap();
    }
}

#[test]
fn that_are_defaults_are_in_no_description_of_the_fields() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/vault")]
    #[allow(dead_code)] // What is described is not read.
    struct Described {
        #[etcd(secret, alias = "old", default = "hunter2")]
        token: String,
        #[etcd(key = "/vault/token", default = "hunter2")]
        copy: String,
        #[etcd(key = "/vault/old", default = "hunter2")]
        old: String,
        #[etcd(nested)]
        deep: Deep,
    }
    #[derive(EtcdConfig)]
    #[allow(dead_code)] // What is described is not read.
    struct Deep {
        #[etcd(key = "/vault/token", default = "hunter2")]
        copy: String,
        #[etcd(default = "hunter2")]
        word: etcd_config::Secret<String>,
    }
    let schema = Described::schema();
    let texts = [
        ("markdown", schema.to_markdown()),
        ("etcdctl", schema.to_etcdctl()),
        ("JSON schema", schema.to_json_schema()),
        ("debug", format!("{schema:?}")),
    ];
    for (name, text) in texts {
        assert!(!text.contains("hunter2"), "{name}: {text}");
    }
}
