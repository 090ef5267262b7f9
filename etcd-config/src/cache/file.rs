//! Reading a cache file, and replacing it so that there is always a whole one.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::trust;

/// What every cache file begins with.
pub(super) const MAGIC: &[u8] = b"etcd-config cache 1\n";
/// What cache files of every version begin with.
const FAMILY: &[u8] = b"etcd-config cache ";
/// What the names of files end with that are to become one.
const TEMPORARY: &str = ".tmp";
/// The age at which such a file is taken to be abandoned.
const ABANDONED: Duration = Duration::from_secs(3_600);
/// The largest file that is written, and read.
pub(super) const LIMIT: u64 = 512 << 20;

/// The bytes of the file, or why there are none. What the file is, is asked of the open file: at its
/// path there may be another one by then.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: io::Error| format!("it cannot be read: {error}");
    let file = match trust::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(no_folder(path).unwrap_or_else(|| "it is not there yet".to_owned()));
        }
        Err(_) if is_link(path) => return Err("it is a symbolic link, which is not followed".to_owned()),
        Err(error) => return Err(failed(error)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    trust::check(&metadata)?;
    let too_large = || format!("it is larger than any cache file, which is at most {LIMIT} bytes");
    if metadata.len() > LIMIT {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

/// Where there is no folder for the file, that.
fn no_folder(path: &Path) -> Option<String> {
    let folder = folder(path);
    (!folder.exists()).then(|| format!("there is no folder {}: create it", folder.display()))
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// The beginning of the file, which has the time of what is in it.
pub(super) fn head(path: &Path) -> Option<Vec<u8>> {
    const LONGEST: u64 = 64 << 10;
    let file = trust::open(path).ok()?;
    let mut head = Vec::new();
    file.metadata().ok()?.is_file().then(|| file.take(LONGEST).read_to_end(&mut head).ok())??;
    Some(head)
}

/// Puts a file with these bytes, which only its owner may read, in the place of the one that is
/// there, if `may` allows it when they are written. Whenever the machine stops, either the old one or the new one is
/// whole.
pub(super) fn replace(path: &Path, bytes: &[u8], may: impl FnOnce() -> bool) -> Result<(), String> {
    if !is_ours(path) {
        return Err("what is there is not a cache file, and is left alone".to_owned());
    }
    let temporary = temporary_beside(path)?;
    let failed = |error: io::Error| format!("it cannot be written: {error}");
    // What cannot be created is nothing of ours to remove.
    let file = create(&temporary).map_err(|error| no_folder(path).unwrap_or_else(|| failed(error)))?;
    let rename = |()| if may() { fs::rename(&temporary, path) } else { fs::remove_file(&temporary) };
    if let Err(error) = write(file, bytes).and_then(rename) {
        // It may not be there at all.
        let _ = fs::remove_file(&temporary);
        return Err(failed(error));
    }
    // Without this the new name may be lost, and the old file is found: no harm, except for its age.
    if let Err(error) = sync_folder(path) {
        tracing::debug!(path = %path.display(), %error, "the cache file's folder cannot be synchronised");
    }
    Ok(())
}

/// Removes what processes have left behind that were killed while they wrote. A file of another one
/// that is at it now is younger.
pub(super) fn sweep(path: &Path) {
    let Some(start) = start_of_temporaries(path) else { return };
    let names = fs::read_dir(folder(path)).into_iter().flatten().flatten();
    for entry in names.filter(|entry| {
        let name = entry.file_name();
        name.as_encoded_bytes().starts_with(start.as_encoded_bytes())
            && name.as_encoded_bytes().ends_with(TEMPORARY.as_bytes())
    }) {
        let age = entry.metadata().and_then(|metadata| metadata.modified()).map(|time| time.elapsed());
        if age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED)) {
            // Someone else may have done so.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn create(temporary: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(temporary)
}

fn write(mut file: File, bytes: &[u8]) -> io::Result<()> {
    file.write_all(bytes)?;
    file.sync_all()
}

/// A wrong path must not cost anybody a file: nothing is replaced but cache files, whole or not. A
/// device such as `/dev/null` reads like an empty one, and a pipe could block for ever.
fn is_ours(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = trust::open(path).and_then(|file| {
        if !file.metadata()?.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        file.take(FAMILY.len() as u64).read_to_end(&mut start)
    });
    match read {
        Ok(_) => FAMILY.starts_with(&start),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

/// By chance, as processes that share a folder may have the same number: in containers each is the first.
fn temporary_beside(path: &Path) -> Result<PathBuf, String> {
    let mut name =
        start_of_temporaries(path).ok_or_else(|| "its path does not end with a name".to_owned())?;
    name.push(format!("{:016x}{TEMPORARY}", RandomState::new().hash_one(std::process::id())));
    Ok(path.with_file_name(name))
}

fn start_of_temporaries(path: &Path) -> Option<OsString> {
    let mut start = OsString::from(".");
    start.push(path.file_name()?);
    start.push(".");
    Some(start)
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
