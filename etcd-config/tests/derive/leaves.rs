//! The types that one key can hold: text in etcd, the value, and what is said about bad text.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytesize::ByteSize;
use etcd_config::EtcdConfig;
use regex::Regex;
use rust_decimal::Decimal;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::Url;
use uuid::Uuid;

use crate::keys::Keys;

#[derive(EtcdConfig, Debug, PartialEq)]
struct One<T> {
    value: T,
}

fn read<T: DeserializeOwned + Debug + Send + Sync + 'static>(text: &str) -> Result<T, String> {
    read_as::<One<T>>(text).map(|one| one.value)
}

fn read_as<T: EtcdConfig + Debug>(text: &str) -> Result<T, String> {
    let keys = Keys::of::<T>("/app", &[("/app/value", text)]);
    keys.decode::<T>().map_err(|problems| {
        let [problem] = problems.as_slice() else { panic!("one key is one problem: {problems:?}") };
        problem.what().to_owned()
    })
}

/// Each text becomes the value; each bad text gets the message.
#[track_caller]
fn table<T>(good: &[(&str, T)], bad: &[(&str, &str)])
where
    T: DeserializeOwned + Debug + PartialEq + Send + Sync + 'static,
{
    for (text, value) in good {
        assert_eq!(read::<T>(text).as_ref(), Ok(value), "{text:?}");
    }
    for (text, message) in bad {
        assert_eq!(read::<T>(text).unwrap_err(), *message, "{text:?}");
    }
}

#[test]
fn whole_numbers() {
    table::<u8>(
        &[("0", 0), ("255", 255), (" 7\n", 7), ("+7", 7)],
        &[
            ("256", "\"256\" is not a whole number from 0 to 255"),
            ("-1", "\"-1\" is not a whole number from 0 to 255"),
            ("", "\"\" is not a whole number from 0 to 255"),
            ("1.5", "\"1.5\" is not a whole number from 0 to 255"),
        ],
    );
    table::<i8>(&[("-128", -128)], &[]);
    table::<u16>(&[("65535", u16::MAX)], &[]);
    table::<i16>(&[("-32768", i16::MIN)], &[]);
    table::<u32>(&[("4294967295", u32::MAX)], &[]);
    table::<i32>(&[("-2147483648", i32::MIN)], &[]);
    table::<u64>(&[("18446744073709551615", u64::MAX)], &[]);
    table::<i64>(&[("-9223372036854775808", i64::MIN)], &[]);
    table::<u128>(&[("340282366920938463463374607431768211455", u128::MAX)], &[]);
    table::<i128>(&[("-170141183460469231731687303715884105728", i128::MIN)], &[]);
    table::<usize>(&[("12", 12)], &[]);
    table::<isize>(&[("-12", -12)], &[]);
}

#[test]
fn whole_numbers_but_zero() {
    table::<NonZeroU32>(&[("5", NonZeroU32::new(5).unwrap())], &[("0", "\"0\" is not a nonzero u32")]);
    table::<NonZeroUsize>(&[("5", NonZeroUsize::new(5).unwrap())], &[]);
}

#[test]
fn numbers() {
    table::<f64>(
        &[("1.5", 1.5), ("-2", -2.0), ("1e3", 1000.0), (" 0.25 ", 0.25)],
        &[("fast", "\"fast\" is not a number")],
    );
    table::<f32>(&[("1.5", 1.5)], &[]);
}

#[test]
fn booleans() {
    table::<bool>(
        &[("true", true), ("false", false), ("true\n", true)],
        &[
            ("yes", "\"yes\" is not true or false; did you mean true?"),
            ("maybe", "\"maybe\" is not true or false"),
        ],
    );
}

#[test]
fn characters_and_strings() {
    table::<char>(
        &[("x", 'x'), (" ", ' '), ("é", 'é')],
        &[("xy", "\"xy\" is not a single character"), ("", "\"\" is not a single character")],
    );
    table::<String>(
        &[(" as it is\n", " as it is\n".to_owned()), ("", String::new()), ("{}", "{}".to_owned())],
        &[],
    );
    table::<Arc<str>>(&[("shared", "shared".into())], &[]);
    table::<Box<str>>(&[("boxed", "boxed".into())], &[]);
    table::<PathBuf>(&[("/etc/app", PathBuf::from("/etc/app"))], &[]);
}

