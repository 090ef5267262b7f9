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

/// A function of a reference to a `T`.
#[diagnostic::on_unimplemented(
    message = "a check of a `{T}` takes a `&{T}` and answers `Result<(), E>` with an `E` that can be printed",
    label = "this is `{Self}`",
    note = "`Ok(())` lets a value pass, and `Err(\"why not\")` refuses it"
)]
pub trait Check<'a, T: 'a> {
    /// What it answers.
    type Answer: Answer;

    /// Asks it.
    fn ask(self, value: &'a T) -> Self::Answer;
}

#[diagnostic::do_not_recommend]
impl<'a, T: 'a, A: Answer, F: FnOnce(&'a T) -> A> Check<'a, T> for F {
    type Answer = A;

    fn ask(self, value: &'a T) -> A {
        self(value)
    }
}

/// What a check answered, as text.
pub fn refusal<A: Answer>(answer: A) -> Result<(), String> {
    answer.refusal()
}

/// The same of a type to which a reference is nothing else: then rustc says how the function has to be changed.
pub fn refusal_of<'a, T: 'a, F: Check<'a, T>>(check: F, value: &'a T) -> Result<(), String> {
    check.ask(value).refusal()
}
