//! What a type accepts, as it says itself when it is asked with no data.

use std::fmt;

use serde::de::Visitor;

use super::json_type::JsonSchemaOf;

/// What a type wants to see.
#[derive(Clone, Debug, PartialEq)]
pub struct Expectation {
    /// The kind of value.
    pub shape: Shape,
    /// The type's own words, such as `socket address`.
    phrase: String,
    /// What describes the JSON in it, where that was asked for.
    json_schema: Option<JsonSchemaOf>,
}

/// The kinds of value that serde tells apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    Bool,
    Integer { least: i128, greatest: u128 },
    Number,
    Char,
    Text,
    Bytes,
    Unit,
    List,
    Map,
    Struct(&'static [&'static str]),
    Variants(&'static [&'static str]),
    Any,
}

impl Expectation {
    pub fn of<'de>(shape: Shape, visitor: &impl Visitor<'de>) -> Self {
        Self { shape, phrase: Phrase(visitor).to_string(), json_schema: None }
    }

    /// Of a type that did not say.
    pub fn unknown() -> Self {
        Self { shape: Shape::Text, phrase: String::new(), json_schema: None }
    }

    /// The same of a type that describes its JSON.
    pub fn described_by(self, schema: JsonSchemaOf) -> Self {
        Self { json_schema: Some(schema), ..self }
    }

    /// What describes the JSON, where that was asked for.
    pub fn json_schema(&self) -> Option<JsonSchemaOf> {
        self.json_schema
    }

    /// Whether it is `serde_json::Value` that asks.
    pub fn is_json(&self) -> bool {
        self.phrase == "any valid JSON value"
    }

    /// Whether it is a string as it is, of which any text is one.
    pub fn is_string(&self) -> bool {
        const STRINGS: [&str; 5] = ["a string", "string", "a borrowed string", "path string", "str"];
        self.shape == Shape::Text && STRINGS.contains(&self.phrase.as_str())
    }

    /// Whether it is clear enough what is wanted without an example.
    pub fn is_scalar(&self) -> bool {
        matches!(self.shape, Shape::Bool | Shape::Integer { .. } | Shape::Number | Shape::Char)
            || matches!(self.shape, Shape::Variants(_))
    }

    pub fn is_socket_address(&self) -> bool {
        self.phrase.ends_with("socket address")
    }

    /// What would be such a value, of types that are known by their words.
    pub fn example(&self) -> Option<&'static str> {
        Some(match self.phrase.as_str() {
            "a duration" => "30s or 5m",
            "socket address" | "IPv4 socket address" => "127.0.0.1:8080",
            "IPv6 socket address" => "[::1]:8080",
            "IP address" => "10.0.0.1 or ::1",
            "IPv4 address" => "10.0.0.1",
            "IPv6 address" => "::1",
            "a formatted UUID string" => "67e55044-10b1-426f-9247-bb680e5fe0c8",
            "a string representing an URL" => "https://example.org/",
            phrase if phrase.contains("RFC3339") || phrase.contains("RFC 3339") => "2026-01-02T03:04:05Z",
            _ => return None,
        })
    }

    /// The same in the words that the type had for one value.
    pub fn in_words(self, phrase: &str) -> Self {
        Self { phrase: phrase.to_owned(), ..self }
    }

    /// What the value should have been, with its article; `ty` is the type's name in the source.
    pub fn noun(&self, ty: &str) -> String {
        let phrase = self.phrase.as_str();
        match self.shape {
            Shape::Bool if is_plain(phrase) => "true or false".to_owned(),
            Shape::Integer { least, greatest } if is_plain(phrase) => {
                format!("a whole number from {least} to {greatest}")
            }
            Shape::Number if is_plain(phrase) => "a number".to_owned(),
            Shape::Char => "a single character".to_owned(),
            Shape::List | Shape::Map | Shape::Struct(_) => format!("JSON for {ty}"),
            Shape::Any if self.is_json() => "JSON".to_owned(),
            _ if is_plain(phrase) => format!("a valid {ty}"),
            _ => with_article(phrase.strip_prefix("a string representing ").unwrap_or(phrase)),
        }
    }
}

/// Phrases that say no more than the kind of value.
fn is_plain(phrase: &str) -> bool {
    const PLAIN: [&str; 26] = [
        "",
        "a boolean",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "f32",
        "f64",
        "a string",
        "string",
        "a borrowed string",
        "a formatted string",
        "path string",
        "a string in memory",
        "any value",
        "any valid JSON value",
        "str",
        "a byte array",
    ];
    PLAIN.contains(&phrase) || phrase.starts_with("enum ") || phrase.starts_with("unit ")
}

fn with_article(phrase: &str) -> String {
    let first = phrase.split(' ').next().unwrap_or_default();
    if matches!(first, "a" | "an" | "the" | "any" | "one" | "either" | "something") {
        return phrase.to_owned();
    }
    let article = if phrase.starts_with(['a', 'e', 'i', 'o', 'A', 'E', 'I', 'O']) { "an" } else { "a" };
    format!("{article} {phrase}")
}

struct Phrase<'v, V>(&'v V);

impl<'de, V: Visitor<'de>> fmt::Display for Phrase<'_, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }
}
