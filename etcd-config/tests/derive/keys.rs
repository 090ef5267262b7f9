//! A tree of keys, and the changes of it, from pairs.

use etcd_client_core::{Batch, Change, Entry, Listing, Prefix};
use etcd_config::__private::{self, Context, KeyTree, Replaced};
use etcd_config::EtcdConfig;
use etcd_config::Problem;

/// A tree that is read as a `T`, and changed.
pub(crate) struct Keys {
    pub(crate) tree: KeyTree,
    pub(crate) context: Context,
    revision: u64,
}

impl Keys {
    pub(crate) fn of<T: EtcdConfig>(prefix: &str, pairs: &[(&str, &str)]) -> Self {
        Self::with_environment::<T>(prefix, pairs, &[])
    }

    pub(crate) fn with_environment<T: EtcdConfig>(
        prefix: &str,
        pairs: &[(&str, &str)],
        environment: &[(&str, &str)],
    ) -> Self {
        let prefix = Prefix::new(prefix);
        let mut entries: Vec<Entry> = pairs.iter().map(|(key, value)| entry(key, value, 1)).collect();
        entries.sort_by(|left, right| left.key.cmp(&right.key));
        let listing = Listing { revision: 1, cluster: 0, entries };
        let tree = KeyTree::load(prefix.clone(), &listing);
        let context = Context::with_environment::<T>(prefix, |name| {
            environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into())
        });
        Self { tree, context, revision: 1 }
    }

    pub(crate) fn decode<T: EtcdConfig>(&self) -> Result<T, Vec<Problem>> {
        __private::decode(&self.tree, &self.context)
    }

    /// Writes and deletes in one revision.
    pub(crate) fn change(&mut self, changes: &[(&str, Option<&str>)]) -> Replaced {
        self.revision += 1;
        let change = |(key, value): &(&str, Option<&str>)| match value {
            Some(value) => Change::Put(entry(key, value, self.revision)),
            None => Change::Delete(key.to_string().into()),
        };
        let changes = changes.iter().map(change).collect();
        self.tree.apply(&Batch { revision: self.revision, changes })
    }

    /// Changes keys, and brings `value` up to date. What comes out is what a new load would be.
    pub(crate) fn update<T: EtcdConfig + PartialEq + std::fmt::Debug>(
        &mut self,
        value: &mut T,
        changes: &[(&str, Option<&str>)],
    ) -> Result<(), Vec<Problem>> {
        let touched = self.change(changes);
        let updated = __private::update(value, &self.tree, &touched.touched(), &self.context);
        match self.decode::<T>() {
            Ok(fresh) => assert_eq!(*value, fresh, "an update must come to what a load comes to"),
            Err(_) => assert!(updated.is_err(), "a load is refused, so the update must be"),
        }
        updated
    }

    pub(crate) fn warnings(&self) -> Vec<Problem> {
        __private::warnings(self.context.schema(), &self.tree, None)
    }
}

/// The problems of a load that must fail, one line each.
pub(crate) fn problems<T: EtcdConfig + std::fmt::Debug>(prefix: &str, pairs: &[(&str, &str)]) -> Vec<String> {
    lines(&Keys::of::<T>(prefix, pairs).decode::<T>().expect_err("must be refused"))
}

pub(crate) fn lines(problems: &[Problem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn entry(key: &str, value: &str, revision: u64) -> Entry {
    Entry { key: key.to_owned().into(), value: value.to_owned().into(), revision }
}
