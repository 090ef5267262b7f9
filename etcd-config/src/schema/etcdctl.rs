//! The schema as commands that write the defaults down.

use std::fmt::Write as _;

use super::Schema;
use crate::leaf::FieldDefault;

impl Schema {
    /// The `etcdctl put` lines that store each default. What has to be filled in by a person, and
    /// what cannot be written down, is a comment: required keys, secrets, optional ones, entries of maps, defaults that
    /// a function makes. For a first import, in a shell.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    ///     url: String,
    /// }
    ///
    /// let commands = "etcdctl put /payments/workers 10\n# etcdctl put /payments/url ...   (String, required)\n";
    /// assert_eq!(Settings::schema().to_etcdctl(), commands);
    /// ```
    pub fn to_etcdctl(&self) -> String {
        let mut text = String::new();
        for field in self.fields() {
            let key = quoted(field.key());
            let ty = field.type_name();
            let place = field.key().contains(super::ENTRY);
            let _ = match field.default() {
                FieldDefault::Required => writeln!(text, "# etcdctl put {key} ...   ({ty}, required)"),
                FieldDefault::Text(_) if field.is_secret() => {
                    writeln!(text, "# etcdctl put {key} ...   ({ty}, secret)")
                }
                FieldDefault::Text(default) if place => {
                    writeln!(text, "# etcdctl put {key} {}   ({ty})", value(default))
                }
                FieldDefault::Text(default) => writeln!(text, "etcdctl put {key} {}", value(default)),
                FieldDefault::Absent => writeln!(text, "# etcdctl put {key} ...   ({ty}, optional)"),
                FieldDefault::Expression(expression) => {
                    writeln!(text, "# etcdctl put {key} ...   ({ty}, default {expression})")
                }
            };
        }
        text
    }
}

/// A word for the shell.
fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "/_-.:".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A value for the shell, which etcdctl must not take for an option.
fn value(text: &str) -> String {
    let quoted = quoted(text);
    if text.starts_with('-') { format!("-- {quoted}") } else { quoted }
}
