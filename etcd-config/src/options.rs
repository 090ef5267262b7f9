//! Options of a configuration: everything that may be set before it is read.

mod editing;
mod exporting;
mod filled_schema;
mod fleet;
mod going_back;
mod history;
mod instance;
pub(crate) mod into_store;
mod last_good;
mod layers;
mod load;
mod on_thread;
pub(crate) mod placeholder;
mod resolved_prefix;
mod rollout;

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Prefix, Store, watcher};

use self::into_store::IntoStore;
use self::resolved_prefix::{Fillings, resolve_prefix};
use crate::cache::CacheLocation;
use crate::decode::Derived;
use crate::error::Error;
use crate::live::first_load::{Fields, WatchPlan};

/// How a configuration is read and watched, from [`EtcdConfig::options`](crate::EtcdConfig::options).
///
/// The defaults suit production: [`EtcdConfig::watch`](crate::EtcdConfig::watch) and its like are for them alone.
///
/// | option | default |
/// | --- | --- |
/// | [`prefix`](Self::prefix), [`placeholder`](Self::placeholder) | the `prefix` on the struct; placeholders from the environment |
/// | [`layer`](Self::layer), [`in_layer`](Self::in_layer) | the `layers` on the struct; edits are in the lowest one |
/// | [`startup_timeout`](Self::startup_timeout) | 10 s |
/// | [`progress_interval`](Self::progress_interval) | 5 s |
/// | [`audit_interval`](Self::audit_interval) | 5 min |
/// | [`debounce`](Self::debounce) | none |
/// | [`cache_file`](Self::cache_file), [`cache_secrets`](Self::cache_secrets) | no file; without secrets |
/// | [`start_from_last_good`](Self::start_from_last_good) | off: keys that are not valid are an error |
/// | [`history_limit`](Self::history_limit) | 1,000 steps |
/// | [`instance`](Self::instance), [`instance_version`](Self::instance_version) | not listed in the fleet; no version |
/// | [`instance_lease`](Self::instance_lease), [`instance_spread`](Self::instance_spread) | 15 s; 1 s |
///
/// What concerns the servers is an option of the [client](crate::client) that is watched: user, TLS, the time limit
/// of a call.
///
/// Options are checked by the call that ends them, such as [`watch`](Self::watch), [`load_once`](Self::load_once),
/// [`edit`](Self::edit) or [`check_stored`](Self::check_stored). A mistake in them is its error, of which
/// [`Error::is_invalid_option`] is true, and nothing is sent then. A clone is for another store or another prefix.
///
/// ```no_run
/// # use std::time::Duration;
/// # use etcd_config::EtcdConfig;
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// let settings = Settings::options()
///     .prefix("/canary/payments")
///     .startup_timeout(Duration::from_secs(3))
///     .watch("http://127.0.0.1:2379")?;
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[must_use = "nothing happens before a call such as `watch`, `load_once` or `edit`"]
pub struct Options<T> {
    prefix: Option<String>,
    /// Above those that the struct names.
    layers: Vec<String>,
    /// Which of them is edited.
    in_layer: Option<String>,
    placeholders: BTreeMap<String, String>,
    startup_timeout: Duration,
    debounce: Duration,
    watcher: watcher::Options,
    cache_file: Option<PathBuf>,
    cache_secrets: bool,
    last_good: bool,
    history_limit: usize,
    instance: Option<String>,
    instance_version: Option<String>,
    instance_lease: Duration,
    instance_spread: Duration,
    config: PhantomData<fn() -> T>,
}

impl<T: Derived> Options<T> {
    pub(crate) fn new() -> Self {
        Self {
            prefix: None,
            layers: Vec::new(),
            in_layer: None,
            placeholders: BTreeMap::new(),
            startup_timeout: Duration::from_secs(10),
            debounce: Duration::ZERO,
            watcher: watcher::Options::default(),
            cache_file: None,
            cache_secrets: false,
            last_good: false,
            history_limit: 1_000,
            instance: None,
            instance_version: None,
            instance_lease: Duration::from_secs(15),
            instance_spread: Duration::from_secs(1),
            config: PhantomData,
        }
    }

