//! The trait for people: what a derived struct can do.

use std::future::Future;
use std::ops::RangeBounds;

use etcd_client_core::Prefix;

use crate::check::Check;
use crate::decode::{Derived, defaults, survey};
use crate::document::Document;
use crate::edit::Edit;
use crate::edit::commit::Written;
use crate::error::Error;
use crate::history::History;
use crate::live::Live;
use crate::options::Options;
use crate::options::into_store::IntoStore;
use crate::problem::{Kind, Problem, Report};
use crate::schema::{Field, Schema};

#[doc = include_str!("config/attributes.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not derive `EtcdConfig`",
    label = "`{Self}` does not say which keys its fields are",
    note = "add `#[derive(EtcdConfig)]` to `{Self}`; for one key that holds JSON, derive \
            `serde::Deserialize` for it and leave `nested` out"
)]
pub trait EtcdConfig: Derived {
    /// The fields, as data: keys, types, defaults, documentation. Reads nothing from the store.
    ///
    /// The keys begin with the prefix as it is written on the struct, placeholders and all.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     /// Requests at once.
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// let schema = Settings::schema();
    /// assert_eq!(schema.fields()[0].key(), "/payments/workers");
    /// assert_eq!(schema.to_etcdctl(), "etcdctl put /payments/workers 10\n");
    /// ```
    fn schema() -> Schema {
        let prefix = Prefix::new(Self::LAYOUT.prefix.unwrap_or_default());
        Schema::new(survey::<Self>(), &prefix).with_layers(Self::LAYOUT.layers)
    }

    /// Whether all literal defaults decode, and pass the checks of their fields: for a test, which finds
    /// out before the first start does. Those in optional structs and in entries of maps count, too. A key with a
    /// slash at its beginning that is not below the struct's prefix is a problem as well, unless that has a
    /// placeholder: only [`Options::prefix`] could make such a configuration start.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// struct Settings {
    ///     #[etcd(default = "30s", with = humantime_serde)]
    ///     timeout: std::time::Duration,
    ///     #[etcd(default = "127.0.0.1")]
    ///     listen: std::net::SocketAddr,
    /// }
    ///
    /// let wrong = Settings::check_defaults().unwrap_err();
    /// assert_eq!(wrong.problems().len(), 1);
    /// assert_eq!(wrong.problems()[0].field(), "listen");
    /// ```
    ///
    /// # Errors
    /// [`Error::problems`] are the defaults that are of no use, and the keys outside of the prefix.
    fn check_defaults() -> Result<(), Error> {
        let prefix = Prefix::new(Self::LAYOUT.prefix.unwrap_or_default());
        let mut problems = defaults::<Self>(prefix.clone());
        problems.extend(outside_of_prefix(&Self::schema(), &prefix));
        match problems {
            problems if problems.is_empty() => Ok(()),
            problems => Err(Error::from_report(Report::new(Self::LAYOUT.name, &prefix, 0, problems))),
        }
    }

    /// Reads the configuration and keeps it current; [`Options::watch`] with the defaults. Blocks until the first
    /// snapshot is there, 10 s at most while no server answers.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments")]
    /// struct Settings {
    ///     #[etcd(default = 10)]
    ///     workers: u32,
    /// }
    ///
    /// // Or an endpoint, or several: Settings::watch("http://127.0.0.1:2379")
    /// let settings = Settings::watch(MemoryStore::new())?;
    /// assert_eq!(settings.load().workers, 10);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Options::watch`].
    fn watch(store: impl IntoStore) -> Result<Live<Self>, Error> {
        Self::options().watch(store)
    }

    /// The same for callers in a tokio runtime; [`Options::watch_async`] with the defaults. That runtime keeps the
    /// configuration current.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// let settings = Settings::watch_async(MemoryStore::new()).await?;
    /// assert_eq!(settings.load().workers, 10);
    /// # Ok::<(), etcd_config::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// As [`Options::watch_async`].
    fn watch_async(
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Live<Self>, Error>> + Send + 'static {
        Self::options().watch_async(store)
    }

    /// Reads the configuration once; [`Options::load_once`] with the defaults. For a command that ends soon: what is
    /// written later is not seen.
    ///
    /// # Errors
    /// As [`Options::load_once`].
    fn load_once(store: impl IntoStore) -> Result<Self, Error> {
        Self::options().load_once(store)
    }

