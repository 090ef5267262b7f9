//! Keys, flags and values as they travel in an address or a form.

use crate::Error;

/// Servers close a connection without an answer if its request line is longer than about 1 MB.
const LONGEST_ADDRESS: usize = 512 << 10;

/// The path of a key: each segment is percent-encoded, and empty ones are left out.
///
/// A slash at the end stays, and `directory` adds one: on servers with authentication a role on `/app/*` allows
/// `/app/`, but not `/app`.
pub(in crate::v2) fn key_path(key: &str, directory: bool) -> Result<String, Error> {
    let mut path = String::with_capacity(key.len() + 16);
    path.push_str("/v2/keys");
    for segment in key.split('/').filter(|segment| !segment.is_empty()) {
        if matches!(segment, "." | "..") {
            return Err(Error::invalid_input(format!(
                "the key {key:?} has a {segment:?} segment, which etcd would resolve: write the key without it"
            )));
        }
        path.push('/');
        encode(&mut path, segment);
    }
    if directory || key.ends_with('/') || path == "/v2/keys" {
        path.push('/');
    }
    if path.len() > LONGEST_ADDRESS {
        return Err(Error::invalid_input(format!(
            "the key is {} bytes long; an address may be {LONGEST_ADDRESS}",
            key.len()
        )));
    }
    Ok(path)
}

/// The key that an address of the keys API names.
pub(in crate::v2) fn key_of(address: &str) -> Option<String> {
    let path = address.split('?').next()?.strip_prefix("/v2/keys")?;
    let mut key = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let code = (byte == b'%').then(|| after.get(..2)).flatten();
        let code = code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        key.push(code.unwrap_or(byte));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    Some(String::from_utf8_lossy(&key).into_owned())
}

/// Names and values as an address' query, question mark included, or nothing.
pub(in crate::v2) fn query(pairs: &[(&str, String)]) -> Result<String, Error> {
    if pairs.is_empty() {
        return Ok(String::new());
    }
    let query = format!("?{}", form(pairs));
    if query.len() > LONGEST_ADDRESS {
        return Err(Error::invalid_input(format!(
            "the conditions are {} bytes long; etcd takes them in the address, which may be {LONGEST_ADDRESS}: \
             compare by index",
            query.len()
        )));
    }
    Ok(query)
}

/// Names and values as a form.
pub(in crate::v2) fn form(pairs: &[(&str, String)]) -> String {
    let mut form =
        String::with_capacity(pairs.iter().map(|(name, value)| name.len() + value.len() + 2).sum());
    for (name, value) in pairs {
        if !form.is_empty() {
            form.push('&');
        }
        encode(&mut form, name);
        form.push('=');
        encode(&mut form, value);
    }
    form
}

/// Percent-encodes everything except unreserved characters, so that it can be used in a path, a query and a form.
fn encode(out: &mut String, text: &str) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(DIGITS[usize::from(byte >> 4)]));
            out.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Kind;

    #[test]
    fn each_segment_is_encoded_by_itself() {
        for (key, path) in [
            ("a/b", "/v2/keys/a/b"),
            ("//a//b", "/v2/keys/a/b"),
            ("//a//b//", "/v2/keys/a/b/"),
            ("", "/v2/keys/"),
            ("/", "/v2/keys/"),
            ("a b/ü?#%", "/v2/keys/a%20b/%C3%BC%3F%23%25"),
            ("a+b;c&d=e", "/v2/keys/a%2Bb%3Bc%26d%3De"),
            ("..a/b..", "/v2/keys/..a/b.."),
        ] {
            assert_eq!(key_path(key, false).unwrap(), path);
            let names: Vec<_> = key.split('/').filter(|name| !name.is_empty()).collect();
            let decoded = key_of(&format!("{path}?prevIndex=1")).unwrap();
            assert_eq!(decoded.trim_end_matches('/'), ["", &names.join("/")].join("/").trim_end_matches('/'));
        }
        assert_eq!(key_of("/v2/keys/%").as_deref(), Some("/%"));
        assert_eq!(key_of("/v2/keys/%zz%4").as_deref(), Some("/%zz%4"));
        assert_eq!(key_of("/v2/members"), None);
        assert_eq!(key_path("a", true).unwrap(), "/v2/keys/a/");
    }

    #[test]
    fn what_a_server_would_resolve_is_refused() {
        for key in ["a/../b", "./a", ".."] {
            assert_eq!(key_path(key, false).unwrap_err().kind(), Kind::InvalidInput);
        }
        assert!(key_path(&"x".repeat(LONGEST_ADDRESS), false).is_err());
        assert!(query(&[("prevValue", "x".repeat(LONGEST_ADDRESS))]).is_err());
    }
}
