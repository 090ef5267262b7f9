//! Documents that are made to cost much.

use etcd_config::{Document, EtcdConfig, Format, MemoryStore};

use crate::settings::Settings;

#[track_caller]
fn refused(text: &str, format: Format, part: &str) {
    let error = Document::parse(text, format).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn aliases_that_multiply() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = format!("*a{}", level - 1);
        let ten = [before.as_str(); 10].join(", ");
        bomb.extend([&format!("a{level}: &a{level} [{ten}]"), "\n"]);
    }
    refused(&bomb, Format::Yaml, "with what aliases repeat");
    // Of few values with long texts, too.
    let mut bomb = format!("a: &a {}\nb: [", "x".repeat(1 << 16));
    bomb.push_str(&"*a, ".repeat(2_000));
    bomb.push(']');
    refused(&bomb, Format::Yaml, "with what aliases repeat");
}

#[test]
fn what_is_too_deep() {
    for depth in [97, 1_000, 100_000] {
        let lists = |open: &str, close: &str| format!("{}1{}", open.repeat(depth), close.repeat(depth));
        refused(&format!("{{\"a\": {}}}", lists("[", "]")), Format::Json, "deep in one another");
        refused(&lists("{\"a\":", "}"), Format::Json, "deep in one another");
        refused(&format!("a: {}", lists("[", "]")), Format::Yaml, "YAML cannot be read at line 1");
        refused(&format!("a = {}", lists("[", "]")), Format::Toml, "TOML cannot be read at line 1");
    }
    let mut block = String::new();
    for depth in 0..200 {
        block.extend([&" ".repeat(depth), "a:\n"]);
    }
    refused(&block, Format::Yaml, "deep in one another");
    let header = format!("[{}]\n", vec!["a"; 1_000].join("."));
    refused(&header, Format::Toml, "too deep in one another");
}

#[test]
fn what_is_too_long() {
    for format in Format::ALL {
        refused(&"#".repeat((16 << 20) + 1), format, "is too long: a document has 16777216 at most");
    }
}

#[test]
fn many_keys_and_many_problems() {
    let mut yaml = "features:\n".to_owned();
    (0..20_000).for_each(|number| yaml.extend(["  f", &number.to_string(), ": true\n"]));
    let document = Document::from_yaml(&yaml).unwrap();
    let edit = Settings::edit(MemoryStore::new()).unwrap().apply(&document).unwrap();
    assert!(format!("{edit:?}").contains("features/f19999"));
    let unknown = Document::from_yaml(&yaml.replace("features", "festures")).unwrap();
    let error = Settings::edit(MemoryStore::new()).unwrap().apply(&unknown).unwrap_err();
    assert!(error.problems().len() <= 100, "{}", error.problems().len());
}
