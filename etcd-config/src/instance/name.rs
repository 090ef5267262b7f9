//! The name of an instance, which is the name of its key.

use etcd_client_core::Printable;

use crate::error::Error;

/// The longest name, in bytes.
const LONGEST: usize = 128;
/// How many names are tried that a person can count; then one at random.
const COUNTED: u32 = 5;

/// Refuses what cannot be one name of a key.
pub(crate) fn check(name: &str) -> Result<(), Error> {
    let why = if name.is_empty() {
        "it is empty"
    } else if name.contains('/') {
        "it has a slash, and is the name of one key"
    } else if name.contains(char::is_control) {
        "it has a control character"
    } else if name.len() > LONGEST {
        "it has more than 128 bytes"
    } else {
        return Ok(());
    };
    let shown = Printable::line(name).at_most(LONGEST);
    Err(Error::option(format!("{shown:?} cannot be the name of an instance: {why}")))
}

/// A name for a process that has none: that of its machine, and its number there.
pub(crate) fn of_this_process() -> String {
    let host: String = host()
        .chars()
        .map(|character| if character == '/' || character.is_control() { '-' } else { character })
        .take(LONGEST / 4)
        .collect();
    let host = if host.is_empty() { "process".to_owned() } else { host };
    format!("{host}-{}", std::process::id())
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_default()
}

/// The name itself, and those for an instance that finds it taken, in the order in which they are tried: `web-1~2`,
/// `web-1~3` and so on, and then a random one.
pub(super) fn candidates(name: &str) -> impl Iterator<Item = String> + use<'_> {
    let counted = (2..=COUNTED).map(move |number| format!("{name}~{number}"));
    let random = std::iter::once_with(move || {
        let suffix: String = std::iter::repeat_with(fastrand::lowercase).take(6).collect();
        format!("{name}~{suffix}")
    });
    std::iter::once(name.to_owned()).chain(counted).chain(random)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_name_of_a_key() {
        for name in ["web-1", "größe", "a b", "web-1~2", "10.0.0.1:80"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "a/b", "/", "a\n", "\u{1b}[2J", &"x".repeat(129)] {
            let error = check(name).unwrap_err();
            assert!(error.is_invalid_option(), "{name:?}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
        assert!(check(&of_this_process()).is_ok(), "{}", of_this_process());
    }

    #[test]
    fn who_finds_a_name_taken_counts_on() {
        let names: Vec<String> = candidates("web").collect();
        assert_eq!(names[..5], ["web", "web~2", "web~3", "web~4", "web~5"]);
        assert!(names.len() == 6 && names[5].starts_with("web~") && names[5].len() == 10, "{names:?}");
    }
}
