//! A list that was not written as JSON, as JSON.

/// The likely ways: numbers as they are, then strings.
pub(super) fn list_of(text: &str) -> Vec<String> {
    // A shell has taken the quotation marks away.
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let parts: Vec<&str> = inner.split(',').map(|part| part.trim().trim_matches(['"', '\''])).collect();
    // JSON with a comma too many.
    let parts = match parts.split_last() {
        Some((&"", rest)) if !rest.is_empty() => rest.to_vec(),
        _ => parts,
    };
    let bare = format!("[{}]", parts.join(", "));
    let strings: Vec<String> = parts.iter().map(|part| serde_json::Value::from(*part).to_string()).collect();
    vec![bare, format!("[{}]", strings.join(", "))]
}

#[cfg(test)]
mod tests {
    use super::list_of;

    #[test]
    fn commas_make_a_list() {
        assert_eq!(list_of("1,2"), ["[1, 2]", r#"["1", "2"]"#]);
        assert_eq!(list_of("[a, b]")[1], r#"["a", "b"]"#);
        assert_eq!(list_of(r#"["a","b",]"#)[1], r#"["a", "b"]"#);
        assert_eq!(list_of("a")[1], r#"["a"]"#);
    }
}
