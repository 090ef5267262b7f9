//! A report as the text of a key: JSON, with the number of its format. Both directions are bounded.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::report::{InstanceReport, RefusedRevision, ReportedProblem};
use crate::versioned_json::{self, Format, Unreadable, members, of_moment};

const FORMAT: Format = Format { what: "report of an instance", number: 1, longest: 64 << 10 };
/// The most problems that are in it.
pub(super) const PROBLEMS: usize = 10;
const NAMES: usize = 20;
/// As many as a prefix has directories. They are whole or left out: who waits for the instance asks the store for them.
const LAYERS: usize = 32;
/// In characters.
const WORDS: usize = 300;
const NAME: usize = 200;
/// The end of what is longer.
const CUT: char = '…';

/// The text of the key.
pub(crate) fn to_text(report: &InstanceReport) -> String {
    let text = whole_text(report);
    if text.len() <= FORMAT.longest {
        return text;
    }
    // Without its layers it must not say how many keys they have: the count is of them together.
    let refused = report.refused.clone().map(|refused| RefusedRevision { keys: None, ..refused });
    whole_text(&InstanceReport { keys: None, refused, layers: Vec::new(), ..report.clone() })
}

fn whole_text(report: &InstanceReport) -> String {
    let InstanceReport { version, revision, keys, refused, restart, state, since, started, lease, layers } =
        report;
    let refused = refused.as_ref().map(|refused| {
        let problems = refused
            .problems
            .iter()
            .map(|ReportedProblem { key, what }| json!({ "key": cut(key, NAME), "what": cut(what, WORDS) }));
        json!({
            "revision": refused.revision,
            "keys": refused.keys,
            "problems": problems.take(PROBLEMS).collect::<Vec<_>>(),
            "omitted": refused.omitted + refused.problems.len().saturating_sub(PROBLEMS),
        })
    });
    let names = |names: &[String]| names.iter().take(NAMES).map(|name| cut(name, NAME)).collect::<Vec<_>>();
    json!({
        "format": FORMAT.number,
        "version": version.as_deref().map(|version| cut(version, NAME)),
        "revision": revision,
        "keys": keys,
        "refused": refused,
        "restart": names(restart),
        "state": state,
        "since": of_moment(*since),
        "started": of_moment(*started),
        "lease_seconds": lease.as_secs(),
        "layers": layers.iter().take(LAYERS).collect::<Vec<_>>(),
    })
    .to_string()
}

/// Reads the text of a key, or says why it cannot be read.
pub(crate) fn from_text(text: &[u8]) -> Result<InstanceReport, Unreadable> {
    report_from(&members(text, &FORMAT)?).map_err(Unreadable::garbage)
}

/// Whether a field waits for a restart, by what a report names: the field itself, or a part of the configuration that waits
/// as a whole. Where names were left out or cut, each that they may stand for counts.
pub(crate) fn may_wait(waiting: &[String], field: &str) -> bool {
    waiting.len() >= NAMES
        || waiting.iter().any(|name| match name.strip_suffix(CUT) {
            Some(begin) => field.starts_with(begin),
            None => {
                field.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
            }
        })
}

fn report_from(object: &Map<String, Value>) -> Result<InstanceReport, String> {
    let time = |name| versioned_json::moment(object, name).ok_or_else(|| lacks(name));
    Ok(InstanceReport {
        version: object.get("version").and_then(Value::as_str).map(|version| cut(version, NAME)),
        revision: number(object, "revision")?,
        keys: count(object, "keys"),
        refused: match object.get("refused") {
            None | Some(Value::Null) => None,
            Some(refused) => Some(refused_from(refused)?),
        },
        restart: names(object, "restart"),
        state: cut(object.get("state").and_then(Value::as_str).ok_or_else(|| lacks("state"))?, NAME),
        since: time("since")?,
        started: time("started")?,
        lease: Duration::from_secs(number(object, "lease_seconds")?),
        layers: texts(object, "layers").take(LAYERS).map(str::to_owned).collect(),
    })
}

fn refused_from(value: &Value) -> Result<RefusedRevision, String> {
    let object = value.as_object().ok_or_else(|| lacks("refused"))?;
    let text = |problem: &Value, name: &str, most| {
        cut(problem.get(name).and_then(Value::as_str).unwrap_or_default(), most)
    };
    let all = object.get("problems").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let problems = all.iter().take(PROBLEMS).map(|problem| ReportedProblem {
        key: text(problem, "key", NAME),
        what: text(problem, "what", WORDS),
    });
    let omitted = count(object, "omitted");
    Ok(RefusedRevision {
        revision: number(object, "revision")?,
        keys: count(object, "keys"),
        problems: problems.collect(),
        omitted: omitted.unwrap_or(0).saturating_add(all.len().saturating_sub(PROBLEMS)),
    })
}

fn number(object: &Map<String, Value>, name: &str) -> Result<u64, String> {
    versioned_json::number(object, name).ok_or_else(|| lacks(name))
}

