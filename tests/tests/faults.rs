//! The numbers in the names of tests: `FAULTS.md` says what they stand for, and is held against the sources.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Types of Rust that look like a number of the list; a test may be about one.
const TYPES: [&str; 9] = ["f16", "f32", "f64", "i16", "i32", "i64", "u16", "u32", "u64"];

#[test]
fn the_list_of_faults_and_the_tests_name_each_other() {
    let list = here().join("FAULTS.md");
    let list = std::fs::read_to_string(&list).unwrap_or_else(|error| panic!("{}: {error}", list.display()));
    let tests = tests_of_the_workspace();
    let numbered = tests.iter().filter(|test| numbers(test).next().is_some()).count();
    assert!(numbered > 100, "only {numbered} tests with a number were found: have they moved?");
    let complaints = complaints(&list, &tests);
    assert!(complaints.is_empty(), "tests/FAULTS.md and the tests do not agree:\n{}", complaints.join("\n"));
}

#[test]
fn a_number_without_a_row_and_a_row_without_its_test_are_found() {
    const ROW: &str = "| `r01` | A scene. | A promise. | `r01_holds`, `r01_r02_holds` |";
    const OTHER: &str = "| `r02` | A scene. | A promise. | `r01_r02_holds` |";
    let source = "mod inner { #[test] fn r01_holds() {} } fn r03_helper() {} #[test] fn f64_is_read() {}
        #[tokio::test(start_paused = true)] #[should_panic] async fn r01_r02_holds() {}";
    let found = |list: &[&str], source: &str| {
        let mut tests = BTreeSet::new();
        collect(TokenStream::from_str(source).expect("tokens"), &mut tests);
        complaints(&list.join("\n"), &tests)
    };
    let fine = ["| number | scene |", "| --- | --- |", "| `r` | a letter |", ROW, OTHER];
    assert_eq!(found(&fine, source), [""; 0]);

    let unknown = format!("{source} #[test] fn r04_is_new() {{}}");
    assert_eq!(found(&fine, &unknown), ["the test r04_is_new bears r04, which has no row"]);
    let forgotten = format!("{source} #[test] fn r01_holds_too() {{}}");
    assert_eq!(found(&fine, &forgotten), ["the row of r01 does not name the test r01_holds_too"]);
    let renamed = source.replace("fn r01_holds", "fn it_holds");
    assert_eq!(found(&fine, &renamed), ["the row of r01 names r01_holds, which is no test"]);
    let disabled = source.replace("#[test] fn r01_holds", "fn r01_holds");
    assert_eq!(found(&fine, &disabled), ["the row of r01 names r01_holds, which is no test"]);

    let strange = OTHER.replace("`r01_r02_holds`", "`r01_r02_holds`, `f64_is_read`");
    assert_eq!(
        found(&[ROW, &strange], source),
        ["the row of r02 names f64_is_read, which does not bear its number"]
    );
    assert_eq!(found(&[ROW, OTHER, OTHER], source), ["r02 has two rows"]);
    let empty = OTHER.replace("A promise.", "");
    assert_eq!(found(&[ROW, &empty], source), ["the row of r02 does not fill its four columns"]);
    let short = OTHER.replace("A promise. |", "");
    assert_eq!(found(&[ROW, &short], source), ["the row of r02 does not fill its four columns"]);
    let untested = "| `r05` | A scene. | A promise. | none |";
    assert_eq!(found(&[ROW, OTHER, untested], source), ["the row of r05 names no test"]);
}

/// What does not agree between the list and the names of all tests.
fn complaints(list: &str, tests: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut rows: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in list.lines() {
        let cells: Vec<&str> = line.trim().trim_matches('|').split('|').map(str::trim).collect();
        let number = quoted(cells[0]).next().filter(|number| is_number(number));
        let Some(number) = number.filter(|_| line.starts_with('|')) else { continue };
        if cells.len() != 4 || cells.iter().any(|cell| cell.is_empty()) {
            complaints.push(format!("the row of {number} does not fill its four columns"));
        }
        let named = quoted(cells.last().unwrap_or(&"")).collect();
        if rows.insert(number, named).is_some() {
            complaints.push(format!("{number} has two rows"));
        }
    }
    for (number, named) in &rows {
        if named.is_empty() {
            complaints.push(format!("the row of {number} names no test"));
        }
        for test in named {
            if !tests.contains(*test) {
                complaints.push(format!("the row of {number} names {test}, which is no test"));
            } else if !numbers(test).any(|its| its == *number) {
                complaints.push(format!("the row of {number} names {test}, which does not bear its number"));
            }
        }
    }
    for test in tests {
        for number in numbers(test) {
            match rows.get(number) {
                None => complaints.push(format!("the test {test} bears {number}, which has no row")),
                Some(named) if named.contains(test.as_str()) => {}
                Some(_) => complaints.push(format!("the row of {number} does not name the test {test}")),
            }
        }
    }
    complaints
}

/// The words of a cell that stand in backticks.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The numbers that a test's name begins with: of `r18_r20_healed` the first two words.
fn numbers(test: &str) -> impl Iterator<Item = &str> {
    test.split('_').take_while(|word| is_number(word))
}

/// A letter and two digits.
fn is_number(word: &str) -> bool {
    let is_number = matches!(word.as_bytes(), [b'a'..=b'z', b'0'..=b'9', b'0'..=b'9']);
    is_number && !TYPES.contains(&word)
}

/// The folder of this package.
fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The names of the tests in all files below the folders `tests` of this package and of the libraries.
fn tests_of_the_workspace() -> BTreeSet<String> {
    let workspace = here().parent().expect("the workspace");
    let packages = entries(workspace).into_iter().filter(|path| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("etcd-")) && path.is_dir()
    });
    let mut tests = BTreeSet::new();
    for package in packages.chain([here().to_owned()]) {
        let folder = package.join("tests");
        if folder.is_dir() {
            read(&folder, &mut tests);
        }
    }
    tests
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}

fn read(folder: &Path, tests: &mut BTreeSet<String>) {
    for path in entries(folder) {
        if path.is_dir() {
            read(&path, tests);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("the file can be read");
            let tokens = TokenStream::from_str(&text);
            collect(tokens.unwrap_or_else(|error| panic!("{}: {error}", path.display())), tests);
        }
    }
}

/// The names of the functions that have an attribute `test`, `tokio::test` or the like.
fn collect(tokens: TokenStream, tests: &mut BTreeSet<String>) {
    let mut tokens = tokens.into_iter().peekable();
    let mut is_test = false;
    while let Some(token) = tokens.next() {
        match (token, tokens.peek()) {
            (TokenTree::Punct(mark), Some(TokenTree::Group(group)))
                if mark.as_char() == '#' && group.delimiter() == Delimiter::Bracket =>
            {
                is_test |= is_test_attribute(group.stream());
            }
            (TokenTree::Ident(word), Some(TokenTree::Ident(name))) if word == "fn" => {
                if is_test {
                    tests.insert(name.to_string());
                }
                is_test = false;
            }
            (TokenTree::Group(group), _) => collect(group.stream(), tests),
            _ => {}
        }
    }
}

fn is_test_attribute(attribute: TokenStream) -> bool {
    let path = attribute.into_iter().take_while(|token| !matches!(token, TokenTree::Group(_)));
    path.last().is_some_and(|word| word.to_string() == "test")
}