    /// Reads from this directory instead of the one that the struct names, or where the struct names none.
    ///
    /// Slashes at its end do not count, and `""` is the whole store. It may have `{placeholders}` like the one on
    /// the struct.
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = Some(prefix.into());
        self
    }

    /// Adds a layer on top of the prefix, and of the layers that the struct names: a prefix of its own, whose keys override
    /// those below key by key. It may have `{placeholders}`.
    ///
    /// A map has the entries of all layers, a struct the keys of all. Of a field with aliases the name counts that the
    /// highest layer uses which has the field: so an override under an old name is one. A snapshot is the state of all
    /// layers at exactly one revision; over etcd's v2 API, which has no transactions, it is that of one change after the
    /// other. What is said of keys, in problems, warnings, changes and [explanations](crate::Live::explain), names them as
    /// they are in their layers. Where there is a `commit_key`, it may be written in any layer, and commits what was written
    /// in all.
    ///
    /// `{instance}` is the name that was given with [`instance`](Self::instance), unless a [`placeholder`](Self::placeholder)
    /// of that name says otherwise: so `layers("/payments@{instance}")` is a layer of its own for each instance. It is that
    /// of the name that was asked for, also while another process has the name and this one is listed as `web-1~2`: both
    /// read the same layer then.
    ///
    /// The same prefix twice, or one in the directory of another, is refused.
    ///
    /// ```
    /// use etcd_config::{EtcdConfig, MemoryStore};
    ///
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/payments", layers("/payments@{zone}"))]
    /// struct Settings {
    ///     workers: u32,
    ///     retries: u32,
    /// }
    ///
    /// let store = MemoryStore::from([
    ///     ("/payments/workers", "12"),
    ///     ("/payments/retries", "3"),
    ///     ("/payments@eu-1/workers", "20"),
    ///     ("/payments@web-1/retries", "5"),
    /// ]);
    /// let settings = Settings::options()
    ///     .placeholder("zone", "eu-1")
    ///     .layer("/payments@web-1")
    ///     .load_once(&store)?;
    /// assert_eq!((settings.workers, settings.retries), (20, 5));
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn layer(mut self, prefix: impl Into<String>) -> Self {
        self.layers.push(prefix.into());
        self
    }

    /// Fills a `{placeholder}` of the prefix and of the layers. `{instance}` is filled by [`instance`](Self::instance), too.
    /// Those that are not filled here are taken from the environment: from the variable of the same name, or of the name in
    /// capitals.
    ///
    /// A value is one name: it must not be empty, nor hold a slash, a brace or a control character. A name that neither the
    /// prefix nor a layer has is ignored; the error for a placeholder without a value shows it if the two are alike.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/{region}/payments")]
    /// struct Settings {
    ///     workers: u32,
    /// }
    ///
    /// let store = MemoryStore::from([("/eu/payments/workers", "12")]);
    /// let settings = Settings::options().placeholder("region", "eu").load_once(&store)?;
    /// assert_eq!(settings.workers, 12);
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn placeholder(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.placeholders.insert(name.into(), value.into());
        self
    }

    /// How long the first listing may take, with retries while no server answers. 10 s. Zero is refused.
    ///
    /// After it the call fails with an error of which [`Error::is_timeout`] is true, or starts from the
    /// [cache file](Self::cache_file). An error that waiting does not cure, such as a missing permission, is
    /// returned at once. The time that decoding takes is not counted. If there is no key below the prefix, a second of
    /// what is left of it may pass while the store is asked where else there are keys.
    pub fn startup_timeout(mut self, limit: Duration) -> Self {
        self.startup_timeout = limit;
        self
    }

    /// How often what is held is compared with the store, give or take a tenth; also done soon after each reconnect.
    /// `None` for never, not then either. 5 min. Zero is refused.
    ///
    /// It finds what a faulty server or proxy has not sent; [`Counters::repairs`](crate::Counters::repairs) says how
    /// often. Over v3 it reads what was written since the last audit, the newest keys from before that, and the number of
    /// keys; every seventh to twelfth time, and the first after an hour at the latest, the whole prefix, which finds what
    /// leaves no trace in the newest revisions, such as a restored backup whose newest keys are the same. With an
    /// interval of an hour or more, over v2, and for prefixes of less than about 1 KiB it always reads the whole prefix.
    /// Make it rarer where prefixes are large and many processes read them.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use etcd_config::EtcdConfig;
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let rarely = Settings::options().audit_interval(Duration::from_secs(3_600));
    /// let never = Settings::options().audit_interval(None);
    /// ```
    pub fn audit_interval(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.watcher.audit_interval = interval.into();
        self
    }

    /// A dead connection is noticed within twice this time: the store is asked for a sign of life one interval after the
    /// last one, or one and a half where it answers at once and 2.5 s are left for the answer. 5 s. Zero is refused.
    ///
    /// So [`Status::age`](crate::Status::age) is at most about one and a half times this while all is well: 7.5 s.
    pub fn progress_interval(mut self, interval: Duration) -> Self {
        self.watcher.progress_interval = interval;
        self
    }

    /// Makes one update of all changes that arrive within this time of the first one. Zero, the default,
    /// makes an update of each revision. Values are seen that much later.
    ///
    /// For writers that change several keys in several calls. Where they can use a transaction, there is no need:
    /// it is one revision, and one update. For a definite end of such an edit use a `commit_key`, which the
    /// [trait's page](crate::EtcdConfig) explains.
    pub fn debounce(mut self, window: Duration) -> Self {
        self.debounce = window;
        self
    }

    /// Keeps the last good state in this file, and starts from it when the store does not answer
    /// within the [`startup_timeout`](Self::startup_timeout). The store is asked again and again meanwhile;
    /// as soon as it answers, the differences come as a change.
    ///
    /// The file is written after the first read and after each change, at most about once a second;
    /// its folder must exist. It is replaced as a whole, and only its owner may read it. It holds the
    /// keys that fields read, but no `secret` ones, unless [`cache_secrets`](Self::cache_secrets) is
    /// on. It is not used when the store refuses access or holds values that do not decode, nor for
    /// another prefix; one that is damaged is reported in the log and replaced.
    ///
    /// Whoever can write the file can choose the configuration. So on Unix it is read only if it belongs
    /// to this process's user or to root, no other user may write it, and its name is no symbolic link;
    /// [`Error`] and log say which of these it is. (A Kubernetes `fsGroup` gives the group of a volume
    /// the right to write all files at each mount: use an `emptyDir`, or
    /// `fsGroupChangePolicy: OnRootMismatch`.)
    ///
    /// [`Status::source`](crate::Status::source) says that a snapshot came from it, and
    /// [`Status::age`](crate::Status::age) how old it is. A file that cannot be written is no error of a start: it is
    /// in the log and in [`Status::cache_file`](crate::Status::cache_file), and tried again every minute.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # use etcd_config::{EtcdConfig, Source};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let settings = Settings::options()
    ///     .cache_file("/var/lib/payments/settings.cache")
    ///     .startup_timeout(Duration::from_secs(3))
    ///     .watch("http://127.0.0.1:2379")?;
    /// if settings.status().source == Source::Cache {
    ///     eprintln!("etcd does not answer: started from the cache file");
    /// }
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn cache_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.cache_file = Some(path.into());
        self
    }

    /// Whether the cache file holds the values of `secret` fields, too, and of keys that no field
    /// reads. Off; a configuration with a required secret cannot start from its cache then, which the log and
    /// [`CacheFile::problem`](crate::CacheFile::problem) say. The file is not encrypted: only its owner may read it.
    /// Without [`cache_file`](Self::cache_file) this means nothing.
    pub fn cache_secrets(mut self, keep: bool) -> Self {
        self.cache_secrets = keep;
        self
    }

    /// Whether a start whose newest keys are not valid begins with what the running processes have in force: the
    /// newest state in etcd's own past that is. Off.
    ///
    /// A bad value is refused by all that run, and without this keeps every new process from starting. With it a new
    /// process comes up with the same values as the others; [`Status::refused_since`](crate::Status::refused_since)
    /// and [`last_rejection`](crate::Status::last_rejection) say from the beginning that the newest are refused, and as
    /// soon as the keys are corrected all follow.
    ///
    /// The past is there until etcd compacts it; over etcd's v2 API it is not. It is looked at for up to some thousand
    /// changes. Where it does not help, the [cache file](Self::cache_file) does, if there is one, and else the call
    /// fails with the problems of the newest keys. A value that this program refuses and older ones take is refused
    /// here, too, so let the deployment look at the status, or check first.
    ///
    /// ```
    /// # use etcd_config::{EtcdConfig, MemoryStore};
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let store = MemoryStore::from([("/payments/workers", "12")]);
    /// store.put("/payments/workers", "many");
    /// let settings = Settings::options().start_from_last_good(true).watch(&store)?;
    /// assert_eq!(settings.load().workers, 12);
    /// assert!(settings.status().refused_since.is_some());
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    pub fn start_from_last_good(mut self, wanted: bool) -> Self {
        self.last_good = wanted;
        self
    }

    /// How many steps a [`history`](Self::history) has at most, the newest ones. 1,000.
    pub fn history_limit(mut self, steps: usize) -> Self {
        self.history_limit = steps;
        self
    }

    fn prepare(self, store: impl IntoStore) -> Result<(Arc<dyn Store>, WatchPlan), Error> {
        let prefix = self.resolved_prefix()?;
        self.prepare_in(prefix, store)
    }

    fn prepare_in(self, prefix: Prefix, store: impl IntoStore) -> Result<(Arc<dyn Store>, WatchPlan), Error> {
        let instance = self.instance_plan(&prefix)?;
        let Self { startup_timeout, debounce, watcher, cache_file, cache_secrets, last_good, .. } = self;
        let cache = cache_file.map(|path| CacheLocation { path, secrets: cache_secrets });
        let plan = WatchPlan { prefix, startup_timeout, debounce, watcher, cache, last_good, instance };
        check(&plan)?;
        Ok((store.into_store()?, plan))
    }

    /// A template with its placeholders filled.
    fn filled(&self, template: &str, what: &str) -> Result<String, Error> {
        self.fillings().fill(template, what)
    }

    fn fillings(&self) -> Fillings<'_> {
        let Self { prefix, layers, placeholders, instance, .. } = self;
        let lowest = prefix.as_deref().or(T::LAYOUT.prefix);
        let layers = T::LAYOUT.layers.iter().copied().chain(layers.iter().map(String::as_str));
        Fillings {
            placeholders,
            instance: instance.as_deref(),
            templates: lowest.into_iter().chain(layers).collect(),
        }
    }

    /// The prefix with its layers.
    fn resolved_prefix(&self) -> Result<Prefix, Error> {
        let (given, fields) = (self.prefix.as_deref(), Fields::of::<T>());
        resolve_prefix(given, &self.layers, &self.fillings(), fields, |_| true)
    }

    /// The same for what is the same for all instances: layers whose placeholders have no value here are left out.
    fn common_prefix(&self) -> Result<Prefix, Error> {
        let (given, fields, fillings) = (self.prefix.as_deref(), Fields::of::<T>(), self.fillings());
        resolve_prefix(given, &self.layers, &fillings, fields, |layer| fillings.fills(layer))
    }
}

