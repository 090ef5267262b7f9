//! A document as changes of an edit.

use std::collections::HashSet;

use super::Document;
use super::assigned::{Assigned, assigned};
use super::meant::meant;
use super::stored_keys::StoredKeys;
use crate::decode::Derived;
use crate::edit::Edit;
use crate::error::Error;
use crate::problem::{Kind, Problem, Report};

/// Changes from a [`Document`].
impl<T: Derived> Edit<T> {
    /// Sets the keys that a document names. Keys that it does not name stay as they are, also entries of maps: as
    /// `kubectl apply` leaves alone what a manifest does not name. `null` deletes the key of a field; at a directory it
    /// says nothing. [`replace_with`](Self::replace_with) deletes the rest.
    ///
    /// A field may be given by any of its names; its key is written where it is read from. JSON that is stored in another
    /// layout stays as it is, so that what was exported is no change. Where the plan refuses a value of the document, its
    /// problem says in which line that is.
    ///
    /// ```
    /// use std::collections::BTreeMap;
    /// use etcd_config::{Document, EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    ///     #[etcd(map)]
    ///     features: BTreeMap<String, bool>,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/features/dark", "true")]);
    /// let document = Document::from_json(r#"{"workers": 20, "features": {"beta": true}}"#)?;
    /// let plan = Settings::edit(&store)?.apply(&document)?.plan()?;
    /// let keys: Vec<&str> = plan.changes().iter().map(|change| change.key()).collect();
    /// assert_eq!(keys, ["/payments/features/beta", "/payments/workers"]);
    ///
    /// let plan = Settings::edit(&store)?.replace_with(&document)?.plan()?;
    /// assert!(plan.changes().iter().any(|change| change.key() == "/payments/features/dark" && change.is_deletion()));
    ///
    /// let document = Document::from_json("{\n\"workers\": \"many\"\n}")?;
    /// let error = Settings::edit(&store)?.apply(&document)?.plan().unwrap_err();
    /// assert!(error.problems()[0].what().ends_with("(line 2, column 1 of the document)"));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::is_invalid`]: [`Error::problems`] are all that is wrong with the document, with line and column: keys that
    /// no field reads, unless it [allows them](Document::allow_unknown), lists and tables where the field is a string or a
    /// number, keys that it names twice, keys that are not below the prefix. Then also its values that a reader would refuse.
    pub fn apply(mut self, document: &Document) -> Result<Self, Error> {
        for assigned in self.read(document, |_, _| true)? {
            self.take_over(assigned);
        }
        Ok(self)
    }

    /// Sets what a document names and what is not there: for a first start, again and again. `null` says nothing.
    ///
    /// ```
    /// use etcd_config::{Document, EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     workers: u32,
    ///     url: String,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/workers", "5")]);
    /// let defaults = Document::from_json(r#"{"workers": 10, "url": "postgres://db"}"#)?;
    /// Settings::edit(&store)?.fill(&defaults)?.plan()?.commit()?;
    /// assert_eq!(store.get("/payments/workers").as_deref(), Some(&b"5"[..]));
    /// assert_eq!(store.get("/payments/url").as_deref(), Some(&b"postgres://db"[..]));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn fill(mut self, document: &Document) -> Result<Self, Error> {
        let is_missing =
            |edit: &Self, assigned: &Assigned| assigned.text.is_some() && !edit.is_set(&assigned.path);
        for assigned in self.read(document, is_missing)? {
            if is_missing(&self, &assigned) {
                self.take_over(assigned);
            }
        }
        Ok(self)
    }

    /// Sets what a document names, and deletes all other keys that fields are read from, so that their defaults are in
    /// force: the document is the whole configuration. Secrets, keys that no field reads and the `commit_key` stay as they
    /// are where it does not name them.
    ///
    /// # Errors
    /// As [`apply`](Self::apply).
    pub fn replace_with(mut self, document: &Document) -> Result<Self, Error> {
        let assigned = self.read(document, |_, _| true)?;
        let named: HashSet<&str> = assigned.iter().map(|assigned| assigned.path.as_str()).collect();
        let (schema, tree) = (self.schema(), self.tree());
        let mut gone = Vec::new();
        for key in StoredKeys::find(schema, tree).keys {
            let is_commit_key = schema.branch().layout.commit_key == Some(key.path.as_str());
            if key.secret || is_commit_key || named.contains(key.path.as_str()) {
                continue;
            }
            // An old name would take its place.
            let others = meant(schema, tree, &key.path).map(|meant| meant.others).unwrap_or_default();
            gone.extend(others.into_iter().filter(|other| tree.get(other).is_some()));
            gone.push(key.path);
        }
        drop(named);
        for path in gone {
            self.change(path, None, None);
        }
        for assigned in assigned {
            self.take_over(assigned);
        }
        Ok(self)
    }

    /// What the document says of keys. Where something is wrong with it, that is said together with what would be refused
    /// of the values that are to be taken over.
    fn read(
        &self,
        document: &Document,
        is_wanted: impl Fn(&Self, &Assigned) -> bool,
    ) -> Result<Vec<Assigned>, Error> {
        let (assigned, mut problems) = assigned(document, self.schema(), self.tree());
        if problems.is_empty() {
            return Ok(assigned);
        }
        let has_unknown = problems.iter().any(|problem| problem.kind == Kind::Unknown);
        let wanted = assigned.into_iter().filter(|assigned| is_wanted(self, assigned)).collect();
        let is_said = |problem: &Problem| problems.iter().any(|said| said.key == problem.key);
        let refused: Vec<Problem> = self.refused(wanted).into_iter().filter(|one| !is_said(one)).collect();
        problems.extend(refused);
        let remark = "nothing of the document is taken over";
        let way_out = "; `allow_unknown` (--allow-unknown) takes keys that no field reads";
        let remark = format!("{remark}{}", if has_unknown { way_out } else { "" });
        let report = Report::new(T::LAYOUT.name, self.tree().prefix(), 0, problems);
        Err(Error::from_report(report.with_remark(Some(&remark))))
    }

    /// What would be refused of these values themselves. Others may be refused only because of what is left out.
    fn refused(&self, values: Vec<Assigned>) -> Vec<Problem> {
        let prefix = self.tree().prefix();
        let keys: HashSet<String> = values.iter().map(|assigned| prefix.join(&assigned.path)).collect();
        let mut edit = self.afresh();
        values.into_iter().for_each(|assigned| edit.take_over(assigned));
        let problems = edit.plan().err().map(|error| error.problems().to_vec()).unwrap_or_default();
        let is_of_value = |problem: &Problem| matches!(problem.kind, Kind::Undecodable | Kind::Refused);
        problems.into_iter().filter(|problem| is_of_value(problem) && keys.contains(&problem.key)).collect()
    }

    fn take_over(&mut self, Assigned { path, text, place }: Assigned) {
        let place = place.map(|place| format!("{place} of the document"));
        self.change(path, text, place);
    }
}
