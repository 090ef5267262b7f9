//! What is in a directory.

use std::fmt;
use std::iter::Flatten;
use std::slice;

use super::listed::{self, Listed};
use super::{Node, NodeBuf};
use crate::tree::name::Name;

/// The most places in one piece: moving half of them is cheap, and a large directory has few pieces.
const PIECE: usize = 256;

/// The places in a directory by their names, in order. Where there are none it takes one word: most nodes are keys
/// without anything below.
#[derive(Clone, Default)]
pub struct Children(Option<Box<Kind>>);

#[derive(Clone)]
enum Kind {
    Pieces(Pieces),
    /// Keys that were listed together, and are still there for the most part.
    Listed(Listed),
}

/// Places in pieces, none of which is empty: a listing fills one after the other, without room that stays free, and
/// what comes or goes later moves at most one piece.
#[derive(Clone, Default)]
struct Pieces {
    pieces: Vec<Vec<(Name, NodeBuf)>>,
    len: usize,
}

/// Nothing.
pub(in crate::tree) static NONE: Children = Children(None);

/// The names and places of a directory.
#[derive(Clone)]
pub struct Iter<'a>(Places<'a>);

#[derive(Clone)]
#[allow(clippy::large_enum_variant)] // It is on the stack while a directory is walked over.
enum Places<'a> {
    InPieces(Flatten<slice::Iter<'a, Vec<(Name, NodeBuf)>>>),
    Listed(listed::Iter<'a>),
}

impl Children {
    /// Keys as they were listed.
    pub(in crate::tree) fn of(listed: Listed) -> Self {
        Self(Some(Box::new(Kind::Listed(listed))))
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// How many places there are.
    pub fn len(&self) -> usize {
        match self.0.as_deref() {
            Some(Kind::Pieces(pieces)) => pieces.len,
            Some(Kind::Listed(listed)) => listed.len(),
            None => 0,
        }
    }

    /// How many values there are, here and below.
    pub(in crate::tree) fn count(&self) -> usize {
        match self.0.as_deref() {
            Some(Kind::Listed(listed)) => listed.values(),
            _ => self.values().map(Node::count).sum(),
        }
    }

    /// The place with a name.
    pub fn get(&self, name: &str) -> Option<Node<'_>> {
        match self.0.as_deref()? {
            Kind::Pieces(pieces) => pieces.get(name),
            Kind::Listed(listed) => listed.get(name),
        }
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> Iter<'_> {
        Iter(match self.0.as_deref() {
            Some(Kind::Listed(listed)) => Places::Listed(listed.iter()),
            Some(Kind::Pieces(pieces)) => Places::InPieces(pieces.pieces.iter().flatten()),
            None => Places::InPieces([].iter().flatten()),
        })
    }

    /// The names, in order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.iter().map(|(name, _)| name)
    }

    pub(in crate::tree) fn values(&self) -> impl Iterator<Item = Node<'_>> {
        self.iter().map(|(_, node)| node)
    }

    pub(in crate::tree) fn get_mut(&mut self, name: &str) -> Option<&mut NodeBuf> {
        self.settle();
        match self.0.as_deref_mut()? {
            Kind::Pieces(pieces) => {
                let (piece, place) = pieces.find(name).ok()?;
                Some(&mut pieces.pieces.get_mut(piece)?.get_mut(place)?.1)
            }
            Kind::Listed(listed) => listed.get_mut(name),
        }
    }

    /// The place with a name; a new one, if there is none.
    pub(crate) fn child(&mut self, name: &str) -> &mut NodeBuf {
        self.settle();
        match &mut **self.0.get_or_insert_with(|| Box::new(Kind::Pieces(Pieces::default()))) {
            Kind::Pieces(pieces) => {
                let (piece, place) = match pieces.find(name) {
                    Ok(found) => found,
                    Err((piece, place)) => pieces.insert(piece, place, name.into()),
                };
                &mut pieces.pieces[piece][place].1
            }
            Kind::Listed(listed) => listed.child(name),
        }
    }

    pub(in crate::tree) fn remove(&mut self, name: &str) {
        self.settle();
        match self.0.as_deref_mut() {
            Some(Kind::Pieces(pieces)) => {
                if let Ok((piece, place)) = pieces.find(name) {
                    pieces.remove(piece, place);
                }
            }
            Some(Kind::Listed(listed)) => listed.remove(name),
            None => {}
        }
        let left = self.len();
        if left == 0 {
            self.0 = None;
        }
    }

    /// Adds a place, and takes over what is in it if there is one of that name. Most often it comes after all others;
    /// `more` says for how many of them, at most, there has to be room.
    pub(in crate::tree) fn add(&mut self, name: &str, node: NodeBuf, more: usize) {
        let kind = self.0.get_or_insert_with(|| Box::new(Kind::Pieces(Pieces::default())));
        let Kind::Pieces(pieces) = &mut **kind else { return self.child(name).merge(node) };
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
    pub(in crate::tree) fn fit(&mut self) {
        if let Some(Kind::Pieces(pieces)) = self.0.as_deref_mut() {
            pieces.pieces.last_mut().into_iter().for_each(Vec::shrink_to_fit);
            pieces.pieces.shrink_to_fit();
        }
    }

    /// Takes over what is in another directory.
    pub(in crate::tree) fn merge(&mut self, from: Self) {
        if self.is_empty() {
            *self = from;
            return;
        }
        match from.0.map(|kind| *kind) {
            Some(Kind::Pieces(pieces)) => {
                for (name, node) in pieces.pieces.into_iter().flatten() {
                    self.child(&name).merge(node);
                }
            }
            Some(Kind::Listed(listed)) => {
                for (name, node) in listed.iter() {
                    self.child(name).merge(node.to_buf());
                }
            }
            None => {}
        }
    }

    /// Takes what has been listed apart, once much of it has changed.
    fn settle(&mut self) {
        let Some(Kind::Listed(listed)) = self.0.as_deref() else { return };
        if listed.has_changed_much() {
            let (mut all, mut more) = (Self::default(), listed.len());
            for (name, node) in listed.iter() {
                all.add(name, node.to_buf(), more);
                more -= 1;
            }
            all.fit();
            *self = all;
        }
    }
}

