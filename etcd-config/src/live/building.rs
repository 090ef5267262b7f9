//! Making something of the settings, and making it again before an update that concerns it is in force.

use std::fmt::{self, Display};
use std::sync::Arc;
use std::time::Duration;

use crate::decode::Derived;
use crate::error::Error;
use crate::live::Live;
use crate::live::first_build::{Differs, Make, Order};
use crate::notify::callbacks::Subscription;
use crate::resource::Resource;
use crate::runtime::caller::runtime;

/// How long a build may take, unless that is [set](Building::limit).
const LIMIT: Duration = Duration::from_secs(30);

impl<T: Derived> Live<T> {
    /// Makes something of a part of the settings, and makes it again when that part changes: a pool, a client, a
    /// filter.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # struct Pool { url: String, size: usize }
    /// # impl Pool {
    /// #     fn connect(url: &str, size: usize) -> Result<Self, String> {
    /// #         let url = url.strip_prefix("pg://").ok_or("connection refused")?.to_owned();
    /// #         Ok(Self { url, size })
    /// #     }
    /// # }
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(nested)]
    ///     database: Database,
    /// }
    ///
    /// #[derive(EtcdConfig, PartialEq)]
    /// struct Database {
    ///     url: String,
    ///     #[etcd(default = 10)]
    ///     pool_size: usize,
    /// }
    ///
    /// let store = MemoryStore::from([("/payments/database/url", "pg://db")]);
    /// let settings = Settings::watch(&store)?;
    /// let pool = settings.resource(|s| &s.database, |db| Pool::connect(&db.url, db.pool_size))?;
    /// assert_eq!(pool.load().size, 10);
    ///
    /// let written = store.put("/payments/database/pool_size", "20");
    /// settings.wait_for_revision(written, Duration::from_secs(5))?;
    /// assert_eq!(pool.load().size, 20);
    ///
    /// // Nothing answers there: the update is refused, and the pool stays.
    /// let written = store.put("/payments/database/url", "db");
    /// let refused = settings.wait_for_revision(written, Duration::from_secs(5)).unwrap_err();
    /// assert!(refused.to_string().contains("resource Pool    cannot be built: connection refused"));
    /// assert_eq!((settings.load().database.url.as_str(), pool.load().size), ("pg://db", 20));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// **First** it is made here, of the values in force; the thread is blocked until that is done. An error, a panic
    /// or a build that takes too long is an error of this call, and nothing is made later.
    ///
    /// **Later** it is made whenever an update changes the value at the projection, *before* that update is in force:
    /// decoding, checks, builds, and then all of it comes into force at one moment, the snapshot and everything that
    /// is made of it. Whoever has seen the new snapshot finds the new resource. What comes from the store meanwhile is
    /// one update, afterwards. Builds run on threads of their own (those of one update side by side), so they may
    /// block; they may `tokio::spawn` where there is a runtime when this is called, or was one when the configuration
    /// was watched. They delay neither reading the network nor other configurations.
    ///
    /// **A build that fails**, or panics, refuses the update: [`on_rejected`](Self::on_rejected) hears of a
    /// [problem](crate::ProblemKind::NotBuilt) with the name and the error, without the values of secret fields; the
    /// last good snapshot *and* the last good resource stay. It is tried again after about 1 s, 2 s, 4 s, up to a
    /// minute, until it succeeds; and at once when the keys change. What others of the update have built meanwhile is
    /// kept for that.
    ///
    /// **A build that does not return** within its [limit](Building::limit), 30 s unless set otherwise, refuses the
    /// update as well. Its thread cannot be ended: it is counted in [`Status::resources`](crate::Status::resources),
    /// and what it makes in the end is used, if the values are still the same. The next updates do not wait for it;
    /// while four builds of one resource have not returned, no other of it is begun.
    ///
    /// A build sees what is in force by [`load`](Self::load), and other resources as they were: what is made of another
    /// resource belongs into the same build. It must not wait for its own configuration, which waits for it. One that
    /// owns a handle of its own configuration keeps it alive for ever; let it use what it is called with. What was in
    /// force is dropped on a thread of its own, one after the other, or by its last user.
    ///
    /// # Errors
    /// It could not be made ([`Error::is_invalid`], with the same problem); the watch has ended
    /// ([`Error::is_stopped`]); or this is decoding or a check ([`Error::is_invalid_option`]).
    pub fn resource<P, R, E, F, B>(&self, projection: F, build: B) -> Result<Resource<R>, Error>
    where
        P: PartialEq + ?Sized,
        R: Send + Sync + 'static,
        E: Display,
        F: for<'a> Fn(&'a T) -> &'a P + Send + Sync + 'static,
        B: Fn(&P) -> Result<R, E> + Send + Sync + 'static,
    {
        self.building().resource(projection, build)
    }

    /// The same, made of a value that is computed from the settings.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "db")] host: String, #[etcd(default = 5432)] port: u16 }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let address = settings.resource_from(
    ///     |s| (s.host.clone(), s.port),
    ///     |(host, port)| Ok::<_, String>(format!("{host}:{port}")),
    /// )?;
    /// assert_eq!(*address.load(), "db:5432");
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`resource`](Self::resource).
    pub fn resource_from<P, R, E, F, B>(&self, projection: F, build: B) -> Result<Resource<R>, Error>
    where
        P: PartialEq,
        R: Send + Sync + 'static,
        E: Display,
        F: Fn(&T) -> P + Send + Sync + 'static,
        B: Fn(&P) -> Result<R, E> + Send + Sync + 'static,
    {
        self.building().resource_from(projection, build)
    }

    /// The same as [`resource`](Self::resource) for a task: the builds are tasks of the runtime in which this is awaited.
    /// The limit is by the runtime's clock, and a build that has passed it is aborted.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # struct Pool(String);
    /// # impl Pool { async fn connect(url: &str) -> Result<Self, String> { Ok(Self(url.to_owned())) } }
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "pg://db")] url: String }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let settings = Settings::watch_async(MemoryStore::new()).await?;
    /// let pool = settings.resource_async(|s| &s.url, |url| async move { Pool::connect(&url).await }).await?;
    /// assert_eq!(pool.load().0, "pg://db");
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// Cancel safe: nothing is made later if the future is dropped.
    ///
    /// # Errors
    /// As [`resource`](Self::resource), and that there is no runtime.
    pub async fn resource_async<P, R, E, F, B, A>(
        &self,
        projection: F,
        build: B,
    ) -> Result<Resource<R>, Error>
    where
        P: PartialEq + Clone,
        R: Send + Sync + 'static,
        E: Display,
        F: for<'a> Fn(&'a T) -> &'a P + Send + Sync + 'static,
        B: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.building().resource_async(projection, build).await
    }

    /// The same as [`resource_from`](Self::resource_from) for a task; see [`resource_async`](Self::resource_async).
    ///
    /// # Errors
    /// As [`resource_async`](Self::resource_async).
    pub async fn resource_from_async<P, R, E, F, B, A>(
        &self,
        projection: F,
        build: B,
    ) -> Result<Resource<R>, Error>
    where
        P: PartialEq,
        R: Send + Sync + 'static,
        E: Display,
        F: Fn(&T) -> P + Send + Sync + 'static,
        B: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R, E>> + Send + 'static,
    {
        self.building().resource_from_async(projection, build).await
    }

    /// Calls a function before each new snapshot is in force, with the snapshot in force and the new one. An error
    /// refuses the update, as that of a [`resource`](Self::resource) does: it is the same without a product, with the
    /// same thread, limit and tries. There is no form for tasks: it is called on a thread, where it may block.
    ///
    /// The first call is made here, with the present snapshot as both, and is over when this returns. Calls for updates
    /// come when all resources are built. It stays for the life of the configuration, or until it is
    /// [cancelled](Subscription::cancel).
    ///
    /// For what has to be *tried* before an update is accepted. What it does takes effect even if the update is
    /// refused by another; what is to be applied once the values are in force belongs into
    /// [`follow`](Self::follow).
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # fn writable(folder: &str) -> Result<(), String> {
    /// #     if folder == "/proc" { Err("read-only".to_owned()) } else { Ok(()) }
    /// # }
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "/tmp")] spool: String }
    /// let store = MemoryStore::new();
    /// let settings = Settings::watch(&store)?;
    /// settings.prepare(|_old, new| writable(&new.spool))?;
    /// let written = store.put("/payments/spool", "/proc");
    /// assert!(settings.wait_for_revision(written, Duration::from_secs(5)).is_err());
    /// assert_eq!(settings.load().spool, "/tmp");
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`resource`](Self::resource).
    pub fn prepare<E, F>(&self, step: F) -> Result<Subscription, Error>
    where
        E: Display,
        F: Fn(&T, &T) -> Result<(), E> + Send + Sync + 'static,
    {
        self.building().prepare(step)
    }

    /// Options for [`resource`](Self::resource) and its like: a name, a limit.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = "info")] log_level: String }
    /// # let settings = Settings::watch(MemoryStore::new())?;
    /// let filter = settings
    ///     .building()
    ///     .name("log filter")
    ///     .limit(Duration::from_secs(1))
    ///     .resource(|s| &s.log_level, |level| level.parse::<tracing::Level>())?;
    /// // What the layer of a subscriber asks for each record: without a lock.
    /// assert!(tracing::Level::WARN <= *filter.load());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn building(&self) -> Building<T> {
        Building { live: self.clone(), name: None, limit: LIMIT }
    }
}

