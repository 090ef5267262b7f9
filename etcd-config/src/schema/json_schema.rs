//! The schema as a JSON Schema of the keys: directories are objects, keys their properties.

use std::cell::RefCell;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};

use etcd_client_core::Prefix;
use serde_json::{Map, Value, json};

use super::json_types::JsonTypes;
use super::{ENTRY, Schema};
use crate::leaf::FieldDefault;
use crate::leaf::{Expectation, Shape};
use crate::shape::branch::{Branch, Content, Member};
use crate::shape::field_key::FieldKey;
use crate::shape::layout::Field;
use crate::shape::path::field_path;

impl Schema {
    /// A JSON Schema (draft 2020-12) of the directory at the prefix, as text.
    ///
    /// A value that is text in etcd is what the text means: `8080` is an integer. Secrets are
    /// `writeOnly`, without their defaults. Recursive types are in `$defs`. What is JSON in one key has its names, and
    /// with `#[etcd(schemars)]` on the field (feature `schemars`) all that its type says of itself.
    ///
    /// ```
    /// # use etcd_config::EtcdConfig;
    /// # #[derive(EtcdConfig)]
    /// # #[etcd(prefix = "/payments")]
    /// # struct Settings { #[etcd(default = 10)] workers: u32 }
    /// let schema: serde_json::Value = serde_json::from_str(&Settings::schema().to_json_schema())?;
    /// assert_eq!(schema["properties"]["workers"]["type"], "integer");
    /// assert_eq!(schema["properties"]["workers"]["default"], 10);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn to_json_schema(&self) -> String {
        let secret = self.fields().iter().filter(|field| field.is_secret());
        let secrets: HashSet<&str> = secret.map(super::Field::path).collect();
        let prefix = Prefix::new(self.prefix());
        let json = RefCell::new(JsonTypes::new());
        let mut writer = Writer { secrets, ..Writer::new(&prefix, &json) };
        let mut root = writer.object(self.branch(), false);
        let mut absolute = std::mem::take(&mut writer.absolute);
        let mut missing: Vec<&Branch> = writer.definitions.values().copied().collect();
        let mut definitions = Map::new();
        while let Some(branch) = missing.pop() {
            let mut writer = Writer::new(&prefix, &json);
            let definition = writer.if_there(|writer| writer.branch(branch, false));
            definitions.insert(branch.layout.name.to_owned(), Value::Object(definition.schema));
            absolute.append(&mut writer.absolute);
            missing.extend(
                writer
                    .definitions
                    .into_values()
                    .filter(|branch| !definitions.contains_key(branch.layout.name)),
            );
        }
        definitions.extend(json.into_inner().definitions());
        for (path, described) in absolute {
            root.put(path, described);
        }
        let mut root = root.describe(self.branch(), self.branch().layout.deny_unknown_keys);
        let schema = &mut root.schema;
        schema.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        schema.insert("title".to_owned(), json!(self.name()));
        if !definitions.is_empty() {
            schema.insert("$defs".to_owned(), Value::Object(definitions));
        }
        format!("{:#}", Value::Object(root.schema))
    }
}

struct Writer<'s> {
    prefix: &'s Prefix,
    json: &'s RefCell<JsonTypes>,
    /// What absolute keys are, wherever their structs are: by their paths below the prefix.
    absolute: Vec<(&'static str, Described)>,
    /// The structs on the way down.
    path: Vec<&'s Branch>,
    /// The fields on the way down.
    field: String,
    /// The fields that any field calls secret.
    secrets: HashSet<&'s str>,
    /// Those that a recursive type refers to.
    definitions: BTreeMap<&'static str, &'s Branch>,
}

/// A schema, and whether what it describes must be there.
struct Described {
    schema: Map<String, Value>,
    required: bool,
}

impl<'s> Writer<'s> {
    fn new(prefix: &'s Prefix, json: &'s RefCell<JsonTypes>) -> Self {
        Self {
            prefix,
            json,
            absolute: Vec::new(),
            path: Vec::new(),
            field: String::new(),
            secrets: HashSet::new(),
            definitions: BTreeMap::new(),
        }
    }

