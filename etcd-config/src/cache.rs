//! The offline cache: a file that holds the last good keys of a prefix, for a start without etcd.

mod format;
mod saver;

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use etcd_client_core::{Listing, Prefix};

use self::format::Contents;

pub(crate) use self::saver::Saver;

/// Where the cache is, and what may be in it.
#[derive(Clone, Debug)]
pub(crate) struct CacheFile {
    pub(crate) path: PathBuf,
    /// Whether the values of secret fields are written, too.
    pub(crate) with_secrets: bool,
}

/// What a cache file holds.
#[derive(Debug)]
pub(crate) struct Cached {
    pub(crate) listing: Listing,
    pub(crate) saved_at: SystemTime,
}

/// Tells the temporary files of one process apart.
static SAVES: AtomicU64 = AtomicU64::new(0);

impl CacheFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Why it cannot be used, in words that follow its path.
    pub(crate) fn load(&self, prefix: &Prefix) -> Result<Cached, String> {
        let bytes = fs::read(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => "does not exist yet".to_owned(),
            _ => format!("cannot be read: {error}"),
        })?;
        let Contents { prefix: saved, listing, saved_at } = format::parse(&bytes)?;
        if saved != prefix.to_string() {
            return Err(format!("is of {saved}, not of {prefix}"));
        }
        Ok(Cached { listing, saved_at })
    }

    /// Replaces the file at once: whoever reads it finds the old state or the new one.
    ///
    /// # Errors
    /// The operating system's.
    pub(crate) fn save(&self, prefix: &Prefix, listing: &Listing) -> io::Result<()> {
        let bytes = format::print(&prefix.to_string(), listing, SystemTime::now());
        let temporary = self.temporary();
        let written = write(&temporary, &bytes).and_then(|()| fs::rename(&temporary, &self.path));
        if written.is_err() {
            // What went wrong is told already; the temporary file may not even be there.
            let _ = fs::remove_file(&temporary);
        }
        written?;
        sync_directory(&self.path)
    }

    /// Beside the file, so that it can take its place.
    fn temporary(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        let number = SAVES.fetch_add(1, Ordering::Relaxed);
        self.path.with_file_name(format!(".{name}.{}.{number}.tmp", std::process::id()))
    }
}

/// Nobody but the owner may read the file, not even while it is written.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A renamed file is only sure to stay renamed when its directory is written.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if cfg!(unix) { File::open(directory.unwrap_or(Path::new(".")))?.sync_all() } else { Ok(()) }
}
