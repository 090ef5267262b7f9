//! The derive works wherever it is put, and the user's lints have nothing to say about it.

use etcd_config::EtcdConfig as _;

use crate::keys::Keys;

/// Without the prelude nothing but absolute paths can be meant.
mod without_a_prelude {
    #![no_implicit_prelude]

    use ::std::collections::HashMap;
    use ::std::string::String;

    #[derive(::etcd_config::EtcdConfig, Debug, PartialEq)]
    #[etcd(prefix = "/app", validate = check)]
    pub(crate) struct Settings {
        #[etcd(default = 1, validate = small, env = "SIZE")]
        pub(crate) size: u32,
        #[etcd(validate = small)]
        pub(crate) limit: ::std::option::Option<u32>,
        #[etcd(decode_with = parse, default = 3)]
        pub(crate) wide: u64,
        #[etcd(map)]
        pub(crate) features: HashMap<String, bool>,
        #[etcd(nested)]
        pub(crate) inner: ::std::option::Option<Inner>,
        #[etcd(skip)]
        pub(crate) cache: ::std::vec::Vec<u8>,
    }

    #[derive(::etcd_config::EtcdConfig, Debug, PartialEq)]
    pub(crate) struct Inner {
        #[etcd(default)]
        pub(crate) name: String,
    }

    fn parse(text: &str) -> ::std::result::Result<u64, ::std::num::ParseIntError> {
        ::std::str::FromStr::from_str(text)
    }

    fn check(settings: &Settings) -> ::std::result::Result<(), &'static str> {
        if settings.size < 100 { ::std::result::Result::Ok(()) } else { ::std::result::Result::Err("big") }
    }

    fn small(size: &u32) -> ::std::result::Result<(), &'static str> {
        if *size < 100 { ::std::result::Result::Ok(()) } else { ::std::result::Result::Err("big") }
    }
}

/// The crate under another name, and another crate under its own.
mod renamed {
    pub(crate) use ::etcd_config as settings;

    mod etcd_config {}

    #[derive(settings::EtcdConfig, Debug, PartialEq)]
    #[etcd(crate = "crate::hygiene::renamed::settings")]
    pub(crate) struct Settings {
        #[etcd(default = 1)]
        pub(crate) size: u32,
        #[etcd(nested)]
        pub(crate) inner: Inner,
    }

    #[derive(settings::EtcdConfig, Debug, PartialEq)]
    #[etcd(crate = crate::hygiene::renamed::settings)]
    pub(crate) struct Inner {
        pub(crate) name: String,
    }
}

/// Fields with the names of what the generated code names, and other names that could be met.
mod names {
    use etcd_config::EtcdConfig;

    #[derive(EtcdConfig, Debug, PartialEq)]
    #[etcd(rename_all = "kebab-case")]
    #[expect(non_snake_case, reason = "names that types and variants have")]
    pub(crate) struct Settings {
        #[etcd(validate = fine)]
        pub(crate) at: u32,
        pub(crate) held: u32,
        pub(crate) before: u32,
        pub(crate) value: Option<u32>,
        pub(crate) text: String,
        #[etcd(default = "x", validate = fine)]
        pub(crate) field_0: String,
        pub(crate) r#type: String,
        pub(crate) r#match: bool,
        pub(crate) some_field: u8,
        #[etcd(default = 1)]
        pub(crate) Some: u8,
        #[etcd(default = 2)]
        pub(crate) None: u8,
        #[etcd(default = 3)]
        pub(crate) LAYOUT: u8,
        #[etcd(default = 4)]
        pub(crate) Self_: u8,
    }

    fn fine<T: std::fmt::Debug>(value: &T) -> Result<(), String> {
        if format!("{value:?}").len() < 100 { Ok(()) } else { Err("too long".to_owned()) }
    }
}

/// A struct that a macro writes, from types and literals that it was given.
mod from_a_macro {
    macro_rules! settings {
        ($name:ident { $($field:ident: $ty:ty = $default:literal),* $(; $limit:ident: $optional:ty)? }) => {
            #[derive(etcd_config::EtcdConfig, Debug, PartialEq)]
            pub(crate) struct $name {
                $(#[etcd(default = $default)] pub(crate) $field: $ty,)*
                $(pub(crate) $limit: $optional,)?
                #[etcd(default = 7)]
                pub(crate) own: u8,
            }
        };
    }

    settings!(Settings { size: u32 = 5, offset: i32 = -5, name: String = "n"; limit: Option<u32> });
}

/// Lints at their strictest, over all that the derive can write.
#[deny(warnings, unused_qualifications, clippy::all, clippy::pedantic)]
pub(crate) mod under_strict_lints {
    use std::collections::{BTreeMap, HashMap};
    use std::sync::Arc;
    use std::time::Duration;

    use etcd_config::EtcdConfig;

    /// All kinds of fields.
    #[derive(EtcdConfig, Debug, PartialEq)]
    #[etcd(prefix = "/{stage}/app", deny_unknown_keys, validate = Settings::check, commit_key = "version")]
    pub(crate) struct Settings {
        /// A size.
        #[etcd(default = 1, validate = small, env = "SIZE", restart, alias = "old_size")]
        pub(crate) size: u32,
        #[etcd(with = humantime_serde)]
        pub(crate) timeout: Option<Duration>,
        #[etcd(decode_with = parse, default_fn = wide, deprecated = "use size")]
        #[deprecated]
        pub(crate) wide: u64,
        #[etcd(map, with = humantime_serde)]
        pub(crate) times: HashMap<String, Duration>,
        #[etcd(nested)]
        pub(crate) inner: Option<Arc<Inner>>,
        #[etcd(nested)]
        pub(crate) all: BTreeMap<String, Box<Inner>>,
        #[etcd(flatten)]
        pub(crate) flat: Inner,
        #[etcd(skip)]
        pub(crate) cache: Vec<u8>,
    }

