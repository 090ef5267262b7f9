//! Callbacks: called off the watching task, in order, one at a time.

use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use tokio::sync::Notify;

use super::notice::{Notice, Replaced};
use crate::runtime::caller::Caller;
use crate::runtime::panics;
use crate::runtime::worker::Worker;

/// How many keys the snapshots that wait for slow callbacks may hold together. A configuration of a
/// few dozen keys then keeps every step for them; one of 100,000 keys only the oldest and newest.
const WAITING_KEYS: usize = 65_536;
/// The most steps that wait for slow callbacks, however small they are.
const WAITING_STEPS: usize = 1_024;

thread_local! {
    /// The [`Hooks`] whose callback runs on this thread.
    static CALLING: Cell<*const ()> = const { Cell::new(ptr::null()) };
}

/// A callback's registration, from [`Live::on`](crate::Live::on) and its like. Dropping it changes nothing: the
/// callback stays for the life of the configuration, unless it is [cancelled](Self::cancel).
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// let settings = Settings::watch(MemoryStore::new())?;
/// let subscription = settings.on(|s| &s.workers, |_, workers| println!("{workers} workers"));
/// assert!(subscription.is_active());
/// subscription.cancel();
/// assert!(!subscription.is_active());
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone)]
pub struct Subscription {
    active: Arc<AtomicBool>,
    forget: Arc<dyn Fn() + Send + Sync>,
}

/// The callbacks of one [`Live`](crate::Live), and the notices that wait for them.
pub(crate) struct Hooks {
    /// Whose they are, for the log: the name of the type, and the prefix.
    owner: (&'static str, String),
    /// The runtime of the code that called `watch`, for callbacks subscribed outside of any.
    caller: Caller,
    worker: Worker,
    state: Mutex<Pending>,
    /// All callbacks have been called with a notice.
    heard: Condvar,
    heard_async: Notify,
    stopped: AtomicBool,
    panics: AtomicU64,
}

struct Pending {
    /// In the order in which they were added.
    hooks: BTreeMap<u64, Arc<Hook>>,
    added: u64,
    /// The number of the notice that callbacks are being called with.
    calling: Option<u64>,
    /// Notices of what is not recorded in the status yet.
    held: VecDeque<Notice>,
    waiting: VecDeque<Notice>,
    /// How many notices may wait; more are merged.
    room: usize,
    /// Counts the notices, so that a new hook gets none from before it.
    announced: u64,
    running: bool,
}

struct Hook {
    place: u64,
    active: Arc<AtomicBool>,
    since: u64,
    caller: Caller,
    /// How often it is called with a notice.
    calls: fn(&Notice) -> usize,
    callback: Mutex<Option<Callback>>,
}

type Called = Vec<Arc<Hook>>;
/// With the number of the call.
pub(crate) type Callback = Box<dyn FnMut(&Notice, usize) + Send>;

impl Subscription {
    /// One that has ended already.
    pub(crate) fn to_nothing() -> Self {
        Self { active: Arc::default(), forget: Arc::new(|| ()) }
    }

    /// One that `end` ends.
    pub(crate) fn ended_by(end: impl Fn() + Send + Sync + 'static) -> Self {
        Self { active: Arc::new(AtomicBool::new(true)), forget: Arc::new(end) }
    }

    /// Ends the callback: it is not called again. A call that is under way is not waited for, so
    /// that a callback may cancel itself.
    pub fn cancel(&self) {
        if self.active.swap(false, Ordering::AcqRel) {
            (self.forget)();
        }
    }

