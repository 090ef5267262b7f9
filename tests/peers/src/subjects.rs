//! The programs that are measured: built where they can be, and left out with a line that says why where not.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// The program and its first arguments.
    pub(crate) program: Vec<OsString>,
    /// The same with an allocator that counts, in Rust.
    pub(crate) counted: Option<OsString>,
}

/// The name, the package of the program, and the crate whose version counts.
const IN_RUST: [(&str, &str, &str); 3] = [
    ("ours", "ours", "etcd-config"),
    ("etcd-client", "by-hand", "etcd-client"),
    ("dynamic-config", "dynamic", "dynamic-config-etcd"),
];

/// Builds all subjects, or takes them as they were `built` the last time; fails where ours cannot be built.
pub(crate) fn build(built: bool) -> Result<Vec<Subject>, String> {
    let mut subjects = Vec::new();
    if !built {
        println!("building the subjects");
    }
    match in_rust(&IN_RUST, built) {
        Ok(built) => subjects.extend(built),
        Err(why) => {
            println!("etcd-client and dynamic-config are left out: {why}");
            subjects.extend(in_rust(&IN_RUST[..1], built)?);
        }
    }
    for (name, built) in [("clientv3", in_go()), ("node-etcd", in_node())] {
        match built {
            Ok(subject) => subjects.push(subject),
            Err(why) => println!("{name} is left out: {why}"),
        }
    }
    let said: Vec<_> =
        subjects.iter().map(|subject| format!("{} {}", subject.name, subject.version)).collect();
    println!("measured: {}", said.join(", "));
    Ok(subjects)
}

/// The folder of this crate.
pub(crate) fn home() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Where cargo builds for this program.
pub(crate) fn target() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_default();
    program.ancestors().nth(2).map_or_else(|| home().join("target"), Path::to_path_buf)
}

/// The cargo of a person's shell: `cargo run` sets variables for this program that would have ring built anew.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start)) {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a program, and says why not where it fails.
pub(crate) fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{}: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<_> = words.lines().collect();
    Err(lines[lines.len().saturating_sub(20)..].join("\n"))
}

/// All in one build, so that what they share is compiled once.
fn in_rust(wanted: &[(&'static str, &str, &str)], built: bool) -> Result<Vec<Subject>, String> {
    let has_protoc =
        std::env::var_os("PROTOC").is_some() || run(Command::new("protoc").arg("--version")).is_ok();
    if wanted.len() > 1 && !has_protoc {
        return Err("etcd-client is built with protoc (sudo apt-get install protobuf-compiler)".to_owned());
    }
    let packages = wanted.iter().flat_map(|(_, package, _)| ["--package", package]);
    if !built {
        run(cargo()
            .args(["build", "--release", "--locked", "--target-dir"])
            .arg(target())
            .args(packages)
            .current_dir(home()))?;
    }
    let subject = |(name, package, library): &(&'static str, &str, &str)| {
        let program = target().join("release").join(package);
        let counted = target().join("release").join(format!("{package}-counted"));
        let counted = counted.exists().then(|| counted.into());
        Subject { name, version: locked(library), program: vec![program.into()], counted }
    };
    Ok(wanted.iter().map(subject).collect())
}

fn in_go() -> Result<Subject, String> {
    let folder = home().join("subjects/clientv3");
    let program = target().join("clientv3");
    run(Command::new("go").args(["build", "-o"]).arg(&program).arg(".").current_dir(&folder))?;
    let module = fs::read_to_string(folder.join("go.mod")).unwrap_or_default();
    let line = module.lines().find(|line| line.contains("etcd/client/v3 v")).unwrap_or_default();
    let version = line.rsplit(" v").next().unwrap_or_default().to_owned();
    Ok(Subject { name: "clientv3", version, program: vec![program.into()], counted: None })
}

fn in_node() -> Result<Subject, String> {
    let folder = home().join("subjects/node-etcd");
    run(Command::new("node").arg("--version"))?;
    if !folder.join("node_modules/node-etcd").exists() {
        run(Command::new("npm")
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
            .current_dir(&folder))?;
    }
    let program = vec!["node".into(), folder.join("main.js").into()];
    Ok(Subject { name: "node-etcd", version: "7.0.0".to_owned(), program, counted: None })
}

/// The version of a crate in this workspace's lock file; the newest, where there are several.
fn locked(library: &str) -> String {
    let lock = fs::read_to_string(home().join("Cargo.lock")).unwrap_or_default();
    let name = format!("name = \"{library}\"");
    let versions = lock.split("[[package]]").filter(|package| package.lines().any(|line| line == name));
    let version =
        |package: &str| package.lines().find_map(|line| line.strip_prefix("version = ").map(str::to_owned));
    versions.filter_map(version).last().unwrap_or_default().replace('"', "")
}
