//! Methods without their types. What does a call, at one endpoint after the other, is compiled once and not for each
//! of them.

use std::any::Any;

use bytes::Bytes;

use crate::v3::grpc::frame::framed;
use crate::v3::wire::element_limit::decode;
use crate::v3::wire::method::Method;
use crate::{Error, Kind};

/// An answer of any method; [`answer_to`] gives it its type back.
pub(in crate::v3) type AnyAnswer = Box<dyn Any + Send>;

/// A [`Method`] without its types.
pub(in crate::v3) trait AnyMethod: Send + Sync {
    fn path(&self) -> &'static str;
    fn needs_token(&self) -> bool;
    fn needs_leader(&self) -> bool;
    fn names_revision(&self) -> bool;
    fn is_repeatable(&self) -> bool;
    fn may_be_large(&self) -> bool;
    fn ends_after_answer(&self) -> bool;

    /// As it is sent.
    fn framed(&self) -> Result<Bytes, Error>;

    /// Reads an answer, within the bound on how much memory a message may become.
    fn decode(&self, message: Bytes) -> Result<AnyAnswer, String>;

    /// Whether this can be the answer; an error is that of the server.
    fn check(&self, answer: &AnyAnswer) -> Result<(), Error>;
}

/// A request with its message, which is made once for all endpoints.
pub(in crate::v3) struct Encoded<'r> {
    pub(in crate::v3) request: &'r dyn AnyMethod,
    pub(in crate::v3) message: Bytes,
}

impl<'r> Encoded<'r> {
    pub(in crate::v3) fn of(request: &'r dyn AnyMethod) -> Result<Self, Error> {
        Ok(Self { request, message: request.framed()? })
    }
}

impl<M: Method> AnyMethod for M {
    fn path(&self) -> &'static str {
        M::PATH
    }

    fn needs_token(&self) -> bool {
        M::NEEDS_TOKEN
    }

    fn needs_leader(&self) -> bool {
        Method::needs_leader(self)
    }

    fn names_revision(&self) -> bool {
        Method::names_revision(self)
    }

    fn is_repeatable(&self) -> bool {
        Method::is_repeatable(self)
    }

    fn may_be_large(&self) -> bool {
        Method::may_be_large(self)
    }

    fn ends_after_answer(&self) -> bool {
        M::ENDS_AFTER_ANSWER
    }

    fn framed(&self) -> Result<Bytes, Error> {
        framed(self)
    }

    fn decode(&self, message: Bytes) -> Result<AnyAnswer, String> {
        Ok(Box::new(decode::<M::Answer>(message, self.at_most())?))
    }

    fn check(&self, answer: &AnyAnswer) -> Result<(), Error> {
        match answer.downcast_ref() {
            Some(answer) => Method::check(self, answer),
            None => Err(of_another_method()),
        }
    }
}

/// The answer to a request, as [`AnyMethod::decode`] of that request has made it.
pub(in crate::v3) fn answer_to<M: Method>(answer: AnyAnswer) -> Result<M::Answer, Error> {
    answer.downcast().map(|answer| *answer).map_err(|_| of_another_method())
}

/// It cannot be: a request decodes its own answers.
fn of_another_method() -> Error {
    Error::new(Kind::Protocol, "an answer of another method")
}