    /// Whether the callback has not been cancelled. It does not say whether the watch goes on. `false`, too, for one
    /// that was subscribed after the watch had ended.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }
}

impl Hooks {
    /// Hooks whose callbacks are called on a thread of their own: none of a runtime's, which would
    /// not end before they return.
    pub(crate) fn new(owner: (&'static str, String), caller: Caller) -> Arc<Self> {
        let state = Pending {
            hooks: BTreeMap::new(),
            added: 0,
            calling: None,
            held: VecDeque::new(),
            waiting: VecDeque::new(),
            room: 1,
            announced: 0,
            running: false,
        };
        Arc::new(Self {
            owner,
            caller,
            worker: Worker::new("etcd-config-callbacks"),
            state: Mutex::new(state),
            heard: Condvar::new(),
            heard_async: Notify::new(),
            stopped: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        })
    }

    /// Adds a callback, which is called as often with each notice as `calls` says, with the number of the call.
    pub(crate) fn add(self: &Arc<Self>, calls: fn(&Notice) -> usize, callback: Callback) -> Subscription {
        let active = Arc::new(AtomicBool::new(true));
        let caller = Caller::here().or(&self.caller);
        let mut state = self.lock();
        if self.stopped.load(Ordering::Acquire) {
            drop(state);
            // It would never be dropped, and a handle that it owns would keep all of this alive.
            panics::drop_caught(callback);
            return Subscription::to_nothing();
        }
        state.added += 1;
        let place = state.added;
        let hook = Arc::new(Hook {
            place,
            active: Arc::clone(&active),
            since: state.announced,
            caller,
            calls,
            callback: Mutex::new(Some(callback)),
        });
        let forget = forget(Arc::downgrade(self), Arc::downgrade(&hook));
        state.hooks.insert(place, hook);
        drop(state);
        Subscription { active, forget }
    }

    /// Queues a notice, to be delivered after the next [`release`](Self::release). Callbacks that are added from
    /// now on do not get it. `notice` and `keys`, the size of the configuration, are asked only if there are callbacks.
    pub(crate) fn hold(&self, notice: impl FnOnce() -> Notice, keys: impl FnOnce() -> usize) {
        self.lock().hold(notice, keys);
    }

    /// Queues a notice, to be delivered at once, or after those that are held until then.
    pub(crate) fn queue(self: &Arc<Self>, notice: Notice, keys: usize) {
        let mut state = self.lock();
        let is_next = state.held.is_empty();
        state.hold(|| notice, || keys);
        if is_next {
            self.release_held(state);
        }
    }

    /// Has the callbacks called with what is held, on their thread.
    pub(crate) fn release(self: &Arc<Self>) {
        self.release_held(self.lock());
    }

    fn release_held(self: &Arc<Self>, mut state: MutexGuard<'_, Pending>) {
        let mut replaced = Vec::new();
        while let Some(notice) = state.held.pop_front() {
            replaced.extend(state.wait(notice));
        }
        let start = !state.waiting.is_empty() && !std::mem::replace(&mut state.running, true);
        drop(state);
        drop(replaced);
        if start {
            let hooks = Arc::clone(self);
            if self.worker.run(Box::new(move || hooks.run())).is_err() {
                self.lock().running = false;
                panics::log(|| {
                    tracing::error!("there is no thread for callbacks: they wait for the next change");
                });
            }
        }
    }

    fn run(&self) {
        while let Some((notice, hooks)) = self.take_next() {
            // Old snapshots and cancelled callbacks are dropped in there; that may panic as well.
            if panics::caught(|| self.deliver(notice, hooks)).is_err() {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
            self.lock().calling = None;
            self.heard.notify_all();
            self.heard_async.notify_waiters();
        }
    }

    fn take_next(&self) -> Option<(Notice, Called)> {
        let mut state = self.lock();
        let Some(notice) = state.waiting.pop_front() else {
            state.running = false;
            return None;
        };
        state.calling = Some(notice.number);
        let hooks = state.hooks.values().filter(|hook| hook.since < notice.number).cloned().collect();
        Some((notice, hooks))
    }

    fn deliver(&self, notice: Notice, hooks: Called) {
        for hook in hooks {
            for call in 0..(hook.calls)(&notice) {
                if !self.stopped.load(Ordering::Acquire) {
                    self.call(&hook, &notice, call);
                }
            }
        }
        drop(notice);
    }

    /// Calls one callback once. It is taken out while it runs, so that no lock is held meanwhile.
    fn call(&self, hook: &Hook, notice: &Notice, call: usize) {
        let Some(mut callback) = hook.lock().take() else { return };
        if !hook.active.load(Ordering::Acquire) {
            return panics::drop_caught(callback);
        }
        let before = CALLING.replace(ptr::from_ref(self).cast());
        let called = hook.caller.call(|| panics::caught(|| callback(notice, call)));
        CALLING.set(before);
        if called.is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            // Without its message: a callback sees secrets. The process's panic hook has had it.
            let (name, prefix) = &self.owner;
            panics::log(|| tracing::error!(name, prefix, "a callback panicked; the others go on"));
        }
        if hook.active.load(Ordering::Acquire) && !self.stopped.load(Ordering::Acquire) {
            *hook.lock() = Some(callback);
        } else {
            panics::drop_caught(callback);
        }
    }

    fn forget(&self, hook: &Arc<Hook>) {
        let held = self.lock().hooks.remove(&hook.place);
        let callback = hook.lock().take();
        drop((held, callback));
    }

    /// Ends all callbacks: none begins after this.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let mut state = self.lock();
        let hooks = std::mem::take(&mut state.hooks);
        let notices = (std::mem::take(&mut state.held), std::mem::take(&mut state.waiting));
        drop(state);
        self.heard.notify_all();
        self.heard_async.notify_waiters();
        // One by one: two panics at a time would end the process.
        hooks.into_values().for_each(panics::drop_caught);
        drop(notices);
    }

