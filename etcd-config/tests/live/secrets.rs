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
