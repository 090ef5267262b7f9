//! Literal defaults are tried at each start, whether their keys are there or not.

use std::collections::BTreeMap;

use etcd_config::{Error, EtcdConfig, MemoryStore};

use crate::keys::{Keys, lines, problems};

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct Settings {
    #[etcd(default = "localhost")]
    listen: std::net::IpAddr,
    #[etcd(default = 0, validate = at_least_one)]
    workers: u32,
    #[etcd(default = "thirty", with = humantime_serde)]
    timeout: std::time::Duration,
    #[etcd(secret, default = "hunter2")]
    pin: std::num::NonZeroU32,
    #[etcd(secret, default = "hunter3", validate = long)]
    token: String,
    #[etcd(nested)]
    replica: Option<Replica>,
    #[etcd(nested)]
    replicas: BTreeMap<String, Replica>,
    #[etcd(nested)]
    shards: BTreeMap<String, Shard>,
    required: String,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Replica {
    #[etcd(default = "[1, x]")]
    ports: Vec<u16>,
    #[etcd(nested)]
    next: Option<Box<Replica>>,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Shard {
    #[etcd(default = 0, validate = at_least_one)]
    size: u32,
    url: String,
}

fn at_least_one(number: &u32) -> Result<(), &'static str> {
    if *number == 0 { Err("at least one is needed") } else { Ok(()) }
}

fn long(token: &str) -> Result<(), String> {
    if token.len() < 20 { Err(format!("{token} is short")) } else { Ok(()) }
}

const WRONG: [&str; 7] = [
    "/app/listen listen: std::net::IpAddr: \"localhost\" is not an IP address (such as 10.0.0.1 or ::1): invalid IP address syntax (the default \
     in the source)",
    "/app/workers workers: u32: \"0\" is refused: at least one is needed (the default in the source)",
    "/app/timeout timeout: std::time::Duration: \"thirty\" is not a duration (such as 30s or 5m) (the default in the source)",
    "/app/pin pin: std::num::NonZeroU32: (secret) is not a nonzero u32 (the default in the source)",
    "/app/token token: String: (secret) is refused by its check (the default in the source)",
    "/app/replica/ports replica.ports: Vec<u16>: \"[1, x]\" is not JSON for Vec<u16>: expected value at line 1 column \
     5 (the default in the source)",
    "/app/shards/<name>/size shards.<name>.size: u32: \"0\" is refused: at least one is needed (the default in the \
     source)",
];

const STORED: [(&str, &str); 6] = [
    ("/app/listen", "127.0.0.1"),
    ("/app/workers", "1"),
    ("/app/timeout", "30s"),
    ("/app/pin", "1234"),
    ("/app/token", "a token that is long enough"),
    ("/app/required", "x"),
];

#[test]
fn a_default_is_refused_although_its_key_is_there() {
    assert_eq!(problems::<Settings>("/app", &STORED), WRONG);
}

#[test]
fn it_is_refused_once_where_its_key_is_absent() {
    let pairs = [("/app/required", "x"), ("/app/replica/next/ports", "[1]"), ("/app/shards/eu/url", "x")];
    assert_eq!(problems::<Settings>("/app", &pairs), WRONG);
    let missing = problems::<Settings>("/app", &[]);
    assert_eq!(missing[0], "/app/required required: String: required, but there is no such key");
    assert_eq!(missing[1..], WRONG);
}

#[test]
fn a_start_and_a_test_say_the_same() {
    let store = MemoryStore::from(STORED);
    let at_start = |error: Error| lines(error.problems());
    assert_eq!(at_start(Settings::load_once(&store).unwrap_err()), WRONG);
    assert_eq!(at_start(Settings::watch(&store).map(drop).unwrap_err()), WRONG);
    let in_a_test = Settings::check_defaults().unwrap_err();
    assert_eq!(lines(in_a_test.problems()), WRONG);
    assert!(in_a_test.to_string().starts_with("7 problems in Settings\n"), "{in_a_test}");
    let shown = format!("{in_a_test:?} {:?}", in_a_test.problems());
    assert!(!shown.contains("hunter"), "{shown}");
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct Fine {
    #[etcd(default = 4, validate = at_least_one, env = "NEVER_SET_WORKERS")]
    workers: u32,
    #[etcd(default_fn = zero, validate = at_least_one)]
    made: u32,
}

fn zero() -> u32 {
    0
}

#[test]
fn good_defaults_are_no_problem_and_what_functions_make_is_asked_for_where_it_is_needed() {
    Fine::check_defaults().unwrap();
    let fine = Keys::of::<Fine>("/app", &[("/app/made", "1")]).decode::<Fine>().unwrap();
    assert_eq!(fine, Fine { workers: 4, made: 1 });
    // A value that is stored, or of the environment, is refused as one that is no default.
    let stored = problems::<Fine>("/app", &[("/app/made", "1"), ("/app/workers", "0")]);
    assert_eq!(
        stored,
        ["/app/workers workers: u32: \"0\" is refused: at least one is needed (set at revision 1)"]
    );
    let keys = Keys::with_environment::<Fine>("/app", &[("/app/made", "1")], &[("NEVER_SET_WORKERS", "0")]);
    let set = keys.decode::<Fine>().unwrap_err();
    assert_eq!(lines(&set), ["/app/workers workers: u32: at least one is needed"]);
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct Shared {
    #[etcd(map, secret)]
    pins: BTreeMap<String, String>,
    #[etcd(key = "pins/first", default = "hunter4")]
    first: std::num::NonZeroU32,
}

#[test]
fn the_default_of_a_key_that_another_field_calls_secret_is_not_shown() {
    let wrong = Shared::check_defaults().map_err(|error| lines(error.problems())).unwrap_err();
    assert_eq!(
        wrong,
        ["/app/pins/first first: std::num::NonZeroU32: (secret) is of no use (the default in the source)"]
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
#[etcd(prefix = "/app")]
struct Panics {
    #[etcd(default = "none", decode_with = unwraps)]
    workers: u32,
    #[etcd(default = 0, validate = divides)]
    parts: u32,
    #[etcd(secret, default = "hunter2", decode_with = unwraps)]
    pin: u32,
}

fn unwraps(text: &str) -> Result<u32, std::num::ParseIntError> {
    assert!(text.starts_with(|first: char| first.is_ascii_digit()), "{text} is no number");
    text.parse()
}

fn divides(parts: &u32) -> Result<(), String> {
    if 100 % parts == 0 { Ok(()) } else { Err("no such parts".to_owned()) }
}

#[test]
fn a_default_that_panics_is_an_error_whether_its_key_is_there_or_not() {
    let all = [("/app/workers", "4"), ("/app/parts", "5"), ("/app/pin", "1234")];
    let at =
        |error: Error| error.problems().iter().map(|problem| problem.key().to_owned()).collect::<Vec<_>>();
    let keys = ["/app/workers", "/app/parts", "/app/pin"];
    for stored in [&all[..], &[]] {
        let store: MemoryStore = stored.iter().copied().collect();
        let error = Panics::load_once(&store).unwrap_err();
        assert!(!error.to_string().contains("hunter"), "{error}");
        // Where a key is absent, its default panics once more.
        let expected = if stored.is_empty() { &[&keys[..], &["/app"]].concat()[..] } else { &keys };
        assert_eq!(at(error), expected);
        assert_eq!(at(Panics::watch(&store).map(drop).unwrap_err()), expected);
    }
    let error = Panics::check_defaults().unwrap_err();
    let first = "/app/workers workers: u32: \"none\" makes its type or its check panic: none is no number (the \
                 default in the source)";
    assert_eq!(lines(error.problems())[0], first);
    assert_eq!(at(error), keys);
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/{region}")]
struct Filled {
    #[etcd(key = "/b/x", default = 1)]
    _x: u32,
}

#[derive(EtcdConfig)]
struct Anywhere {
    #[etcd(key = "/b/x", default = 1)]
    _x: u32,
}

#[derive(EtcdConfig)]
#[etcd(prefix = "/")]
struct Everything {
    #[etcd(key = "/b/x", default = 1)]
    _x: u32,
}

#[test]
fn a_key_that_no_start_can_read_is_found_with_them() {
    #[derive(EtcdConfig)]
    #[etcd(prefix = "/a")]
    struct Outside {
        #[etcd(key = "/b/x", default = 1)]
        _x: u32,
        #[etcd(key = "/a/y", default = 1)]
        _y: u32,
        #[etcd(key = "/b/inner", nested)]
        _inner: Inner,
    }
    #[derive(EtcdConfig)]
    struct Inner {
        #[etcd(default = 1)]
        z: u32,
    }
    let outside = "outside of /a, and only what is below it is watched";
    assert_eq!(
        lines(Outside::check_defaults().unwrap_err().problems()),
        [format!("/b/x _x: u32: {outside}"), format!("/b/inner/z _inner.z: u32: {outside}")]
    );
    for may_start in [Filled::check_defaults(), Anywhere::check_defaults(), Everything::check_defaults()] {
        may_start.unwrap();
    }
}