fn count(object: &Map<String, Value>, name: &str) -> Option<usize> {
    object.get(name).and_then(Value::as_u64).and_then(|count| count.try_into().ok())
}

fn names(object: &Map<String, Value>, name: &str) -> Vec<String> {
    texts(object, name).take(NAMES).map(|name| cut(name, NAME)).collect()
}

fn texts<'o>(object: &'o Map<String, Value>, name: &str) -> impl Iterator<Item = &'o str> {
    let all = object.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(Value::as_str)
}

fn lacks(name: &str) -> String {
    format!("its {name:?} is missing, or is something else")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}{CUT}", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn report() -> InstanceReport {
        let problem = ReportedProblem { key: "/app/workers".into(), what: "\"many\" is no number".into() };
        InstanceReport {
            version: Some("1.4.2".into()),
            revision: 48_121,
            keys: Some(12),
            refused: Some(RefusedRevision {
                revision: 48_190,
                keys: Some(13),
                problems: vec![problem],
                omitted: 3,
            }),
            restart: vec!["database.url".into()],
            state: "watching".into(),
            since: UNIX_EPOCH + Duration::from_millis(1_700_000_000_123),
            started: UNIX_EPOCH + Duration::from_millis(1_600_000_000_123),
            lease: Duration::from_secs(15),
            layers: vec!["/app@eu".into()],
        }
    }

    #[test]
    fn what_is_written_is_read() {
        for report in [report(), InstanceReport { version: None, keys: None, refused: None, ..report() }] {
            assert_eq!(from_text(to_text(&report).as_bytes()), Ok(report));
        }
    }

    #[test]
    fn what_is_long_or_much_is_cut_by_who_writes_and_by_who_reads() {
        let mut long = report();
        let refused = long.refused.as_mut().unwrap();
        refused.problems = vec![ReportedProblem { key: "k".repeat(9_000), what: "ö".repeat(9_000) }; 1_000];
        long.restart = vec!["x".repeat(9_000); 1_000];
        let text = to_text(&long);
        assert!(text.len() < 16 << 10, "{}", text.len());
        let read = from_text(text.as_bytes()).unwrap().refused.unwrap();
        assert_eq!((read.problems.len(), read.omitted), (PROBLEMS, 3 + 990));
    }

    #[test]
    fn what_is_written_is_read_however_many_bytes_its_characters_have() {
        let mut long = report();
        let control = |most| "\u{1}".repeat(most);
        let refused = long.refused.as_mut().unwrap();
        refused.problems = vec![ReportedProblem { key: control(NAME), what: control(WORDS) }; PROBLEMS];
        long.restart = vec![control(NAME); NAMES];
        long.layers = (0..31).map(|number| format!("/{}{number}", control(NAME))).collect();
        let read = from_text(to_text(&long).as_bytes()).unwrap();
        assert_eq!((read.layers.len(), read.keys), (0, None), "a count is of the layers that are named");
        let refused = long.refused.map(|refused| RefusedRevision { keys: None, ..refused });
        assert_eq!(read.refused, refused);
    }

    #[test]
    fn a_field_waits_with_what_it_is_a_part_of_and_where_names_were_left_out() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let waits = |waiting: &[&str], field: &str| may_wait(&names(waiting), field);
        assert!(waits(&["database"], "database") && waits(&["a", "database"], "database.pool_size"));
        assert!(!waits(&["database"], "databases") && !waits(&["database.url"], "database.pool_size"));
        assert!(!waits(&[], "database") && !waits(&["a"], ""));
        let long = InstanceReport { restart: vec!["x".repeat(9_000)], ..report() };
        let read = from_text(to_text(&long).as_bytes()).unwrap().restart;
        assert!(may_wait(&read, &long.restart[0]) && !may_wait(&read, "y"));
        let many =
            InstanceReport { restart: (0..30).map(|number| format!("f{number}")).collect(), ..report() };
        assert!(may_wait(&from_text(to_text(&many).as_bytes()).unwrap().restart, "f29"));
    }

    #[test]
    fn what_is_no_report_is_said_to_be_none() {
        let with = |name: &str, value: Value| {
            let mut object: Value = serde_json::from_str(&to_text(&report())).unwrap();
            object[name] = value;
            from_text(object.to_string().as_bytes())
        };
        assert_eq!(with("more", json!({ "later": 1 })), Ok(report()), "what is not known is left alone");
        let newer = with("format", json!(2)).unwrap_err();
        assert!(newer.is_newer && newer.why.contains("format 2"), "{newer:?}");
        for (name, value) in [
            ("format", json!(null)),
            ("revision", json!("x")),
            ("revision", json!(-1)),
            ("since", json!(u64::MAX)),
            ("state", json!(7)),
            ("refused", json!(true)),
        ] {
            assert!(!with(name, value).unwrap_err().is_newer);
        }
        for text in [&b"\xff"[..], b"", b"here", b"[]", b"{}", &vec![b'['; 70_000]] {
            assert!(!from_text(text).unwrap_err().is_newer);
        }
    }
}
