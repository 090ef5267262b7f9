//! Which room may import from which: ARCHITECTURE.md says it, and the sources are held against that.

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sources::{Import, Sources};

/// The rooms of one module, from the top to the bottom; those of one row do not know each other.
struct Rooms {
    rows: BTreeMap<String, usize>,
}

impl Rooms {
    /// From the block of ARCHITECTURE.md that begins with "rooms of" and a name.
    fn of(architecture: &str, whose: &str) -> Self {
        let begin = format!("```text rooms of {whose}\n");
        let block = architecture.split_once(&begin).and_then(|(_, rest)| rest.split_once("```"));
        let (block, _) = block.unwrap_or_else(|| panic!("ARCHITECTURE.md has no block {begin:?}"));
        let rows = block.lines().enumerate().flat_map(|(row, line)| {
            // What stands after two spaces and a dash is for people.
            let names = line.split("  - ").next().unwrap_or_default();
            names.split_whitespace().map(move |name| (name.to_owned(), row))
        });
        Self { rows: rows.collect() }
    }

    /// What is wrong with the imports of the module `within`, whose children are the rooms.
    fn complaints(&self, sources: &Sources, within: &str) -> Vec<String> {
        let mut complaints = BTreeSet::new();
        for Import { from, to } in sources.imports() {
            let (Some(here), Some(there)) = (room(from, within), room(to, within)) else { continue };
            if here == there {
                continue;
            }
            match (self.rows.get(here), self.rows.get(there)) {
                (Some(above), Some(below)) if above < below => {}
                (Some(_), Some(_)) => {
                    complaints.insert(format!("{from} imports {to}, which is not below it"));
                }
                (None, _) => {
                    complaints.insert(format!("{here} is in no row"));
                }
                (_, None) => {
                    complaints.insert(format!("{there} is in no row"));
                }
            }
        }
        complaints.into_iter().collect()
    }
}

/// The child of `within` that a module is in; none for `within` itself, and what is elsewhere.
fn room<'m>(module: &'m str, within: &str) -> Option<&'m str> {
    let below = if within.is_empty() { module } else { module.strip_prefix(within)?.strip_prefix("::")? };
    below.split("::").next().filter(|room| !room.is_empty())
}

/// Files that import each other, a parent and its own children excepted.
fn circles(sources: &Sources) -> Vec<String> {
    let mut below: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for Import { from, to } in sources.imports() {
        let is_ancestor =
            to.is_empty() || from.strip_prefix(to.as_str()).is_some_and(|rest| rest.starts_with("::"));
        if from != to && !is_ancestor && !from.is_empty() {
            below.entry(from).or_default().insert(to);
        }
    }
    // What imports nothing that is left, or is imported by nothing that is left, is in no circle.
    loop {
        let before = below.len();
        let importing: BTreeSet<&str> = below.keys().copied().collect();
        below.values_mut().for_each(|imports| imports.retain(|to| importing.contains(to)));
        let imported: BTreeSet<&str> = below.values().flatten().copied().collect();
        below.retain(|from, imports| !imports.is_empty() && imported.contains(from));
        if below.len() == before {
            break;
        }
    }
    below.iter().map(|(from, to)| format!("{from} -> {to:?}")).collect()
}

fn sources(of: &str) -> Sources {
    Sources::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(of).join("src"))
}

fn architecture() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ARCHITECTURE.md");
    std::fs::read_to_string(path).expect("ARCHITECTURE.md is there")
}

#[test]
fn rooms_import_only_what_is_below_them() {
    let architecture = architecture();
    let (core, config) = (sources("etcd-client-core"), sources("etcd-config"));
    let houses = [
        (&config, "etcd-config", ""),
        (&core, "etcd-client-core", ""),
        (&core, "v2", "v2"),
        (&core, "v3", "v3"),
    ];
    for (sources, whose, within) in houses {
        let complaints = Rooms::of(&architecture, whose).complaints(sources, within);
        assert!(complaints.is_empty(), "in {whose}:\n{}", complaints.join("\n"));
    }
}

#[test]
fn no_files_import_each_other() {
    for whose in ["etcd-client-core", "etcd-config-derive", "etcd-config"] {
        let circles = circles(&sources(whose));
        assert!(
            circles.is_empty(),
            "in {whose}, these are in circles, or between two:\n{}",
            circles.join("\n")
        );
    }
}

#[test]
fn an_import_upward_is_found() {
    let rooms = Rooms::of("```text rooms of it\nlive  - the handle\ntree leaf\n```", "it");
    let found = |files: &[(&str, &str)]| {
        let sources = Sources::of(files);
        (rooms.complaints(&sources, ""), circles(&sources).len())
    };
    let fine = [("live", "use crate::tree::{KeyTree, touched::Mark};"), ("tree", ""), ("leaf", "")];
    assert_eq!(found(&fine), (vec![], 0));
    let ways = [
        "use crate::live::Live;",
        "use crate::{live::Live as Handle};",
        "use super::live::{self, Live};",
        "fn start() { crate::live::start(); }",
        "mod inner { use super::super::live::Live; }",
        "use crate::Live;",
        "use crate::leaf::Leaf;",
    ];
    for way in ways {
        let files =
            [("", "pub use live::Live;"), ("live", "use crate::tree::KeyTree;"), ("tree", way), ("leaf", "")];
        let (complaints, circles) = found(&files);
        assert_eq!(complaints.len(), 1, "{way}: {complaints:?}");
        assert_eq!(circles, if way.contains("leaf") { 0 } else { 2 }, "{way}");
    }
    assert_eq!(found(&[("attic", "use crate::tree::KeyTree;"), ("tree", "")]).0, ["attic is in no row"]);
}
