//! Which keys are meant: those of a directory, or of several.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::{Error, Kind, Printable};

/// In a transaction each takes one of the 128 comparisons and one of the 128 operations that etcd has
/// (`--max-txn-ops`); the rest is for writes.
const MOST_DIRECTORIES: usize = 32;

/// A directory of keys: everything below `/payments` is everything that begins with `/payments/`.
///
/// ```
/// use etcd_client_core::Prefix;
///
/// let prefix = Prefix::new("/payments");
/// assert_eq!(prefix.directory(), "/payments/");
/// assert_eq!(prefix.join("limits/daily"), "/payments/limits/daily");
/// assert_eq!(prefix.relative(b"/payments/limits/daily"), Some(&b"limits/daily"[..]));
/// assert_eq!(prefix.relative(b"/payments-old/limits"), None);
/// ```
///
/// It may have [several](Self::and) directories. Then they are listed, watched and written as one: at one revision.
///
/// It means the same over every store. Over v2, where each key begins with one slash and has no empty names,
/// `payments` and `//payments` are the directory `/payments`, and its keys are spelled as the prefix is.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix {
    directory: Arc<str>,
    /// `None` for one directory without named keys: a plain prefix stays small.
    more: Option<Arc<More>>,
}

#[derive(Clone, Default, PartialEq, Eq, Hash)]
struct More {
    named: Vec<String>,
    /// Further directories, in ascending order, each as a prefix of one.
    others: Vec<Prefix>,
    /// Those of `others` in the order in which they were added.
    added: Vec<Arc<str>>,
}

impl Prefix {
    /// The directory at `path`; slashes at its end do not count. `""` is the whole store.
    pub fn new(path: &str) -> Self {
        let trimmed = path.trim_end_matches('/');
        let directory =
            if trimmed.is_empty() && path.is_empty() { String::new() } else { format!("{trimmed}/") };
        Self { directory: directory.into(), more: None }
    }

    /// The same prefix with the directories of another one: a store lists, watches and writes all of them at one revision.
    /// [`directory`](Self::directory), [`path`](Self::path), [`relative`](Self::relative) and [`join`](Self::join) go on to
    /// mean the first one.
    ///
    /// # Errors
    /// [`Kind::InvalidRequest`] if two directories are the same, or one lies in another, and for more than 32.
    ///
    /// ```
    /// use etcd_client_core::Prefix;
    ///
    /// let prefix = Prefix::new("/payments").and(&Prefix::new("/payments@eu-1"))?;
    /// assert_eq!(prefix.directory(), "/payments/");
    /// assert_eq!(prefix.directories().collect::<Vec<_>>(), ["/payments/", "/payments@eu-1/"]);
    /// assert_eq!(prefix.directory_of(b"/payments@eu-1/pool_size"), Some("/payments@eu-1/"));
    /// assert!(prefix.and(&Prefix::new("/payments/limits")).is_err());
    /// # Ok::<_, etcd_client_core::Error>(())
    /// ```
    pub fn and(self, other: &Prefix) -> Result<Self, Error> {
        let mut others = self.others().to_vec();
        for added in other.parts() {
            let present = std::iter::once(&self).chain(&others).find(|present| present.overlaps(&added));
            if let Some(present) = present {
                return Err(overlapping(present, &added));
            }
            others.push(added);
        }
        if others.len() >= MOST_DIRECTORIES {
            let message =
                format!("a prefix of {} directories: it takes {MOST_DIRECTORIES}", others.len() + 1);
            return Err(Error::new(Kind::InvalidRequest, message));
        }
        others.sort_unstable_by(|one, other| one.directory.cmp(&other.directory));
        let (mut added, named) = (self.added().to_vec(), self.named().to_vec());
        added.push(Arc::clone(&other.directory));
        added.extend_from_slice(other.added());
        Ok(Self { more: More { named, others, added }.shared(), ..self })
    }

    /// The same directory, with paths below it of keys, or of directories of keys, that a store which
    /// [hides keys](crate::Store::hides_keys) is to include. Other stores ignore them. Of several directories it is the
    /// first one.
    ///
    /// ```
    /// use etcd_client_core::Prefix;
    ///
    /// let prefix = Prefix::new("/payments").naming(["_token", "_limits/daily"]);
    /// assert_eq!(prefix.named(), ["_token", "_limits/daily"]);
    /// ```
    #[must_use]
    pub fn naming(self, paths: impl IntoIterator<Item: Into<String>>) -> Self {
        let (named, others) = (paths.into_iter().map(Into::into).collect(), self.others().to_vec());
        Self { more: More { named, others, added: self.added().to_vec() }.shared(), ..self }
    }