/// Something that is about to be made of the settings, from [`Live::building`].
#[must_use]
pub struct Building<T> {
    live: Live<T>,
    name: Option<String>,
    limit: Duration,
}

impl<T> Building<T> {
    /// What it is called in problems, in the status and in the log: unless this is said the name of the product's type,
    /// such as `Pool`.
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: Some(name.into()), ..self }
    }

    /// How long a build may take, 30 s unless set otherwise. The next updates of this configuration wait so long at most.
    pub fn limit(self, limit: Duration) -> Self {
        Self { limit, ..self }
    }
}

impl<T: Derived> Building<T> {
    /// As [`Live::resource`].
    ///
    /// # Errors
    /// As there.
    pub fn resource<P, R, E, F, B>(self, projection: F, build: B) -> Result<Resource<R>, Error>
    where
        P: PartialEq + ?Sized,
        R: Send + Sync + 'static,
        E: Display,
        F: for<'a> Fn(&'a T) -> &'a P + Send + Sync + 'static,
        B: Fn(&P) -> Result<R, E> + Send + Sync + 'static,
    {
        let projection = Arc::new(projection);
        let compared = Arc::clone(&projection);
        let differs = move |old: &T, new: &T| compared(old) != compared(new);
        let make = move |_: &T, new: &T| build(projection(new)).map_err(cannot_be_built);
        self.resource_of(Arc::new(differs), Make::OnThread(Arc::new(make)))
    }

    /// As [`Live::resource_from`].
    ///
    /// # Errors
    /// As there.
    pub fn resource_from<P, R, E, F, B>(self, projection: F, build: B) -> Result<Resource<R>, Error>
    where
        P: PartialEq,
        R: Send + Sync + 'static,
        E: Display,
        F: Fn(&T) -> P + Send + Sync + 'static,
        B: Fn(&P) -> Result<R, E> + Send + Sync + 'static,
    {
        let projection = Arc::new(projection);
        let compared = Arc::clone(&projection);
        let differs = move |old: &T, new: &T| compared(old) != compared(new);
        let make = move |_: &T, new: &T| build(&projection(new)).map_err(cannot_be_built);
        self.resource_of(Arc::new(differs), Make::OnThread(Arc::new(make)))
    }

    /// As [`Live::resource_async`].
    ///
    /// # Errors
    /// As there.
    pub async fn resource_async<P, R, E, F, B, A>(self, projection: F, build: B) -> Result<Resource<R>, Error>
    where
        P: PartialEq + Clone,
        R: Send + Sync + 'static,
        E: Display,
        F: for<'a> Fn(&'a T) -> &'a P + Send + Sync + 'static,
        B: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R, E>> + Send + 'static,
    {
        let projection = Arc::new(projection);
        let compared = Arc::clone(&projection);
        let differs = move |old: &T, new: &T| compared(old) != compared(new);
        self.resource_in_tasks(Arc::new(differs), move |new| projection(new).clone(), build).await
    }

    /// As [`Live::resource_from_async`].
    ///
    /// # Errors
    /// As there.
    pub async fn resource_from_async<P, R, E, F, B, A>(
        self,
        projection: F,
        build: B,
    ) -> Result<Resource<R>, Error>
    where
        P: PartialEq,
        R: Send + Sync + 'static,
        E: Display,
        F: Fn(&T) -> P + Send + Sync + 'static,
        B: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R, E>> + Send + 'static,
    {
        let projection = Arc::new(projection);
        let compared = Arc::clone(&projection);
        let differs = move |old: &T, new: &T| compared(old) != compared(new);
        self.resource_in_tasks(Arc::new(differs), move |new| projection(new), build).await
    }

    /// As [`Live::prepare`].
    ///
    /// # Errors
    /// As there.
    pub fn prepare<E, F>(self, step: F) -> Result<Subscription, Error>
    where
        E: Display,
        F: Fn(&T, &T) -> Result<(), E> + Send + Sync + 'static,
    {
        let Self { live, name, limit } = self;
        let step = move |old: &T, new: &T| step(old, new).map_err(|error| format!("has failed: {error:#}"));
        let order = Order {
            name: name.unwrap_or_else(|| "prepare".to_owned()),
            is_prepare: true,
            limit,
            differs: Arc::new(|_, _| true),
            make: Make::OnThread(Arc::new(step)),
        };
        let (_, registration) = order.make(&live)?;
        Ok(Subscription::ended_by(move || registration.end()))
    }

    async fn resource_in_tasks<P, R, E, B, A>(
        self,
        differs: Differs<T>,
        value: impl Fn(&T) -> P + Send + Sync + 'static,
        build: B,
    ) -> Result<Resource<R>, Error>
    where
        R: Send + Sync + 'static,
        E: Display,
        B: Fn(P) -> A + Send + Sync + 'static,
        A: Future<Output = Result<R, E>> + Send + 'static,
    {
        let runtime = runtime()?;
        let make = move |_: &T, new: &T| -> etcd_client_core::BoxFuture<Result<R, String>> {
            let build = build(value(new));
            Box::pin(async move { build.await.map_err(cannot_be_built) })
        };
        let (live, order) = self.order(differs, Make::InTask(runtime, Arc::new(make)));
        let (versions, registration) = order.make_async(&live).await?;
        Ok(Resource::new(versions, registration, live.life.clone()))
    }

    fn resource_of<R: Send + Sync + 'static>(
        self,
        differs: Differs<T>,
        make: Make<T, R>,
    ) -> Result<Resource<R>, Error> {
        let (live, order) = self.order(differs, make);
        let (versions, registration) = order.make(&live)?;
        Ok(Resource::new(versions, registration, live.life.clone()))
    }

    fn order<R>(self, differs: Differs<T>, make: Make<T, R>) -> (Live<T>, Order<T, R>) {
        let Self { live, name, limit } = self;
        let name = name.unwrap_or_else(short_type_name::<R>);
        (live, Order { name, is_prepare: false, limit, differs, make })
    }
}

fn cannot_be_built(error: impl Display) -> String {
    // Some errors say their causes only so.
    format!("cannot be built: {error:#}")
}

/// The last part of a type's name, without its parameters.
fn short_type_name<R>() -> String {
    let name = std::any::type_name::<R>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

impl<T> fmt::Debug for Building<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Building")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
