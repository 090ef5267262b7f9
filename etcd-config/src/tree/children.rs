//! What is in a directory.

use std::fmt;
use std::iter::Flatten;
use std::slice;

use super::Node;
use super::name::Name;

/// The most places in one piece: moving half of them is cheap, and a large directory has few pieces.
const PIECE: usize = 256;

/// The places in a directory by their names, in order. Where there are none it takes one word: most nodes are keys
/// without anything below.
///
/// They are in pieces, none of which is empty: a listing fills one after the other, without room that stays free, and
/// what comes or goes later moves at most one piece.
#[derive(Clone, Default)]
pub struct Children(Option<Box<Pieces>>);

#[derive(Clone, Default)]
struct Pieces {
    pieces: Vec<Vec<(Name, Node)>>,
    len: usize,
}

static NONE: Pieces = Pieces { pieces: Vec::new(), len: 0 };

/// The names and places of a directory.
#[derive(Clone)]
pub struct Iter<'a>(Flatten<slice::Iter<'a, Vec<(Name, Node)>>>);

impl Children {
    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        self.pieces().len
    }

    /// The place with a name.
    pub fn get(&self, name: &str) -> Option<&Node> {
        let pieces = self.pieces();
        let (piece, place) = pieces.find(name).ok()?;
        Some(&pieces.pieces.get(piece)?.get(place)?.1)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> Iter<'_> {
        Iter(self.pieces().pieces.iter().flatten())
    }

    /// The names, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Node> {
        self.pieces().pieces.iter().flatten().map(|(_, node)| node)
    }

    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Node> {
        let pieces = self.0.as_mut()?;
        let (piece, place) = pieces.find(name).ok()?;
        Some(&mut pieces.pieces.get_mut(piece)?.get_mut(place)?.1)
    }

    /// The place with a name; a new one, if there is none.
    pub(crate) fn child(&mut self, name: &str) -> &mut Node {
        let pieces = self.0.get_or_insert_default();
        let (piece, place) = match pieces.find(name) {
            Ok(found) => found,
            Err((piece, place)) => pieces.insert(piece, place, name.into()),
        };
        &mut pieces.pieces[piece][place].1
    }

    pub(super) fn remove(&mut self, name: &str) {
        if let Some(pieces) = &mut self.0
            && let Ok((piece, place)) = pieces.find(name)
        {
            pieces.remove(piece, place);
        }
        self.0.take_if(|pieces| pieces.len == 0);
    }

    /// Adds a place, and takes over what is in it if there is one of that name. Most often it comes after all others;
    /// `more` says for how many of them, at most, there has to be room.
    pub(super) fn add(&mut self, name: &str, node: Node, more: usize) {
        let pieces = self.0.get_or_insert_default();
        let last = pieces.pieces.last_mut();
        match last.filter(|piece| piece.last().is_some_and(|(last, _)| last.as_bytes() < name.as_bytes())) {
            Some(piece) if piece.len() < PIECE => piece.push((name.into(), node)),
            None if pieces.len > 0 => return self.child(name).merge(node),
            _ => {
                let mut piece = Vec::with_capacity(more.clamp(1, PIECE));
                piece.push((name.into(), node));
                pieces.pieces.push(piece);
            }
        }
        pieces.len += 1;
    }

    /// Lets go of room that is not needed, when all has been added.
    pub(super) fn fit(&mut self) {
        if let Some(pieces) = &mut self.0 {
            pieces.pieces.last_mut().into_iter().for_each(Vec::shrink_to_fit);
            pieces.pieces.shrink_to_fit();
        }
    }

    /// Takes over what is in another directory.
    pub(super) fn merge(&mut self, from: Self) {
        for (name, node) in from.0.into_iter().flat_map(|pieces| pieces.pieces).flatten() {
            self.child(&name).merge(node);
        }
    }

    fn pieces(&self) -> &Pieces {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl Pieces {
    /// Where a name is, or would be.
    fn find(&self, name: &str) -> Result<(usize, usize), (usize, usize)> {
        let name = name.as_bytes();
        let is_before =
            |piece: &Vec<(Name, Node)>| piece.first().is_some_and(|(first, _)| first.as_bytes() <= name);
        let number = self.pieces.partition_point(is_before).saturating_sub(1);
        let piece = self.pieces.get(number).map(Vec::as_slice).unwrap_or_default();
        match piece.binary_search_by(|(other, _)| other.as_bytes().cmp(name)) {
            Ok(place) => Ok((number, place)),
            Err(place) => Err((number, place)),
        }
    }

    /// Makes an empty place, and returns where it is.
    fn insert(&mut self, mut piece: usize, mut place: usize, name: Name) -> (usize, usize) {
        if self.pieces.is_empty() {
            self.pieces.push(Vec::with_capacity(1));
        }
        if self.pieces[piece].len() >= PIECE {
            let upper = self.pieces[piece].split_off(PIECE / 2);
            self.pieces.insert(piece + 1, upper);
            if place > PIECE / 2 {
                (piece, place) = (piece + 1, place - PIECE / 2);
            }
        }
        self.pieces[piece].insert(place, (name, Node::default()));
        self.len += 1;
        (piece, place)
    }

    fn remove(&mut self, number: usize, place: usize) {
        let piece = &mut self.pieces[number];
        piece.remove(place);
        self.len -= 1;
        if piece.is_empty() {
            self.pieces.remove(number);
        } else if piece.len() < piece.capacity() / 4 {
            piece.shrink_to(piece.len() * 2);
        }
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a str, &'a Node);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, node)| (&**name, node))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = (&'a str, &'a Node);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl fmt::Debug for Children {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use etcd_client_core::Entry;

    use super::super::Raw;
    use super::*;

    fn node(number: usize) -> Node {
        let entry = Entry { key: "".into(), value: number.to_string().into(), revision: 1 };
        Node { value: Some(Raw::of(&entry, 0)), children: Children::default() }
    }

    fn text(node: &Node) -> String {
        let raw = node.value.as_ref().expect("each place has a value");
        String::from_utf8(raw.value.to_vec()).expect("numbers")
    }

    /// Numbers below a limit that look like chance, the same ones in each run.
    struct Numbers(u64);

    impl Numbers {
        fn below(&mut self, limit: usize) -> usize {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(self.0 >> 33).expect("31 bits") % limit
        }
    }

    #[test]
    fn are_what_a_plain_map_would_hold_after_any_changes() {
        for seed in 0..6 {
            let mut numbers = Numbers(seed);
            let (mut subject, mut model) = (Children::default(), BTreeMap::new());
            for number in 0..numbers.below(2_000) {
                let name =
                    format!("{:05}", if numbers.below(256) == 0 { numbers.below(5_000) } else { number * 2 });
                subject.add(&name, node(number), 1);
                model.insert(name, number.to_string());
            }
            subject.fit();
            for number in 0..6_000 {
                let name = format!("{:05}", numbers.below(5_000));
                if numbers.below(2) == 0 {
                    *subject.child(&name) = node(number);
                    model.insert(name, number.to_string());
                } else {
                    subject.remove(&name);
                    model.remove(&name);
                }
                let name = format!("{:05}", numbers.below(5_000));
                assert_eq!(subject.get(&name).map(text), model.get(&name).cloned(), "seed {seed}");
                assert_eq!(subject.get_mut(&name).map(|found| text(found)), model.get(&name).cloned());
            }
            assert_eq!((subject.len(), subject.is_empty()), (model.len(), model.is_empty()), "seed {seed}");
            let all: Vec<_> = subject.iter().map(|(name, node)| (name.to_owned(), text(node))).collect();
            assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>(), "seed {seed}");
            model.keys().for_each(|name| subject.remove(name));
            assert!(subject.is_empty() && subject.iter().next().is_none(), "seed {seed}");
        }
    }
}
