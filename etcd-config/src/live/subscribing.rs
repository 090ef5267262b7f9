//! Subscribing to changes, rejections, warnings and the status.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::live::Live;
use crate::live::shared::Shared;
use crate::notify::callbacks::{Callback, Subscription};
use crate::notify::follower::Follower;
use crate::notify::notice::Notice;
use crate::notify::projected::ChangesOf;
use crate::notify::stream::Changes;
use crate::problem::Problem;
use crate::publish::change::{AnyChange, Change};
use crate::rejection::Rejection;
use crate::status::Status;

impl<T: Send + Sync + 'static> Live<T> {
    /// Calls back with the value at the projection as it is now, and then with every other one that it
    /// becomes: no change is missed in between, and none comes twice.
    ///
    /// The first call is made here, on the thread of the caller, and is over when this returns; so is
    /// one with what has changed meanwhile. The later ones come as those of [`on`](Self::on) do. A
    /// panic in the first call is the caller's, and ends the subscription.
    ///
    /// A projection makes nothing new: it is a reference to a part of the struct. Several fields are followed as the
    /// struct that holds them, with `PartialEq`, or with [`on_change`](Self::on_change).
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(key = "log/level", default = "info")] log_level: String }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// settings.follow(|s| &s.log_level, |level| println!("logging at {level} from now on"));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// The log level of a program with `tracing` is in [`docs::naming_keys`](crate::docs::naming_keys#the-log-level).
    pub fn follow<P, F, C>(&self, projection: F, mut callback: C) -> Subscription
    where
        P: PartialEq + ?Sized,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
        C: FnMut(&P) + Send + 'static,
    {
        let follower = Arc::new(Follower::new());
        // Subscribed first: what is published later is heard of, what was before is loaded.
        let subscription = self.on_change({
            let follower = Arc::clone(&follower);
            move |change| follower.offer(Arc::clone(change.after()))
        });
        let call = move |old: Option<&T>, new: &T| {
            let new = projection(new);
            if old.is_none_or(|old| projection(old) != new) {
                callback(new);
            }
        };
        let first = || follower.start(Box::new(call), self.snapshot());
        if let Err(panic) = catch_unwind(AssertUnwindSafe(first)) {
            subscription.cancel();
            resume_unwind(panic);
        }
        subscription
    }

    /// Calls back when the value at the projection has become another. For the present value
    /// as well use [`follow`](Self::follow): a value that is [loaded](Self::load) before this call
    /// may be changed before it, and that is not heard of. One that is loaded after it is at least as
    /// new as the subscription, and its change may be heard of all the same.
    ///
    /// Callbacks run one at a time, in the order of the changes, on a thread of their own: they may
    /// block, which delays the later callbacks of this configuration and nothing else, not even the end
    /// of the process. They may `tokio::spawn` where there is a runtime when they are subscribed, or
    /// was one when the configuration was watched. When they
    /// are slow, several changes may come as one, from the first value to the last. One that
    /// panics is reported in the log and [counted](crate::Counters::callback_panics), and stays subscribed.
    ///
    /// The projection returns a reference to a part of the struct. For one entry of a map, follow the map, or compare
    /// in [`on_change`](Self::on_change): `change.before().tenants.get(name) != change.after().tenants.get(name)`.
    /// An index such as `s.tenants["acme"]` panics while there is no such entry.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(nested)] database: Database }
    /// # #[derive(EtcdConfig)]
    /// # struct Database { #[etcd(default = 10)] pool_size: u32 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let subscription = settings.on(|s| &s.database.pool_size, |old, new| println!("{old} -> {new}"));
    /// subscription.cancel();
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn on<P, F, C>(&self, projection: F, mut callback: C) -> Subscription
    where
        P: PartialEq + ?Sized,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
        C: FnMut(&P, &P) + Send + 'static,
    {
        self.subscribe(move |notice| {
            let Some((old, new)) = notice.change.as_ref().and_then(AnyChange::values) else { return };
            let (old, new) = (projection(old), projection(new));
            if old != new {
                callback(old, new);
            }
        })
    }

    /// Calls back for every new snapshot, as [`on`](Self::on) does.
    ///
    /// There is a new one when the value of a field has become another. That is found out from the
    /// texts of the changed keys: they are decoded, and compared by the `PartialEq` of the field's
    /// type (of a map's entries, theirs); as texts where the type has none, or where it is a parameter
    /// of the struct. So `" 1"` for `"1"` is no change of a number, nor is JSON that is written
    /// otherwise. A key that no field reads, and the key of a field that is marked `restart`, make no
    /// new snapshot either; [`Status::revision`] moves with them all the same.
    pub fn on_change(&self, mut callback: impl FnMut(&Change<T>) + Send + 'static) -> Subscription {
        self.subscribe(move |notice| {
            if let Some(change) = notice.change.clone().and_then(Change::of) {
                callback(&change);
            }
        })
    }

    /// Calls back for every update that was refused, as [`on`](Self::on) does. The snapshot from
    /// before it stays.
    ///
    /// What is still wrong is refused again with the next change of any key that a field reads. [`Rejection`] has an
    /// example. For what is refused at this moment see [`Status::refusal`].
    pub fn on_rejected(&self, mut callback: impl FnMut(&Rejection) + Send + 'static) -> Subscription {
        self.subscribe(move |notice| {
            if let Some(rejection) = &notice.rejection {
                callback(rejection);
            }
        })
    }

    /// Calls back for every warning about a key that was written, as [`on`](Self::on) does: one that no field
    /// reads, such as a misspelt one; an old or a deprecated name; a string that ends with a line break; and for the
    /// prefix, when no field reads any key any more. So
    /// the person who wrote it hears of it at once. [`Status::warnings`] has the warning by then. A value of a
    /// `restart` field that a start would [refuse](crate::ProblemKind::RestartRefused) is reported, too, each time;
    /// [`Status::pending`] has it.
    ///
    /// Each key is reported once, as in the log, however often it is written. While more than 100 such keys are
    /// there, the further ones are only counted: a warning with the prefix as its key says how many, whenever that
    /// has doubled, and they are reported when there is room. After 1,000 keys no more are reported;
    /// [`Status::warnings`] goes on. What was there when the configuration was read is in [`Status::warnings`] alone.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// settings.on_warning(|warning| {
    ///     // /payments/wrokers: unknown key; did you mean workers?
    ///     eprintln!("{warning}");
    /// });
    /// let revision = store.put("/payments/wrokers", "12");
    /// settings.wait_for_callbacks(revision, Duration::from_secs(5))?;
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn on_warning(&self, mut callback: impl FnMut(&Problem) + Send + 'static) -> Subscription {
        self.shared.subscribe(
            |notice| notice.warnings.len(),
            Box::new(move |notice, number| callback(&notice.warnings[number])),
        )
    }

    /// Calls back with the status, as [`on`](Self::on) does, when [`state`](Status::state) becomes another, when
    /// the newest values begin or cease to be [refused](Status::refused_since), and when the store's history was
    /// found [rewound](Status::last_rewind): before the change callback that has what differs. Not for each failed
    /// try of an outage, and not at the end.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// settings.on_status(|status| {
    ///     if !status.is_current() {
    ///         eprintln!("{status}");
    ///     }
    /// });
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn on_status(&self, mut callback: impl FnMut(&Status) + Send + 'static) -> Subscription {
        self.subscribe(move |notice| {
            if let Some(status) = &notice.status {
                callback(status);
            }
        })
    }

    /// The changes from now on, as a stream: what is [loaded](Self::load) after this call and changed by
    /// the stream misses nothing. A reader that is slower than the changes gets several
    /// as one, which says how many it [missed](Change::missed).
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch_async(&store).await?;
    /// let mut changes = settings.changes();
    /// store.put("/payments/workers", "12");
    /// if let Some(change) = changes.next().await {
    ///     assert_eq!((change.before().workers, change.after().workers), (10, 12));
    /// }
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes(&self) -> Changes<T> {
        if self.shared.is_orphan() { Changes::ended() } else { self.shared.streams.open() }
    }

    /// The changes of the value at the projection from now on, as a stream of the values before and after. A reader
    /// that is slower than the changes gets the first and the last.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32, #[etcd(default = "info")] level: String }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch_async(&store).await?;
    /// let mut workers = settings.changes_of(|s| &s.workers);
    /// store.put("/payments/level", "debug");
    /// store.put("/payments/workers", "12");
    /// assert_eq!(workers.next().await, Some((10, 12)));
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    pub fn changes_of<P, F>(&self, projection: F) -> ChangesOf<P>
    where
        P: PartialEq + Clone,
        F: for<'a> Fn(&'a T) -> &'a P + Send + 'static,
    {
        if self.shared.is_orphan() {
            ChangesOf::ended()
        } else {
            ChangesOf::open(&self.shared.streams, projection)
        }
    }

    fn subscribe(&self, mut callback: impl FnMut(&Notice) + Send + 'static) -> Subscription {
        self.shared.subscribe(|_| 1, Box::new(move |notice, _| callback(notice)))
    }
}

impl Shared {
    /// In the child of a `fork` nothing is ever called, and the lock may be held for ever.
    fn subscribe(&self, calls: fn(&Notice) -> usize, callback: Callback) -> Subscription {
        if self.is_orphan() { Subscription::to_nothing() } else { self.hooks.add(calls, callback) }
    }
}
