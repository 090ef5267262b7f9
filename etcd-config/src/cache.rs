//! The last good state of a prefix in a file, for starting while etcd does not answer.
//!
//! Only what a field reads is kept, and, unless asked for, nothing that a `secret` field reads: keys
//! that no field reads may be secrets with a misspelt name.

mod archive;
mod file;
mod image;
mod trust;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use etcd_client_core::{Listing, OneLine, Prefix, Printable};

pub(crate) use self::archive::Archive;
pub(crate) use self::image::Image;
pub(crate) use self::writer::{CacheWriter, WriterStep};
use crate::leaf::FieldDefault;
use crate::runtime::panics;
use crate::schema::Schema;
use crate::schema::secrecy::Secrecy;
use crate::status::CacheFile;
use crate::tree::directories::{all_paths, in_layer};

/// Where the cache is, and whether secrets are in it.
#[derive(Clone, Debug)]
pub(crate) struct CacheLocation {
    pub(crate) path: PathBuf,
    pub(crate) secrets: bool,
}

/// A configuration's cache file.
#[derive(Debug)]
pub(crate) struct Cache {
    place: CacheLocation,
    prefix: Prefix,
    schema: Schema,
    written: Mutex<LastWrite>,
    /// Why no start can be made from it.
    useless: Option<String>,
}

/// What this process has written last.
#[derive(Debug, Default)]
struct LastWrite {
    turn: Option<u64>,
    /// When that was current, as the file says it.
    written_at: Option<SystemTime>,
}

impl Cache {
    pub(crate) fn new(place: CacheLocation, prefix: Prefix, schema: Schema) -> Self {
        let useless = useless(&place, &schema);
        Self { place, prefix, schema, written: Mutex::default(), useless }
    }

    /// The name of the configuration's type.
    pub(crate) fn name(&self) -> &'static str {
        self.schema.name()
    }

    pub(crate) fn path(&self) -> &Path {
        &self.place.path
    }

    /// Reads the file. Blocks.
    ///
    /// # Errors
    /// Why it is of no use, as the end of a sentence about it.
    pub(crate) fn read(&self) -> Result<Image, String> {
        let image = Image::decode(&file::read(&self.place.path)?)?;
        if image.prefix != Image::prefix_of(&self.prefix) {
            return Err(format!("it holds {}, not {}", image.shown_prefix(), all_paths(&self.prefix)));
        }
        Ok(image)
    }

    /// Replaces the file by one that holds this state, which was current at `proven`. Blocks. What has
    /// an earlier turn than what was written is too late, and is not written.
    ///
    /// # Errors
    /// Why it cannot be written.
    pub(crate) fn write(&self, listing: Listing, proven: SystemTime, turn: u64) -> Result<CacheFile, String> {
        let revision = listing.revision;
        let image = self.image(listing, proven);
        let saved_at = image.written_at;
        let bytes = image.encode()?;
        // Held while it is written: two at a time would come to an end in any order.
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.turn.is_none() {
            self.look_at_the_old_one();
            if let Some(why) = &self.useless {
                self.warn(&format!("the cache file {why}"));
            }
            file::sweep(&self.place.path);
        }
        let mut newer = None;
        if written.turn.is_none_or(|before| before < turn) {
            let own = written.written_at;
            file::replace(&self.place.path, &bytes, || {
                newer = self.newer(proven, own);
                newer.is_none()
            })?;
            written.turn = Some(turn);
            if newer.is_none() {
                written.written_at = Image::written_at(&bytes);
            }
        }
        let (saved_at, revision) = newer.unwrap_or((saved_at, revision));
        Ok(CacheFile { saved_at: Some(saved_at), revision: Some(revision), ..self.unsaved() })
    }

    /// When what another process has written was current, and its revision, if that was later than `proven`: a
    /// slow write must not undo a later one. A time in the future does not count, nor does that of what this
    /// process has written itself, at `own`: a clock was set back.
    fn newer(&self, proven: SystemTime, own: Option<SystemTime>) -> Option<(SystemTime, u64)> {
        let is_newer = |time: SystemTime| time > proven && time <= SystemTime::now() && Some(time) != own;
        let head = file::head(&self.place.path)?;
        Image::written_at(&head).filter(|time| is_newer(*time))?;
        let Image { written_at, listing, .. } = self.read().ok()?;
        is_newer(written_at).then_some((written_at, listing.revision))
    }

    /// The file as long as nothing is known of it.
    pub(crate) fn unsaved(&self) -> CacheFile {
        CacheFile {
            path: self.place.path.clone(),
            saved_at: None,
            revision: None,
            problem: self.useless.as_ref().map(|why| format!("it {why}")),
        }
    }

    /// Whoever replaces something that is of no use should say so: it would have been of no use
    /// when it was needed.
    fn look_at_the_old_one(&self) {
        if self.place.path.symlink_metadata().is_ok()
            && let Err(why) = self.read()
        {
            self.warn(&format!("{}; it is replaced", of_no_use("the cache file", &why)));
        }
    }

    /// It could not be written.
    pub(crate) fn warn_not_kept(&self, why: &str) {
        self.warn(&format!("the cache file is not kept: {why}"));
    }

    /// No configuration could be made from it. Answers that as a sentence for an error.
    pub(crate) fn warn_no_use(&self, why: &str) -> String {
        self.warn(&of_no_use("the cache file", why));
        of_no_use(&format!("the cache file {}", self.place.path.display()), why)
    }

    fn warn(&self, what: &str) {
        let Self { place, prefix, .. } = self;
        let (name, path) = (self.name(), place.path.display());
        panics::log(|| tracing::warn!(name, %prefix, %path, "{}", OneLine(what)));
    }

    fn image(&self, mut listing: Listing, written_at: SystemTime) -> Image {
        let mut withheld = Vec::new();
        if !self.place.secrets {
            let secrecy = Secrecy::of(self.schema.branch(), &self.prefix);
            listing.entries.retain(|entry| {
                let keep =
                    in_layer(&self.prefix, &entry.key).is_some_and(|(_, path)| secrecy.may_be_cached(path));
                if !keep {
                    withheld.push(entry.key.clone());
                }
                keep
            });
        }
        listing.entries.sort_unstable_by(|one, other| one.key.cmp(&other.key));
        let prefix = Image::prefix_of(&self.prefix);
        Image { prefix, written_at, withheld, listing }
    }
}

