//! The error of a call that every endpoint has failed.

use crate::error::EndpointFailure;
use crate::{Error, Kind};

/// The error of a call that no endpoint could do. Its kind is the one that says most: a member that
/// misses its leader knows more than a connection that was refused.
pub(crate) fn all_failed(failures: Vec<EndpointFailure>, endpoints: usize, rounds: u32) -> Error {
    const TELLING: [Kind; 4] = [Kind::NoLeader, Kind::Overloaded, Kind::Protocol, Kind::Timeout];
    let kinds: Vec<Kind> = failures.iter().map(|failure| failure.error.kind()).collect();
    let kind = TELLING.into_iter().find(|kind| kinds.contains(kind)).unwrap_or(Kind::Unavailable);
    let code =
        failures.iter().find(|failure| failure.error.kind() == kind).and_then(|failure| failure.error.code());
    let in_rounds = if rounds == 1 { String::new() } else { format!(" in {rounds} rounds") };
    let message = match endpoints {
        1 => format!("the etcd endpoint could not be used{in_rounds}"),
        count => format!("none of the {count} etcd endpoints could be used{in_rounds}"),
    };
    let error = Error::new(kind, message).with_failures(failures).with_retries(rounds.saturating_sub(1));
    match code {
        Some(code) => error.with_code(code),
        None => error,
    }
}