    fn branch(&mut self, branch: &'s Branch, secret: bool) -> Described {
        let object = self.object(branch, secret);
        let closed = self.path.iter().copied().chain([branch]).any(|above| above.layout.deny_unknown_keys);
        object.describe(branch, closed)
    }

    /// The JSON object of a struct, without its absolute keys.
    fn object(&mut self, branch: &'s Branch, secret: bool) -> Object {
        self.path.push(branch);
        let mut object = Object::default();
        for member in &branch.members {
            let described = self.member(member, secret);
            match FieldKey::of(member.field.key) {
                FieldKey::Relative(path) => object.put(path, described),
                // One that is not below the prefix is no key of this directory.
                absolute @ FieldKey::Absolute(_) => {
                    self.absolute.extend(absolute.below(self.prefix).map(|path| (path, described)));
                }
            }
        }
        self.path.pop();
        object
    }

    /// The value of one key.
    fn leaf(&self, expectation: &Expectation, secret: bool) -> Map<String, Value> {
        let of_its_own = expectation.json_schema();
        let described = of_its_own.and_then(|schema| self.json.borrow_mut().describe(schema, secret));
        let mut schema = described.unwrap_or_else(|| plain(expectation));
        if secret {
            schema.insert("writeOnly".to_owned(), json!(true));
        }
        schema
    }

    /// Whether the field at hand is secret, because another one calls its key so.
    fn is_secret(&self) -> bool {
        self.secrets.contains(self.field.as_str())
    }

    /// Describes what need not be there: no absolute key in it must be, either.
    fn if_there(&mut self, describe: impl FnOnce(&mut Self) -> Described) -> Described {
        let before = self.absolute.len();
        let described = describe(self);
        self.absolute[before..].iter_mut().for_each(|(_, absolute)| absolute.required = false);
        described
    }

    /// Does something below a field.
    fn within<R>(&mut self, name: &str, work: impl FnOnce(&mut Self) -> R) -> R {
        let outer = std::mem::take(&mut self.field);
        self.field = field_path(&outer, name);
        let done = work(self);
        self.field = outer;
        done
    }

    fn member(&mut self, member: &'s Member, secret: bool) -> Described {
        let field = member.field;
        let mut described =
            self.within(field.name, |writer| writer.content(field, &member.content, secret || field.secret));
        describe(&mut described.schema, field.docs);
        if field.deprecated.is_some() {
            described.schema.insert("deprecated".to_owned(), json!(true));
        }
        described
    }

    fn content(&mut self, field: &'static Field, content: &'s Content, secret: bool) -> Described {
        match content {
            Content::Leaf(expectation) => {
                let secret = secret || self.is_secret();
                let mut schema = self.leaf(expectation, secret);
                if let FieldDefault::Text(text) = field.default
                    && !secret
                {
                    schema.insert("default".to_owned(), value(text, expectation));
                }
                Described { schema, required: field.default == FieldDefault::Required && field.env.is_none() }
            }
            Content::Map { entry, .. } => {
                let secret = secret || self.within(ENTRY, |writer| writer.is_secret());
                entries(Value::Object(self.leaf(entry, secret)))
            }
            Content::Directory(branch) => self.branch(branch, secret),
            Content::Optional(inner) => {
                self.if_there(|writer| Described { required: false, ..writer.content(field, inner, secret) })
            }
            Content::Each(inner) => self.if_there(|writer| {
                let entry = writer.within(ENTRY, |writer| writer.content(field, inner, secret));
                entries(Value::Object(entry.schema))
            }),
            Content::Above(levels) => {
                let above = self.path.len().checked_sub(levels + 1).and_then(|at| self.path.get(at).copied());
                let mut schema = Map::new();
                if let Some(branch) = above {
                    self.definitions.insert(branch.layout.name, branch);
                    schema.insert("$ref".to_owned(), json!(format!("#/$defs/{}", branch.layout.name)));
                }
                Described { schema, required: true }
            }
        }
    }
}

fn entries(entry: Value) -> Described {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("additionalProperties".to_owned(), entry);
    Described { schema, required: false }
}

/// A directory in the making: keys may come as paths.
#[derive(Default)]
struct Object {
    properties: BTreeMap<String, Described>,
    directories: BTreeMap<String, Object>,
    /// What sits in the directory's own place: flattened structs, the field of a newtype.
    here: Vec<Described>,
}

