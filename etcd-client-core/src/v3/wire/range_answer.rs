//! Reads an answer with many keys as etcd sends it: for a large listing that is most of the work, and a reader of one kind
//! of message is several times as fast as one of any.

use bytes::Bytes;
use prost::Message;

use crate::v3::wire::messages::{KeyValue, RangeResponse, ResponseHeader};

/// The message, of which it is known how many keys it has; `None` if there is anything in it that etcd does not send. Then
/// it is for the general reader to say what it is.
pub(in crate::v3) fn read(message: &Bytes, keys: usize) -> Option<RangeResponse> {
    let mut answer = RangeResponse { kvs: Vec::with_capacity(keys), ..RangeResponse::default() };
    let mut rest = &message[..];
    while let Some((tag, after)) = rest.split_first() {
        rest = after;
        match tag {
            0x0a if answer.header.is_none() => {
                answer.header = Some(ResponseHeader::decode(part(&mut rest)?).ok()?);
            }
            0x12 => answer.kvs.push(key_value(message, part(&mut rest)?)?),
            0x18 => answer.more = number(&mut rest)? != 0,
            0x20 => answer.count = number(&mut rest)?.cast_signed(),
            _ => return None,
        }
    }
    Some(answer)
}

/// A key, whose bytes are a part of the message.
fn key_value(message: &Bytes, mut rest: &[u8]) -> Option<KeyValue> {
    let (mut key, mut value, mut numbers) = (&[][..], &[][..], [0; 4]);
    let [created, modified, version, lease] = &mut numbers;
    while let Some((tag, after)) = rest.split_first() {
        rest = after;
        match tag {
            0x0a => key = part(&mut rest)?,
            0x10 => *created = number(&mut rest)?,
            0x18 => *modified = number(&mut rest)?,
            0x20 => *version = number(&mut rest)?,
            0x2a => value = part(&mut rest)?,
            0x30 => *lease = number(&mut rest)?,
            _ => return None,
        }
    }
    let [create_revision, mod_revision, version, lease] = numbers.map(u64::cast_signed);
    let (key, value) = (message.slice_ref(key), message.slice_ref(value));
    Some(KeyValue { key, create_revision, mod_revision, version, value, lease })
}

/// A part of the message, after its length.
fn part<'m>(rest: &mut &'m [u8]) -> Option<&'m [u8]> {
    let length = usize::try_from(number(rest)?).ok()?;
    let (part, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(part)
}

/// A number, seven bits a byte, the lowest ones first.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        // The tenth byte has one bit.
        if shift == 63 && *byte > 1 {
            return None;
        }
        number |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(rng: &mut fastrand::Rng) -> Bytes {
        let most = [1, 3, 130, 20_000][rng.usize(0..4)];
        let length = rng.usize(0..most);
        std::iter::repeat_with(|| rng.u8(..)).take(length).collect()
    }

    fn number_of(rng: &mut fastrand::Rng) -> i64 {
        let small = rng.i64(0..1 << 20);
        [0, 1, -1, i64::MIN, i64::MAX, small][rng.usize(0..6)]
    }

    fn answer(rng: &mut fastrand::Rng) -> RangeResponse {
        let kv = |_| KeyValue {
            key: bytes(rng),
            value: bytes(rng),
            create_revision: number_of(rng),
            mod_revision: number_of(rng),
            version: number_of(rng),
            lease: number_of(rng),
        };
        let kvs = (0..5).map(kv).collect();
        let header =
            ResponseHeader { cluster_id: rng.u64(..), revision: number_of(rng), ..Default::default() };
        RangeResponse { header: rng.bool().then_some(header), kvs, more: rng.bool(), count: number_of(rng) }
    }

    #[test]
    fn whatever_it_reads_is_what_the_general_reader_reads() {
        let mut read_changed = 0;
        for seed in 0..2_000 {
            let mut rng = fastrand::Rng::with_seed(seed);
            let sent = answer(&mut rng);
            let mut message = sent.encode_to_vec();
            assert_eq!(read(&message.clone().into(), 5), Some(sent), "seed {seed}");
            for _ in 0..rng.usize(1..4) {
                let place = rng.usize(0..message.len());
                match rng.u8(0..3) {
                    0 => message[place] = rng.u8(..),
                    1 => message.truncate(place.max(1)),
                    _ => message.insert(place, 0x80),
                }
            }
            let message = Bytes::from(message);
            if let Some(answer) = read(&message, 5) {
                read_changed += 1;
                assert_eq!(RangeResponse::decode(message), Ok(answer), "seed {seed}");
            }
        }
        assert!(read_changed > 100, "{read_changed}");
    }

    #[test]
    fn what_etcd_does_not_send_is_left_to_the_general_reader() {
        for message in [
            &b"\x28\x01"[..],
            b"\x0a\x00\x0a\x00",
            b"\x12\x02\x38\x01",
            b"\x12\x05\x0a",
            b"\x18",
            b"\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ] {
            assert_eq!(read(&Bytes::from_static(message), 0), None, "{message:?}");
        }
    }
}