    /// The number of the last notice.
    pub(crate) fn announced(&self) -> u64 {
        self.lock().announced
    }

    /// Whether a callback of these runs on this thread.
    pub(crate) fn are_called_here(&self) -> bool {
        CALLING.get() == ptr::from_ref(self).cast()
    }

    /// Waits until all callbacks were called with the notice of this number and those before it; whether they
    /// were.
    pub(crate) fn wait(&self, number: u64, until: Instant) -> bool {
        let mut state = self.lock();
        while !state.is_heard(number) && !self.stopped.load(Ordering::Acquire) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = self.heard.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.is_heard(number) && !self.stopped.load(Ordering::Acquire)
    }

    /// The same, for a task, by its runtime's clock.
    pub(crate) async fn wait_async(&self, number: u64, until: tokio::time::Instant) -> bool {
        loop {
            let mut heard = std::pin::pin!(self.heard_async.notified());
            heard.as_mut().enable();
            if self.stopped.load(Ordering::Acquire) {
                return false;
            }
            if self.lock().is_heard(number) {
                return true;
            }
            if tokio::time::timeout_at(until, heard).await.is_err() {
                return self.lock().is_heard(number);
            }
        }
    }

    /// The runtime of the code that watched.
    pub(crate) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// How many callbacks have panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// The state is consistent after each statement, so a poisoned lock does no harm.
    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    /// Unless there is nothing to be called.
    fn hold(&mut self, notice: impl FnOnce() -> Notice, keys: impl FnOnce() -> usize) {
        if self.hooks.is_empty() {
            return;
        }
        let (notice, keys) = (notice(), keys());
        self.announced += 1;
        self.room = (WAITING_KEYS / keys.max(1)).clamp(1, WAITING_STEPS);
        self.held.push_back(Notice { number: self.announced, ..notice });
    }

    /// Queues a notice, or merges it with the last one if no more may wait; returns what it replaces there.
    fn wait(&mut self, notice: Notice) -> Option<Replaced> {
        // A hook that was added after the last notice must not get that as a part of this one.
        let newest = self.hooks.values().next_back().map_or(0, |hook| hook.since);
        let full = self.waiting.len() >= self.room;
        if let Some(last) = self.waiting.back_mut().filter(|last| full && newest < last.number) {
            return Some(last.extend(notice));
        }
        self.waiting.push_back(notice);
        None
    }

    /// Whether all notices up to this number were delivered.
    fn is_heard(&self, number: u64) -> bool {
        let notices = self.held.iter().chain(&self.waiting).map(|notice| notice.number);
        notices.chain(self.calling).all(|outstanding| outstanding > number)
    }
}

impl Hook {
    fn lock(&self) -> MutexGuard<'_, Option<Callback>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What [`Subscription::cancel`] calls.
fn forget(hooks: Weak<Hooks>, hook: Weak<Hook>) -> Arc<dyn Fn() + Send + Sync> {
    Arc::new(move || {
        if let (Some(hooks), Some(hook)) = (hooks.upgrade(), hook.upgrade()) {
            hooks.forget(&hook);
        }
    })
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("active", &self.is_active()).finish()
    }
}
