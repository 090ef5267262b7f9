//! What watches, publishes and calls back is compiled once for all types of configuration; this is what it needs of one.
//! The type itself is known only where keys are decoded, and where users read values.

use std::marker::PhantomData;
use std::sync::Arc;

use etcd_client_core::Prefix;

use super::snapshot::{AnySnapshot, Snapshot, as_typed};
use crate::decode::{self, Context, Derived};
use crate::problem::{Kind, Problem};
use crate::shape::branch::Branch;
use crate::shape::layout::Layout;
use crate::tree::{KeyTree, Replaced, Touched};

/// What one type of configuration says of itself, and how snapshots of it are made.
pub(crate) trait AnyConfig: Sync {
    fn layout(&self) -> &'static Layout;

    /// The fields.
    fn fields(&self) -> Branch;

    /// What stays the same from one decoding to the next.
    fn context(&self, prefix: Prefix) -> Context;

    /// A snapshot of the keys, as [`decode::decode_since`] reads it; it is not [stamped](AnySnapshot::stamp) yet.
    fn decode(
        &self,
        tree: &KeyTree,
        context: &Context,
        since_published: Option<&Replaced>,
    ) -> Result<(Arc<dyn AnySnapshot>, bool), Vec<Problem>>;

    /// Brings a snapshot up to date, as [`decode::update_since`] does.
    fn update(
        &self,
        snapshot: &mut dyn AnySnapshot,
        tree: &KeyTree,
        touched: &Touched,
        context: &Context,
        since_published: &Replaced,
    ) -> Result<bool, Vec<Problem>>;

    /// What a start would refuse of what waits for a restart.
    fn restart_preview(&self, changes: Vec<Problem>, tree: &KeyTree, context: &Context) -> Vec<Problem>;

    /// Replaces the secrets of these trees in the words of the user's code.
    fn scrub_words(&self, problems: &mut [Problem], trees: [&KeyTree; 2], context: &Context);
}

/// The type `T`.
pub(crate) fn config_of<T: Derived>() -> &'static dyn AnyConfig {
    &Config::<T>(PhantomData)
}

struct Config<T>(PhantomData<fn() -> T>);

impl<T: Derived> AnyConfig for Config<T> {
    fn layout(&self) -> &'static Layout {
        T::LAYOUT
    }

    fn fields(&self) -> Branch {
        decode::survey::<T>()
    }

    fn context(&self, prefix: Prefix) -> Context {
        Context::new::<T>(prefix)
    }

    fn decode(
        &self,
        tree: &KeyTree,
        context: &Context,
        since_published: Option<&Replaced>,
    ) -> Result<(Arc<dyn AnySnapshot>, bool), Vec<Problem>> {
        let (value, differs) = decode::decode_since::<T>(tree, context, since_published)?;
        Ok((Arc::new(Snapshot { value, revision: 0, number: 0 }), differs))
    }

    fn update(
        &self,
        snapshot: &mut dyn AnySnapshot,
        tree: &KeyTree,
        touched: &Touched,
        context: &Context,
        since_published: &Replaced,
    ) -> Result<bool, Vec<Problem>> {
        // It always has this type: all snapshots of a configuration are made by `decode`.
        let Some(snapshot) = as_typed::<T>(snapshot) else {
            let what = "the snapshot that is to be updated is of another type";
            return Err(vec![Problem::of_key(Kind::Undecodable, tree.prefix().path(), what)]);
        };
        decode::update_since(&mut snapshot.value, tree, touched, context, Some(since_published))
    }

    fn restart_preview(&self, changes: Vec<Problem>, tree: &KeyTree, context: &Context) -> Vec<Problem> {
        decode::restart_preview::<T>(changes, tree, context)
    }

    fn scrub_words(&self, problems: &mut [Problem], trees: [&KeyTree; 2], context: &Context) {
        decode::scrub_words::<T>(problems, trees, context);
    }
}