fn of_no_use(file: &str, why: &str) -> String {
    format!("{file} is of no use: {why}")
}

/// Why no start can be made from the file: a required value is not in it, nor in the environment.
fn useless(place: &CacheLocation, schema: &Schema) -> Option<String> {
    let is_set = |name: &str| std::env::var_os(name).is_some();
    let needed = schema.fields().iter().filter(|field| {
        let is_needed = field.default() == FieldDefault::Required && !field.is_in_optional();
        is_needed && field.is_secret() && !field.env().is_some_and(is_set)
    });
    let keys: Vec<&str> = needed.map(crate::schema::Field::key).filter(|_| !place.secrets).collect();
    (!keys.is_empty()).then(|| format!("is of no use while etcd does not answer: {}", without_secrets(&keys)))
}

/// What to do where these required keys are secrets that are not kept.
pub(crate) fn without_secrets(keys: &[&str]) -> String {
    let shown: Vec<String> = keys.iter().map(|key| Printable::line(key).to_string()).collect();
    let verb = if keys.len() == 1 { "is" } else { "are" };
    let keys = shown.join(", ");
    format!(
        "secrets are not kept in it, and {keys} {verb} required; call .cache_secrets(true) to have them kept"
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::shape::branch::Branch;
    use crate::shape::layout::Layout;

    const NOTHING: Layout = Layout::new("Nothing", &[]);

    #[test]
    fn a_clock_that_is_set_back_keeps_no_later_state_from_the_file() {
        let folder = std::env::temp_dir().join(format!("etcd-config-cache-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (path, prefix) = (folder.join("cache"), Prefix::new("/app"));
        let schema = Schema::new(Branch { layout: &NOTHING, members: Vec::new() }, &prefix);
        let cache = Cache::new(CacheLocation { path, secrets: true }, prefix, schema);
        let at = |revision| Listing { revision, ..Listing::default() };
        let now = SystemTime::now();
        cache.write(at(1), now, 1).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        cache.write(at(2), now - Duration::from_secs(1), 2).unwrap();
        let held = cache.read().map(|image| image.listing.revision);
        std::fs::remove_dir_all(folder).unwrap();
        assert_eq!(held, Ok(2));
    }
}
