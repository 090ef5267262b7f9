//! What all commands have: the configurations, the store, the output.

use std::cell::OnceCell;
use std::sync::Arc;

use etcd_client_core::Store;

use super::connection::Connection;
use super::exit::{Code, Failure};
use super::subject::{Place, Site, Subject};
use super::terminal::Terminal;

pub(super) struct Session {
    pub(super) subjects: Vec<Box<dyn Subject>>,
    /// The name of the one that is meant, where there are several.
    pub(super) config: Option<String>,
    pub(super) connection: Connection,
    pub(super) place: Place,
    /// What is read where the command line names no servers.
    pub(super) store: OnceCell<Arc<dyn Store>>,
    pub(super) json: bool,
    pub(super) terminal: Terminal,
}

impl Session {
    /// The configurations that are meant.
    pub(super) fn chosen(&self) -> Result<Vec<&dyn Subject>, Failure> {
        let all = || self.subjects.iter().map(AsRef::as_ref);
        let chosen: Vec<&dyn Subject> = match &self.config {
            None => all().collect(),
            Some(name) => all().filter(|subject| subject.name().eq_ignore_ascii_case(name)).collect(),
        };
        match &self.config {
            Some(name) if chosen.is_empty() => {
                let name = etcd_client_core::Printable::line(name);
                Err(Failure::usage(format!("there is no {name} here: there is {}", self.names())))
            }
            None if chosen.len() > 1 && self.place.prefix.is_some() => {
                Err(Failure::usage(format!("--prefix is for one of {}: name it with --config", self.names())))
            }
            _ => Ok(chosen),
        }
    }

    /// The one that is meant.
    pub(super) fn one(&self) -> Result<&dyn Subject, Failure> {
        match self.chosen()?.as_slice() {
            [one] => Ok(*one),
            _ => Err(Failure::usage(format!("this is for one of {}: name it with --config", self.names()))),
        }
    }

    /// Says why a command has failed.
    pub(super) fn fail(&self, failure: &Failure) -> Code {
        if self.json {
            self.terminal.print_json(&failure.to_json());
        }
        self.terminal.say(&failure.text);
        failure.code
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.subjects.iter().map(|subject| subject.name()).collect();
        names.join(" and ")
    }

    /// Where the configurations are. Nothing is sent yet.
    pub(super) fn site(&self) -> Result<Site, Failure> {
        let store = if let Some(store) = self.store.get() {
            store
        } else {
            let store = self.connection.store()?;
            self.store.get_or_init(|| store)
        };
        Ok(Site { store: Arc::clone(store), place: self.place.clone() })
    }

    /// The same for what all instances have.
    pub(super) fn common_site(&self) -> Result<Site, Failure> {
        let mut site = self.site()?;
        site.place.is_common = true;
        Ok(site)
    }

    /// The same for what is changed, or written down, in one layer.
    pub(super) fn site_in(&self, layer: Option<&str>) -> Result<Site, Failure> {
        let mut site = self.site()?;
        site.place.layer = layer.map(str::to_owned);
        Ok(site)
    }
}
