//! Which etcd binaries there are on this machine, of which versions.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::announce::announce;
use crate::download;

/// The newest server: what tests of v3 run on, unless they are about several versions.
///
/// Where the environment variable `ETCD_BIN` names servers, the newest of those.
pub fn newest() -> &'static Etcd {
    all().last().expect("found() fails where there is none")
}

/// Servers for tests of v3, oldest first: those of `ETCD_BIN`, or else every server found.
pub fn all() -> Vec<&'static Etcd> {
    let asked_for: Vec<_> = found().iter().filter(|etcd| etcd.origin == Origin::Asked).collect();
    if asked_for.is_empty() { found().iter().collect() } else { asked_for }
}

/// The newest of each line (3.4, 3.5, 3.6) of [`all`] servers, oldest first.
pub fn each_line() -> Vec<&'static Etcd> {
    let mut lines: Vec<&'static Etcd> = Vec::new();
    for etcd in all() {
        match lines.last_mut() {
            Some(last) if last.version.line() == etcd.version.line() => *last = etcd,
            _ => lines.push(etcd),
        }
    }
    lines
}

/// Servers that can speak v2 as well, oldest first, one of each line (3.4, 3.5).
pub fn with_v2() -> Vec<&'static Etcd> {
    let mut lines: Vec<&'static Etcd> = Vec::new();
    for etcd in found().iter().filter(|etcd| etcd.version.has_v2()) {
        match lines.last_mut() {
            Some(last) if last.version.line() == etcd.version.line() => {
                if etcd.origin >= last.origin {
                    *last = etcd;
                }
            }
            _ => lines.push(etcd),
        }
    }
    assert!(!lines.is_empty(), "no etcd server that speaks v2 (3.4 or 3.5)\n{}", download::ADVICE);
    lines
}

/// An etcd server's program, and what lies beside it.
#[derive(Clone, Debug)]
pub struct Etcd {
    path: PathBuf,
    version: Version,
    origin: Origin,
    etcdctl: Option<PathBuf>,
    etcdutl: Option<PathBuf>,
}

/// A version of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 3 in 3.5.1.
    pub major: u16,
    /// 5 in 3.5.1.
    pub minor: u16,
    /// 1 in 3.5.1.
    pub patch: u16,
}

/// What is built where there is a Go compiler, and no such server or a newer one.
const NEWEST_LINE: (u16, u16) = (3, 6);

/// Where a server was found; what a person asked for by name comes last, as the best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Origin {
    Fetched,
    Installed,
    Asked,
}

impl Etcd {
    /// The server's program.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The server's version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The command-line client: the one beside the server, or else any other at hand.
    pub fn etcdctl(&self) -> &Path {
        let any = || found().iter().rev().find_map(|etcd| etcd.etcdctl.as_deref());
        self.etcdctl.as_deref().or_else(any).unwrap_or_else(|| {
            panic!("no etcdctl beside {}, on PATH or fetched\n{}", self.path.display(), download::ADVICE)
        })
    }

    /// The program that restores snapshots: `etcdutl`, which came with 3.5, or before it `etcdctl`.
    pub(crate) fn restorer(&self) -> &Path {
        let any = || found().iter().rev().find_map(|etcd| etcd.etcdutl.as_deref());
        let older = || if self.version.has_v2() { Some(self.etcdctl()) } else { any() };
        self.etcdutl.as_deref().or_else(older).unwrap_or_else(|| {
            panic!("no etcdutl beside {} or on PATH: it comes with etcd 3.5 and later", self.path.display())
        })
    }

    fn at(path: &Path, origin: Origin) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let output = Command::new(&path).arg("--version").output().ok()?;
        let version = Version::parse(&String::from_utf8_lossy(&output.stdout))?;
        let beside = |name| path.parent().map(|folder| folder.join(name)).filter(|tool| tool.is_file());
        let etcdctl = beside("etcdctl").or_else(|| on_path("etcdctl"));
        Some(Self { version, origin, etcdctl, etcdutl: beside("etcdutl"), path })
    }
}

