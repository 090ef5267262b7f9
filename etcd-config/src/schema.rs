//! The fields of a configuration as data: what there is to set, and how.

pub(crate) mod hidden;
pub(crate) mod relevance;
pub(crate) mod secrecy;

pub(crate) mod etcdctl;
pub(crate) mod expected;
mod json_schema;
mod json_types;
mod markdown;
pub(crate) mod ordinary;
mod sample;

use etcd_client_core::Prefix;

use self::secrecy::Secrecy;
use crate::leaf::FieldDefault;
use crate::shape::branch::{Branch, Content};
use crate::shape::layout;
use crate::shape::path::{field_path, whole_key};
use crate::tree::directories::layer_paths;

/// Stands for the name of a map's entry in keys and field paths.
pub(crate) const ENTRY: &str = "<name>";

/// All fields of a configuration, those of nested structs included, from
/// [`EtcdConfig::schema`](crate::EtcdConfig::schema).
///
/// For what is to be written down about a configuration: [`to_markdown`](Self::to_markdown) makes a table for a page,
/// [`to_etcdctl`](Self::to_etcdctl) the commands that store the defaults,
/// [`to_etcdctl_if_absent`](Self::to_etcdctl_if_absent) those that overwrite nothing, and
/// [`to_json_schema`](Self::to_json_schema) what an editor or a check of a deployment reads. With the feature `serde`
/// it is `Serialize`. What the values are at present is in [`Live::explain`](crate::Live::explain).
///
/// ```
/// use etcd_config::EtcdConfig;
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     /// Requests at once.
///     #[etcd(default = 10)]
///     workers: u32,
///     #[etcd(secret)]
///     token: String,
/// }
///
/// let schema = Settings::schema();
/// assert_eq!((schema.name(), schema.prefix()), ("Settings", "/payments"));
/// for field in schema.fields() {
///     println!("{}: {} ({})", field.key(), field.type_name(), field.default());
/// }
/// assert!(schema.fields()[1].is_secret() && schema.fields()[1].is_required());
/// ```
#[derive(Debug)]
pub struct Schema {
    prefix: String,
    /// The prefixes of the layers above that.
    layers: Vec<String>,
    branch: Branch,
    fields: Vec<Field>,
    denies: bool,
    /// A field has a name that may be that of any key below the prefix.
    has_absolute: bool,
}

/// One key, or the keys of one map, from [`Schema::fields`]. The fields of nested structs are among them; the nested
/// struct itself is none.
///
/// ```
/// # use std::collections::BTreeMap;
/// use etcd_config::EtcdConfig;
///
/// #[derive(EtcdConfig)]
/// #[etcd(prefix = "/payments")]
/// struct Settings {
///     #[etcd(nested)]
///     shards: BTreeMap<String, Shard>,
/// }
///
/// #[derive(EtcdConfig)]
/// struct Shard {
///     /// The database of the shard.
///     url: String,
/// }
///
/// let schema = Settings::schema();
/// let url = &schema.fields()[0];
/// assert_eq!((url.key(), url.type_name()), ("/payments/shards/<name>/url", "String"));
/// assert_eq!(url.docs(), "The database of the shard.");
/// // Required in each entry, of which there may be none.
/// assert!(url.is_required() && url.is_in_optional());
/// ```
#[derive(Debug)]
pub struct Field {
    pub(crate) written: &'static layout::Field,
    /// The path below the prefix; the whole key, if that is not below it.
    pub(crate) relative: String,
    key: String,
    path: String,
    ty: String,
    role: Role,
    inherited: Inherited,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Key,
    /// Each key of a directory.
    Entry,
}

/// What a field has from the structs that it is in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Inherited {
    secret: bool,
    restart: bool,
    deprecated: Option<&'static str>,
    /// It is in a directory that may be missing.
    optional: bool,
}

impl Schema {
    pub(crate) fn new(branch: Branch, prefix: &Prefix) -> Self {
        let mut collector = Collector { prefix, fields: Vec::new() };
        collector.branch(&branch, &Trail::default(), Inherited::default());
        let mut fields = collector.fields;
        fields.shrink_to_fit();
        share_secrecy(&mut fields, &Secrecy::of(&branch, prefix));
        let denies = denies(&branch);
        let has_absolute = !branch.absolute(prefix).is_empty();
        let layers = layer_paths(prefix);
        Self { prefix: prefix.path().to_owned(), layers, branch, fields, denies, has_absolute }
    }

    /// The name of the struct.
    pub fn name(&self) -> &'static str {
        self.branch.layout.name
    }

    /// The documentation of the struct: its `///` lines. Empty if it has none.
    pub fn docs(&self) -> &'static str {
        self.branch.layout.docs
    }

    /// What all keys begin with, without the slash at the end; `/` where the struct names no prefix.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The prefixes of the [layers](crate::Options::layer) above that, the lowest one first: in each of them a key may be
    /// that overrides the [field's](Field::key).
    pub fn layers(&self) -> &[String] {
        &self.layers
    }

    /// The same with these layers.
    pub(crate) fn with_layers(self, layers: &[&str]) -> Self {
        Self { layers: layers.iter().map(|layer| (*layer).to_owned()).collect(), ..self }
    }

    /// The fields, in the order of the source.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    pub(crate) fn branch(&self) -> &Branch {
        &self.branch
    }

    /// Whether any field is secret: then the words of a panic may hold one.
    pub(crate) fn has_secrets(&self) -> bool {
        self.fields.iter().any(Field::is_secret)
    }

    /// Whether a field has a name that may be that of any key below the prefix.
    pub(crate) fn has_absolute(&self) -> bool {
        self.has_absolute
    }

    /// Whether unknown keys are a problem anywhere.
    pub(crate) fn denies(&self) -> bool {
        self.denies
    }
}

