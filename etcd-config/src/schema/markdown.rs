//! The schema as a table for a README or a wiki.

use std::fmt::Write as _;

use super::{Field, Schema};
use crate::leaf::FieldDefault;
use crate::secret::HIDDEN;

impl Schema {
    /// A Markdown table of all keys: key, type, default, what is special, documentation. The default of a secret is
    /// `•••`.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     /// Requests at once.
    ///     #[etcd(default = 10, restart)]
    ///     workers: u32,
    /// }
    ///
    /// let row = "| `/payments/workers` | `u32` | `10` | takes effect after a restart | Requests at once. |";
    /// assert!(Settings::schema().to_markdown().contains(row));
    /// ```
    pub fn to_markdown(&self) -> String {
        let mut text = String::new();
        if !self.docs().is_empty() {
            let _ = writeln!(text, "{}\n", self.docs());
        }
        if !self.layers().is_empty() {
            let layers: Vec<String> = self.layers().iter().map(|layer| code(layer)).collect();
            let _ = writeln!(text, "The same keys below {} override these.\n", layers.join(", then below "));
        }
        text.push_str("| Key | Type | Default | Notes | Description |\n");
        text.push_str("| --- | --- | --- | --- | --- |\n");
        for field in self.fields() {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} |",
                code(field.key()),
                code(field.type_name()),
                default(field),
                cell(&notes(field)),
                cell(field.docs()),
            );
        }
        text
    }
}

fn default(field: &Field) -> String {
    match field.default() {
        FieldDefault::Required => "required".to_owned(),
        FieldDefault::Absent if field.is_entry() => "no entries".to_owned(),
        FieldDefault::Absent => "absent".to_owned(),
        FieldDefault::Text(_) if field.is_secret() => HIDDEN.to_owned(),
        FieldDefault::Text("") => "empty".to_owned(),
        FieldDefault::Text(text) | FieldDefault::Expression(text) => code(text),
    }
}

fn notes(field: &Field) -> String {
    let mut notes = Vec::new();
    if field.is_secret() {
        notes.push("secret".to_owned());
    }
    if field.is_restart() {
        notes.push("takes effect after a restart".to_owned());
    }
    if let Some(variable) = field.env() {
        notes.push(format!("overridden by `{variable}`"));
    }
    if !field.aliases().is_empty() {
        notes.push(format!("also `{}`", field.aliases().join("`, `")));
    }
    if let Some(instead) = field.deprecated() {
        notes.push(format!("deprecated: {instead}"));
    }
    notes.join("; ")
}

fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    format!("{fence}{}{fence}", cell(text))
}

/// Text that stays within its cell.
fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