    /// The paths that were [named](Self::naming).
    pub fn named(&self) -> &[String] {
        self.more.as_ref().map_or(&[], |more| &more.named)
    }

    /// The directory with the slash at its end, which all its keys begin with; of several, the first one.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// All directories, each with the slash at its end, in ascending order of their bytes: the order of their keys.
    pub fn directories(&self) -> impl ExactSizeIterator<Item = &str> + DoubleEndedIterator + Clone {
        self.in_order().map(|part| &*part.directory)
    }

    /// The same in the order in which they were put together: the first one, then each that was [added](Self::and).
    pub fn directories_as_added(&self) -> impl DoubleEndedIterator<Item = &str> + Clone {
        std::iter::once(&*self.directory).chain(self.added().iter().map(|directory| &**directory))
    }

    /// The directory that a key is in, or `None` if it is in none.
    pub fn directory_of(&self, key: &[u8]) -> Option<&str> {
        if key.starts_with(self.directory.as_bytes()) {
            return Some(&self.directory);
        }
        let others = self.others();
        let after = others.partition_point(|other| other.directory.as_bytes() <= key);
        let before = others[..after].last()?;
        key.starts_with(before.directory.as_bytes()).then_some(&*before.directory)
    }

    /// The directory without that slash; `/` for the whole store. It is not escaped; `Display` is, as
    /// [`Printable`] says.
    pub fn path(&self) -> &str {
        match self.directory.strip_suffix('/') {
            Some("") | None => "/",
            Some(path) => path,
        }
    }

    /// The part of `key` after the directory, or `None` if the key is not in it. Of several directories it is the first
    /// one; [`directory_of`](Self::directory_of) knows all.
    pub fn relative<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        key.strip_prefix(self.directory.as_bytes())
    }

    /// The first name of `key` in the directory, with a slash at its end if it is a directory.
    pub(crate) fn name_of<'k>(&self, key: &'k [u8]) -> Option<&'k [u8]> {
        let relative = self.relative(key)?;
        let end = relative.iter().position(|byte| *byte == b'/').map_or(relative.len(), |slash| slash + 1);
        Some(&relative[..end])
    }

    /// The whole key of something in this directory, the first one of several.
    pub fn join(&self, relative: &str) -> String {
        format!("{}{relative}", self.directory)
    }

    /// Whether it has more than one directory.
    pub(crate) fn has_several(&self) -> bool {
        !self.others().is_empty()
    }

    /// Each directory as a prefix of its own, in ascending order.
    pub(crate) fn parts(&self) -> impl ExactSizeIterator<Item = Prefix> {
        self.in_order().map(|part| {
            let more = More { named: part.named().to_vec(), ..More::default() };
            Self { directory: Arc::clone(&part.directory), more: more.shared() }
        })
    }

    /// The error of a read of this directory, which is one of several: it says which.
    pub(crate) fn name_refusal(&self, error: Error) -> Error {
        if error.kind() != Kind::PermissionDenied {
            return error;
        }
        let directory = Printable::line(&self.directory);
        let message = format!("{error}, for {self}: grant the user a role that may read all of {directory}");
        error.reworded(message)
    }

    fn others(&self) -> &[Prefix] {
        self.more.as_ref().map_or(&[], |more| &more.others)
    }

    fn added(&self) -> &[Arc<str>] {
        self.more.as_ref().map_or(&[], |more| &more.added)
    }

    /// This one and the others, of each of which only the one directory counts.
    fn in_order(&self) -> impl ExactSizeIterator<Item = &Prefix> + DoubleEndedIterator + Clone {
        let others = self.others();
        let place = others.partition_point(|other| other.directory < self.directory);
        let count = others.len() + 1;
        (0..count).map(move |number| match number.cmp(&place) {
            Ordering::Less => &others[number],
            Ordering::Equal => self,
            Ordering::Greater => &others[number - 1],
        })
    }

    /// Whether one of the two directories lies in the other, or is the same.
    fn overlaps(&self, other: &Prefix) -> bool {
        let (one, other) = (&*self.directory, &*other.directory);
        one.starts_with(other) || other.starts_with(one)
    }
}

impl More {
    /// `None` if there is nothing more, so that equal prefixes are equal.
    fn shared(self) -> Option<Arc<Self>> {
        (self != Self::default()).then(|| Arc::new(self))
    }
}