impl Object {
    fn put(&mut self, key: &str, described: Described) {
        match key.split_once('/') {
            _ if key.is_empty() => self.here.push(described),
            Some((directory, rest)) => {
                self.directories.entry(directory.to_owned()).or_default().put(rest, described);
            }
            // Several structs may read one absolute key.
            None => match self.properties.entry(key.to_owned()) {
                Entry::Occupied(mut there) => there.get_mut().required |= described.required,
                Entry::Vacant(place) => drop(place.insert(described)),
            },
        }
    }

    fn describe(self, branch: &Branch, closed: bool) -> Described {
        let mut described = self.close(closed);
        describe(&mut described.schema, branch.layout.docs);
        described
    }

    fn close(self, closed: bool) -> Described {
        let Self { mut properties, directories, here } = self;
        // The one field of a newtype over a leaf is no object at all.
        if properties.is_empty() && directories.is_empty() && here.len() == 1 {
            return here.into_iter().next().unwrap_or_else(|| entries(Value::Null));
        }
        for (name, directory) in directories {
            properties.entry(name).or_insert_with(|| directory.close(closed));
        }
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        let mut required: Vec<Value> = properties
            .iter()
            .filter(|(_, property)| property.required)
            .map(|(name, _)| json!(name))
            .collect();
        let mut described: Map<String, Value> =
            properties.into_iter().map(|(name, property)| (name, Value::Object(property.schema))).collect();
        for flattened in here {
            merge(&mut described, &mut required, flattened.schema);
        }
        let is_required = !required.is_empty();
        schema.insert("properties".to_owned(), Value::Object(described));
        if is_required {
            schema.insert("required".to_owned(), Value::Array(required));
        }
        if closed {
            schema.insert("additionalProperties".to_owned(), json!(false));
        }
        Described { schema, required: is_required }
    }
}

fn merge(properties: &mut Map<String, Value>, required: &mut Vec<Value>, flattened: Map<String, Value>) {
    for (name, value) in flattened {
        match (name.as_str(), value) {
            ("properties", Value::Object(more)) => properties.extend(more),
            ("required", Value::Array(more)) => required.extend(more),
            _ => {}
        }
    }
}

fn describe(schema: &mut Map<String, Value>, docs: &str) {
    if !docs.is_empty() {
        schema.insert("description".to_owned(), json!(docs));
    }
}

/// What a kind of value is, without a word of its type.
fn plain(expectation: &Expectation) -> Map<String, Value> {
    let schema = match expectation.shape {
        Shape::Bool => json!({"type": "boolean"}),
        Shape::Integer { least, greatest } => integer(least, greatest),
        Shape::Number => json!({"type": "number"}),
        Shape::Char => json!({"type": "string", "minLength": 1, "maxLength": 1}),
        Shape::Text | Shape::Bytes => json!({"type": "string"}),
        Shape::Unit => json!({"type": "null"}),
        Shape::List => json!({"type": "array"}),
        Shape::Map => json!({"type": "object"}),
        Shape::Struct(names) => {
            let properties: Map<String, Value> =
                names.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
            json!({"type": "object", "properties": properties})
        }
        // A variant with fields is an object that has the variant's name.
        Shape::Variants(names) => json!({"anyOf": [{"enum": names}, {"type": "object"}]}),
        Shape::Any => json!({}),
    };
    if let Value::Object(schema) = schema { schema } else { Map::new() }
}

fn integer(least: i128, greatest: u128) -> Value {
    let mut schema = json!({"type": "integer"});
    if let Ok(least) = i64::try_from(least) {
        schema["minimum"] = json!(least);
    }
    if let Ok(greatest) = u64::try_from(greatest) {
        schema["maximum"] = json!(greatest);
    }
    schema
}

/// What a default means.
fn value(text: &str, expectation: &Expectation) -> Value {
    let plain = matches!(expectation.shape, Shape::Text | Shape::Char | Shape::Bytes | Shape::Variants(_));
    let parsed = if plain { None } else { serde_json::from_str(text.trim()).ok() };
    parsed.unwrap_or_else(|| json!(text))
}
