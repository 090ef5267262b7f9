#![doc = include_str!("http/guide.md")]

mod answer;
mod board;
mod body;
mod fields;
mod html;
mod metrics_text;
mod page;
mod parts;
mod probe;
mod record;
mod renderer;
mod route;
mod whole_page;

pub use self::answer::Answer;
pub use self::body::Body;
pub use self::page::Page;
pub use self::probe::Probe;
use crate::live::Live;

/// The page of a configuration, its probes and its metrics, with the defaults of [`Page`].
///
/// It keeps nothing alive: keep the [`Live`] for as long as the service runs, as its page says that the configuration is
/// no longer followed when its last handle is gone.
///
/// ```
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
/// let page = etcd_config::http::service(&settings);
/// // axum::Router::new().nest_service("/config", page)
/// # Ok::<(), etcd_config::Error>(())
/// ```
pub fn service<T: Send + Sync + 'static>(settings: &Live<T>) -> Page {
    Page::of(settings)
}
