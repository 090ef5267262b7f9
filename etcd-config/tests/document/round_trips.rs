//! Random configurations: what is exported and applied again changes nothing, in any format, to the byte.

use etcd_config::{Document, EtcdConfig, Format, MemoryStore};

use crate::settings::Settings;

/// A small generator of its own, so that a seed says it all.
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        Self((seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % 1_000_003).unwrap_or_default() % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A text with something in it that a format has its own meaning for.
    fn text(&mut self) -> String {
        const PARTS: [&str; 44] = [
            "a",
            "B",
            "é",
            "🦀",
            " ",
            "  ",
            "\n",
            "\r\n",
            "\t",
            "\"",
            "'",
            "\\",
            "#",
            ":",
            ": ",
            "- ",
            "?",
            "&a",
            "*a",
            "!",
            "%",
            "@",
            "`",
            "{",
            "}",
            "[",
            "]",
            ",",
            "|",
            ">",
            "=",
            "$x",
            "\u{0}",
            "\u{7f}",
            "\u{85}",
            "\u{feff}",
            "\u{2028}",
            "\u{1b}[1m",
            "1",
            "0x",
            ".",
            "e5",
            "true",
            "null",
        ];
        let length = self.below(6);
        (0..length).map(|_| self.pick(&PARTS)).collect()
    }

    fn name(&mut self) -> String {
        loop {
            let name = self.text().replace('/', "");
            if !name.is_empty() {
                return name;
            }
        }
    }
}

