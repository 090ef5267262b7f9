//! The configurations that a program has: one, or several.

use super::subject::{Subject, Typed};
use crate::decode::Derived;

/// What a command line is for: a struct that derives [`EtcdConfig`](crate::EtcdConfig), or several of them in a tuple.
///
/// ```no_run
/// use std::process::ExitCode;
/// use etcd_config::{EtcdConfig, cli};
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(default = 10)]
///     workers: u32,
/// }
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/limits")]
/// struct Limits {
///     #[etcd(default = 100)]
///     per_second: u32,
/// }
///
/// fn main() -> ExitCode {
///     cli::main::<(Settings, Limits)>() // settings check; settings --config Limits show; settings set per_second=200
/// }
/// ```
pub trait Configurations {
    #[doc(hidden)]
    fn subjects() -> Subjects;
}

/// All of them.
pub struct Subjects(pub(super) Vec<Box<dyn Subject>>);

impl<T: Derived> Configurations for T {
    fn subjects() -> Subjects {
        Subjects(vec![Box::new(Typed::<T>::new())])
    }
}

macro_rules! several {
    ($($name:ident)+) => {
        impl<$($name: Configurations),+> Configurations for ($($name,)+) {
            fn subjects() -> Subjects {
                let mut all = Vec::new();
                $(all.extend($name::subjects().0);)+
                Subjects(all)
            }
        }
    };
}

several!(A);
several!(A B);
several!(A B C);
several!(A B C D);
several!(A B C D E);
several!(A B C D E F);
several!(A B C D E F G);
several!(A B C D E F G H);
