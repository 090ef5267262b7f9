//! `get`: one value, or those of a struct or a map.

use etcd_client_core::Printable;

use super::exit::{Code, Failure};
use super::field_name::{Found, Names, OneKey, Owner};
use super::session::Session;
use super::subject::View;
use super::value_table::value_table;
use crate::explain::{self, Origin};

/// Print a value: that which is stored, or the default
///
/// Of one field it is the text and nothing else, for a script. Of a struct or a map it is a table. Secrets are not
/// printed: `etcdctl get` does that, for who may read them. With --layer it is what this layer has, and nothing else.
#[derive(clap::Args, Debug)]
pub(super) struct Get {
    /// The path of the field, such as `database.pool_size`, or its key
    field: String,
    /// Only what this layer has, by its prefix; without this what comes of all layers
    #[arg(long, value_name = "PREFIX")]
    layer: Option<String>,
}

impl Get {
    pub(super) fn run(&self, session: &Session) -> Result<Code, Failure> {
        let site = session.site_in(self.layer.as_deref())?;
        let fields = [self.field.as_str()];
        let is_of_layer = self.layer.is_some();
        let owner = if is_of_layer { Names::owner_of_changes } else { Names::owner };
        let Owner { view, names, .. } = owner(session, &site, &fields)?;
        let explanation = if is_of_layer { view.explain_layer() } else { view.explain() };
        let rows_of = |keys: &[OneKey]| -> Vec<&explain::Row> {
            let is_meant = |row: &&explain::Row| keys.iter().any(|one| one.field == row.field());
            explanation.rows().iter().filter(is_meant).collect()
        };
        match names.find(&self.field)? {
            Found::One(one) => {
                let row = rows_of(std::slice::from_ref(&one)).first().copied();
                let is_meant = |row: &&explain::Row| !is_of_layer || row.origin() == Origin::Etcd;
                print_one(session, &*view, &one, row.filter(is_meant), is_of_layer)
            }
            Found::Several(keys) => {
                let rows = rows_of(&keys);
                if session.json {
                    session.terminal.print_json(&rows);
                } else {
                    let prefix = if is_of_layer { view.layer() } else { view.prefix().clone() };
                    let table = value_table(&rows, &prefix, view.check().problems());
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
    is_of_layer: bool,
) -> Result<Code, Failure> {
    let terminal = &session.terminal;
    let (field, key) = (Printable::line(&one.field), Printable::line(&one.key));
    let stored = view.stored(&one.key).filter(|_| row.is_none_or(|row| row.origin() == Origin::Etcd));
    let is_stored = stored.is_some();
    let text = stored.or_else(|| row.and_then(explain::Row::value).map(|text| text.as_bytes().to_vec()));
    // The text of a secret is in no row.
    let is_elsewhere = |row: &explain::Row| !matches!(row.origin(), Origin::Nothing | Origin::Missing);
    let is_there = text.is_some() || one.is_secret && row.is_some_and(is_elsewhere);
    if session.json {
        let absent = || explain::Row::absent(one.field.clone(), one.key.clone(), one.is_secret);
        terminal.print_json(&row.cloned().unwrap_or_else(absent));
        return Ok(if is_there { Code::Fine } else { Code::Problems });
    }
    if one.is_secret && is_there {
        let way = if is_stored {
            format!("etcdctl get --print-value-only {key}")
        } else {
            format!("there is no key {key}, and another value is in its place")
        };
        return Err(Failure::usage(format!("{field} is secret, and not printed here: {way}")));
    }
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
            let default = if is_of_layer { "" } else { ", and no default" };
            let what = format!("{field} is absent: there is no key {key}{default}");
            return Err(Failure::new(Code::Problems, what));
        }
    }
    Ok(Code::Fine)
}
