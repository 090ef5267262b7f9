//! What is said of keys without refusing them: what is odd about them, and what of them waits for a restart.

use etcd_client_core::OneLine;

use super::Publisher;
use crate::lint::nothing_read::NothingRead;
use crate::lint::warnings::KeyWarnings;
use crate::problem::{Kind, Problem};
use crate::runtime::panics;
use crate::tree::directories::is_layered;
use crate::tree::{KeyTree, Touched};

/// The remarks on the keys as they are, and who has heard of them.
pub(super) struct Remarks {
    key_warnings: KeyWarnings,
    /// Warnings that the log has and the callbacks have not.
    new_warnings: Vec<Problem>,
    /// Why the prefix may be the wrong one, while no field reads a key.
    nothing_read: Option<NothingRead>,
    /// Which `restart` fields have changed.
    restart_changes: Vec<Problem>,
    /// The same, with what a start would refuse of them.
    restart_preview: Vec<Problem>,
    /// The warnings, or what waits for a restart, are not what the status says of them.
    pub(super) differ: bool,
}

impl Remarks {
    /// Of keys of which it is known whether any is read, and nothing else.
    pub(super) fn new(nothing_read: Option<NothingRead>) -> Self {
        Self {
            key_warnings: KeyWarnings::default(),
            new_warnings: Vec::new(),
            nothing_read,
            restart_changes: Vec::new(),
            restart_preview: Vec::new(),
            differ: true,
        }
    }
}

impl Publisher {
    /// What is odd about the keys but no error.
    pub(crate) fn warnings(&self) -> Vec<Problem> {
        let tree = self.keys.read();
        let nothing_read = self.remarks.nothing_read.as_ref().map(|nothing_read| nothing_read.warning(&tree));
        nothing_read.into_iter().chain(self.remarks.key_warnings.warnings(&tree)).collect()
    }

    /// The warnings that were logged since the last call.
    pub(crate) fn take_new_warnings(&mut self) -> Vec<Problem> {
        std::mem::take(&mut self.remarks.new_warnings)
    }

    /// Why the prefix may be the wrong one, if no field has read a key yet.
    pub(crate) fn nothing_read(&self) -> Option<&str> {
        self.remarks.nothing_read.as_ref().map(NothingRead::what)
    }

    /// What a restart would bring into force.
    pub(crate) fn pending(&self) -> Vec<Problem> {
        self.remarks.restart_preview.clone()
    }

    /// Whether the warnings and what waits for a restart have changed since they were last
    /// [recorded](Self::remarks_recorded).
    pub(crate) fn remarks_differ(&self) -> bool {
        self.remarks.differ
    }

    /// The status has the warnings, and what waits for a restart.
    pub(crate) fn remarks_recorded(&mut self) {
        self.remarks.differ = false;
    }

    /// Looks for warnings in the first listing. Nobody can have subscribed yet; the status has them.
    pub(super) fn look_for_first_warnings(&mut self) {
        self.look_for_warnings(None);
        self.remarks.new_warnings.clear();
    }

    /// Looks for warnings in the keys that a batch has changed. `is_ordinary` says that nothing is odd about these.
    pub(super) fn look_at_touched(&mut self, touched: &Touched, is_ordinary: bool) {
        // The key of a warning may be in another layer now, with the same text.
        self.remarks.differ |=
            is_layered(self.keys.context().prefix()) && !self.remarks.key_warnings.is_empty();
        if !touched.is_empty() {
            // What is quiet now may have been odd before.
            if !is_ordinary || !self.remarks.key_warnings.is_empty() {
                self.look_for_warnings(Some(touched));
            }
            let ended = self.remarks.nothing_read.take_if(|nothing_read| nothing_read.ends_with_any_key());
            self.remarks.differ |= ended.is_some();
        }
    }

    /// Whether any field still reads a key, after one has gone. That the last one has gone is a warning, as it would be at
    /// a start.
    pub(super) fn look_for_nothing_read(&mut self, tree: &KeyTree) {
        let nothing_read = NothingRead::find(self.keys.context().schema(), tree, None);
        let news = nothing_read.as_ref().filter(|_| self.remarks.nothing_read.is_none());
        let warning = news.map(|nothing_read| nothing_read.warning(tree));
        self.warn(warning.into_iter().collect());
        (self.remarks.nothing_read, self.remarks.differ) = (nothing_read, true);
    }

    /// Tries to decode what waits for a restart, if that has changed.
    pub(super) fn try_restart_changes(&mut self, tree: &KeyTree) {
        let context = self.keys.context();
        let changes = context.restart_changes(tree);
        if changes == self.remarks.restart_changes {
            return;
        }
        let tried = panics::caught(|| self.config.restart_preview(changes.clone(), tree, context));
        let preview = tried.unwrap_or_else(|_| changes.clone());
        let is_new = |problem: &&Problem| {
            problem.kind == Kind::RestartRefused && !self.remarks.restart_preview.contains(problem)
        };
        let refused: Vec<_> = preview.iter().filter(is_new).cloned().collect();
        self.warn(refused);
        (self.remarks.restart_changes, self.remarks.restart_preview, self.remarks.differ) =
            (changes, preview, true);
    }

    /// Checks the touched keys for warnings; all keys for `None`.
    fn look_for_warnings(&mut self, touched: Option<&Touched>) {
        let (tree, context) = (self.keys.read(), self.keys.context());
        let warnings = self.remarks.key_warnings.look(context.schema(), &tree, touched);
        self.remarks.differ = true;
        self.warn(warnings);
    }

    /// Logs warnings, and keeps them for the callbacks.
    fn warn(&mut self, warnings: Vec<Problem>) {
        let context = self.keys.context();
        for warning in &warnings {
            panics::log(
                || tracing::warn!(name = self.layout().name, prefix = %context.prefix(), "{}", OneLine(warning)),
            );
        }
        self.remarks.new_warnings.extend(warnings);
    }
}
