//! What the user wants called when something happens, and how it is called: off the watching task,
//! in order, one at a time.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::runtime::Handle;

use crate::changes::Change;
use crate::panics;
use crate::rejection::Rejection;
use crate::status::Status;

/// How many keys the snapshots that wait for slow callbacks may hold together. A configuration of a
/// few dozen keys then keeps every step for them; one of 100,000 keys only the oldest and newest.
const WAITING_KEYS: usize = 65_536;
/// The most steps that wait for slow callbacks, however small they are.
const WAITING_STEPS: usize = 1_024;

/// A callback's registration. Dropping it changes nothing: the callback stays for the life of the
/// configuration.
#[derive(Clone)]
pub struct Subscription {
    active: Arc<AtomicBool>,
    forget: Arc<dyn Fn() + Send + Sync>,
}

/// The callbacks of one [`Live`](crate::Live), and what waits for them.
pub(crate) struct Hooks<T> {
    runtime: Handle,
    state: Mutex<State<T>>,
    stopped: AtomicBool,
    panics: AtomicU64,
}

struct State<T> {
    hooks: Vec<Arc<Hook<T>>>,
    /// What is published already, and not yet told.
    held: Option<Notice<T>>,
    waiting: VecDeque<Notice<T>>,
    /// How much may wait.
    room: usize,
    /// Counts what was announced, so that a new hook hears nothing of what was before it.
    announced: u64,
    running: bool,
}

/// What callbacks are to hear: one of these, or several, where several notices became one.
pub(crate) struct Notice<T> {
    pub(crate) change: Option<Change<T>>,
    pub(crate) rejection: Option<Rejection>,
    pub(crate) status: Option<Box<Status>>,
    number: u64,
}

struct Hook<T> {
    active: Arc<AtomicBool>,
    since: u64,
    callback: Mutex<Option<Callback<T>>>,
}

type Called<T> = Vec<Arc<Hook<T>>>;
type Callback<T> = Box<dyn FnMut(&Notice<T>) + Send>;

impl Subscription {
    /// Ends the callback: it is not called again. A call that is under way is not waited for, so
    /// that a callback may cancel itself.
    pub fn cancel(&self) {
        if self.active.swap(false, Ordering::AcqRel) {
            (self.forget)();
        }
    }

    /// Whether the callback has not been cancelled.
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Acquire)
    }
}

