//! What can be watched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

#[cfg(feature = "v2")]
use etcd_client_core::v2;
use etcd_client_core::{Error, MemoryStore, Store, v3};

use crate::runtime::process::PerProcess;

/// The clients that were made of endpoints alone, as long as they are in use.
type ByEndpoints = HashMap<Vec<String>, Weak<dyn Store>>;

static CLIENTS: PerProcess<Mutex<ByEndpoints>> = PerProcess::new();

/// What a configuration can be read from: an endpoint such as `http://127.0.0.1:2379`, several of
/// them in a list or with commas between, a client, a store.
///
/// Endpoints alone mean etcd's v3 API, without user or TLS options. For these, make a
/// [`client`](crate::client), or have one made of etcdctl's environment variables by its
/// [`from_env`](crate::client::v3::Client::from_env):
///
/// ```no_run
/// use etcd_config::EtcdConfig;
/// use etcd_config::client::{Tls, v3::Client};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// let client = Client::builder()
///     .endpoints(["https://10.0.0.1:2379", "https://10.0.0.2:2379"])
///     .tls(Tls::new().ca_file("ca.pem")?)
///     .user("payments", "the password")
///     .build()?;
/// let settings = Settings::watch(&client)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// For tests give it a [`MemoryStore`], by reference to keep it; for a store of one's own, which implements
/// [`Store`](crate::client::Store), an `Arc` of it. A client that is given by reference, or is cloned, may be used for
/// other calls as well, and one client may serve several configurations.
///
/// All configurations over one client, or over the same endpoints written in the same way, share its connections and one
/// watch stream on each runtime, so that a further one costs etcd a few kilobytes. They are closed with the last of them.
pub trait IntoStore {
    /// The store. Nothing is sent yet.
    ///
    /// # Errors
    /// An endpoint that cannot be one, or none at all ([`Kind::InvalidInput`](crate::client::Kind::InvalidInput)).
    fn into_store(self) -> Result<Arc<dyn Store>, Error>;
}

impl IntoStore for Arc<dyn Store> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(self)
    }
}

impl IntoStore for &Arc<dyn Store> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::clone(self))
    }
}

/// A store of one's own, or a client that others share.
impl<S: Store> IntoStore for Arc<S> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(self)
    }
}

impl<S: Store> IntoStore for &Arc<S> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::clone(self) as Arc<dyn Store>)
    }
}

impl IntoStore for MemoryStore {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self))
    }
}

impl IntoStore for &MemoryStore {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
impl IntoStore for v2::Client {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self))
    }
}

#[cfg(feature = "v2")]
#[cfg_attr(docsrs, doc(cfg(feature = "v2")))]
impl IntoStore for &v2::Client {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

impl IntoStore for v3::Client {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self))
    }
}

impl IntoStore for &v3::Client {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        Ok(Arc::new(self.clone()))
    }
}

impl IntoStore for &str {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        endpoints(self.split(','))
    }
}

impl IntoStore for String {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        self.as_str().into_store()
    }
}

impl IntoStore for &String {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        self.as_str().into_store()
    }
}

impl<S: AsRef<str>> IntoStore for Vec<S> {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        self.as_slice().into_store()
    }
}

impl<S: AsRef<str>, const N: usize> IntoStore for [S; N] {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        self.as_slice().into_store()
    }
}

impl<S: AsRef<str>, const N: usize> IntoStore for &[S; N] {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        self.as_slice().into_store()
    }
}

impl<S: AsRef<str>> IntoStore for &[S] {
    fn into_store(self) -> Result<Arc<dyn Store>, Error> {
        endpoints(self.iter().map(AsRef::as_ref))
    }
}

/// A client that all share who name the same endpoints: there are no options in which theirs could differ.
fn endpoints<'e>(endpoints: impl Iterator<Item = &'e str>) -> Result<Arc<dyn Store>, Error> {
    let endpoints: Vec<String> = endpoints.map(|endpoint| endpoint.trim().to_owned()).collect();
    CLIENTS.with(|clients| {
        let mut clients = clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = clients.get(&endpoints).and_then(Weak::upgrade) {
            return Ok(client);
        }
        let client: Arc<dyn Store> = Arc::new(v3::Client::new(&endpoints)?);
        clients.retain(|_, client| client.strong_count() > 0);
        clients.insert(endpoints, Arc::downgrade(&client));
        Ok(client)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(store: impl IntoStore) -> String {
        store.into_store().unwrap_err().to_string()
    }

    #[test]
    fn endpoints_come_in_every_form_that_people_write() {
        assert!("http://127.0.0.1:2379".into_store().is_ok());
        assert!("127.0.0.1:2379, 127.0.0.1:2380".into_store().is_ok());
        assert!(String::from("localhost").into_store().is_ok());
        assert!(["http://a:1", "http://b:2"].into_store().is_ok());
        assert!(vec![String::from("http://a:1")].into_store().is_ok());
        assert!([String::from("http://a:1")].as_slice().into_store().is_ok());
        let shared = Arc::new(MemoryStore::new());
        assert!((&shared).into_store().is_ok() && shared.into_store().is_ok());
    }

    #[test]
    fn who_names_the_same_endpoints_shares_a_client_while_it_is_used() {
        let client = "http://shared:1, http://shared:2".into_store().unwrap();
        assert!(Arc::ptr_eq(&client, &["http://shared:1", "http://shared:2"].into_store().unwrap()));
        assert!(!Arc::ptr_eq(&client, &"http://shared:1".into_store().unwrap()));
        let watched = Arc::downgrade(&client);
        drop(client);
        assert!(watched.upgrade().is_none(), "it is not kept for its own sake");
        "http://shared:1, http://shared:2".into_store().unwrap();
    }

    #[test]
    fn what_cannot_be_an_endpoint_is_refused_before_anything_is_sent() {
        assert!(refused("ftp://a:1").contains("ftp"), "{}", refused("ftp://a:1"));
        assert!(refused("http://a:99999").contains("99999"));
        refused("");
        refused(Vec::<String>::new());
    }
}