/// Refuses intervals and limits with which nothing could work.
fn check(plan: &WatchPlan) -> Result<(), Error> {
    let intervals = [
        ("progress_interval", Some(plan.watcher.progress_interval)),
        ("audit_interval", plan.watcher.audit_interval),
    ];
    if let Some((name, _)) = intervals.into_iter().find(|(_, interval)| *interval == Some(Duration::ZERO)) {
        return Err(Error::option(format!("{name} is zero: the store would be asked without a pause")));
    }
    if plan.startup_timeout.is_zero() {
        return Err(Error::option("startup_timeout is zero: no store could answer in time"));
    }
    Ok(())
}

impl<T> Clone for Options<T> {
    fn clone(&self) -> Self {
        let Self {
            prefix,
            layers,
            in_layer,
            placeholders,
            startup_timeout,
            debounce,
            watcher,
            cache_file,
            cache_secrets,
            last_good,
            history_limit,
            instance,
            instance_version,
            instance_lease,
            instance_spread,
            config,
        } = self;
        Self {
            prefix: prefix.clone(),
            layers: layers.clone(),
            in_layer: in_layer.clone(),
            placeholders: placeholders.clone(),
            startup_timeout: *startup_timeout,
            debounce: *debounce,
            watcher: watcher.clone(),
            cache_file: cache_file.clone(),
            cache_secrets: *cache_secrets,
            last_good: *last_good,
            history_limit: *history_limit,
            instance: instance.clone(),
            instance_version: instance_version.clone(),
            instance_lease: *instance_lease,
            instance_spread: *instance_spread,
            config: *config,
        }
    }
}

impl<T> fmt::Debug for Options<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("prefix", &self.prefix)
            .field("layers", &self.layers)
            .field("in_layer", &self.in_layer)
            .field("placeholders", &self.placeholders)
            .field("startup_timeout", &self.startup_timeout)
            .field("debounce", &self.debounce)
            .field("watcher", &self.watcher)
            .field("cache_file", &self.cache_file)
            .field("cache_secrets", &self.cache_secrets)
            .field("start_from_last_good", &self.last_good)
            .field("history_limit", &self.history_limit)
            .field("instance", &self.instance)
            .field("instance_version", &self.instance_version)
            .field("instance_lease", &self.instance_lease)
            .field("instance_spread", &self.instance_spread)
            .finish_non_exhaustive()
    }
}
