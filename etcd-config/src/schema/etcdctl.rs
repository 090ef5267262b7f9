//! The schema as commands that write the defaults down.

pub(crate) mod quoting;

use std::fmt::Write as _;

use etcd_client_core::Printable;

use self::quoting::{put_arguments, put_if_absent, word};
use super::{Field, Schema};
use crate::leaf::FieldDefault;

impl Schema {
    /// The `etcdctl put` lines that store each default, to read and to choose from: each overwrites what is there.
    /// [`to_etcdctl_if_absent`](Self::to_etcdctl_if_absent) does not.
    ///
    /// What has to be filled in by a person, and what cannot be written down, is a comment: required keys, secrets,
    /// optional ones, entries of maps, defaults that a function makes. Where the prefix has `{placeholders}`, every line is
    /// one: [`Options::schema`](crate::Options::schema) fills them.
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
        self.commands(|key, value| format!("etcdctl put {}\n", put_arguments(key, value)))
    }

    /// A script for a POSIX shell that stores each default whose key is not there yet, by `etcdctl txn`: for the first
    /// import, as often as one likes. etcdctl 3.4 or later; what is a comment in [`to_etcdctl`](Self::to_etcdctl) is one
    /// here, too.
    ///
    /// A value may have lines, quotation marks, and whatever else. With `sh -e` it ends at the first failure; that a key is
    /// already there is no failure.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/{region}/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let script = r#"etcdctl txn <<'END'
    /// create("/eu/payments/workers") = "0"
    ///
    /// put -- "/eu/payments/workers" "10"
    ///
    ///
    /// END
    /// "#;
    /// let schema = Settings::options().placeholder("region", "eu").schema()?;
    /// assert_eq!(schema.to_etcdctl_if_absent(), script);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn to_etcdctl_if_absent(&self) -> String {
        self.commands(|key, value| put_if_absent(key.as_bytes(), value.as_bytes()))
    }

    fn commands(&self, command: impl Fn(&str, &str) -> String) -> String {
        let is_unfilled = self.prefix().contains('{');
        let mut text = String::new();
        if is_unfilled {
            let (name, prefix) = (self.name(), Printable::line(self.prefix()));
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# {prefix} has placeholders: {name}::options().placeholder(...).schema() fills them"
            );
        }
        if !self.layers().is_empty() {
            let _ = writeln!(text, "# the same keys below {} override these", shown(self.layers()));
        }
        for field in self.fields() {
            match field.default() {
                FieldDefault::Text(default) if !is_unfilled && !is_to_be_filled_in(field) => {
                    text.push_str(&command(field.key(), default));
                }
                _ => text.push_str(&comment(field)),
            }
        }
        text
    }
}

fn shown(layers: &[String]) -> String {
    let shown: Vec<String> = layers.iter().map(|layer| Printable::line(layer).to_string()).collect();
    shown.join(", then below ")
}

/// A person has to say more than there is.
fn is_to_be_filled_in(field: &Field) -> bool {
    field.is_secret() || field.key().contains(super::ENTRY)
}

/// One line, whatever is in the default.
fn comment(field: &Field) -> String {
    let key = word(field.key());
    let ty = field.type_name();
    let (value, note) = match field.default() {
        FieldDefault::Required => ("...".to_owned(), ", required".to_owned()),
        FieldDefault::Text(_) if field.is_secret() => ("...".to_owned(), ", secret".to_owned()),
        FieldDefault::Text(default) => {
            let arguments = put_arguments("", default);
            (arguments.trim_start_matches("'' ").to_owned(), String::new())
        }
        FieldDefault::Absent => ("...".to_owned(), ", optional".to_owned()),
        FieldDefault::Expression(expression) => ("...".to_owned(), format!(", default {expression}")),
    };
    let line = format!("etcdctl put {key} {value}   ({ty}{note})");
    format!("# {}\n", Printable::line(&line).at_most(usize::MAX))
}