impl Field {
    /// The whole key; the name of a map's entry is `<name>`.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The path of the field in Rust, such as `database.pool_size`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The path of the field that reads `key`, given below the prefix: that with the names of the
    /// entries on the way.
    pub(crate) fn path_of(&self, key: &str) -> String {
        let segments = self.relative.split('/').zip(key.split('/'));
        let names = segments.filter(|(template, _)| *template == ENTRY).map(|(_, name)| name);
        names.fold(self.path.clone(), |path, name| path.replacen(ENTRY, name, 1))
    }

    /// The type as it is written in the source; of a map the type of an entry.
    pub fn type_name(&self) -> &str {
        &self.ty
    }

    /// The documentation of the field: its `///` lines. Empty if it has none.
    pub fn docs(&self) -> &'static str {
        self.written.docs
    }

    /// What the field is when its key is absent. Secrets have theirs here, too: ask [`is_secret`](Self::is_secret)
    /// before it is shown.
    pub fn default(&self) -> FieldDefault {
        if self.role == Role::Entry {
            return FieldDefault::Absent;
        }
        self.written.default
    }

    /// Whether the key must be there: always, or as soon as its directory is there, if the field
    /// [is in an optional one](Self::is_in_optional). Not where an environment variable can take its place.
    pub fn is_required(&self) -> bool {
        self.default() == FieldDefault::Required && self.written.env.is_none()
    }

    /// Whether the field is in a directory that may be missing as a whole: of an `Option`, or of a
    /// map's entry.
    pub fn is_in_optional(&self) -> bool {
        self.inherited.optional
    }

    /// Whether the field is each key of a directory: the values of a `map`. [`key`](Self::key) then ends with
    /// `<name>`.
    pub fn is_entry(&self) -> bool {
        self.role == Role::Entry
    }

    /// Whether the value is never shown: the field, one around it, or another one that reads the same
    /// key calls it secret.
    pub fn is_secret(&self) -> bool {
        self.written.secret || self.inherited.secret
    }

    /// Whether a change waits for a restart.
    pub fn is_restart(&self) -> bool {
        self.written.restart || self.inherited.restart
    }

    /// What to use instead, where the field is deprecated.
    pub fn deprecated(&self) -> Option<&'static str> {
        self.written.deprecated.or(self.inherited.deprecated)
    }

    /// The environment variable that comes before the key: its name, not what it holds.
    pub fn env(&self) -> Option<&'static str> {
        self.written.env
    }

    /// Other names of the key, as they are written on the field: read while the key itself is absent.
    pub fn aliases(&self) -> &'static [&'static str] {
        self.written.aliases
    }
}

/// A key that one field calls secret is secret for the others that read it.
fn share_secrecy(fields: &mut [Field], secrecy: &Secrecy<'_>) {
    for field in fields {
        field.inherited.secret |= secrecy.is_secret(field.relative.as_bytes());
    }
}

fn denies(branch: &Branch) -> bool {
    branch.layout.deny_unknown_keys || branch.members.iter().any(|member| denies_content(&member.content))
}

fn denies_content(content: &Content) -> bool {
    match content {
        Content::Directory(branch) => denies(branch),
        Content::Optional(inner) | Content::Each(inner) => denies_content(inner),
        Content::Leaf(_) | Content::Map { .. } | Content::Above(_) => false,
    }
}

/// The way to a place.
#[derive(Clone, Default)]
struct Trail {
    key: String,
    path: String,
}

impl Trail {
    fn child(&self, key: &str, name: &str) -> Self {
        Self { key: whole_key(&self.key, key), path: field_path(&self.path, name) }
    }
}

struct Collector<'p> {
    prefix: &'p Prefix,
    fields: Vec<Field>,
}

impl Collector<'_> {
    fn branch(&mut self, branch: &Branch, trail: &Trail, inherited: Inherited) {
        for member in &branch.members {
            let trail = trail.child(member.field.key, member.field.name);
            self.content(member.field, &member.content, &trail, inherited);
        }
    }

    fn content(
        &mut self,
        field: &'static layout::Field,
        content: &Content,
        trail: &Trail,
        inherited: Inherited,
    ) {
        let below = Inherited {
            secret: inherited.secret || field.secret,
            restart: inherited.restart || field.restart,
            deprecated: inherited.deprecated.or(field.deprecated),
            ..inherited
        };
        match content {
            Content::Leaf(_) => {
                self.push(field, Role::Key, field.ty.to_owned(), trail, inherited);
            }
            Content::Map { ty, .. } => {
                let trail = trail.child(ENTRY, ENTRY);
                self.push(field, Role::Entry, ty.clone(), &trail, inherited);
            }
            Content::Directory(branch) => self.branch(branch, trail, below),
            Content::Optional(inner) => {
                self.content(field, inner, trail, Inherited { optional: true, ..below });
            }
            Content::Each(inner) => {
                let inherited = Inherited { optional: true, ..below };
                self.content(field, inner, &trail.child(ENTRY, ENTRY), inherited);
            }
            Content::Above(_) => {}
        }
    }

    fn push(
        &mut self,
        field: &'static layout::Field,
        role: Role,
        ty: String,
        trail: &Trail,
        inherited: Inherited,
    ) {
        let directory = self.prefix.directory();
        let written = trail.key.as_str();
        let (key, relative) = if written.starts_with('/') {
            (written.to_owned(), written.strip_prefix(directory).unwrap_or(written).to_owned())
        } else {
            (self.prefix.join(written), written.to_owned())
        };
        let path = trail.path.clone();
        self.fields.push(Field { written: field, relative, key, path, ty, role, inherited });
    }
}
