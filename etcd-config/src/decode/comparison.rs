//! Whether two values of a field are the same: by `PartialEq` where the type has it, else by their text.
//!
//! Derived code asks `compared(part).part()`, and the compiler picks the method: that of [`ByValue`] where
//! the value is `PartialEq`, else, one dereference further, that of [`ByText`].

use std::ops::Deref;

use crate::runtime::panics;

/// A part whose values can be compared.
pub trait Comparing: Copy {
    /// What one key holds.
    type Leaf;

    /// The same part, which compares values.
    #[must_use]
    fn comparing(self, same: Same<Self::Leaf>) -> Self;
}

/// Whether two values are the same.
pub(super) type Same<T> = fn(&T, &T) -> bool;

/// Whether what was is what is. It is not needed any more: if its drop panics, that is no matter of the
/// new value.
pub(super) fn is_same<T>(same: Same<T>, before: T, now: &T) -> bool {
    let is_same = same(&before, now);
    panics::drop_caught(before);
    is_same
}

/// A part that compares its values, if they can be.
pub struct ByValue<P>(ByText<P>);

/// A part that compares texts.
pub struct ByText<P>(P);

/// A part that compares as well as its type allows.
pub fn compared<P>(part: P) -> ByValue<P> {
    ByValue(ByText(part))
}

impl<P: Comparing<Leaf: PartialEq>> ByValue<P> {
    pub fn part(&self) -> P {
        self.0.0.comparing(<P::Leaf as PartialEq>::eq)
    }
}

impl<P: Copy> ByText<P> {
    pub fn part(&self) -> P {
        self.0
    }
}

impl<P> Deref for ByValue<P> {
    type Target = ByText<P>;

    fn deref(&self) -> &ByText<P> {
        &self.0
    }
}
