//! Literal defaults: what is wrong with one is wrong in the source, whether its key is there or not.

use super::decoder::Decoder;
use crate::leaf::FieldDefault;
use crate::leaf::{self, Decode, IN_SOURCE, Wanted};
use crate::problem::Kind;

/// The value of a literal default.
pub(super) fn decode<T>(text: &'static str, decode: Decode<T>, at: &mut Decoder<'_>) -> Option<T> {
    at.note_secret(text);
    match leaf::decode(text, decode) {
        Ok(value) => Some(value),
        Err(error) => {
            let ty = at.type_name();
            let wanted = Wanted { ty: &ty, default: FieldDefault::Required, secret: at.is_secret() };
            let what = leaf::complaint(text, wanted, decode, &error);
            note(Kind::Undecodable, &what, text, at);
            None
        }
    }
}

/// A check refuses the value of a literal default.
pub(super) fn refuse(text: &'static str, refusal: &str, at: &mut Decoder<'_>) {
    let what = leaf::refused(Some(text), refusal, at.is_secret());
    note(Kind::Refused, &what, text, at);
}

/// Once: all of them have been tried before the first key was read.
fn note(kind: Kind, what: &str, text: &'static str, at: &mut Decoder<'_>) {
    if !at.knows_defaults() {
        at.problem(kind, format!("{what}{IN_SOURCE}"), Some(text), None);
    }
}