impl fmt::Display for Etcd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "etcd {} at {}", self.version, self.path.display())
    }
}

impl Version {
    /// 3.4 of 3.4.23.
    pub fn line(self) -> (u16, u16) {
        (self.major, self.minor)
    }

    /// Whether it tells progress before it has sent the events (etcd-io/etcd#15220).
    pub fn is_early(self) -> bool {
        let exact_from = if self.line() == (3, 4) { 25 } else { 8 };
        self.line() < (3, 6) && self.patch < exact_from
    }

    /// Whether `--enable-v2` exists.
    pub fn has_v2(self) -> bool {
        self.line() < (3, 6)
    }

    /// From what `etcd --version` prints.
    fn parse(text: &str) -> Option<Self> {
        let version = text.lines().find_map(|line| line.strip_prefix("etcd Version: "))?;
        let mut numbers = version.trim().split(['.', '-', '+']).map(|part| part.parse().ok());
        Some(Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Every server there is, by ascending version; what is missing is fetched on the first call.
fn found() -> &'static [Etcd] {
    static FOUND: OnceLock<Result<Vec<Etcd>, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let folder = target_folder().join("etcd");
        let mut found = search(&folder);
        let has = |found: &[Etcd], line| found.iter().any(|etcd| etcd.version.line() == line);
        let mut failures = Vec::new();
        if !has(&found, (3, 4)) {
            failures.extend(download::debian(&folder).err());
        }
        if !has(&found, (3, 5)) {
            failures.extend(download::wheel(&folder).err());
        }
        if found.iter().all(|etcd| etcd.version.line() < NEWEST_LINE) {
            failures.extend(download::go(&folder).err());
        }
        found = search(&folder);
        for failure in &failures {
            announce(failure);
        }
        if found.is_empty() {
            return Err(format!(
                "there is no etcd server in ETCD_BIN, on PATH or in {}, and none could be fetched:\n{}\n{}",
                folder.display(),
                failures.join("\n"),
                download::ADVICE
            ));
        }
        for etcd in &found {
            announce(&format!("tests run on {etcd}"));
        }
        Ok(found)
    });
    found.as_ref().unwrap_or_else(|why| panic!("{why}"))
}

fn search(folder: &Path) -> Vec<Etcd> {
    let asked = std::env::var_os("ETCD_BIN").unwrap_or_default();
    let mut found = Vec::new();
    for path in std::env::split_paths(&asked).filter(|path| !path.as_os_str().is_empty()) {
        let etcd = Etcd::at(&path, Origin::Asked);
        found.push(etcd.unwrap_or_else(|| panic!("ETCD_BIN: {} is not an etcd server", path.display())));
    }
    found.extend(on_path("etcd").and_then(|path| Etcd::at(&path, Origin::Installed)));
    for source in download::SOURCES {
        found.extend(Etcd::at(&folder.join(source).join("etcd"), Origin::Fetched));
    }
    found.sort_by_key(|etcd| (etcd.version, etcd.origin));
    found.dedup_by(|later, kept| {
        let same = later.version == kept.version;
        if same {
            std::mem::swap(later, kept); // what was asked for wins over what was fetched
        }
        same
    });
    found
}

fn on_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Cargo's target directory, wherever it was told to have it: it marks it with a tag.
pub(crate) fn target_folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    let tagged = program.ancestors().find(|folder| folder.join("CACHEDIR.TAG").is_file());
    tagged.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"), Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_the_server_prints() {
        let text = "etcd Version: 3.5.0-alpha.1\nGit SHA: Not provided\nGo Version: go1.19.8\n";
        assert_eq!(Version::parse(text), Some(Version { major: 3, minor: 5, patch: 0 }));
        assert_eq!(Version::parse("etcd Version: three"), None);
    }

    #[test]
    fn tests_of_v2_get_servers_that_can_speak_it() {
        assert!(with_v2().iter().all(|etcd| etcd.version().line() < (3, 6)));
    }
}
