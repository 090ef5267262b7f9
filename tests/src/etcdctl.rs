//! etcd's command-line client, as an opinion on the server that is not the library's own.

use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::{io::Write, path::Path};

/// Runs `program` with `input`, and gives back what it printed, or its complaint.
///
/// The user's own `ETCDCTL_` variables do not count.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &Path,
    options: &[String],
    args: impl IntoIterator<Item = A>,
    input: &str,
) -> Result<String, String> {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ETCDCTL_") {
            command.env_remove(name);
        }
    }
    command.env("ETCDCTL_API", "3").args(options).args(args);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |error: std::io::Error| format!("{}: {error}", program.display());
    let mut child = command.spawn().map_err(failed)?;
    if let Some(mut stdin) = child.stdin.take() {
        let _ = stdin.write_all(input.as_bytes()); // a command that reads nothing may have ended
    }
    let output = child.wait_with_output().map_err(failed)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
