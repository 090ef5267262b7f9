//! A folder for a cache file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcd_config::{EtcdConfig, Live, MemoryStore, Options};
use tempfile::TempDir;

use crate::service::{Service, until};

/// What a start may take where no answer is to come.
pub(crate) const LIMIT: Duration = Duration::from_millis(150);

/// A folder with nothing but the cache file.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("service.cache")
    }

    pub(crate) fn options<T: EtcdConfig>(&self) -> Options<T> {
        T::options().cache_file(self.file()).startup_timeout(LIMIT)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(self.file()).unwrap()).into_owned()
    }

    /// Caches what is in the store.
    pub(crate) fn fill<T: EtcdConfig>(&self, store: &MemoryStore) {
        drop(self.options::<T>().load_once(store).unwrap());
    }
}

pub(crate) fn saved(settings: &Live<Service>, revision: u64) {
    until("saved", || settings.status().cache_file.and_then(|file| file.revision) == Some(revision));
}

/// Waits until the file was written, or could not be.
pub(crate) fn tried(settings: &Live<Service>) {
    until("tried", || {
        settings.status().cache_file.is_some_and(|file| file.problem.is_some() || file.revision.is_some())
    });
}