fn overlapping(one: &Prefix, other: &Prefix) -> Error {
    let [one_path, other_path] = [one, other].map(|prefix| Printable::line(prefix.path()).to_string());
    let message = if one.directory == other.directory {
        format!("a prefix has the directory {one_path} twice: leave one out")
    } else {
        format!(
            "a prefix cannot have {one_path} and {other_path}, as one lies in the other: \
             give them names beside each other"
        )
    };
    Error::new(Kind::InvalidRequest, message)
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable::line(self.path()).fmt(f)?;
        let others = self.others();
        for (number, other) in others.iter().enumerate() {
            f.write_str(if number + 1 == others.len() { " and " } else { ", " })?;
            Printable::line(other.path()).fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Prefix({:?}", self.directory)?;
        self.others().iter().try_for_each(|other| write!(f, ", {:?}", other.directory))?;
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(paths: &[&str]) -> Result<Prefix, Error> {
        let (first, others) = paths.split_first().unwrap();
        others.iter().try_fold(Prefix::new(first), |prefix, path| prefix.and(&Prefix::new(path)))
    }

    #[test]
    fn all_directories_are_in_the_order_of_their_keys_wherever_the_first_one_is() {
        for paths in [["/a", "/b", "/c"], ["/b", "/c", "/a"], ["/c", "/a", "/b"]] {
            let prefix = of(&paths).unwrap();
            assert_eq!(prefix.directories().collect::<Vec<_>>(), ["/a/", "/b/", "/c/"]);
            assert_eq!(prefix.directories().len(), 3);
            assert_eq!(prefix.path(), paths[0]);
            let added: Vec<&str> = prefix.directories_as_added().map(|directory| &directory[..2]).collect();
            assert_eq!(added, paths);
            assert_eq!(prefix.parts().map(|part| part.directories().len()).sum::<usize>(), 3);
            for key in ["/a/x", "/b/", "/c/x/y"] {
                assert_eq!(prefix.directory_of(key.as_bytes()), Some(&key[..3]), "{paths:?}");
            }
            for key in ["/", "/a", "/a0", "/bb/x", "/d/x", ""] {
                assert_eq!(prefix.directory_of(key.as_bytes()), None, "{paths:?}");
            }
        }
        let plain = Prefix::new("/a");
        assert_eq!(plain.directories().collect::<Vec<_>>(), ["/a/"]);
        assert_eq!(plain.directory_of(b"/a/x"), Some("/a/"));
        assert_eq!(Prefix::new("").directory_of(b"x"), Some(""));
    }

    #[test]
    fn directories_that_are_the_same_or_lie_in_each_other_are_refused_with_their_names() {
        for (paths, words) in [
            (&["/a", "/a/"][..], "has the directory /a twice"),
            (&["/a", "/b", "/a/b"], "cannot have /a and /a/b"),
            (&["/a/b", "/c", "/a"], "cannot have /a/b and /a"),
            (&["/a", ""], "cannot have /a and /"),
            (&["", "/a"], "cannot have / and /a"),
            (&["/a\u{1b}", "/a\u{1b}/b"], r"cannot have /a\u{1b} and /a\u{1b}/b"),
        ] {
            let error = of(paths).unwrap_err();
            assert_eq!(error.kind(), Kind::InvalidRequest);
            assert!(error.to_string().contains(words), "{error}");
        }
        let several = of(&["/x", "/a"]).unwrap();
        assert!(of(&["/b", "/a"]).unwrap().and(&several).is_err(), "of another one with several");
        let names: Vec<String> = (0..33).map(|number| format!("/{number:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        assert!(of(&names[..32]).is_ok());
        assert!(of(&names).unwrap_err().to_string().contains("33 directories: it takes 32"));
        // These only look as if.
        assert!(of(&["/payments", "/payments@eu-1", "/payments.fleet", "/pay"]).is_ok());
    }

    #[test]
    fn it_is_shown_with_all_directories_the_first_one_first() {
        let prefix = of(&["/b", "/c", "/a"]).unwrap();
        assert_eq!(prefix.to_string(), "/b, /a and /c");
        assert_eq!(format!("{prefix:?}"), r#"Prefix("/b/", "/a/", "/c/")"#);
        assert_eq!(of(&["/a", "/b"]).unwrap().to_string(), "/a and /b");
        assert_eq!(format!("{:?}", Prefix::new("/a")), r#"Prefix("/a/")"#);
    }

    #[test]
    fn what_few_prefixes_have_costs_a_plain_one_a_word() {
        assert_eq!(size_of::<Prefix>(), 3 * size_of::<usize>());
        assert_eq!(Prefix::new("/a").naming([""; 0]), Prefix::new("/a"));
        assert_ne!(Prefix::new("/a").naming(["_x"]), Prefix::new("/a"));
    }

    #[test]
    fn what_is_named_stays_with_its_directory() {
        let other = Prefix::new("/a").naming(["_x"]);
        let prefix = Prefix::new("/b").and(&other).unwrap().naming(["_y"]);
        let named: Vec<_> = prefix.parts().map(|part| part.named().to_vec()).collect();
        assert_eq!(named, [["_x"], ["_y"]]);
    }
}
