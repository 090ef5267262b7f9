//! The task that keeps the key of an instance: it follows the status as a waiter does, and neither delays nor fails what
//! reads the configuration.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use etcd_client_core::{Error, Kind, OneLine, Printable};
use tokio::time::{Instant, timeout};

use super::InstancePlan;
use super::format::to_text;
use super::lease_holder::LeaseHolder;
use super::pace::Pace;
use super::standing::{Essence, Standing};
use super::subject::Subject;
use crate::problem::{Kind as ProblemKind, Problem};
use crate::runtime::connections::OwnConnections;
use crate::runtime::deadline::runtime_deadline;
use crate::runtime::panics;
use crate::status::cell::StatusRecord;
use crate::status::in_fleet::InFleet;

/// A lease is kept alive so often in its time.
const KEPT_ALIVE: u32 = 3;
/// The longest that the end of a configuration asks the store to forget it.
const FAREWELL: Duration = Duration::from_secs(2);
/// How often the name that was wanted is tried for at least; at first, as often as a lease lasts.
const LONGEST_WITHOUT_NAME: Duration = Duration::from_secs(600);

/// Keeps the key of one instance.
pub(crate) struct Keeper {
    subject: Arc<dyn Subject>,
    plan: InstancePlan,
    holder: LeaseHolder,
    pace: Pace,
    started: SystemTime,
    /// What the key says.
    written: Option<Essence>,
    /// When to write, if there is something to be written.
    write_at: Option<Instant>,
    /// When to keep the lease alive.
    keep_at: Instant,
    /// Until when the lease lives for certain.
    alive_until: Instant,
    /// When to try for the name that was wanted, and how long to wait after that.
    reclaim_at: Instant,
    reclaim_pause: Duration,
    was_watching: bool,
    /// Kept open as long as this lives.
    _connections: Arc<OwnConnections>,
}

/// What is due.
enum Step {
    Write,
    KeepAlive,
    Reclaim,
}

impl Keeper {
    pub(crate) fn new(
        subject: Arc<dyn Subject>,
        plan: InstancePlan,
        connections: Arc<OwnConnections>,
    ) -> Self {
        let holder = LeaseHolder::new(connections.store(), plan.place.clone(), plan.name.clone(), plan.lease);
        let (now, pace) = (Instant::now(), Pace::new(plan.spread));
        subject.status_cell().write(|record| record.in_fleet = Some(Box::default()));
        Self {
            write_at: Some(pace.next()),
            pace,
            subject,
            plan,
            holder,
            started: SystemTime::now(),
            written: None,
            keep_at: now,
            alive_until: now,
            reclaim_at: now,
            reclaim_pause: Duration::ZERO,
            was_watching: true,
            _connections: connections,
        }
    }

    /// Runs until the configuration is no longer followed, and has the key deleted then.
    pub(crate) async fn run(mut self) {
        if let Err(panic) = panics::caught_in(self.work()).await {
            let what = format!("keeping the instance in the fleet panicked: {}", panics::shown(&panic));
            self.warn(Some(what));
        }
        let left = panics::caught_in(timeout(FAREWELL, self.holder.leave())).await;
        drop(left);
        self.record(|in_fleet| (in_fleet.name, in_fleet.has_left) = (None, true));
    }

    async fn work(&mut self) {
        let subject = Arc::clone(&self.subject);
        loop {
            // In this order: what is written after the look moves the epoch.
            let epoch = subject.status_cell().epoch();
            if subject.status_cell().read(StatusRecord::is_stopped) {
                return;
            }
            self.look();
            let (at, step) = self.next_step();
            if at > Instant::now() {
                subject.status_cell().sleep_async(epoch, at).await;
                continue;
            }
            tokio::select! {
                () = self.act(step) => {}
                () = stopped(&*subject) => return,
            }
        }
    }

    /// Plans a write if there is something new, and hurries up what has failed if the store is there again.
    fn look(&mut self) {
        let is_watching = self.subject.status_cell().read(StatusRecord::is_watching);
        if is_watching && !std::mem::replace(&mut self.was_watching, is_watching) {
            let soon = self.pace.soon();
            self.write_at = self.write_at.map(|at| at.min(soon));
            self.keep_at = self.keep_at.min(soon);
        }
        self.was_watching = is_watching;
        if self.write_at.is_none() && self.written.as_ref() != Some(&self.standing().essence) {
            self.write_at = Some(self.pace.next());
        }
    }

    fn standing(&self) -> Standing {
        Standing::of(&*self.subject, &self.plan, self.started)
    }

    fn next_step(&self) -> (Instant, Step) {
        let write = self.write_at.map(|at| (at, Step::Write));
        let keep = self.holder.held().map(|_| (self.keep_at, Step::KeepAlive));
        let reclaim = self.holder.has_other_name().then_some((self.reclaim_at, Step::Reclaim));
        let first = [keep, write, reclaim].into_iter().flatten().min_by_key(|(at, _)| *at);
        first.unwrap_or_else(|| (runtime_deadline(Duration::MAX), Step::Write))
    }

    async fn act(&mut self, step: Step) {
        match step {
            Step::Write => self.write().await,
            Step::KeepAlive => self.keep_alive().await,
            Step::Reclaim => self.reclaim().await,
        }
    }

