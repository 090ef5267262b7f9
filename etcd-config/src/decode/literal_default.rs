//! Literal defaults: what is wrong with one is wrong in the source, whether its key is there or not.

use super::decoder::Decoder;
use crate::leaf::FieldDefault;
use crate::leaf::{self, Decode, IN_SOURCE, Wanted};
use crate::problem::Kind;

/// The value of a literal default.
pub(super) fn decode<T>(default_text: &'static str, decode: Decode<T>, at: &mut Decoder<'_>) -> Option<T> {
    at.note_secret(default_text);
    match leaf::decode(default_text, decode) {
        Ok(value) => Some(value),
        Err(error) => {
            let ty = at.type_name();
            let wanted = Wanted { ty: &ty, default: FieldDefault::Required, secret: at.is_secret() };
            let what = leaf::complaint(default_text, wanted, decode, &error);
            note(Kind::Undecodable, &what, default_text, at);
            None
        }
    }
}

/// A check refuses the value of a literal default.
pub(super) fn refuse(default_text: &'static str, refusal: &str, at: &mut Decoder<'_>) {
    let what = leaf::refused(Some(default_text), refusal, at.is_secret());
    note(Kind::Refused, &what, default_text, at);
}

/// Once: all of them have been tried before the first key was read.
fn note(kind: Kind, what: &str, default_text: &'static str, at: &mut Decoder<'_>) {
    if !at.knows_defaults() {
        at.problem(kind, format!("{what}{IN_SOURCE}"), Some(default_text), None);
    }
}
