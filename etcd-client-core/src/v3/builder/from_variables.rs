//! A client of etcdctl's environment variables.

use crate::Error;
use crate::transport::environment::{self, Given};
use crate::v3::builder::ClientBuilder;

impl ClientBuilder {
    /// The options that etcdctl's environment variables say, from wherever they are read: as
    /// [`Client::from_env`](super::Client::from_env) does it, but of what `read` answers to the name of a variable. For a
    /// command line whose flags come before the variables.
    ///
    /// ```
    /// use etcd_client_core::v3::ClientBuilder;
    ///
    /// let flag = |name: &str| (name == "ETCDCTL_ENDPOINTS").then(|| "10.0.0.1:2379".to_owned());
    /// let client = ClientBuilder::from_variables(|name| Ok(flag(name)))?.max_retries(1).build()?;
    /// # Ok::<(), etcd_client_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// A variable holds what cannot be right, or asks for what this client does not do; and what `read` answers.
    pub fn from_variables(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Self, Error> {
        if read("ETCDCTL_API")?.is_some_and(|version| version != "3") {
            return Err(Error::invalid_input("ETCDCTL_API is not 3: for the older API there is v2::Client"));
        }
        let builder = Self::new();
        let Given { settings, user } = environment::read(builder.settings, read)?;
        let builder = Self { settings, ..Self::new() };
        Ok(match user {
            Some((user, password)) => builder.user(user, password),
            None => builder,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> Result<ClientBuilder, Error> {
        ClientBuilder::from_variables(|name| {
            Ok(variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned()))
        })
    }

    #[test]
    fn etcdctls_variables_are_read() {
        let builder = from(&[
            ("ETCDCTL_ENDPOINTS", "http://a:1, b:2,"),
            ("ETCDCTL_USER", "root:pass:word"),
            ("ETCDCTL_DIAL_TIMEOUT", "1m1.5s"),
            ("ETCDCTL_COMMAND_TIMEOUT", "500ms"),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "false"),
        ]);
        let shown = format!("{:?}", builder.unwrap());
        for part in ["\"http://a:1\", \" b:2\"", "\"root\"", "61.5s", "500ms"] {
            assert!(shown.contains(part), "{part} in {shown}");
        }
        assert!(!shown.contains("pass:word"));
        assert!(format!("{:?}", from(&[]).unwrap()).contains("127.0.0.1:2379"));
    }

    #[test]
    fn a_transport_that_is_not_insecure_is_tls() {
        let builder = from(&[("ETCDCTL_INSECURE_TRANSPORT", "false"), ("ETCDCTL_USER", "root:x")]).unwrap();
        let client = builder.build().unwrap();
        assert!(format!("{client:?}").contains("https://127.0.0.1:2379"), "{client:?}");
        let plain = [("ETCDCTL_INSECURE_TRANSPORT", "false"), ("ETCDCTL_ENDPOINTS", "http://a:1")];
        let error = from(&plain).unwrap_err().to_string();
        assert!(error.starts_with("ETCDCTL_INSECURE_TRANSPORT is false, but http://a:1 in "), "{error}");
        let client = from(&[("ETCDCTL_INSECURE_TRANSPORT", "true")]).unwrap().build().unwrap();
        assert!(format!("{client:?}").contains("http://127.0.0.1:2379"), "{client:?}");
    }

    /// What becomes of a variable.
    enum Fate {
        /// It shows in the builder.
        Obeyed(&'static str),
        Refused,
        /// It says how etcdctl prints, or nothing by itself.
        Nothing,
    }

    /// The global flags of etcdctl 3.4 to 3.7, each of which is a variable, too.
    #[test]
    fn every_variable_of_etcdctl_is_obeyed_or_refused_by_name() {
        use Fate::{Nothing, Obeyed, Refused};
        for (name, value, fate) in [
            ("ETCDCTL_API", "3", Nothing),
            ("ETCDCTL_API", "2", Refused),
            ("ETCDCTL_AUTH_JWT_TOKEN", "hunter2", Refused),
            ("ETCDCTL_CACERT", "no/such/file", Refused),
            ("ETCDCTL_CERT", "no/such/file", Refused),
            ("ETCDCTL_COMMAND_TIMEOUT", "7s", Obeyed("timeout: 7s")),
            ("ETCDCTL_DEBUG", "true", Nothing),
            ("ETCDCTL_DIAL_TIMEOUT", "7s", Obeyed("connect_timeout: 7s")),
            ("ETCDCTL_DISCOVERY_SRV", "example.com", Refused),
            ("ETCDCTL_DISCOVERY_SRV_NAME", "name", Nothing),
            ("ETCDCTL_ENDPOINTS", "a:1", Obeyed("\"a:1\"")),
            ("ETCDCTL_HEX", "true", Nothing),
            ("ETCDCTL_INSECURE_DISCOVERY", "false", Nothing),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true", Refused),
            ("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "yes", Refused),
            ("ETCDCTL_INSECURE_TRANSPORT", "false", Obeyed("tls: Some")),
            ("ETCDCTL_INSECURE_TRANSPORT", "no", Refused),
            ("ETCDCTL_KEEPALIVE_TIME", "7s", Refused),
            ("ETCDCTL_KEEPALIVE_TIMEOUT", "7s", Refused),
            ("ETCDCTL_KEY", "no/such/file", Refused),
            ("ETCDCTL_MAX_RECV_BYTES", "77", Obeyed("receive_limit: 77")),
            ("ETCDCTL_MAX_RECV_BYTES", "0", Nothing),
            ("ETCDCTL_MAX_RECV_BYTES", "-1", Refused),
            ("ETCDCTL_MAX_REQUEST_BYTES", "77", Nothing),
            ("ETCDCTL_PASSWORD", "hunter2", Refused),
            ("ETCDCTL_USER", "root:hunter2", Obeyed("\"root\"")),
            ("ETCDCTL_WRITE_OUT", "json", Nothing),
        ] {
            let unset = format!("{:?}", from(&[]).unwrap());
            let shown = from(&[(name, value)]).map(|builder| format!("{builder:?}"));
            match (shown, fate) {
                (Ok(shown), Obeyed(part)) => {
                    assert!(shown.contains(part) && !unset.contains(part), "{name}: {shown}");
                    assert!(!shown.contains("hunter2"), "{name}: {shown}");
                }
                (Ok(shown), Nothing) => assert_eq!(shown, unset, "{name}"),
                (Err(error), Refused) => {
                    let message = error.to_string();
                    assert!(message.contains(name) || message.contains(value), "{name}: {message}");
                    assert!(!message.contains("hunter2"), "{name}: {message}");
                }
                (Ok(shown), Refused) => panic!("{name} is not refused: {shown}"),
                (Err(error), _) => panic!("{name} is refused: {error}"),
            }
        }
    }

    #[test]
    fn a_duration_is_read_as_go_reads_it() {
        for (text, expected) in [
            ("5s", "5s"),
            ("+5s", "5s"),
            (".5s", "500ms"),
            ("5.s", "5s"),
            ("1h1m1s", "3661s"),
            ("500000us", "500ms"),
            ("500000µs", "500ms"),
            ("500000μs", "500ms"),
            ("2000000000ns", "2s"),
        ] {
            let builder = from(&[("ETCDCTL_DIAL_TIMEOUT", text)]);
            let shown = format!("{:?}", builder.unwrap_or_else(|error| panic!("{text}: {error}")));
            assert!(shown.contains(&format!("connect_timeout: {expected}")), "{text}: {shown}");
        }
        for text in ["5", "0", "0s", "-5s", "++5s", "5 s", "1d", "s", ".s", "1e3s", "5s ms", "infs", "NaNs"] {
            let error = from(&[("ETCDCTL_DIAL_TIMEOUT", text)]).expect_err(text).to_string();
            assert!(error.starts_with("ETCDCTL_DIAL_TIMEOUT="), "{text}: {error}");
        }
    }

    /// etcdctl speaks to such an endpoint in the clear.
    #[test]
    fn certificates_beside_an_endpoint_without_tls_are_refused_by_name() {
        let folder = std::env::temp_dir().join(format!("etcd-client-core-ca-env-{}", std::process::id()));
        std::fs::write(&folder, include_str!("../../../testdata/certificate.pem")).unwrap();
        let authority = folder.to_str().unwrap();
        let with = |endpoints| from(&[("ETCDCTL_CACERT", authority), ("ETCDCTL_ENDPOINTS", endpoints)]);
        let error = with("https://a:1,http://b:1").unwrap_err().to_string();
        assert!(with("a:1,https://b:1").is_ok());
        std::fs::remove_file(&folder).unwrap();
        assert!(
            error.contains("ETCDCTL_CACERT") && error.contains("http://b:1 in ETCDCTL_ENDPOINTS"),
            "{error}"
        );
    }

    #[test]
    fn variables_that_cannot_be_right_are_refused_by_name() {
        for (variables, name) in [
            (vec![("ETCDCTL_INSECURE_SKIP_TLS_VERIFY", "true")], "ETCDCTL_CACERT"),
            (vec![("ETCDCTL_USER", "root")], "ETCDCTL_PASSWORD"),
            (vec![("ETCDCTL_PASSWORD", "x")], "ETCDCTL_USER"),
            (vec![("ETCDCTL_CERT", "x")], "ETCDCTL_KEY"),
            (vec![("ETCDCTL_CACERT", "no/such/file")], "ETCDCTL_CACERT: no/such/file"),
            (vec![("ETCDCTL_CERT", "no/cert"), ("ETCDCTL_KEY", "no/key")], "ETCDCTL_CERT, ETCDCTL_KEY: no/"),
            (vec![("ETCDCTL_ENDPOINTS", "http://a:port")], "ETCDCTL_ENDPOINTS: "),
            (vec![("ETCDCTL_ENDPOINTS", "a:1;b:hunter2")], "several endpoints have commas between them"),
            (vec![("ETCDCTL_ENDPOINTS", "root:hunter2@a:1")], "ETCDCTL_ENDPOINTS: "),
            (vec![("ETCDCTL_DIAL_TIMEOUT", "5")], "ETCDCTL_DIAL_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "0s")], "ETCDCTL_COMMAND_TIMEOUT"),
            (vec![("ETCDCTL_COMMAND_TIMEOUT", "1e9h")], "ETCDCTL_COMMAND_TIMEOUT"),
        ] {
            let error = from(&variables).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
}