/// Texts that decode, in the usual way of writing and in others.
const KEYS: &[(&str, &[&str])] = &[
    ("pool-size", &["20", " 7\n", "+7", "007", "4294967295"]),
    ("offset", &["-9223372036854775808", "9223372036854775807", "-0", "0"]),
    ("huge", &["340282366920938463463374607431768211455", "18446744073709551616", "0"]),
    ("ratio", &["1.5", "-2", "1e3", " 0.25 ", "inf", "-infinity", "NaN", "1.", ".5", "1E+300"]),
    ("weight", &["1.5", "3.4028235e38", "-0.0"]),
    ("enabled", &["true", "false", "true\n", " false"]),
    ("letter", &["x", " ", "é", "\n", "\"", "1"]),
    ("path", &["/etc/app", "relative", ""]),
    ("timeout", &["5s", "1m 30s", "1500ms"]),
    ("listen", &["0.0.0.0:80", "[::1]:8080"]),
    ("home", &["https://example.org/?a=b#c"]),
    ("id", &["67e55044-10b1-426f-9247-bb680e5fe0c8"]),
    ("size", &["10", "5MiB", "1.5 kB"]),
    ("since", &["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123+02:00"]),
    (
        "price",
        &["1.10", "12345678901234567890.12", "1e3", " 2.50 ", "-0.50", "79228162514264337593543950335"],
    ),
    ("at-least", &["5", "4294967295"]),
    ("mode", &["fast", "fast\n", r#"{"custom": {"level": 3}}"#, r#"{"only":3}"#, " {\"only\" : 3 } "]),
    ("numbers", &["[1, 2]", "[]", " [ 1,2 ]\n", "[4294967295]"]),
    ("labels", &[r#"{"a": "1", "b.c/d": "x\ny"}"#, "{}", r#"{"z":"","a":"\u00e9\u0000"}"#]),
    ("pair", &[r#"[1, "a"]"#, r#"[255,"\"\\"]"#]),
    (
        "limits",
        &[
            r#"{"burst": 3, "nested": ["fast", {"only": 1}]}"#,
            r#"{"burst":1,"price":12345678901234567890.12,"names":null}"#,
            "{\n  \"nested\": [],\n  \"burst\": 4294967295\n}\n",
        ],
    ),
    (
        "anything",
        &[
            "5",
            "\"5\"",
            "plain",
            "null",
            "true",
            "[]",
            "{}",
            "1.10",
            "1e5",
            "0.1",
            "-0",
            "{\"a\": 1, \"b\": [null, 1e400]}",
            "[18446744073709551615, 9223372036854775808]",
            "{\"a\":1,\"a\":2}",
            "\"tr\\u0075e\"",
            " 1 ",
            "",
        ],
    ),
    ("port", &["80", " 80"]),
    ("halves", &["1/2", "03/4"]),
    ("log/verbosity", &["2"]),
    ("upstreams/eu-1/weight", &["2", "02"]),
    ("flattened", &["9"]),
    ("elsewhere/limit", &["8"]),
    ("tree/left/left/value", &["-1"]),
    ("tree/children/a/children/b/value", &["7"]),
    ("wrapped", &["7"]),
    ("retries", &["5"]),
    ("old/retries", &["6"]),
    ("both/below", &["6"]),
    ("commit", &["1"]),
];

fn random_store(random: &mut Random) -> MemoryStore {
    let store = MemoryStore::new();
    let put = |key: &str, text: &str| store.put(format!("/payments/{key}"), text);
    for (key, texts) in KEYS {
        if random.below(2) == 0 {
            put(key, random.pick(texts));
            if *key == "upstreams/eu-1/weight" {
                put("upstreams/eu-1/url", "http://eu");
            }
        }
    }
    for key in ["name", "log/target", "log/levels/default", "both", "token"] {
        if random.below(2) == 0 {
            put(key, &random.text());
        }
    }
    for _ in 0..random.below(4) {
        let (name, text) = (random.name(), random.text());
        put(&format!("notes/{name}"), &text);
        put(&format!("upstreams/{name}/url"), &text);
        put(&format!("upstreams/{name}/headers/{}", random.name()), &text);
        put(&format!("features/{name}"), if random.below(2) == 0 { "true" } else { "false" });
        put(&format!("nowhere/{name}"), &text);
    }
    if random.below(3) == 0 {
        put("storage/url", "b");
    }
    store
}

fn round_trip(seed: u64) {
    let mut random = Random::of(seed);
    let store = random_store(&mut random);
    let document = Settings::export(&store).unwrap().with_secrets();
    for format in Format::ALL {
        let text = match document.render(format) {
            Ok(text) => text,
            // No shell hands over a zero byte.
            Err(error) if format == Format::Etcdctl && error.to_string().contains("zero byte") => continue,
            Err(error) => panic!("seed {seed}, {format}: {error}"),
        };
        let again = Document::parse(&text, format)
            .unwrap_or_else(|error| panic!("seed {seed}, {format}: {error}\n{text}"));
        let edits = [
            Settings::edit(&store).unwrap().apply(&again),
            Settings::edit(&store).unwrap().replace_with(&again),
            Settings::edit(&store).unwrap().fill(&again),
        ];
        for edit in edits {
            let plan = edit.and_then(etcd_config::Edit::plan);
            let plan = plan.unwrap_or_else(|error| panic!("seed {seed}, {format}: {error}\n{text}"));
            assert!(plan.is_empty(), "seed {seed}, {format}: {plan}\n{text}");
        }
        // Made anew from the text, it is exported as the same.
        let other = MemoryStore::new();
        Settings::edit(&other).unwrap().apply(&again).unwrap().plan().unwrap().commit().unwrap();
        let made = Settings::export(&other).unwrap().with_secrets();
        if format != Format::Etcdctl {
            assert_eq!(
                made.render(format).unwrap().lines().skip(1).collect::<Vec<_>>(),
                text.lines().skip(1).collect::<Vec<_>>(),
                "seed {seed}, {format}"
            );
        }
    }
    // Without a text in between, each byte of it is made.
    let other = MemoryStore::new();
    Settings::edit(&other).unwrap().apply(&document).unwrap().plan().unwrap().commit().unwrap();
    for (key, _) in KEYS.iter().filter(|(key, _)| !matches!(*key, "commit" | "old/retries" | "retries")) {
        let key = format!("/payments/{key}");
        assert_eq!(other.get(&key), store.get(&key), "seed {seed}: {key}");
    }
}

#[test]
fn what_is_exported_and_applied_changes_nothing() {
    (0..100).for_each(round_trip);
}
