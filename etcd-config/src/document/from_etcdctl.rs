//! A document read from `etcdctl put` commands, as a shell would run them.

use super::fault::{Fault, Lines, Names};
use super::item::{Entry, Item, Place, Stored};
use super::shell::{Command, commands};

/// The keys that the commands write.
pub(super) fn table(text: &str) -> Result<Vec<Entry>, Fault> {
    let lines = Lines::of(text);
    let commands = commands(text).map_err(|fault| Fault::at(lines.place(fault.offset), fault.what))?;
    let mut names = Names::default();
    let mut entries = Vec::with_capacity(commands.len());
    for command in commands {
        let place = lines.place(command.offset);
        let (key, value) = put(&command).map_err(|what| Fault::at(place, what))?;
        names.add(key, place)?;
        entries.push(entry(key, value, place));
    }
    Ok(entries)
}

fn entry(key: &str, value: &str, place: Place) -> Entry {
    let stored = Stored { key: key.to_owned(), text: value.to_owned(), secret: false };
    Entry { stored: Some(stored), ..Entry::new(key, Some(place), Item::text(value)) }
}

/// The key and the value of `etcdctl put`.
fn put(command: &Command) -> Result<(&str, &str), String> {
    const KNOWN: &str = "only commands such as `etcdctl put /key value` can be read";
    let words: Vec<&str> = command.words.iter().map(String::as_str).collect();
    let is_assignment = |word: &&&str| {
        word.split_once('=').is_some_and(|(name, _)| {
            !name.is_empty() && name.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        })
    };
    let program = words.iter().take_while(is_assignment).count();
    let is_etcdctl = words.get(program).is_some_and(|word| *word == "etcdctl" || word.ends_with("/etcdctl"));
    let put = words.iter().position(|word| *word == "put");
    let Some(put) = put.filter(|put| is_etcdctl || *put == program) else { return Err(KNOWN.to_owned()) };
    let mut arguments = Vec::new();
    let mut is_option_possible = true;
    for word in words.iter().skip(put + 1) {
        match *word {
            "--" if is_option_possible => is_option_possible = false,
            // It may as well be a value, and that one a secret.
            option if is_option_possible && option.starts_with('-') && option.len() > 1 => {
                return Err("there is an option after `put`, and only a key and a value can be read: one that begins \
                            with - comes after --"
                    .to_owned());
            }
            argument => arguments.push(argument),
        }
    }
    match arguments.as_slice() {
        [key, value] => Ok((*key, *value)),
        [_] => Err("there is no value: etcdctl would read it from its standard input".to_owned()),
        [] => Err(KNOWN.to_owned()),
        _ => Err("there are more words than a key and a value: quotation marks may be missing".to_owned()),
    }
}
