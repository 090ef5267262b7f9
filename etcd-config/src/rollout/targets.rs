//! Which instances have a change first, and through which layers.

use std::collections::BTreeMap;

use etcd_client_core::{Prefix, Printable};

use super::share;
use crate::error::Error;
use crate::fleet::Fleet;
use crate::fleet::instance::Instance;

/// Who is to have it first.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Wanted {
    /// These.
    Named(Vec<String>),
    /// All that read this layer.
    Layer(String),
    /// A share of those that are there.
    Share(f64),
}

impl Wanted {
    /// A share is more than nothing, and at most everybody.
    pub(super) fn refuse_nonsense(&self) -> Result<(), Error> {
        match self {
            Self::Share(share) if !(*share > 0.0 && *share <= 1.0) => Err(Error::option(format!(
                "a change cannot be rolled out to a share of {share}: it is more than 0, and at most 1"
            ))),
            _ => Ok(()),
        }
    }
}

/// Who has it first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Targets {
    pub(super) instances: Vec<String>,
    pub(super) layers: Vec<String>,
    /// Layers of theirs between those and the prefix, each with an instance that reads it.
    pub(super) lower: BTreeMap<String, String>,
}

impl Targets {
    pub(super) fn choose(wanted: &Wanted, fleet: &Fleet) -> Result<Self, Error> {
        match wanted {
            Wanted::Named(names) => Self::by_own_layers(names, fleet),
            Wanted::Layer(layer) => Self::in_layer(layer, fleet),
            Wanted::Share(share) => {
                let readable = fleet.instances().iter().filter(|instance| instance.report.is_ok());
                let names = share::in_order(readable.map(|instance| instance.name.as_str()));
                let count = share::count_of(*share, names.len());
                let names: Vec<String> = names[..count].iter().map(|name| (*name).to_owned()).collect();
                Self::by_own_layers(&names, fleet)
            }
        }
    }

    fn by_own_layers(names: &[String], fleet: &Fleet) -> Result<Self, Error> {
        if names.is_empty() {
            return Err(Error::option(
                "there is no instance to roll out to: none is named, or nobody is there",
            ));
        }
        let mut targets = Self { instances: Vec::new(), layers: Vec::new(), lower: BTreeMap::new() };
        for name in names {
            let instance = fleet.instance(name)?;
            if targets.instances.contains(name) {
                continue;
            }
            let own = own_layer(instance, fleet)?;
            targets.lower.extend(lower(instance, &own));
            targets.layers.push(own);
            targets.instances.push(name.clone());
        }
        Ok(targets)
    }

    fn in_layer(layer: &str, fleet: &Fleet) -> Result<Self, Error> {
        let layer = Prefix::new(layer).path().to_owned();
        let reads = |instance: &&Instance| layers(instance).any(|other| other == layer);
        let readers = || fleet.instances().iter().filter(reads);
        let instances: Vec<String> = readers().map(|instance| instance.name.clone()).collect();
        if instances.is_empty() {
            let mut others: Vec<String> = fleet.instances().iter().flat_map(layers).collect();
            others.sort();
            others.dedup();
            let shown: Vec<String> =
                others.iter().take(10).map(|layer| Printable::line(layer).to_string()).collect();
            let hint = match shown[..] {
                [] => "no instance there has said that it reads any".to_owned(),
                _ => format!("they read {}", shown.join(", ")),
            };
            let layer = Printable::line(&layer);
            return Err(Error::option(format!("no instance reads the layer {layer}: {hint}")));
        }
        let lower = readers().flat_map(|instance| lower(instance, &layer)).collect();
        Ok(Self { instances, layers: vec![layer], lower })
    }
}

/// The layers of an instance, the highest last; those of an entry that cannot be read are not known.
fn layers(instance: &Instance) -> impl DoubleEndedIterator<Item = String> + '_ {
    let layers = instance.report.iter().flat_map(|report| &report.layers);
    layers.map(|layer| Prefix::new(layer).path().to_owned())
}

/// The layers of an instance below one of them, each with its name.
fn lower(instance: &Instance, layer: &str) -> Vec<(String, String)> {
    let lower = layers(instance).take_while(|other| other != layer);
    lower.map(|lower| (lower, instance.name.clone())).collect()
}

/// The highest layer, if it is this instance's alone.
fn own_layer(instance: &Instance, fleet: &Fleet) -> Result<String, Error> {
    let name = Printable::line(&instance.name).to_string();
    let cannot = |why: String| Error::option(format!("nothing can be rolled out to {name} alone: {why}"));
    if let Err(why) = &instance.report {
        return Err(cannot(format!("its entry cannot be read: {}", Printable::line(why))));
    }
    let way_out = "give the configuration a layer of each instance, such as layers(\"/payments@{instance}\")";
    let Some(highest) = layers(instance).next_back() else {
        return Err(cannot(format!("it reads no layer: {way_out}")));
    };
    let is_shared =
        |other: &&Instance| other.name != instance.name && layers(other).any(|layer| layer == highest);
    match fleet.instances().iter().find(is_shared) {
        None => Ok(highest),
        Some(other) => {
            let (layer, other) = (Printable::line(&highest), Printable::line(&other.name));
            Err(cannot(format!(
                "{other} reads its highest layer, {layer}, too: {way_out}, or roll out to the layer"
            )))
        }
    }
}
