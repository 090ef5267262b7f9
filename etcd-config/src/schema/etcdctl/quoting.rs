//! Text as a word of a shell, and as an argument in the input of `etcdctl txn`.

use std::fmt::Write as _;

/// A word for a POSIX shell.
pub(crate) fn word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/_-.:".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// The arguments of `etcdctl put`, for a shell; what begins with a dash is no option to it.
pub(crate) fn put_arguments(key: &str, value: &str) -> String {
    let (quoted, text) = (word(key), word(value));
    match (key.starts_with('-'), value.starts_with('-')) {
        (true, _) => format!("-- {quoted} {text}"),
        (false, true) => format!("{quoted} -- {text}"),
        (false, false) => format!("{quoted} {text}"),
    }
}

/// A command for a POSIX shell that writes a key if it is not there, whatever bytes key and value are.
pub(crate) fn put_if_absent(key: &[u8], value: &[u8]) -> String {
    let (key, value) = (in_quotes(key), in_quotes(value));
    // A line of its own for each part, and an empty one at its end: the condition, what is done, what is done else.
    format!("etcdctl txn <<'END'\ncreate({key}) = \"0\"\n\nput -- {key} {value}\n\n\nEND\n")
}

/// A string as `etcdctl txn` reads it, in one line, of letters, digits and printable ASCII: in Go's double quotation marks.
/// etcdctl up to 3.6.0 reads single ones wrongly.
pub(crate) fn in_quotes(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => quoted.extend(['\\', character]),
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                ' ' => quoted.push(' '),
                _ if character.is_ascii_graphic() || character.is_alphanumeric() => quoted.push(character),
                _ => {
                    let mut bytes = [0; 4];
                    hex(&mut quoted, character.encode_utf8(&mut bytes).as_bytes());
                }
            }
        }
        hex(&mut quoted, chunk.invalid());
    }
    quoted.push('"');
    quoted
}

fn hex(quoted: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(quoted, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(word("/a/b-c_d.e:1"), "/a/b-c_d.e:1");
        assert_eq!(word(""), "''");
        assert_eq!(word("it's $HOME\n`x`"), "'it'\\''s $HOME\n`x`'");
        assert_eq!(put_arguments("/a", "-5"), "/a -- -5");
        assert_eq!(put_arguments("-a", "5"), "-- -a 5");
    }

    #[test]
    fn what_a_transaction_reads_is_one_line() {
        assert_eq!(in_quotes(b"a \"b\" \\ 'c'"), r#""a \"b\" \\ 'c'""#);
        assert_eq!(in_quotes("größe\r\n\t\u{2028}\0".as_bytes()), r#""größe\x0d\n\t\xe2\x80\xa8\x00""#);
        assert_eq!(in_quotes(b"\xff\xfe"), r#""\xff\xfe""#);
        assert_eq!(in_quotes(b""), "\"\"");
    }
}