impl Pieces {
    fn get(&self, name: &str) -> Option<Node<'_>> {
        let (piece, place) = self.find(name).ok()?;
        Some(self.pieces.get(piece)?.get(place)?.1.read())
    }

    /// Where a name is, or would be.
    fn find(&self, name: &str) -> Result<(usize, usize), (usize, usize)> {
        let name = name.as_bytes();
        let is_before =
            |piece: &Vec<(Name, NodeBuf)>| piece.first().is_some_and(|(first, _)| first.as_bytes() <= name);
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
        self.pieces[piece].insert(place, (name, NodeBuf::default()));
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
    type Item = (&'a str, Node<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Places::InPieces(places) => places.next().map(|(name, node)| (&**name, node.read())),
            Places::Listed(places) => places.next(),
        }
    }
}

impl<'a> IntoIterator for &'a Children {
    type Item = (&'a str, Node<'a>);
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

    use std::sync::Arc;

    use etcd_client_core::{Entry, Listing, PackedListing};

    use super::*;
    use crate::tree::raw::RawBuf;

    fn entry(key: &str, number: usize) -> Entry {
        Entry { key: key.to_owned().into(), value: number.to_string().into(), revision: 1 }
    }

    fn node(number: usize) -> NodeBuf {
        NodeBuf { value: Some(RawBuf::of(&entry("", number), 0)), children: Children::default() }
    }

    fn text(node: Node<'_>) -> String {
        let raw = node.value.expect("each place has a value");
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

    /// Some places, and a plain map with the same ones.
    fn filled(numbers: &mut Numbers) -> (Children, BTreeMap<String, String>) {
        let (mut subject, mut model) = (Children::default(), BTreeMap::new());
        for number in 0..numbers.below(2_000) {
            let name =
                format!("{:05}", if numbers.below(256) == 0 { numbers.below(5_000) } else { number * 2 });
            subject.add(&name, node(number), 1);
            model.insert(name, number.to_string());
        }
        subject.fit();
        (subject, model)
    }

    /// The same as they come in a listing.
    fn listed(numbers: &mut Numbers) -> (Children, BTreeMap<String, String>) {
        let names = (0..numbers.below(2_000) + 20).map(|number| (format!("{:05}", number * 2), number));
        let names: Vec<_> = names.collect();
        let entries = names.iter().map(|(name, number)| entry(&format!("/app/{name}"), *number)).collect();
        let packed = PackedListing::of(&Listing { entries, ..Listing::default() });
        let listed = Listed::new(Arc::new(packed), 0, names.len(), 0);
        let model = names.into_iter().map(|(name, number)| (name, number.to_string())).collect();
        (Children::of(listed), model)
    }

    #[test]
    fn are_what_a_plain_map_would_hold_after_any_changes() {
        for seed in 0..12 {
            let mut numbers = Numbers(seed);
            let (mut subject, mut model) =
                if seed % 2 == 0 { filled(&mut numbers) } else { listed(&mut numbers) };
            check(&subject, &model, seed);
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
                let found = subject.get_mut(&name).map(|found| text(found.read()));
                assert_eq!(found, model.get(&name).cloned());
                // While it is kept in the listing for the most part, and after.
                if number < 200 && number % 20 == 0 {
                    check(&subject, &model, seed);
                }
            }
            check(&subject, &model, seed);
            model.keys().for_each(|name| subject.remove(name));
            assert!(subject.is_empty() && subject.iter().next().is_none(), "seed {seed}");
        }
    }

    fn check(subject: &Children, model: &BTreeMap<String, String>, seed: u64) {
        assert_eq!((subject.len(), subject.is_empty()), (model.len(), model.is_empty()), "seed {seed}");
        assert_eq!(subject.count(), model.len(), "seed {seed}");
        let all: Vec<_> = subject.iter().map(|(name, node)| (name.to_owned(), text(node))).collect();
        assert_eq!(all, model.clone().into_iter().collect::<Vec<_>>(), "seed {seed}");
    }

    #[test]
    fn are_merged_whichever_way_they_are_kept() {
        for seed in 0..8 {
            let mut numbers = Numbers(seed);
            let kinds = [filled, listed];
            let (mut subject, mut model) = kinds[usize::from(seed % 2 == 0)](&mut numbers);
            let (other, later) = kinds[usize::from(seed % 4 < 2)](&mut numbers);
            subject.merge(other);
            model.extend(later);
            check(&subject, &model, seed);
        }
    }
}