    async fn write(&mut self) {
        let Standing { report, essence } = self.standing();
        let text = to_text(&report);
        let is_new = self.holder.held().is_none();
        let outcome = if is_new {
            self.holder.enter(&text).await.map(|()| true)
        } else {
            self.holder.write(&text).await
        };
        match outcome {
            Ok(true) => {
                (self.written, self.write_at) = (Some(essence), None);
                self.pace.written();
                if is_new {
                    self.on_entered();
                }
                self.on_held();
            }
            Ok(false) => self.on_lost(),
            Err(error) => {
                self.write_at = Some(self.pace.failed());
                self.warn(Some(self.in_words(&error)));
            }
        }
    }

    async fn keep_alive(&mut self) {
        match self.holder.keep_alive().await {
            Ok(true) => self.on_alive(),
            Ok(false) => self.on_lost(),
            Err(error) => {
                let now = Instant::now();
                // Longer and longer, as the lease has not been kept alive.
                let since = (now + self.holder.ttl()).saturating_duration_since(self.alive_until);
                let pause = (since / 4).clamp(Duration::from_millis(500), Duration::from_secs(30));
                self.keep_at = now + pause.mul_f64(0.75 + fastrand::f64() / 2.0);
                if now >= self.alive_until {
                    self.warn(Some(self.in_words(&error)));
                }
            }
        }
    }

    async fn reclaim(&mut self) {
        let Standing { report, essence } = self.standing();
        let text = to_text(&report);
        self.reclaim_pause = (self.reclaim_pause * 2).min(LONGEST_WITHOUT_NAME);
        self.reclaim_at = Instant::now() + self.reclaim_pause.mul_f64(0.75 + fastrand::f64() / 2.0);
        if let Ok(true) = self.holder.reclaim(&text).await {
            self.written = Some(essence);
            self.pace.written();
            self.on_alive();
            self.on_held();
        }
    }

    fn on_entered(&mut self) {
        self.on_alive();
        self.reclaim_pause = self.holder.ttl();
        self.reclaim_at = Instant::now() + self.reclaim_pause;
    }

    fn on_alive(&mut self) {
        let (now, ttl) = (Instant::now(), self.holder.ttl());
        self.keep_at = now + (ttl / KEPT_ALIVE).mul_f64(0.8 + fastrand::f64() / 5.0);
        self.alive_until = now + ttl;
    }

    /// The key says what is so.
    fn on_held(&mut self) {
        let Some(held) = self.holder.held().map(str::to_owned) else { return };
        let taken = self.holder.has_other_name().then(|| {
            format!(
                "there is another instance of the name {}, or was until a moment ago, so this one is {} until that name \
                 is free: give each instance a name of its own",
                Printable::line(&self.plan.name),
                Printable::line(&held)
            )
        });
        self.record(|in_fleet| in_fleet.name = Some(held));
        self.warn(taken);
    }

    /// The lease has ended, or somebody else has the key: all begins anew.
    fn on_lost(&mut self) {
        self.written = None;
        self.write_at = Some(self.pace.soon());
        self.record(|in_fleet| in_fleet.name = None);
    }

    fn in_words(&self, error: &Error) -> String {
        let what = match self.holder.held() {
            None => "this instance is not listed in the fleet",
            Some(_) => "the fleet shows an older state of this instance",
        };
        let way_out = match error.kind() {
            Kind::PermissionDenied => {
                let place = Printable::line(self.plan.place.directory()).to_string();
                format!(": grant the user a role that may read and write all of {place}")
            }
            _ => String::new(),
        };
        format!("{what}, and it is tried again: {}{way_out}", OneLine(error))
    }

    fn record(&self, write: impl FnOnce(&mut InFleet)) {
        self.subject.status_cell().write(|record| {
            if let Some(in_fleet) = &mut record.in_fleet {
                write(in_fleet);
            }
        });
    }

    /// Says what is wrong, or that nothing is any more: in the status, and once in the log and to callbacks.
    fn warn(&self, what: Option<String>) {
        let key = self.holder.key(self.holder.held().unwrap_or(&self.plan.name));
        let warning = what.map(|what| Problem::of_key(ProblemKind::Instance, key.as_str(), what));
        let before = self
            .subject
            .status_cell()
            .read(|record| record.in_fleet.as_ref().and_then(|in_fleet| in_fleet.warning.clone()));
        if before == warning {
            return;
        }
        // An outage has other words with each attempt; it is said once.
        let is_news = before.is_none();
        self.record(|in_fleet| in_fleet.warning.clone_from(&warning));
        let key = Printable::line(&key).to_string();
        match warning {
            Some(warning) if is_news => {
                panics::log(|| tracing::warn!(key, "{}", OneLine(warning.what())));
                self.subject.announce(warning);
            }
            Some(_) => {}
            None => panics::log(|| tracing::info!(key, "the instance is listed in the fleet")),
        }
    }
}

/// Ready when the configuration is no longer followed.
async fn stopped(subject: &dyn Subject) {
    loop {
        let epoch = subject.status_cell().epoch();
        if subject.status_cell().read(StatusRecord::is_stopped) {
            return;
        }
        subject.status_cell().sleep_async(epoch, runtime_deadline(Duration::MAX)).await;
    }
}
