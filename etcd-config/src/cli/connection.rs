//! The store that the command line names: by etcdctl's flags, and by its variables where there is no flag.

use std::sync::Arc;
use std::time::Duration;

use etcd_client_core::{Error, Store, v3};

use super::exit::Failure;

/// Where etcd is, as etcdctl's flags say it.
#[derive(clap::Args, Clone, Default)]
#[command(next_help_heading = "Connection (flags and variables of etcdctl)")]
pub(super) struct Connection {
    /// The servers, with commas between [$ETCDCTL_ENDPOINTS; else 127.0.0.1:2379]
    #[arg(long, global = true, value_name = "ADDRESSES")]
    pub(super) endpoints: Option<String>,
    /// The user, with or without the password [$ETCDCTL_USER]
    #[arg(long, global = true, value_name = "NAME[:PASSWORD]", hide_short_help = true)]
    user: Option<String>,
    /// The password; better in $ETCDCTL_PASSWORD, which the list of processes does not show
    #[arg(long, global = true, value_name = "PASSWORD", hide_short_help = true)]
    password: Option<String>,
    /// The file with the certificates of the authority to trust [$ETCDCTL_CACERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    cacert: Option<String>,
    /// The file with the certificate to show [$ETCDCTL_CERT]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    cert: Option<String>,
    /// The file with the key of that certificate [$ETCDCTL_KEY]
    #[arg(long, global = true, value_name = "FILE", hide_short_help = true)]
    key: Option<String>,
    /// With `=false`, endpoints without a scheme are https [$ETCDCTL_INSECURE_TRANSPORT]
    #[arg(
        long,
        global = true,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_short_help = true
    )]
    insecure_transport: Option<String>,
    /// How long connecting may take, such as 2s [$ETCDCTL_DIAL_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    dial_timeout: Option<String>,
    /// How long an answer may take to begin, such as 5s [$ETCDCTL_COMMAND_TIMEOUT]
    #[arg(long, global = true, value_name = "TIME", hide_short_help = true)]
    command_timeout: Option<String>,
    /// How long etcd may be unreachable before the command gives up, such as 10s
    #[arg(long, global = true, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration, hide_short_help = true)]
    pub(super) startup_timeout: Duration,
    /// Use etcd's older API, as node-etcd does
    #[arg(long, global = true, hide_short_help = true)]
    v2: bool,
}

impl Connection {
    /// Whether the command line or its environment names servers.
    pub(super) fn names_servers(&self) -> bool {
        self.endpoints.is_some() || variable("ETCDCTL_ENDPOINTS").is_some()
    }

    /// Whether the older API is asked for.
    pub(super) fn is_v2(&self) -> bool {
        self.v2
    }

    /// The store; nothing is sent yet.
    pub(super) fn store(&self) -> Result<Arc<dyn Store>, Failure> {
        let read = |name: &str| match self.flag(name) {
            Some(value) => Ok(Some(value.to_owned())),
            None => Ok(variable(name)),
        };
        #[cfg(feature = "v2")]
        let store = if self.v2 { over_v2(read) } else { over_v3(read) };
        #[cfg(not(feature = "v2"))]
        let store = {
            if self.v2 {
                let what = "--v2 needs the feature `v2` of etcd-config, which is off in this build";
                return Err(Failure::usage(what));
            }
            over_v3(read)
        };
        store.map_err(|error| Failure::usage(self.in_flags(error.to_string())))
    }

    /// The flag that is given in place of a variable.
    fn flag(&self, variable: &str) -> Option<&str> {
        self.flags().find(|(name, ..)| *name == variable).map(|(_, _, value)| value)
    }

    fn flags(&self) -> impl Iterator<Item = (&'static str, &'static str, &str)> {
        let flags = [
            ("ETCDCTL_ENDPOINTS", "--endpoints", &self.endpoints),
            ("ETCDCTL_USER", "--user", &self.user),
            ("ETCDCTL_PASSWORD", "--password", &self.password),
            ("ETCDCTL_CACERT", "--cacert", &self.cacert),
            ("ETCDCTL_CERT", "--cert", &self.cert),
            ("ETCDCTL_KEY", "--key", &self.key),
            ("ETCDCTL_INSECURE_TRANSPORT", "--insecure-transport", &self.insecure_transport),
            ("ETCDCTL_DIAL_TIMEOUT", "--dial-timeout", &self.dial_timeout),
            ("ETCDCTL_COMMAND_TIMEOUT", "--command-timeout", &self.command_timeout),
        ];
        flags.into_iter().filter_map(|(name, flag, value)| Some((name, flag, value.as_deref()?)))
    }

    /// An error names what a person has written.
    fn in_flags(&self, message: String) -> String {
        self.flags().fold(message, |message, (variable, flag, _)| message.replace(variable, flag))
    }
}

/// A variable of the environment; an empty one counts as unset, and one that is not UTF-8 is no value of etcdctl's.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn over_v3(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(v3::ClientBuilder::from_variables(read)?.build()?))
}

#[cfg(feature = "v2")]
fn over_v2(read: impl Fn(&str) -> Result<Option<String>, Error>) -> Result<Arc<dyn Store>, Error> {
    Ok(Arc::new(etcd_client_core::v2::ClientBuilder::from_variables(read)?.build()?))
}
