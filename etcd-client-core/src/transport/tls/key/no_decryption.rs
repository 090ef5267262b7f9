//! What stands for keys that are encrypted where the feature `encrypted-keys` is off: the way to it.

use rustls::pki_types::PrivateKeyDer;

use crate::Error;
use crate::transport::tls::source::{PemSource, Section};

/// What to do about a key in OpenSSL's old form: converted, it would still be encrypted.
pub(super) const OLD_FORM: &str = "which is not read: decrypt it: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW; or convert it \
                                   (-v2 aes-256-cbc instead of -nocrypt), and turn on the feature `encrypted-keys` of \
                                   etcd-config or etcd-client-core";

/// Refuses an encrypted key, with or without its passphrase.
pub(super) fn decrypt(
    source: &PemSource,
    _: &Section<'_>,
    _: Option<&str>,
) -> Result<PrivateKeyDer<'static>, Error> {
    Err(Error::invalid_input(format!(
        "the key in {source} is encrypted, which needs the feature `encrypted-keys` of etcd-config or \
         etcd-client-core: turn it on, or decrypt the key: openssl pkcs8 -topk8 -nocrypt -in OLD -out NEW"
    )))
}
