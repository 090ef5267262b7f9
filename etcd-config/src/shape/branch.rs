//! The fields of a struct with those of the structs below it, as the decoder found them.

use std::sync::Arc;

use crate::leaf::Expectation;
use crate::shape::layout::{Field, Layout};

/// A derived struct and what its fields are.
#[derive(Debug)]
pub struct Branch {
    pub layout: &'static Layout,
    pub members: Vec<Member>,
}

/// A field and what it is.
#[derive(Debug)]
pub struct Member {
    pub field: &'static Field,
    pub part: Part,
}

/// What reads a field's place.
#[derive(Debug)]
pub enum Part {
    /// One key.
    Leaf(Expectation),
    /// A directory whose keys are the entries of a map; `ty` is the type of one.
    Map { entry: Expectation, ty: String },
    /// A directory that is a struct.
    Directory(Arc<Branch>),
    /// A directory that may be missing.
    Optional(Box<Part>),
    /// A directory whose directories are the entries of a map.
    Each(Box<Part>),
    /// The struct so many levels up again: a recursive type.
    Above(usize),
}
