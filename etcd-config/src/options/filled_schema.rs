//! The schema with the keys that these options make of it.

use super::Options;
use crate::decode::{Derived, survey};
use crate::error::Error;
use crate::schema::Schema;

impl<T: Derived> Options<T> {
    /// The fields as [`EtcdConfig::schema`](crate::EtcdConfig::schema) has them, with the keys that are read with these
    /// options: the prefix that was given, and its placeholders filled. A layer whose placeholder has no value is left out. Reads nothing from the
    /// store.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// #[derive(EtcdConfig)]
    /// #[etcd(prefix = "/{region}/payments")]
    /// struct Settings {
    ///     workers: u32,
    /// }
    ///
    /// let schema = Settings::options().placeholder("region", "eu").schema()?;
    /// assert_eq!(schema.fields()[0].key(), "/eu/payments/workers");
    /// # Ok::<(), etcd_config::Error>(())
    /// ```
    ///
    /// # Errors
    /// There is no prefix, or a placeholder of it without a value.
    pub fn schema(self) -> Result<Schema, Error> {
        let prefix = self.common_prefix()?;
        Ok(Schema::new(survey::<T>(), &prefix))
    }
}
