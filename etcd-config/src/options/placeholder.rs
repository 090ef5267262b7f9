//! `{placeholders}` in a prefix, and what fills them.

use etcd_client_core::Printable;

use crate::error::Error;
use crate::leaf::similar::distance;

/// The placeholder that stands for the name of the instance.
pub(crate) const INSTANCE: &str = "instance";

/// Fills the placeholders of a template, with what `given` has, else from the environment: the variable of the same name,
/// or of the name in capitals. `what` is what errors call the template: the prefix, a layer; `like` a name for which something
/// was given that is used nowhere, and which may be the one that lacks a value.
pub(crate) fn fill(
    template: &str,
    what: &str,
    given: &dyn Fn(&str) -> Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
    like: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        let Some((name, after)) = from.split_once('}') else {
            return Err(Error::option(format!("the {what} {template} has a `{{` without its `}}`")));
        };
        let (value, variable_name) = value_of(name, given, variable).ok_or_else(|| {
            let own = if name == INSTANCE { " or .instance(...)" } else { "" };
            let other = like(name).map_or_else(String::new, |other| {
                format!(
                    "; there is a value for {{{}}}, which neither the prefix nor a layer has: is one of the two misspelt?",
                    Printable::line(&other)
                )
            });
            Error::option(format!(
                "the {what} {template} needs a value for {{{name}}}: give it with .placeholder({name:?}, ...){own}, or \
                 set the environment variable {}{other}",
                name.to_uppercase()
            ))
        })?;
        if value.is_empty() || value.contains(['/', '{', '}']) || value.contains(char::is_control) {
            let from = variable_name
                .map_or_else(String::new, |variable| format!(" (from the environment variable {variable})"));
            return Err(Error::option(format!(
                "{:?}{from} cannot stand for {{{name}}} in the {what} {template}: it must be one name, without a slash, \
                 a brace or a control character",
                Printable::line(&value)
            )));
        }
        filled.push_str(before);
        filled.push_str(&value);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Whether all placeholders have a value, good or bad.
pub(crate) fn has_values(
    template: &str,
    given: &dyn Fn(&str) -> Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> bool {
    names(template).all(|name| value_of(name, given, variable).is_some())
}

/// Of those that were given, and that none of the templates has, the one that is most like a name.
pub(crate) fn most_like<'g>(
    name: &str,
    given: impl IntoIterator<Item = &'g str>,
    templates: &[&str],
) -> Option<&'g str> {
    let is_used = |given: &str| templates.iter().any(|template| names(template).any(|name| name == given));
    let unused = given.into_iter().filter(|given| !is_used(given));
    unused.filter_map(|given| Some((distance(given, name)?, given))).min().map(|(_, given)| given)
}

fn names(template: &str) -> impl Iterator<Item = &str> {
    template.split('{').skip(1).filter_map(|from| Some(from.split_once('}')?.0))
}

/// The value, and the environment variable that has it, where it is from there.
fn value_of(
    name: &str,
    given: &dyn Fn(&str) -> Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<(String, Option<String>)> {
    let from = |variable_name: String| Some((variable(&variable_name)?, Some(variable_name)));
    let given = given(name).map(|value| (value, None));
    given.or_else(|| from(name.to_owned())).or_else(|| from(name.to_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(template: &str) -> Result<String, String> {
        let given = |name: &str| (name == "region").then(|| "eu".to_owned());
        let variable = |name: &str| match name {
            "STAGE" => Some("prod".to_owned()),
            "region" => Some("never".to_owned()),
            "BAD" => Some("a/b".to_owned()),
            _ => None,
        };
        fill(template, "prefix", &given, &variable, &|_| None).map_err(|error| error.to_string())
    }

    #[test]
    fn options_come_before_the_environment() {
        assert_eq!(filled("/apps/{region}/{stage}/x").as_deref(), Ok("/apps/eu/prod/x"));
        assert_eq!(filled("/apps").as_deref(), Ok("/apps"));
    }

    #[test]
    fn a_placeholder_without_a_value_is_named() {
        let expected = "the prefix /{zone}/x needs a value for {zone}: give it with .placeholder(\"zone\", ...), \
                        or set the environment variable ZONE";
        assert_eq!(filled("/{zone}/x"), Err(expected.to_owned()));
        let expected = "the prefix /x@{instance} needs a value for {instance}: give it with \
                        .placeholder(\"instance\", ...) or .instance(...), or set the environment variable INSTANCE";
        assert_eq!(filled("/x@{instance}"), Err(expected.to_owned()));
    }

    #[test]
    fn the_likest_name_that_is_used_nowhere_is_found() {
        let like = |given: &[&'static str], templates: &[&str]| most_like("zone", given.to_vec(), templates);
        assert_eq!(like(&["zonne", "Zone", "zome"], &["/x@{zone}"]), Some("Zone"));
        assert_eq!(like(&["zones"], &["/x@{zone}", "/{zones}"]), None);
        assert_eq!(like(&["region"], &["/x@{zone}"]), None);
    }

    #[test]
    fn it_can_be_said_beforehand_whether_there_are_values() {
        let has = |template: &str| has_values(template, &|name| (name == "a").then(String::new), &|_| None);
        assert!(has("/x") && has("/x@{a}") && has("/{a}/{a}") && has("/{a"));
        assert!(!has("/x@{b}") && !has("/{a}/{b}"));
    }

    #[test]
    fn a_value_is_one_name() {
        let expected = "\"a/b\" (from the environment variable BAD) cannot stand for {bad} in the prefix /{bad}: it must \
             be one name, without a slash, a brace or a control character";
        assert_eq!(filled("/{bad}"), Err(expected.to_owned()));
        let empty = fill("/x@{zone}", "layer", &|_| Some(String::new()), &|_| None, &|_| None)
            .unwrap_err()
            .to_string();
        assert!(empty.starts_with("\"\" cannot stand for {zone} in the layer /x@{zone}: "), "{empty}");
        let variable = |name: &str| (name == "ZONE").then(String::new);
        let empty = fill("/x@{zone}", "layer", &|_| None, &variable, &|_| None).unwrap_err().to_string();
        assert!(
            empty.starts_with("\"\" (from the environment variable ZONE) cannot stand for {zone}"),
            "{empty}"
        );
    }
}
