//! `get`: one value, or those of a struct or a map.

use etcd_client_core::Printable;
use serde_json::json;

use super::exit::{Code, Failure};
use super::field_name::{Found, Names, OneKey, Owner};
use super::session::Session;
use super::subject::View;
use super::value_table::value_table;
use crate::explain;

/// Print a value: that which is stored, or the default
///
/// Of one field it is the text and nothing else, for a script. Of a struct or a map it is a table. Secrets are not
/// printed: `etcdctl get` does that, for who may read them.
#[derive(clap::Args, Debug)]
pub(super) struct Get {
    /// The path of the field, such as `database.pool_size`, or its key
    field: String,
}

impl Get {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let site = session.site()?;
        let Owner { view, names, .. } = Names::owner(session, &site, &[self.field.as_str()])?;
        let explanation = view.explain();
        let rows_of = |keys: &[OneKey]| -> Vec<&explain::Row> {
            let is_meant = |row: &&explain::Row| keys.iter().any(|one| one.field == row.field());
            explanation.rows().iter().filter(is_meant).collect()
        };
        match names.find(&self.field)? {
            Found::One(one) => {
                print_one(session, &*view, &one, rows_of(std::slice::from_ref(&one)).first().copied())
            }
            Found::Several(keys) => {
                let rows = rows_of(&keys);
                if session.json {
                    session.terminal.print_json(&rows);
                } else {
                    let table = value_table(&rows, view.prefix().directory(), view.check().problems());
                    session.terminal.print_table(&table);
                }
                Ok(Code::Fine)
            }
        }
    }
}

fn print_one(
    session: &Session,
    view: &dyn View,
    one: &OneKey,
    row: Option<&explain::Row>,
) -> Result<Code, Failure> {
    let terminal = &session.terminal;
    let (field, key) = (Printable::line(&one.field), Printable::line(&one.key));
    if session.json {
        match row {
            Some(row) => terminal.print_json(row),
            None => terminal.print_json(&json!({ "field": one.field, "key": one.key, "value": null })),
        }
        return Ok(Code::Fine);
    }
    if one.is_secret {
        return Err(Failure::usage(format!(
            "{field} is secret, and not printed here: etcdctl get --print-value-only {key}"
        )));
    }
    let stored =
        view.stored(&one.key).filter(|_| row.is_none_or(|row| row.origin() == explain::Origin::Etcd));
    let text = stored.or_else(|| row.and_then(explain::Row::value).map(|text| text.as_bytes().to_vec()));
    match text {
        // Nothing from etcd reaches a terminal as it is.
        Some(text) if terminal.is_terminal() => {
            let text = String::from_utf8_lossy(&text);
            terminal.print(&Printable::block(&text, "").at_most(usize::MAX).to_string());
        }
        Some(mut text) => {
            text.push(b'\n');
            terminal.write(&text);
        }
        None => {
            let what = format!("{field} is absent: there is no key {key}, and no default");
            return Err(Failure::new(Code::Problems, what));
        }
    }
    Ok(Code::Fine)
}
