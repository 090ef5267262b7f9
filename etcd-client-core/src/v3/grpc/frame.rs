//! Messages in their frames ("Length-Prefixed-Message"): a flag that says whether it is compressed, the length, the
//! message.

use bytes::{BufMut, Bytes};
use prost::Message;

use crate::v3::grpc::code::Code;
use crate::v3::grpc::status::Status;
use crate::{Error, Kind};

/// Bytes before each message.
const HEAD: usize = 5;

/// The most memory, in bytes, that is reserved for a message before any of it has come. More is reserved as it comes: a
/// server that announces a long message has to send it.
const AT_FIRST: usize = 1 << 20;

/// A message as it is sent.
///
/// # Errors
/// It has 4 GiB or more.
pub(in crate::v3) fn framed(message: &impl Message) -> Result<Bytes, Error> {
    let length = message.encoded_len();
    let Ok(length_on_wire) = u32::try_from(length) else {
        return Err(Error::new(Kind::TooLarge, format!("a request of {length} bytes is too large for gRPC")));
    };
    let mut frame = Vec::with_capacity(HEAD + length);
    frame.put_u8(0);
    frame.put_u32(length_on_wire);
    message.encode_raw(&mut frame);
    Ok(frame.into())
}

/// Puts messages together from pieces of any length. Each is in memory of its own, as its keys and values are kept for
/// long.
#[derive(Debug)]
pub(super) struct FrameReader {
    /// The longest message, in bytes.
    limit: usize,
    head: [u8; HEAD],
    /// As much of the head as has come.
    filled: usize,
    /// Once the head has come.
    message: Option<Unfinished>,
}

#[derive(Debug)]
struct Unfinished {
    length: usize,
    read: Vec<u8>,
}

impl FrameReader {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, head: [0; HEAD], filled: 0, message: None }
    }

    /// Takes from the piece what belongs to the next message, which is returned when it is whole.
    ///
    /// # Errors
    /// It is compressed, or longer than the limit. There is nothing more to be read then.
    pub(super) fn read(&mut self, piece: &mut Bytes) -> Result<Option<Bytes>, Status> {
        let Some(mut message) = self.unfinished(piece)? else { return Ok(None) };
        if message.take(piece) {
            return Ok(Some(message.read.into()));
        }
        self.message = Some(message);
        Ok(None)
    }

    /// The message that is being read, once its head has come.
    fn unfinished(&mut self, piece: &mut Bytes) -> Result<Option<Unfinished>, Status> {
        if self.message.is_some() {
            return Ok(self.message.take());
        }
        let more = piece.split_to(piece.len().min(HEAD - self.filled));
        self.head[self.filled..self.filled + more.len()].copy_from_slice(&more);
        self.filled += more.len();
        if self.filled < HEAD {
            return Ok(None);
        }
        self.filled = 0;
        Unfinished::begin(self.head, self.limit).map(Some)
    }

    /// Whether something of a message has come, and not all of it.
    pub(super) fn is_within_message(&self) -> bool {
        self.filled > 0 || self.message.is_some()
    }
}

impl Unfinished {
    fn begin(head: [u8; HEAD], limit: usize) -> Result<Self, Status> {
        let [flag, length @ ..] = head;
        match flag {
            0 => {}
            1 => {
                return Err(Status::internal(
                    "protocol error: received message with compressed-flag but no grpc-encoding was specified",
                ));
            }
            _ => {
                return Err(Status::internal(format!(
                    "protocol error: received message with invalid compression flag: {flag} (valid flags are 0 and 1)"
                )));
            }
        }
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        // These words, and those above, are tonic's; `Failure` knows this one by them.
        if length > limit {
            return Err(Status::new(
                Code::OutOfRange,
                format!(
                    "Error, decoded message length too large: found {length} bytes, the limit is: {limit} bytes"
                ),
            ));
        }
        Ok(Self { length, read: Vec::with_capacity(length.min(AT_FIRST)) })
    }

