//! What comes from the store is text of strangers: whatever is said of it is escaped and bounded.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use etcd_config::{EtcdConfig, MemoryStore};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata, Subscriber, span};

use crate::service::{SOON, until};

/// Clears a terminal, forges a line of a log, turns the direction of the text.
const EVIL: &str = "x\u{1b}[2J\nERROR root has logged in\u{202e}\u{200b}";

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/hosts", validate = Hosts::check)]
struct Hosts {
    #[etcd(default = 1)]
    size: u32,
    id: Option<uuid::Uuid>,
    #[etcd(default = "fine")]
    mode: String,
    #[etcd(map)]
    weights: BTreeMap<String, u32>,
    #[etcd(nested)]
    upstreams: BTreeMap<String, Upstream>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Upstream {
    url: String,
    #[etcd(default = 1)]
    weight: u32,
}

impl Hosts {
    fn check(&self) -> Result<(), String> {
        if self.mode == "fine" { Ok(()) } else { Err(format!("no such mode: {}", self.mode)) }
    }
}

/// Everything that is written to the log in this process, as a formatter without escapes shows it.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Of all threads, from now on.
    pub(crate) fn of_this_process() -> Self {
        static LOG: OnceLock<Log> = OnceLock::new();
        let install = || {
            let log = Self::default();
            tracing::subscriber::set_global_default(log.clone()).unwrap();
            log
        };
        LOG.get_or_init(install).clone()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push(format!("{field}={value:?}"));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &Event<'_>) {
        event.record(&mut self.clone());
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// Nothing that a terminal would obey, no line that does not begin as one of ours does.
#[track_caller]
fn assert_is_clean(text: &str) {
    let is_dirty =
        |letter: char| letter != '\n' && letter.is_control() || "\u{202e}\u{200b}".contains(letter);
    assert!(!text.contains(is_dirty), "{text:?}");
    assert!(text.lines().all(|line| !line.trim_start().starts_with("ERROR")), "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 6_000), "a line is too long");
}

#[test]
fn nothing_that_is_said_holds_what_a_terminal_obeys() {
    // The lines of other tests are held to the same.
    let log = Log::of_this_process();
    let entry = format!("/hosts/weights/{EVIL}");
    let upstream = format!("/hosts/upstreams/{EVIL}");
    let unread = format!("/hosts/{EVIL}");
    let misspelt = format!("{upstream}/wieght");
    for (key, value) in [
        ("/hosts/size", EVIL),
        ("/hosts/size", "{\"x\\nERROR forged\": 1}"),
        ("/hosts/id", "\u{1b}[2J"),
        ("/hosts/id", EVIL),
        ("/hosts/mode", EVIL),
        (&entry, "no number"),
        (&upstream, "no directory"),
        (&format!("{upstream}/weight"), EVIL),
        (&misspelt, "1"),
        (&unread, "1"),
    ] {
        let store = MemoryStore::from([("/hosts/size", "1")]);
        let (heard, rejections) = channel();
        let settings = Hosts::watch(&store).unwrap();
        settings.on_rejected(move |rejection| {
            assert_is_clean(&format!("{rejection} {rejection:?}"));
            heard.send(()).unwrap();
        });
        let revision = store.put(key, value);
        match settings.wait_for_revision(revision, SOON) {
            Ok(()) => until("noted", || !settings.status().warnings.is_empty()),
            Err(error) => {
                assert_is_clean(&format!("{error} {error:?}"));
                rejections.recv_timeout(SOON).unwrap();
            }
        }
        assert_is_clean(&settings.explain().to_string());
        let status = settings.status();
        let problems = status.last_rejection.iter().flat_map(etcd_config::Rejection::problems);
        for problem in problems.chain(&status.warnings) {
            assert_is_clean(&format!("{problem} {}", problem.what()));
        }
        assert_is_clean(&status.to_string());
        if let Err(error) = Hosts::load_once(&store) {
            assert_is_clean(&format!("{error} {error:?}"));
        }
    }
    a_prefix_may_be_anything_too();
    for line in log.lines() {
        assert_is_clean(&line);
    }
}

/// It may come from the program's arguments.
fn a_prefix_may_be_anything_too() {
    let options = || Hosts::options().prefix(format!("/hosts/{EVIL}"));
    let store = MemoryStore::new();
    let settings = options().watch(&store).unwrap();
    let status = settings.status();
    assert_eq!(status.prefix, format!("/hosts/{EVIL}"));
    assert_is_clean(&format!("{status} {settings:?} {}", settings.explain()));
    assert_is_clean(&settings.wait_until(|_| false, Duration::ZERO).unwrap_err().to_string());
    let bad = store.put(format!("/hosts/{EVIL}/size"), "x");
    assert_is_clean(&settings.wait_for_revision(bad, SOON).unwrap_err().to_string());
    assert_is_clean(&options().load_once(&store).unwrap_err().to_string());
    store.refuse(true);
    store.cut();
    until("stale", || settings.require_fresh(Duration::from_millis(1)).is_err());
    assert_is_clean(&settings.require_fresh(Duration::ZERO).unwrap_err().to_string());
    let refusal = etcd_client_core::Error::new(etcd_client_core::Kind::PermissionDenied, "no");
    store.refuse_with(Some(refusal));
    assert_is_clean(&options().load_once(&store).unwrap_err().to_string());
}

#[test]
fn a_key_of_any_length_is_cut_where_it_is_shown_and_stops_nothing() {
    let store = MemoryStore::new();
    let settings = Hosts::watch(&store).unwrap();
    let (heard, rejections) = channel();
    settings.on_rejected(move |rejection| heard.send(rejection.to_string()).unwrap());
    let name = "k".repeat(65_600);
    let long = format!("/hosts/weights/{name}");
    let refused = store.transaction().put(&*long, "x").put("/hosts/weights/short", "x").commit();
    let text = settings.wait_for_revision(refused, SOON).unwrap_err().to_string();
    assert!(text.contains("…") && text.len() < 2_000, "{} bytes", text.len());
    assert!(rejections.recv_timeout(SOON).unwrap().len() < 2_000);
    assert!(settings.status().to_string().len() < 3_000);
    // In force, and among what is unread; the watch goes on.
    let unread = format!("/hosts/upstreams/{name}/wieght");
    let fine =
        store.transaction().put(&*long, "1").put("/hosts/weights/short", "2").put(&*unread, "1").commit();
    settings.wait_for_revision(fine, SOON).unwrap_err();
    let fine = store.put(format!("/hosts/upstreams/{name}/url"), "u");
    settings.wait_for_revision(fine, SOON).unwrap();
    assert_eq!(settings.load().weights["short"], 2);
    assert!(settings.explain().to_string().len() < 10_000);
    assert!(settings.status().to_string().len() < 3_000);
}

#[test]
fn lines_of_a_checks_own_stay_where_no_value_can_have_brought_them() {
    #[derive(EtcdConfig, Debug)]
    #[etcd(prefix = "/pattern")]
    struct Pattern {
        #[etcd(with = serde_regex)]
        _name: regex::Regex,
    }
    let error = Pattern::load_once(MemoryStore::from([("/pattern/_name", "a(b")])).unwrap_err();
    assert!(error.to_string().contains("\n          a(b\n           ^\n"), "{error}");
}
