//! Things by their names: a short list where there are few, as most often, and a map of many.

use std::collections::BTreeMap;

use super::name::Name;

/// The most in the list.
const FEW: usize = 8;

/// Things by their names, in order. One of them takes one small piece of memory: a map's first is for eleven.
#[derive(Clone, Debug)]
pub(crate) struct Named<V> {
    /// Empty where there are many.
    few: Vec<(Name, V)>,
    many: BTreeMap<Box<str>, V>,
}

impl<V> Named<V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.few.is_empty() && self.many.is_empty()
    }

    /// The one with a name.
    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        match self.find(name) {
            Ok(place) => Some(&self.few[place].1),
            Err(_) => self.many.get(name),
        }
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        match self.find(name) {
            Ok(place) => Some(&mut self.few[place].1),
            Err(_) => self.many.get_mut(name),
        }
    }

    /// All of them, in the order of their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &V)> {
        let few = self.few.iter().map(|(name, value)| (&**name, value));
        few.chain(self.many.iter().map(|(name, value)| (&**name, value)))
    }

    /// The names, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    /// Forgets those that are not to be kept.
    pub(super) fn retain(&mut self, mut keep: impl FnMut(&str, &mut V) -> bool) {
        self.few.retain_mut(|(name, value)| keep(name, value));
        self.many.retain(|name, value| keep(name, value));
    }

    /// Others by the same names.
    pub(super) fn map<W>(&self, make: impl Fn(&V) -> W) -> Named<W> {
        Named {
            few: self.few.iter().map(|(name, value)| (name.clone(), make(value))).collect(),
            many: self.many.iter().map(|(name, value)| (name.clone(), make(value))).collect(),
        }
    }

    /// Where a name is in the list, or would be.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.few.binary_search_by(|(other, _)| other.as_bytes().cmp(name.as_bytes()))
    }
}

impl<V: Default> Named<V> {
    /// The one with a name; a new one, if there is none.
    pub(super) fn child(&mut self, name: &str) -> &mut V {
        let place = match self.find(name) {
            Ok(place) => place,
            Err(place) if self.many.is_empty() && self.few.len() < FEW => {
                if self.few.is_empty() {
                    self.few.reserve_exact(1);
                }
                self.few.insert(place, (name.into(), V::default()));
                place
            }
            Err(_) => {
                self.many.extend(self.few.drain(..).map(|(name, value)| (Box::from(&*name), value)));
                return self.many.entry(name.into()).or_default();
            }
        };
        &mut self.few[place].1
    }
}

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self { few: Vec::new(), many: BTreeMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_what_a_plain_map_would_hold_however_many_there_are() {
        for count in [0, 1, 2, 7, 8, 9, 30] {
            let (mut subject, mut model) = (Named::default(), BTreeMap::new());
            for number in 0..count {
                // Not in their order.
                let name = format!("{:02}", number * 7 % 31);
                *subject.child(&name) = number;
                assert_eq!(*subject.child(&name), number, "it is there already");
                model.insert(name, number);
            }
            let all = |subject: &Named<usize>| -> BTreeMap<String, usize> {
                assert!(subject.keys().is_sorted(), "{count}");
                subject.iter().map(|(name, number)| (name.to_owned(), *number)).collect()
            };
            assert_eq!(all(&subject), model, "{count}");
            assert_eq!(subject.is_empty(), model.is_empty(), "{count}");
            assert_eq!(
                all(&subject.map(|number| number + 1)).values().sum::<usize>(),
                model.values().sum::<usize>() + count
            );
            for name in (0..31).map(|number| format!("{number:02}")) {
                assert_eq!(subject.get(&name), model.get(&name), "{count}");
                assert_eq!(subject.get_mut(&name).copied(), model.get(&name).copied(), "{count}");
            }
            subject.retain(|_, number| *number % 2 == 0);
            model.retain(|_, number| *number % 2 == 0);
            assert_eq!(all(&subject), model, "{count}");
            subject.retain(|_, _| false);
            assert!(subject.is_empty() && subject.get("00").is_none(), "{count}");
        }
    }
}
