//! Finding Chromium, or getting it from Debian's packages without being root.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::download::{files, install, own_apt, own_archives, run};
use crate::servers::target_folder;

const ADVICE: &str = "no Chromium for the tests of the page. Install one, for example with `sudo apt-get install \
     --no-install-recommends chromium`, or set CHROMIUM_BIN to the path of a Chromium or Chrome program.";

/// The names under which it is installed.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/// The program, and where the libraries lie that are not installed.
#[derive(Debug)]
pub(super) struct Chromium {
    pub(super) path: PathBuf,
    pub(super) libraries: Vec<PathBuf>,
}

/// The one that `CHROMIUM_BIN` names, one on `PATH`, the one in `target/chromium`, or else that is fetched to there.
///
/// # Panics
/// Where there is none, with the command that a person should run.
pub(super) fn chromium() -> &'static Chromium {
    static FOUND: OnceLock<Chromium> = OnceLock::new();
    FOUND.get_or_init(|| {
        let asked_for = std::env::var_os("CHROMIUM_BIN").map(PathBuf::from);
        let on_path = || {
            let folders = std::env::var_os("PATH").unwrap_or_default();
            let folders: Vec<PathBuf> = std::env::split_paths(&folders).collect();
            NAMES
                .iter()
                .find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|path| path.is_file()))
        };
        if let Some(path) = asked_for.or_else(on_path) {
            let installed = Chromium { path, libraries: Vec::new() };
            return installed.checked().unwrap_or_else(|error| panic!("{error}\n{ADVICE}"));
        }
        let folder = target_folder().join("chromium");
        fetch(&folder)
            .and_then(|()| Chromium::unpacked(&folder.join(DEBIAN)).checked())
            .unwrap_or_else(|error| panic!("{error}\n{ADVICE}"))
    })
}

const DEBIAN: &str = "debian";

/// Unpacks Debian's package, and what it needs and is not installed, into `folder`.
fn fetch(folder: &Path) -> Result<(), String> {
    install("Chromium", folder, DEBIAN, |work| {
        // Package lists of our own need no root, and are not old.
        let options = own_apt(work)?;
        run(work, "apt-get", options.iter().map(String::as_str).chain(["update"]))?;
        let wanted = [
            "--yes",
            "--no-install-recommends",
            "--download-only",
            "install",
            "chromium",
            "fonts-dejavu-core",
        ];
        run(work, "apt-get", options.iter().map(String::as_str).chain(wanted))?;
        let root = work.join("root");
        for package in files(&own_archives(work), "deb")? {
            run(work, "dpkg", ["-x".as_ref(), package.as_os_str(), root.as_os_str()])?;
        }
        Ok(root)
    })
}

impl Chromium {
    /// As the packages have it.
    fn unpacked(root: &Path) -> Self {
        let folders = fs::read_dir(root.join("usr/lib")).into_iter().flatten().flatten();
        let tuples =
            folders.map(|entry| entry.path()).filter(|path| path.to_string_lossy().contains("-linux-gnu"));
        let libraries = tuples.flat_map(|tuple| [tuple.join("pulseaudio"), tuple]).collect();
        Self { path: root.join("usr/lib/chromium/chromium"), libraries }
    }

    /// A command that runs it.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        if !self.libraries.is_empty() {
            let joined = std::env::join_paths(&self.libraries).unwrap_or_default();
            command.env("LD_LIBRARY_PATH", joined);
        }
        command
    }

    fn checked(self) -> Result<Self, String> {
        let path = self.path.to_string_lossy().into_owned();
        let output =
            self.command(&path).arg("--version").output().map_err(|error| format!("{path}: {error}"))?;
        if output.status.success() {
            return Ok(self);
        }
        Err(format!("{path} does not run: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}