    /// Whether it is whole now.
    fn take(&mut self, piece: &mut Bytes) -> bool {
        let more = piece.split_to(piece.len().min(self.length - self.read.len()));
        let needed = self.read.len() + more.len();
        if needed > self.read.capacity() {
            // Twice as much each time, and in the end as much as it takes.
            let capacity = self.length.min(needed.max(2 * self.read.capacity()));
            self.read.reserve_exact(capacity - self.read.len());
        }
        self.read.extend_from_slice(&more);
        self.read.len() == self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the bytes in pieces, each as long as `next` says.
    fn read(
        bytes: &[u8],
        limit: usize,
        mut next: impl FnMut() -> usize,
    ) -> Result<(Vec<Bytes>, bool), Status> {
        let (mut reader, mut messages, mut rest) = (FrameReader::new(limit), Vec::new(), bytes);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(next().clamp(1, rest.len()));
            rest = after;
            let mut piece = Bytes::copy_from_slice(piece);
            while let Some(message) = reader.read(&mut piece)? {
                messages.push(message);
            }
            assert!(piece.is_empty(), "all of it is read");
        }
        Ok((messages, reader.is_within_message()))
    }

    #[test]
    fn messages_are_the_same_however_they_are_cut() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..2_000 {
            let longest = [0, 1, 7, 300, 70_000][random.usize(..5)];
            let sent: Vec<Vec<u8>> =
                (0..random.usize(..6)).map(|_| vec![random.u8(..); random.usize(..=longest)]).collect();
            let mut bytes: Vec<u8> =
                sent.iter().flat_map(|message| framed(message).unwrap().to_vec()).collect();
            // A message of bytes is a tag, a length and the bytes.
            let expected: Vec<Vec<u8>> = sent.iter().map(Message::encode_to_vec).collect();
            let widest = [1, 2, 9, 16_384, 200_000][random.usize(..5)];
            let (messages, is_within) = read(&bytes, usize::MAX, || random.usize(1..=widest)).unwrap();
            assert_eq!((&messages, is_within), (&expected.iter().cloned().map(Bytes::from).collect(), false));
            let missing = random.usize(..6).min(bytes.len());
            bytes.truncate(bytes.len() - missing);
            let (_, is_within) = read(&bytes, usize::MAX, || random.usize(1..=widest)).unwrap();
            let is_between = missing == 0
                || missing == bytes.len() + missing
                || missing == 5 && expected.last().is_some_and(Vec::is_empty);
            assert_eq!(is_within, !is_between, "{missing} bytes of {} are missing", bytes.len());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..20_000 {
            let bytes: Vec<u8> =
                (0..random.usize(..40)).map(|_| random.u8(..) & random.u8(..) & random.u8(..)).collect();
            let whole = read(&bytes, 300, || usize::MAX);
            assert_eq!(read(&bytes, 300, || random.usize(1..9)), whole, "{bytes:?}");
        }
    }

    #[test]
    fn what_is_too_long_is_refused_by_its_head() {
        assert_eq!(read(b"\0\0\0\0\x02ab", 2, || 1).unwrap().0, ["ab"]);
        let refused = read(b"\0\0\0\0\x03", 2, || 1).unwrap_err();
        assert_eq!(refused.code, Code::OutOfRange);
        assert!(refused.message.contains("message length too large: found 3 bytes, the limit is: 2 bytes"));
    }

    #[test]
    fn memory_is_taken_for_what_has_come() {
        let mut reader = FrameReader::new(usize::MAX);
        let mut piece = Bytes::from_static(b"\0\xff\xff\xff\xffab");
        assert_eq!(reader.read(&mut piece), Ok(None));
        assert!(reader.message.as_ref().unwrap().read.capacity() <= AT_FIRST);
        let length = 5 * AT_FIRST;
        let mut reader = FrameReader::new(length);
        let mut head =
            Bytes::copy_from_slice(&[&[0][..], &u32::try_from(length).unwrap().to_be_bytes()].concat());
        assert_eq!(reader.read(&mut head), Ok(None));
        let piece = Bytes::from(vec![7; 1 << 14]);
        let message = loop {
            if let Some(message) = reader.read(&mut piece.clone()).unwrap() {
                break message;
            }
            let Unfinished { read, .. } = reader.message.as_ref().unwrap();
            let most = length.min(AT_FIRST.max(2 * read.len()));
            assert!(read.capacity() <= most, "{} for {}", read.capacity(), read.len());
        };
        assert_eq!(message.len(), length);
    }

    #[test]
    fn what_is_compressed_is_refused() {
        for (bytes, words) in [(b"\x01\0\0\0\0", "compressed-flag"), (b"\x07\0\0\0\0", "compression flag: 7")]
        {
            let refused = read(bytes, 9, || 1).unwrap_err();
            assert!(refused.code == Code::Internal && refused.message.contains(words), "{refused:?}");
        }
    }
}
