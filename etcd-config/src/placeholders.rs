//! Names in braces in a prefix, such as `/{env}/payments`.

use std::collections::BTreeMap;

use crate::error::Error;

/// Fills the placeholders of a prefix, from `values` first and from the environment then.
///
/// # Errors
/// A placeholder that nothing fills, or that is not written as one; a value that is no one segment.
pub(crate) fn fill(
    template: &str,
    values: &BTreeMap<String, String>,
    variable: impl Fn(&str) -> Option<String>,
) -> Result<String, Error> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            return Err(Error::option(format!("the prefix {template:?} has a `{{` without its `}}`")));
        };
        let Some(value) = values.get(name).cloned().or_else(|| variable(name)) else {
            return Err(Error::option(format!(
                "nothing fills {{{name}}} in the prefix {template:?}: call .placeholder({name:?}, ...) on \
                 the options, or set the environment variable {name}"
            )));
        };
        if value.is_empty() || value.contains('/') {
            return Err(Error::option(format!(
                "{{{name}}} in the prefix {template:?} is {value:?}, which is not one segment of a key"
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

    fn filled(template: &str, variables: &[(&str, &str)]) -> Result<String, String> {
        let values = BTreeMap::from([("env".to_owned(), "prod".to_owned())]);
        let variable =
            |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        fill(template, &values, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn are_filled_from_the_options_then_from_the_environment() {
        assert_eq!(filled("/payments", &[]).unwrap(), "/payments");
        assert_eq!(filled("/{env}/{zone}/x", &[("env", "test"), ("zone", "b")]).unwrap(), "/prod/b/x");
    }

    #[test]
    fn say_what_is_wrong_with_them() {
        let unknown = filled("/{zone}", &[]).unwrap_err();
        assert!(unknown.contains("nothing fills {zone}") && unknown.contains(".placeholder(\"zone\""));
        assert!(filled("/{env", &[]).unwrap_err().contains("without its `}`"));
        assert!(filled("/{zone}", &[("zone", "a/b")]).unwrap_err().contains("not one segment"));
    }
}