#[test]
fn addresses() {
    table::<IpAddr>(
        &[("127.0.0.1", IpAddr::V4(Ipv4Addr::LOCALHOST)), ("::1", "::1".parse().unwrap())],
        &[(
            "localhost",
            "\"localhost\" is not an IP address (such as 10.0.0.1 or ::1): invalid IP address syntax",
        )],
    );
    table::<SocketAddr>(
        &[("127.0.0.1:80", "127.0.0.1:80".parse().unwrap())],
        &[(
            "localhost",
            "\"localhost\" is not a socket address (such as 127.0.0.1:8080): invalid socket address syntax",
        )],
    );
    table::<Url>(
        &[("https://example.org/x", Url::parse("https://example.org/x").unwrap())],
        &[(
            "example",
            "\"example\" is not an URL (such as https://example.org/): relative URL without a base: \"example\"",
        )],
    );
}

#[test]
fn identifiers_and_sizes() {
    let text = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    table::<Uuid>(
        &[(text, Uuid::parse_str(text).unwrap())],
        &[(
            "67e5",
            "\"67e5\" is not a formatted UUID string (such as 67e55044-10b1-426f-9247-bb680e5fe0c8): UUID parsing failed: invalid length: found 4",
        )],
    );
    table::<ByteSize>(
        &[("10", ByteSize::b(10)), ("5MiB", ByteSize::mib(5)), ("1.5 kB", ByteSize::b(1500))],
        &[("much", "\"much\" is not a parsable string")],
    );
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Timeout {
    #[etcd(with = humantime_serde)]
    value: Duration,
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct OptionalTimeout {
    #[etcd(with = humantime_serde)]
    value: Option<Duration>,
}

#[test]
fn durations_through_humantime() {
    assert_eq!(read_as("1500ms"), Ok(Timeout { value: Duration::from_millis(1500) }));
    let message = "\"soon\" is not a duration (such as 30s or 5m)";
    assert_eq!(read_as::<Timeout>("soon").unwrap_err(), message);
    assert_eq!(read_as("2s"), Ok(OptionalTimeout { value: Some(Duration::from_secs(2)) }));
    let absent = Keys::of::<OptionalTimeout>("/app", &[]).decode::<OptionalTimeout>();
    assert_eq!(absent, Ok(OptionalTimeout { value: None }));
}

#[derive(EtcdConfig, Debug)]
struct Pattern {
    #[etcd(with = serde_regex)]
    value: Regex,
}

#[test]
fn patterns_through_serde_regex() {
    assert!(read_as::<Pattern>("^a+$").unwrap().value.is_match("aaa"));
    let message = read_as::<Pattern>("(").unwrap_err();
    assert!(message.starts_with("\"(\" is not a valid Regex: "), "{message}");
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct Since {
    #[etcd(with = time::serde::rfc3339)]
    value: time::OffsetDateTime,
}

#[test]
fn times_through_the_time_crate() {
    let value = time::macros::datetime!(2026-01-02 03:04:05 UTC);
    assert_eq!(read_as("2026-01-02T03:04:05Z"), Ok(Since { value }));
    let message = read_as::<Since>("yesterday").unwrap_err();
    assert_eq!(
        message,
        "\"yesterday\" is not an RFC3339-formatted `OffsetDateTime` (such as 2026-01-02T03:04:05Z): the 'year' component could not be parsed"
    );
}

#[derive(EtcdConfig, Debug)]
struct Token {
    value: SecretString,
    #[etcd(secret)]
    number: Option<u32>,
}

#[test]
fn secrets_through_secrecy() {
    let keys = Keys::of::<Token>("/app", &[("/app/value", "hush"), ("/app/number", "12x34")]);
    let problems = keys.decode::<Token>().unwrap_err();
    assert_eq!(problems[0].what(), "(secret) is not a whole number from 0 to 4294967295");
    assert_eq!(problems[0].value(), None);
    assert!(!format!("{problems:?}").contains("12x34"));
    let token = Keys::of::<Token>("/app", &[("/app/value", "hush")]).decode::<Token>().unwrap();
    assert_eq!(token.value.expose_secret(), "hush");
    assert_eq!(token.number, None);
}

#[test]
fn options() {
    table::<Option<u32>>(&[("7", Some(7))], &[("", "\"\" is not a whole number from 0 to 4294967295")]);
    let absent = Keys::of::<One<Option<u32>>>("/app", &[]).decode::<One<Option<u32>>>();
    assert_eq!(absent, Ok(One { value: None }));
    let required = Keys::of::<One<u32>>("/app", &[]).decode::<One<u32>>().unwrap_err();
    assert_eq!(required[0].what(), "required, but there is no such key");
}

#[test]
fn lists_and_maps_are_json() {
    table::<Vec<u32>>(
        &[("[1, 2]", vec![1, 2]), ("[]", vec![])],
        &[
            (
                "1,2",
                "\"1,2\" is not JSON for T: invalid type: integer `1`, expected a sequence at line 1 column 1; did you mean [1, 2]?",
            ),
            ("[1,", "\"[1,\" is not JSON for T: EOF while parsing a value at line 1 column 3"),
            ("[1] x", "\"[1] x\" is not JSON for T: trailing characters at line 1 column 5"),
        ],
    );
    table::<HashSet<String>>(&[(r#"["a"]"#, HashSet::from(["a".to_owned()]))], &[]);
    table::<(u8, String)>(&[(r#"[1, "a"]"#, (1, "a".to_owned()))], &[]);
    table::<[u8; 2]>(&[("[1, 2]", [1, 2])], &[]);
    table::<HashMap<String, u8>>(&[(r#"{"a": 1}"#, HashMap::from([("a".to_owned(), 1)]))], &[]);
    table::<BTreeMap<u8, Vec<bool>>>(&[(r#"{"1": [true]}"#, BTreeMap::from([(1, vec![true])]))], &[]);
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    Fast,
    VerySafe,
    Custom { level: u8 },
    Only(u8),
}

#[test]
fn variants_are_plain_and_those_with_fields_json() {
    table::<Mode>(
        &[
            ("fast", Mode::Fast),
            ("very-safe\n", Mode::VerySafe),
            (r#"{"custom": {"level": 3}}"#, Mode::Custom { level: 3 }),
            (r#"{"only": 3}"#, Mode::Only(3)),
        ],
        &[
            ("slow", "\"slow\" is not one of fast, very-safe, custom, only"),
            ("custom", "\"custom\" is not a valid T: invalid type: unit variant, expected struct variant"),
        ],
    );
}

#[derive(Deserialize, Debug, PartialEq)]
struct Limits {
    burst: u32,
    #[serde(default)]
    nested: Vec<Mode>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum NumberOrName {
    Number(u32),
    Name(String),
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Tagged {
    File { path: String },
}

#[derive(Deserialize, Debug, PartialEq)]
struct Port(u16);

#[derive(Deserialize, Debug, PartialEq)]
#[serde(try_from = "String")]
struct Even(String);

impl TryFrom<String> for Even {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.len().is_multiple_of(2) { Ok(Self(text)) } else { Err("an odd number of bytes") }
    }
}

#[test]
fn structs_of_serde_are_json() {
    table::<Limits>(
        &[(
            r#"{"burst": 3, "nested": ["fast", {"only": 1}]}"#,
            Limits { burst: 3, nested: vec![Mode::Fast, Mode::Only(1)] },
        )],
        &[
            ("{}", "\"{}\" is not JSON for T: missing field `burst` at line 1 column 2"),
            (r#"{"a": 1}"#, "'{\"a\": 1}' is not JSON for T: missing field `burst` at line 1 column 8"),
        ],
    );
    let name = |text: &str| NumberOrName::Name(text.to_owned());
    table::<NumberOrName>(
        &[("5", NumberOrName::Number(5)), ("five", name("five")), ("true", name("true"))],
        &[],
    );
    table::<Tagged>(&[(r#"{"kind": "file", "path": "x"}"#, Tagged::File { path: "x".to_owned() })], &[]);
    table::<Port>(&[("80", Port(80))], &[]);
    table::<Even>(
        &[("ab", Even("ab".to_owned()))],
        &[("abc", "\"abc\" is not a valid T: an odd number of bytes")],
    );
    table::<serde_json::Value>(
        &[("plain", "plain".into()), ("{\"a\": 1}", serde_json::json!({"a": 1})), ("1", 1.into())],
        &[],
    );
    table::<()>(&[("", ())], &[]);
}

/// What takes anything, and any digits of a number.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Scalar {
    Truth(bool),
    Whole(i64),
    Fraction(f64),
    Text(String),
}

/// What takes anything, as long as it is a number.
#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
enum Measure {
    Whole(i64),
    Fraction(f64),
}

#[test]
fn numbers_lose_no_digit_on_their_way_to_a_type_that_takes_anything() {
    for text in
        ["12345678901234567890.12", "1.10", "0", "-7", "0.1", "79228162514264337593543950335", "-0.50"]
    {
        assert_eq!(read::<Decimal>(text).map(|number| number.to_string()).as_deref(), Ok(text));
    }
    assert_eq!(read::<Option<Decimal>>(" 2.50 "), Ok(Some(Decimal::new(250, 2))));
    assert_eq!(read::<Decimal>("1e3"), Ok(Decimal::from(1000)));
    let text = |text: &str| Scalar::Text(text.to_owned());
    table::<Scalar>(
        &[
            ("true", Scalar::Truth(true)),
            ("-7", Scalar::Whole(-7)),
            ("1.5", Scalar::Fraction(1.5)),
            ("1.10", text("1.10")),
            ("18446744073709551616", text("18446744073709551616")),
            ("9007199254740993.0", text("9007199254740993.0")),
            ("1e400", text("1e400")),
            ("007", text("007")),
        ],
        &[],
    );
    // Where digits are not wanted, the nearest number is.
    table::<Measure>(
        &[
            ("1.10", Measure::Fraction(1.1)),
            ("2e3", Measure::Fraction(2000.0)),
            ("-0", Measure::Fraction(-0.0)),
            ("18446744073709551616", Measure::Fraction(18_446_744_073_709_551_616.0)),
        ],
        &[("1e400", "\"1e400\" is not a valid T: number out of range at line 1 column 5")],
    );
    table::<serde_json::Value>(
        &[
            ("1.10", 1.1.into()),
            ("2e3", 2000.0.into()),
            ("0.30000000000000000001", "0.30000000000000000001".into()),
        ],
        &[],
    );
    table::<u128>(&[("340282366920938463463374607431768211455", u128::MAX)], &[]);
    table::<i128>(&[("-170141183460469231731687303715884105728", i128::MIN)], &[]);
}

#[derive(Deserialize, Debug, PartialEq)]
struct Price {
    amount: Decimal,
    ratio: f64,
    name: Option<String>,
    #[serde(flatten)]
    rest: BTreeMap<String, Decimal>,
}

#[derive(Deserialize, Debug, PartialEq)]
enum Order {
    Limit(Decimal),
    Between { low: Decimal, high: Option<Decimal> },
    Steps(Vec<Decimal>, u8),
}

#[test]
fn numbers_lose_no_digit_within_json() {
    let exact = |text: &str| text.parse::<Decimal>().unwrap();
    let long = "12345678901234567890.12";
    assert_eq!(read(&format!("[{long}, 1.5, {long}]")), Ok(vec![exact(long), exact("1.5"), exact(long)]));
    assert_eq!(
        read(&format!(
            r#"{{"amount": {long}, "ratio": 0.12345678901234567890, "tax": -{long}, "name": "\\\"1"}}"#
        )),
        Ok(Price {
            amount: exact(long),
            ratio: 0.123_456_789_012_345_68,
            name: Some("\\\"1".to_owned()),
            rest: BTreeMap::from([("tax".to_owned(), -exact(long))]),
        })
    );
    table::<Order>(
        &[
            (r#"{"Limit": 12345678901234567890.12}"#, Order::Limit(exact(long))),
            (
                r#"{"Between": {"low": 0.1, "high": 12345678901234567890.12}}"#,
                Order::Between { low: exact("0.1"), high: Some(exact(long)) },
            ),
            (r#"{"Steps": [[12345678901234567890.12], 7]}"#, Order::Steps(vec![exact(long)], 7)),
        ],
        &[],
    );
    // A string stays one, and a field that wants a string does not take a number.
    let text = r#"{"long": "12345678901234567890.12"}"#;
    assert_eq!(read(text), Ok(BTreeMap::from([("long".to_owned(), exact(long))])));
    let error = read::<Vec<String>>(&format!("[{long}]")).unwrap_err();
    assert!(error.contains("invalid type"), "{error}");
    assert_eq!(read::<String>(&format!("[{long}]")), Ok(format!("[{long}]")));
    // Where digits are not wanted, the nearest number is.
    assert_eq!(
        read::<Vec<Measure>>(&format!("[{long}]")),
        Ok(vec![Measure::Fraction(12_345_678_901_234_567_890.12)])
    );
    // JSON in memory has its own numbers; 128 bits have all of theirs.
    assert_eq!(read::<Vec<serde_json::Value>>("[0.30000000000000000001]"), Ok(vec![0.3.into()]));
    assert_eq!(read::<Vec<u128>>("[340282366920938463463374607431768211455]"), Ok(vec![u128::MAX]));
    let deep = format!("{}{long}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert!(read::<Vec<Scalar>>(&deep).unwrap_err().contains("recursion limit exceeded"));
}

#[test]
fn a_number_that_is_too_large_is_not_infinite() {
    let range = |text: &str, ty: &str| format!("{text:?} is not a number: out of the range of {ty}");
    for text in ["1e400", "-1e400", "1e39"] {
        assert_eq!(read::<f32>(text), Err(range(text, "f32")));
    }
    for text in ["1e400", "-1e400"] {
        assert_eq!(read::<f64>(text), Err(range(text, "f64")));
        assert_eq!(read::<Option<f64>>(text), Err(range(text, "f64")));
    }
    table::<f64>(&[("1e39", 1e39), ("inf", f64::INFINITY), ("-infinity", f64::NEG_INFINITY)], &[]);
}

#[test]
fn json_that_is_too_deep_is_refused() {
    let deep = "[".repeat(100_000);
    let message = read::<serde_json::Value>(&deep);
    assert_eq!(message, Ok(serde_json::Value::String(deep.clone())), "no JSON, so it is text");
    let message = read::<Vec<serde_json::Value>>(&deep).unwrap_err();
    assert!(message.ends_with("recursion limit exceeded at line 1 column 128"), "{message}");
}

#[test]
fn long_values_are_cut() {
    let message = read::<u32>(&"é".repeat(1000)).unwrap_err();
    let shown = "é".repeat(80);
    let expected = format!("\"{shown}\"… is not a whole number from 0 to 4294967295");
    assert_eq!(message, expected);
    let keys = Keys::of::<One<u32>>("/app", &[("/app/value", &"é".repeat(1000))]);
    assert_eq!(keys.decode::<One<u32>>().unwrap_err()[0].value(), Some(format!("{shown}…").as_str()));
}

#[derive(EtcdConfig, Debug, PartialEq)]
struct ByFunction {
    #[etcd(decode_with = halves)]
    value: (u32, u32),
    #[etcd(decode_with = halves)]
    maybe: Option<(u32, u32)>,
}

fn halves(text: &str) -> Result<(u32, u32), String> {
    let (left, right) = text.split_once('/').ok_or("there is no slash in it")?;
    let number = |text: &str| text.parse().map_err(|error| format!("{text}: {error}"));
    Ok((number(left)?, number(right)?))
}

#[test]
fn a_function_decodes() {
    assert_eq!(read_as("1/2"), Ok(ByFunction { value: (1, 2), maybe: None }));
    let message = "\"12\" is not a valid (u32, u32): there is no slash in it";
    assert_eq!(read_as::<ByFunction>("12").unwrap_err(), message);
}
