//! The layers of a configuration: several prefixes, of which the later ones override the earlier ones.

use etcd_client_core::{Prefix, Printable};

use crate::error::Error;

/// The most layers, the prefix included, as one transaction has room for so many.
const MOST: usize = 32;

/// The prefix with layers above it.
pub(super) fn above(lowest: Prefix, layers: &[String]) -> Result<Prefix, Error> {
    if layers.len() >= MOST {
        return Err(Error::option(format!(
            "{} layers are more than there may be, which is {MOST}",
            layers.len() + 1
        )));
    }
    let mut all = vec![lowest];
    for layer in layers {
        if layer.is_empty() {
            return Err(Error::option(
                "the prefix of a layer is empty: that would be the whole store".to_owned(),
            ));
        }
        let layer = Prefix::new(layer);
        if let Some(other) = all.iter().find(|other| overlap(other, &layer)) {
            return Err(Error::option(overlapping(other, &layer)));
        }
        all.push(layer);
    }
    let mut all = all.into_iter();
    let Some(mut joined) = all.next() else { return Err(Error::option("there is no prefix".to_owned())) };
    for layer in all {
        joined = joined.and(&layer).map_err(|error| Error::option(error.to_string()))?;
    }
    Ok(joined)
}

fn overlap(one: &Prefix, other: &Prefix) -> bool {
    one.directory().starts_with(other.directory()) || other.directory().starts_with(one.directory())
}

fn overlapping(one: &Prefix, other: &Prefix) -> String {
    let shown = |prefix: &Prefix| Printable::line(prefix.path()).to_string();
    if one == other {
        return format!("the prefix {} is there twice: each layer has a prefix of its own", shown(one));
    }
    let (outer, inner) =
        if one.directory().len() < other.directory().len() { (one, other) } else { (other, one) };
    let (outer, inner) = (shown(outer), shown(inner));
    format!(
        "the layer {inner} lies in {outer}, which would have its keys, too: let it lie beside that, such as {outer}@eu-1"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::directories::directories;

    fn joined(lowest: &str, layers: &[&str]) -> Result<Vec<String>, String> {
        let layers: Vec<String> = layers.iter().map(|layer| (*layer).to_owned()).collect();
        let prefix = above(Prefix::new(lowest), &layers).map_err(|error| error.to_string())?;
        Ok(directories(&prefix).map(str::to_owned).collect())
    }

    #[test]
    fn layers_lie_beside_one_another() {
        assert_eq!(joined("/app", &[]).unwrap(), ["/app/"]);
        assert_eq!(joined("/app", &["/app@a", "/b/"]).unwrap(), ["/app/", "/app@a/", "/b/"]);
        for (layers, named) in [
            (&["/app/"][..], "the prefix /app is there twice"),
            (&["/a", "/a"], "the prefix /a is there twice"),
            (&["/app/x"], "the layer /app/x lies in /app"),
            (&["/b/c", "/b"], "the layer /b/c lies in /b"),
            (&[""], "empty"),
            (&["/"], "the layer /app lies in /"),
        ] {
            let error = joined("/app", layers).unwrap_err();
            assert!(error.contains(named), "{layers:?}: {error}");
        }
        assert!(joined("/app", &["/b"; 32]).unwrap_err().contains("33 layers"));
    }
}
