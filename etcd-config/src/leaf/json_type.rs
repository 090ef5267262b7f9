//! What JSON the values of a type are, in the type's own words: those of the crate schemars.

use serde_json::Value;

/// What types that refer to each other are described with.
#[cfg(feature = "schemars")]
pub(crate) use schemars::SchemaGenerator as Generator;

/// There is none: nothing describes itself.
#[cfg(not(feature = "schemars"))]
#[derive(Debug)]
pub enum Generator {}

/// A type that describes its JSON.
#[cfg_attr(
    feature = "schemars",
    diagnostic::on_unimplemented(
        message = "`{Self}` does not describe its JSON: it is not `schemars::JsonSchema`",
        label = "`#[etcd(schemars)]` asks this type for its JSON schema",
        note = "derive `schemars::JsonSchema` for it, of the version 1 of the crate schemars"
    )
)]
#[cfg_attr(
    not(feature = "schemars"),
    diagnostic::on_unimplemented(
        message = "`#[etcd(schemars)]` needs the feature `schemars` of etcd-config",
        label = "this type is to describe its JSON",
        note = "in Cargo.toml: `etcd-config = {{ ..., features = [\"schemars\"] }}`"
    )
)]
pub trait JsonType {
    #[doc(hidden)]
    fn json_schema(generator: &mut Generator) -> Value;
}

#[cfg(feature = "schemars")]
#[diagnostic::do_not_recommend]
impl<T: schemars::JsonSchema + ?Sized> JsonType for T {
    fn json_schema(generator: &mut Generator) -> Value {
        generator.subschema_for::<T>().into()
    }
}

/// What describes the values of a field.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "schemars"), allow(dead_code, reason = "there is none"))]
pub struct JsonSchemaOf(pub(crate) fn(&mut Generator) -> Value);

impl JsonSchemaOf {
    /// That of a type.
    pub fn of<T: JsonType + ?Sized>() -> Self {
        Self(T::json_schema)
    }
}

impl PartialEq for JsonSchemaOf {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}
