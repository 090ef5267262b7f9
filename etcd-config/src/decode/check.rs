//! What `validate` names, with the words for a function that is of no use.

use std::fmt::Display;

/// What a check answers.
#[diagnostic::on_unimplemented(
    message = "a check answers `Result<(), E>` with an `E` that can be printed, and this one answers `{Self}`",
    label = "the check answers `{Self}`",
    note = "`Ok(())` lets a value pass, and `Err(\"why not\")` refuses it"
)]
pub trait Answer {
    /// The refusal as text.
    fn refusal(self) -> Result<(), String>;
}

#[diagnostic::do_not_recommend]
impl<E: Display> Answer for Result<(), E> {
    fn refusal(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// A function of a reference.
#[diagnostic::on_unimplemented(
    message = "a check of a `{T}` takes it by reference: `fn check(value: &{T}) -> Result<(), E>`",
    label = "this is `{Self}`"
)]
pub trait TakesReference<'a, T: 'a> {}

#[diagnostic::do_not_recommend]
impl<'a, T: 'a, R, F: Fn(&'a T) -> R> TakesReference<'a, T> for F {}

/// What a check answered, as text.
pub fn refusal<A: Answer>(answer: A) -> Result<(), String> {
    answer.refusal()
}

/// The function itself, for a type that no reference to something else can be made of.
pub fn by_reference<T, F: for<'a> TakesReference<'a, T>>(check: F) -> F {
    check
}
