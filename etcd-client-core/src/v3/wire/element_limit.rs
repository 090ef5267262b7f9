//! How many elements an answer may have, so that a small one does not become gigabytes in memory.
//!
//! An element of nothing takes two bytes on the wire and a hundred in memory or more, so that a message
//! well below the limit for one could take up many times as much. What etcd sends has a key and two
//! revisions in each element; so before a message is read its elements are counted.

use bytes::{Buf, Bytes};
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use prost::{DecodeError, Message};

use crate::v3::wire::messages as wire;
use crate::v3::wire::range_answer;

/// Elements of any size that are read in any case.
const FEW: usize = 10_000;
/// Bytes that an element of etcd takes at least, if there are many: a tag, a length, a key and two
/// revisions.
const SMALLEST: usize = 8;

/// An answer of which it is known where its elements are.
pub(in crate::v3) trait BoundedAnswer: Message + Default + 'static {
    /// The fields that hold elements, or messages that do.
    const ELEMENTS: Elements = Elements(&[]);

    /// Reads a message with so many elements.
    fn read(message: Bytes, elements: usize) -> Result<Self, DecodeError> {
        let _ = elements;
        Self::decode(message)
    }
}

/// Fields that are repeated, by number, with what is repeated in them.
#[derive(Clone, Copy)]
pub(in crate::v3) struct Elements(&'static [(u32, Elements)]);

const NONE: Elements = Elements(&[]);
const RANGE: Elements = Elements(&[(2, NONE)]);
const DELETED: Elements = Elements(&[(3, NONE)]);
/// As deep as transactions may be nested in what is asked here, and one more.
const TXN: Elements = Elements(&[(3, Elements(&[(1, RANGE), (3, DELETED), (4, INNER_TXN)]))]);
const INNER_TXN: Elements = Elements(&[(3, Elements(&[(1, RANGE), (3, DELETED), (4, LAST_TXN)]))]);
const LAST_TXN: Elements = Elements(&[(3, Elements(&[(1, RANGE), (3, DELETED), (4, NONE)]))]);

macro_rules! answers {
    ($($answer:ident $elements:expr;)*) => {$(
        impl BoundedAnswer for wire::$answer {
            const ELEMENTS: Elements = $elements;
        }
    )*};
}

impl BoundedAnswer for wire::RangeResponse {
    const ELEMENTS: Elements = RANGE;

    fn read(message: Bytes, elements: usize) -> Result<Self, DecodeError> {
        range_answer::read(&message, elements).map_or_else(|| Self::decode(message), Ok)
    }
}

answers! {
    DeleteRangeResponse DELETED;
    TxnResponse TXN;
    WatchResponse Elements(&[(11, NONE)]);
    PutResponse NONE;
    CompactionResponse NONE;
    LeaseGrantResponse NONE;
    LeaseRevokeResponse NONE;
    LeaseKeepAliveResponse NONE;
    LeaseTimeToLiveResponse NONE;
    LeaseLeasesResponse NONE;
    MemberListResponse Elements(&[(2, Elements(&[(3, NONE), (4, NONE)]))]);
    StatusResponse NONE;
    AuthenticateResponse NONE;
}

/// Reads a message: at most so many elements, where that many were asked for. Its keys and values are slices of it.
pub(in crate::v3) fn decode<A: BoundedAnswer>(message: Bytes, at_most: Option<usize>) -> Result<A, String> {
    let elements = check::<A>(&message, at_most)?;
    A::read(message, elements).map_err(|error| error.to_string())
}

/// Refuses a message that would become too much in memory: more elements than `at_most`, if so many were asked for,
/// or more than its length allows. Returns how many it has.
fn check<A: BoundedAnswer>(message: &[u8], at_most: Option<usize>) -> Result<usize, String> {
    let length = message.len();
    let most = at_most.unwrap_or_else(|| FEW.max(length / SMALLEST));
    let mut elements = 0;
    // What cannot be read is not read by the decoder, either.
    let _ = count(message, A::ELEMENTS, &mut elements, most);
    match at_most {
        _ if elements <= most => Ok(elements),
        Some(_) => Err(format!("{elements} keys are more than were asked for")),
        None => Err(format!("more than {most} elements in {length} bytes")),
    }
}

/// Counts the elements of a message, as far as they are not too many; `None` if it is no message.
fn count(mut message: &[u8], elements: Elements, found: &mut usize, most: usize) -> Option<()> {
    if elements.0.is_empty() {
        return Some(());
    }
    while message.has_remaining() && *found <= most {
        let (field, kind) = decode_key(&mut message).ok()?;
        let repeated = elements.0.iter().find(|(number, _)| *number == field);
        match repeated.filter(|_| kind == WireType::LengthDelimited) {
            None => skip_field(kind, field, &mut message, DecodeContext::default()).ok()?,
            Some((_, inner)) => {
                let length = usize::try_from(decode_varint(&mut message).ok()?).ok()?;
                *found += 1;
                count(message.get(..length)?, *inner, found, most)?;
                message.advance(length);
            }
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::wire::messages::{KeyValue, RangeResponse, Response, ResponseOp, TxnResponse};

    fn counted(message: &[u8], elements: Elements, most: usize) -> Option<usize> {
        let mut found = 0;
        count(message, elements, &mut found, most).map(|()| found)
    }

    #[test]
    fn elements_are_counted_however_deep_they_are() {
        let range = RangeResponse { kvs: vec![KeyValue::default(); 7], count: 7, ..RangeResponse::default() };
        assert_eq!(counted(&range.encode_to_vec(), RANGE, 100), Some(7));
        assert_eq!(
            counted(&range.encode_to_vec(), RANGE, 2),
            Some(3),
            "no more than it takes to refuse them"
        );
        let inner = ResponseOp { response: Some(Response::Range(range.clone())) };
        let inner = TxnResponse { responses: vec![inner; 2], ..TxnResponse::default() };
        let outer = [Response::Txn(inner), Response::Range(range)]
            .map(|response| ResponseOp { response: Some(response) });
        let outer = TxnResponse { responses: outer.to_vec(), ..TxnResponse::default() };
        // The keys, the answers that they are in, and the operations of these.
        assert_eq!(counted(&outer.encode_to_vec(), TXN, 100), Some(2 * (7 + 2) + 2 + (7 + 2)));
        assert_eq!(counted(b"\x12\x7f", RANGE, 100), None, "cut off");
    }
}
