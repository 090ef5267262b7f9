//! `{placeholders}` in a prefix, and what fills them.

use etcd_client_core::Printable;

use crate::error::Error;

/// Fills the placeholders of a template, with what `given` has, else from the environment: the variable of the same name,
/// or of the name in capitals. `what` is what errors call the template: the prefix, a layer.
pub(crate) fn fill(
    template: &str,
    what: &str,
    given: &dyn Fn(&str) -> Option<String>,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, from)) = rest.split_once('{') {
        let Some((name, after)) = from.split_once('}') else {
            return Err(Error::option(format!("the {what} {template} has a `{{` without its `}}`")));
        };
        let value = given(name)
            .or_else(|| variable(name))
            .or_else(|| variable(&name.to_uppercase()))
            .ok_or_else(|| {
                Error::option(format!(
                    "the {what} {template} needs a value for {{{name}}}: give it with \
                         .placeholder({name:?}, ...), or set the environment variable {}",
                    name.to_uppercase()
                ))
            })?;
        if value.is_empty() || value.contains(['/', '{', '}']) || value.contains(char::is_control) {
            return Err(Error::option(format!(
                "{:?} cannot stand for {{{name}}} in the {what} {template}: it must be one name, without a slash, \
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
        fill(template, "prefix", &given, &variable).map_err(|error| error.to_string())
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
    }

    #[test]
    fn a_value_is_one_name() {
        let expected = "\"a/b\" cannot stand for {bad} in the prefix /{bad}: it must be one name, without a slash, \
             a brace or a control character";
        assert_eq!(filled("/{bad}"), Err(expected.to_owned()));
    }
}
