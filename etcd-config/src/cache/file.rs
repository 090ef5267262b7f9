//! Reading a cache file, and replacing it so that there is always a whole one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// What every cache file begins with.
pub(super) const MAGIC: &[u8] = b"etcd-config cache 1\n";
/// What cache files of every version begin with.
const FAMILY: &[u8] = b"etcd-config cache ";
/// The largest file that is written, and read.
pub(super) const LIMIT: u64 = 512 << 20;

/// The bytes of the file, or why there are none.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, String> {
    let length = match fs::metadata(path) {
        // A pipe or a device could block for ever, or never end.
        Ok(metadata) if !metadata.is_file() => return Err("it is not a file".to_owned()),
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Err("it is not there yet".to_owned()),
        Err(error) => return Err(format!("it cannot be read: {error}")),
    };
    let too_large = || format!("it is larger than any cache file, which is at most {LIMIT} bytes");
    if length > LIMIT {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    // It may grow meanwhile.
    let read = File::open(path).and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("it cannot be read: {error}"))?;
    if bytes.len() as u64 > LIMIT { Err(too_large()) } else { Ok(bytes) }
}

/// Puts a file with these bytes, which only its owner may read, in the place of the one that is
/// there. Whenever the machine stops, either the old one or the new one is whole.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if !is_ours(path) {
        return Err("what is there is not a cache file, and is left alone".to_owned());
    }
    let temporary = temporary_beside(path)?;
    let done = write(&temporary, bytes).and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = done {
        // It may not be there at all.
        let _ = fs::remove_file(&temporary);
        return Err(format!("it cannot be written: {error}"));
    }
    // Without this the new name may be lost, and the old file is found: no harm, but for its age.
    if let Err(error) = sync_folder(path) {
        tracing::debug!(path = %path.display(), %error, "the cache file's folder cannot be synchronised");
    }
    Ok(())
}

fn write(temporary: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A wrong path must not cost anybody a file: nothing is replaced but cache files, whole or not. A
/// device such as `/dev/null` reads like an empty one, and a pipe could block for ever.
fn is_ours(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = fs::metadata(path).and_then(|metadata| {
        if !metadata.is_file() {
            return Err(ErrorKind::InvalidInput.into());
        }
        File::open(path)?.take(FAMILY.len() as u64).read_to_end(&mut start)
    });
    match read {
        Ok(_) => FAMILY.starts_with(&start),
        Err(error) => error.kind() == ErrorKind::NotFound,
    }
}

fn temporary_beside(path: &Path) -> Result<PathBuf, String> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let name = path.file_name().ok_or_else(|| "its path does not end with a name".to_owned())?;
    let mut temporary = std::ffi::OsString::from(".");
    temporary.push(name);
    temporary.push(format!(".{}-{}.tmp", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    Ok(path.with_file_name(temporary))
}

#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}