    /// The same for callers in a tokio runtime; [`Options::load_once_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::load_once_async`].
    fn load_once_async(store: impl IntoStore) -> impl Future<Output = Result<Self, Error>> + Send + 'static {
        Self::options().load_once_async(store)
    }

    /// Reads the prefix at one revision, to change what is stored; [`Options::edit`] with the defaults. The page of
    /// [`Edit`] has an example.
    ///
    /// # Errors
    /// As [`Options::edit`].
    fn edit(store: impl IntoStore) -> Result<Edit<Self>, Error> {
        Self::options().edit(store)
    }

    /// The same for callers in a tokio runtime; [`Options::edit_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::edit_async`].
    fn edit_async(store: impl IntoStore) -> impl Future<Output = Result<Edit<Self>, Error>> + Send + 'static {
        Self::options().edit_async(store)
    }

    /// Changes what is stored, and decides again where somebody else was first; [`Options::update`] with the defaults.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore, field};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::new();
    /// let written = Settings::update(&store, |edit| edit.set(field!(Settings.workers), &20))?;
    /// assert_eq!(written.revision(), store.revision());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Options::update`].
    fn update(
        store: impl IntoStore,
        decide: impl FnMut(Edit<Self>) -> Result<Edit<Self>, Error>,
    ) -> Result<Written, Error> {
        Self::options().update(store, decide)
    }

    /// The same for callers in a tokio runtime; [`Options::update_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::update_async`].
    fn update_async<D: FnMut(Edit<Self>) -> Result<Edit<Self>, Error> + Send + 'static>(
        store: impl IntoStore,
        decide: D,
    ) -> impl Future<Output = Result<Written, Error>> + Send + 'static {
        Self::options().update_async(store, decide)
    }

    /// What a start of this program would say of the keys: problems and warnings; [`Options::check_stored`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::check_stored`]. Problems are no error: the [`Check`] has them.
    fn check_stored(store: impl IntoStore) -> Result<Check, Error> {
        Self::options().check_stored(store)
    }

    /// The same for callers in a tokio runtime; [`Options::check_stored_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::check_stored_async`].
    fn check_stored_async(
        store: impl IntoStore,
    ) -> impl Future<Output = Result<Check, Error>> + Send + 'static {
        Self::options().check_stored_async(store)
    }

    /// What is stored, as a document: JSON, YAML, TOML or commands of etcdctl; [`Options::export`] with the defaults. The
    /// page of [`Document`] has an example.
    ///
    /// # Errors
    /// As [`Options::export`].
    fn export(store: impl IntoStore) -> Result<Document, Error> {
        Self::options().export(store)
    }

    /// The same for callers in a tokio runtime; [`Options::export_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::export_async`].
    fn export_async(store: impl IntoStore) -> impl Future<Output = Result<Document, Error>> + Send + 'static {
        Self::options().export_async(store)
    }

    /// What was changed below the prefix in these revisions, newest first; [`Options::history`] with the defaults.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::from([("/payments/workers", "12")]);
    /// store.put("/payments/workers", "13");
    /// for step in Settings::history(&store, 3..)? {
    ///     println!("{step}"); // the revision, the keys, old -> new, whether it decodes
    ///     assert_eq!(step.changes()[0].old(), Some("12"));
    /// }
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Options::history`].
    fn history(store: impl IntoStore, revisions: impl RangeBounds<u64>) -> Result<History<Self>, Error> {
        Self::options().history(store, revisions)
    }

    /// The same for callers in a tokio runtime; [`Options::history_async`] with the defaults.
    ///
    /// # Errors
    /// As [`Options::history_async`].
    fn history_async(
        store: impl IntoStore,
        revisions: impl RangeBounds<u64>,
    ) -> impl Future<Output = Result<History<Self>, Error>> + Send + 'static {
        Self::options().history_async(store, revisions)
    }

    /// Everything that may be said before the configuration is read: another prefix, a cache file, limits.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::from([("/canary/payments/workers", "1")]);
    /// let settings = Settings::options().prefix("/canary/payments").watch(&store)?;
    /// assert_eq!(settings.load().workers, 1);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    fn options() -> Options<Self> {
        Options::new()
    }
}

/// The fields whose keys are not below the prefix, where it is known.
fn outside_of_prefix(schema: &Schema, prefix: &Prefix) -> Vec<Problem> {
    let is_below = |key: &str| key == prefix.path() || key.starts_with(prefix.directory());
    let outside = schema.fields().iter().filter(|field| !is_below(field.key()));
    let problem = |field: &Field| Problem {
        kind: Kind::OutsidePrefix,
        key: field.key().to_owned(),
        field: field.path().to_owned(),
        expected: field.type_name().to_owned(),
        what: format!("outside of {prefix}, and only what is below it is watched"),
        value: None,
        revision: None,
    };
    let is_known = !schema.prefix().is_empty() && !schema.prefix().contains('{');
    outside.filter(|_| is_known).map(problem).collect()
}

#[diagnostic::do_not_recommend]
impl<T: Derived> EtcdConfig for T {}
