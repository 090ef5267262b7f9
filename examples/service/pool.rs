//! Connections to a database, as a crate for that would have them. Nothing is connected here.

use tokio::sync::Semaphore;

use crate::settings::Database;

pub(crate) struct Pool(u32, Semaphore);

impl Pool {
    /// A real one would log in here, with `database.password.expose()`.
    #[allow(clippy::unused_async, reason = "a real one waits here")]
    pub(crate) async fn connect(database: Database) -> Result<Self, String> {
        match database.url.strip_prefix("postgres://") {
            None => Err("the url does not begin with postgres://".to_owned()),
            Some(host) if host.starts_with("nowhere") => Err(format!("{host}: connection refused")),
            Some(_) => Ok(Self(database.pool_size, Semaphore::new(database.pool_size as usize))),
        }
    }

    /// Waits for a connection that is free, and writes something down.
    pub(crate) async fn book(&self, what: &str) -> String {
        let _connection = self.1.acquire().await;
        format!("{what} booked over one of {} connections\n", self.0)
    }
}
