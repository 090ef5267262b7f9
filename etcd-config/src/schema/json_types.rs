//! The parts of a JSON schema that types describe themselves.

use serde_json::{Map, Value};

use crate::leaf::JsonSchemaOf;

/// What describes types, and which of them refer to themselves.
#[cfg(feature = "schemars")]
pub(super) struct JsonTypes {
    generator: schemars::SchemaGenerator,
    /// Something of a secret is described: its definitions show no values, either.
    hides: bool,
}

#[cfg(not(feature = "schemars"))]
pub(super) struct JsonTypes;

#[cfg(feature = "schemars")]
impl JsonTypes {
    pub(super) fn new() -> Self {
        // Types are described in their place, except for those that refer to themselves.
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        let settings = settings.with(|settings| settings.inline_subschemas = true);
        Self { generator: settings.into_generator(), hides: false }
    }

    /// The schema of a value.
    pub(super) fn describe(&mut self, of: JsonSchemaOf, secret: bool) -> Option<Map<String, Value>> {
        self.hides |= secret;
        match adapted((of.0)(&mut self.generator), secret) {
            Value::Object(schema) => Some(schema),
            // What takes anything says just that.
            Value::Bool(true) => Some(Map::new()),
            _ => None,
        }
    }

    /// The types that refer to themselves, by the names that references have for them.
    pub(super) fn definitions(mut self) -> impl Iterator<Item = (String, Value)> {
        let definitions = self.generator.take_definitions(true);
        definitions
            .into_iter()
            .map(move |(name, schema)| (format!("{JSON}{name}"), adapted(schema, self.hides)))
    }
}

/// Before the names of types of JSON, as a struct of keys may have the same.
#[cfg(feature = "schemars")]
const JSON: &str = "json.";

/// A schema with references that meet no struct of keys, and without values where these are secret.
#[cfg(feature = "schemars")]
fn adapted(schema: Value, hides: bool) -> Value {
    use schemars::Schema;
    use schemars::transform::{RecursiveTransform, Transform as _};

    const DEFINITIONS: &str = "#/$defs/";
    let Ok(mut schema) = Schema::try_from(schema) else { return Value::Null };
    let adapt = |schema: &mut Schema| {
        if hides {
            schema.remove("default");
            schema.remove("examples");
        }
        if let Some(Value::String(reference)) = schema.get_mut("$ref")
            && let Some(name) = reference.strip_prefix(DEFINITIONS)
        {
            *reference = format!("{DEFINITIONS}{JSON}{name}");
        }
    };
    RecursiveTransform(adapt).transform(&mut schema);
    schema.into()
}

#[cfg(not(feature = "schemars"))]
#[allow(clippy::unused_self, reason = "there is nothing to describe with")]
impl JsonTypes {
    pub(super) fn new() -> Self {
        Self
    }

    /// Nothing describes itself.
    pub(super) fn describe(&mut self, _: JsonSchemaOf, _: bool) -> Option<Map<String, Value>> {
        None
    }

    pub(super) fn definitions(self) -> impl Iterator<Item = (String, Value)> {
        std::iter::empty()
    }
}
