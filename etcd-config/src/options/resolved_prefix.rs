//! The prefix that options come to: placeholders filled, and layers above it.

use std::collections::BTreeMap;

use etcd_client_core::Prefix;

use super::layers::above;
use super::placeholder;
use crate::error::Error;
use crate::live::first_load::Fields;

/// What placeholders stand for.
pub(super) struct Fillings<'o> {
    pub(super) placeholders: &'o BTreeMap<String, String>,
    /// The name that was asked for, whatever name the process is listed under.
    pub(super) instance: Option<&'o str>,
    /// The prefix and all layers, whose placeholders they are.
    pub(super) templates: Vec<&'o str>,
}

impl Fillings<'_> {
    pub(super) fn fill(&self, template: &str, what: &str) -> Result<String, Error> {
        let (given, variable) = (|name: &str| self.given(name), |name: &str| std::env::var(name).ok());
        placeholder::fill(template, what, &given, &variable, &|name| self.most_like(name))
    }

    pub(super) fn fills(&self, template: &str) -> bool {
        placeholder::has_values(template, &|name| self.given(name), &|name| std::env::var(name).ok())
    }

    fn most_like(&self, name: &str) -> Option<String> {
        let instance = self.instance.map(|_| placeholder::INSTANCE);
        let given = self.placeholders.keys().map(String::as_str).chain(instance);
        placeholder::most_like(name, given, &self.templates).map(str::to_owned)
    }

    fn given(&self, name: &str) -> Option<String> {
        let instance = || self.instance.filter(|_| name == placeholder::INSTANCE);
        self.placeholders.get(name).map(String::as_str).or_else(instance).map(str::to_owned)
    }
}

/// The prefix that was given, or else the struct's, with the layers above it that are wanted, and their placeholders
/// filled.
pub(super) fn resolve_prefix(
    given: Option<&str>,
    layers: &[String],
    fillings: &Fillings<'_>,
    fields: Fields,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Prefix, Error> {
    let layout = fields.layout();
    let Some(template) = given.or(layout.prefix) else {
        let name = layout.name;
        return Err(Error::option(format!(
            "{name} has no prefix: write #[etcd(prefix = \"/...\")] above it, or call \
             .prefix(\"/...\") on {name}::options()"
        )));
    };
    let lowest = Prefix::new(&fillings.fill(template, "prefix")?);
    let templates = layout.layers.iter().copied().chain(layers.iter().map(String::as_str));
    let layers = templates
        .filter(|template| is_wanted(template))
        .map(|template| fillings.fill(template, "layer"))
        .collect::<Result<Vec<_>, _>>()?;
    above(lowest, &layers)
}
