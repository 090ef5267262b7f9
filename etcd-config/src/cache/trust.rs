//! Whose file is trusted: a user who can write it can choose the configuration.

#[cfg(unix)]
pub(super) use self::unix::{check, open};

#[cfg(not(unix))]
pub(super) use self::other::{check, open};

#[cfg(unix)]
mod unix {
    use std::fs::{File, Metadata, OpenOptions};
    use std::io;
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
    use std::path::Path;

    use rustix::fs::OFlags;

    /// The permissions of the group and of all others to write.
    const WRITTEN_BY_OTHERS: u32 = 0o022;

    /// Opens it for reading. A symbolic link is an error: a user who may write to the folder could
    /// make it point to any file. A pipe does not hold the caller up.
    pub(in super::super) fn open(path: &Path) -> io::Result<File> {
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY).bits();
        OpenOptions::new().read(true).custom_flags(flags.cast_signed()).open(path)
    }

    /// Checks that the file is this user's or root's, and that no other user can write it.
    ///
    /// # Errors
    /// Why it is not read.
    pub(in super::super) fn check(metadata: &Metadata) -> Result<(), String> {
        let (owner, this) = (metadata.uid(), rustix::process::geteuid().as_raw());
        if owner != this && owner != 0 {
            return Err(format!(
                "it belongs to user {owner}, and this is user {this}: only a file of this user or of root \
                 is read"
            ));
        }
        if metadata.mode() & WRITTEN_BY_OTHERS != 0 {
            return Err(format!(
                "others can write it (mode {:o}): only a file that nobody but its owner can write is \
                 read; chmod go-w",
                metadata.mode() & 0o777
            ));
        }
        Ok(())
    }
}

#[cfg(not(unix))]
mod other {
    use std::fs::{self, File, Metadata};
    use std::io;
    use std::path::Path;

    /// Opens it for reading, unless it is something that could block.
    pub(in super::super) fn open(path: &Path) -> io::Result<File> {
        if fs::metadata(path)?.is_file() { File::open(path) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// There are no permissions that could be asked for.
    #[allow(clippy::unnecessary_wraps, reason = "as on unix")]
    pub(in super::super) fn check(_metadata: &Metadata) -> Result<(), String> {
        Ok(())
    }
}