impl<T: Send + Sync + 'static> Hooks<T> {
    /// Hooks whose callbacks are called on the blocking threads of `runtime`.
    pub(crate) fn new(runtime: Handle) -> Arc<Self> {
        let state = State {
            hooks: Vec::new(),
            held: None,
            waiting: VecDeque::new(),
            room: 1,
            announced: 0,
            running: false,
        };
        Arc::new(Self {
            runtime,
            state: Mutex::new(state),
            stopped: AtomicBool::new(false),
            panics: AtomicU64::new(0),
        })
    }

    pub(crate) fn add(self: &Arc<Self>, callback: impl FnMut(&Notice<T>) + Send + 'static) -> Subscription {
        let active = Arc::new(AtomicBool::new(true));
        let mut state = self.lock();
        let callback: Callback<T> = Box::new(callback);
        let hook = Arc::new(Hook {
            active: Arc::clone(&active),
            since: state.announced,
            callback: Mutex::new(Some(callback)),
        });
        let forget = forget(Arc::downgrade(self), Arc::downgrade(&hook));
        state.hooks.push(hook);
        drop(state);
        Subscription { active, forget }
    }

    /// Takes note of what the callbacks are to hear when it is [released](Self::release). Those
    /// that are added from now on do not hear it. `keys` is the size of the configuration.
    pub(crate) fn hold(&self, notice: Notice<T>, keys: usize) {
        let mut state = self.lock();
        if state.hooks.is_empty() {
            return;
        }
        state.announced += 1;
        let number = state.announced;
        state.room = (WAITING_KEYS / keys.max(1)).clamp(1, WAITING_STEPS);
        state.held = Some(Notice { number, ..notice });
    }

    /// Has the callbacks called, soon and elsewhere.
    pub(crate) fn release(self: &Arc<Self>) {
        let mut state = self.lock();
        let Some(notice) = state.held.take() else { return };
        // Whoever came later than the last notice must not hear it as a part of this one.
        let last = state.waiting.back().map(|last| last.number);
        let is_shared = last.is_some_and(|last| state.hooks.iter().all(|hook| hook.since < last));
        let full = state.waiting.len() >= state.room && is_shared;
        let replaced = if let Some(last) = state.waiting.back_mut().filter(|_| full) {
            last.extend(notice)
        } else {
            state.waiting.push_back(notice);
            (None, None)
        };
        let start = !std::mem::replace(&mut state.running, true);
        drop(state);
        drop(replaced);
        if start {
            let hooks = Arc::clone(self);
            // Where the system has no thread left, tokio panics. The next notice tries again.
            if panics::caught(|| self.runtime.spawn_blocking(move || hooks.run())).is_err() {
                tracing::error!("there is no thread for callbacks: they wait for the next change");
                self.lock().running = false;
            }
        }
    }

    fn run(&self) {
        while let Some((notice, hooks)) = self.take_next() {
            // What the callbacks own is dropped there too, and may panic as well.
            if panics::caught(|| self.deliver(notice, hooks)).is_err() {
                self.panics.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn take_next(&self) -> Option<(Notice<T>, Called<T>)> {
        let mut state = self.lock();
        let Some(notice) = state.waiting.pop_front() else {
            state.running = false;
            return None;
        };
        let hooks = state.hooks.iter().filter(|hook| hook.since < notice.number).cloned().collect();
        Some((notice, hooks))
    }

    fn deliver(&self, notice: Notice<T>, hooks: Called<T>) {
        for hook in hooks {
            if !self.stopped.load(Ordering::Acquire) {
                self.call(&hook, &notice);
            }
        }
        drop(notice);
    }

    /// Calls one callback. It is taken out while it runs, so that no lock is held meanwhile.
    fn call(&self, hook: &Hook<T>, notice: &Notice<T>) {
        let taken = hook.lock().take();
        let Some(mut callback) = taken.filter(|_| hook.active.load(Ordering::Acquire)) else { return };
        if panics::caught(|| callback(notice)).is_err() {
            self.panics.fetch_add(1, Ordering::Relaxed);
            // Not its words: a callback sees secrets. The process's panic hook has had them.
            tracing::error!("a callback panicked; the others go on");
        }
        if hook.active.load(Ordering::Acquire) && !self.stopped.load(Ordering::Acquire) {
            *hook.lock() = Some(callback);
        } else {
            panics::let_go(callback);
        }
    }

    fn forget(&self, hook: &Arc<Hook<T>>) {
        self.lock().hooks.retain(|other| !Arc::ptr_eq(other, hook));
        let callback = hook.lock().take();
        drop(callback);
    }
}

impl<T> Hooks<T> {
    /// Ends all callbacks: none begins after this.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let mut state = self.lock();
        let hooks = std::mem::take(&mut state.hooks);
        let notices = (state.held.take(), std::mem::take(&mut state.waiting));
        drop(state);
        drop((hooks, notices));
    }

    /// How many callbacks have panicked.
    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Ordering::Relaxed)
    }

    /// The state is whole between two statements, so a panic elsewhere does not spoil it.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Notice<T> {
    const NOTHING: Self = Self { change: None, rejection: None, status: None, number: 0 };

    pub(crate) fn of_change(change: Change<T>) -> Self {
        Self { change: Some(change), ..Self::NOTHING }
    }

    pub(crate) fn of_rejection(rejection: Rejection) -> Self {
        Self { rejection: Some(rejection), ..Self::NOTHING }
    }

    pub(crate) fn of_status(status: Status) -> Self {
        Self { status: Some(Box::new(status)), ..Self::NOTHING }
    }

    /// Takes in what came after: the change grows, the last rejection and the last status count.
    /// What it replaces.
    fn extend(&mut self, next: Self) -> Replaced {
        self.number = next.number;
        match (&mut self.change, next.change) {
            (Some(change), Some(next)) => change.extend(&next),
            (change, next) => *change = change.take().or(next),
        }
        (replace(&mut self.rejection, next.rejection), replace(&mut self.status, next.status))
    }
}

/// Dropped where no lock is held.
type Replaced = (Option<Rejection>, Option<Box<Status>>);

fn replace<V>(held: &mut Option<V>, next: Option<V>) -> Option<V> {
    next.and_then(|next| held.replace(next))
}

impl<T> Hook<T> {
    fn lock(&self) -> MutexGuard<'_, Option<Callback<T>>> {
        self.callback.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What `cancel` does, without the type of the configuration.
fn forget<T: Send + Sync + 'static>(
    hooks: Weak<Hooks<T>>,
    hook: Weak<Hook<T>>,
) -> Arc<dyn Fn() + Send + Sync> {
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