    /// One field.
    #[derive(EtcdConfig, Debug, PartialEq, Eq)]
    pub(crate) struct Inner {
        #[etcd(default, secret)]
        pub(crate) name: String,
    }

    /// Nothing at all.
    #[derive(EtcdConfig, Debug, PartialEq, Eq)]
    pub(crate) struct Empty {}

    macro_rules! many {
        ($($field:ident)*) => {
            /// More fields than one function reads.
            #[derive(EtcdConfig, Debug, PartialEq, Eq, Default)]
            pub(crate) struct Many {
                $(#[etcd(default = 0)] pub(crate) $field: u8,)*
            }
        };
    }

    many!(a b c d e f g h i j k l m n o p q r s t);

    /// Nothing that is read.
    #[derive(EtcdConfig, Debug, PartialEq, Eq)]
    pub(crate) struct Skipped {
        #[etcd(skip)]
        pub(crate) cache: Vec<u8>,
    }

    impl Settings {
        const fn check(&self) -> Result<(), &'static str> {
            if self.size < 100 { Ok(()) } else { Err("big") }
        }
    }

    fn parse(text: &str) -> Result<u64, std::num::ParseIntError> {
        text.parse()
    }

    const fn wide() -> u64 {
        1
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "a check takes what it checks by reference")]
    const fn small(size: &u32) -> Result<(), &'static str> {
        if *size < 100 { Ok(()) } else { Err("big") }
    }
}

#[test]
fn without_a_prelude_it_reads() {
    let pairs = [("/app/limit", "7"), ("/app/features/a", "true"), ("/app/inner/name", "n")];
    let keys = Keys::of::<without_a_prelude::Settings>("/app", &pairs);
    let settings = keys.decode::<without_a_prelude::Settings>().unwrap();
    assert_eq!((settings.size, settings.limit, settings.wide), (1, Some(7), 3));
    assert_eq!(settings.inner.map(|inner| inner.name).as_deref(), Some("n"));
}

#[test]
fn under_another_name_it_reads() {
    let keys = Keys::of::<renamed::Settings>("/app", &[("/app/inner/name", "n")]);
    let inner = renamed::Inner { name: "n".to_owned() };
    assert_eq!(keys.decode::<renamed::Settings>(), Ok(renamed::Settings { size: 1, inner }));
}

#[test]
fn names_of_fields_meet_no_names_of_ours() {
    let schema = names::Settings::schema();
    let keys: Vec<&str> = schema.fields().iter().map(etcd_config::Field::key).collect();
    let expected = [
        "at",
        "held",
        "before",
        "value",
        "text",
        "field-0",
        "type",
        "match",
        "some-field",
        "Some",
        "None",
        "LAYOUT",
        "Self-",
    ];
    assert_eq!(keys, expected);
    let pairs = [
        ("/app/at", "1"),
        ("/app/held", "2"),
        ("/app/before", "3"),
        ("/app/text", "t"),
        ("/app/type", "x"),
        ("/app/match", "true"),
        ("/app/some-field", "9"),
    ];
    let mut keys = Keys::of::<names::Settings>("/app", &pairs);
    let mut settings = keys.decode::<names::Settings>().unwrap();
    assert_eq!((settings.at, settings.held, settings.before, settings.some_field), (1, 2, 3, 9));
    keys.update(&mut settings, &[("/app/held", Some("5")), ("/app/type", Some("y"))]).unwrap();
    assert_eq!((settings.held, settings.r#type.as_str()), (5, "y"));
}

#[test]
fn a_macro_may_write_the_struct() {
    let keys = Keys::of::<from_a_macro::Settings>("/app", &[]);
    let expected = from_a_macro::Settings { size: 5, offset: -5, name: "n".to_owned(), limit: None, own: 7 };
    assert_eq!(keys.decode::<from_a_macro::Settings>(), Ok(expected));
}

#[test]
#[expect(deprecated, reason = "to be read all the same")]
fn under_strict_lints_it_reads() {
    use under_strict_lints::Settings;
    let pairs =
        [("/app/times/a", "2s"), ("/app/all/x/name", "n"), ("/app/name", "flat"), ("/app/version", "3")];
    let settings = Keys::of::<Settings>("/app", &pairs).decode::<Settings>().unwrap();
    assert_eq!((settings.size, settings.wide), (1, 1));
    assert_eq!(settings.flat.name, "flat");
    assert_eq!(settings.all.len(), 1);
    let empty = Keys::of::<under_strict_lints::Empty>("/app", &[]).decode();
    assert_eq!(empty, Ok(under_strict_lints::Empty {}));
    let many = Keys::of::<under_strict_lints::Many>("/app", &[]).decode();
    assert_eq!(many, Ok(under_strict_lints::Many::default()));
    let skipped = Keys::of::<under_strict_lints::Skipped>("/app", &[]).decode();
    assert_eq!(skipped, Ok(under_strict_lints::Skipped { cache: vec![] }));
}
