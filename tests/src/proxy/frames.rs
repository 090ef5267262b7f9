//! What a server sends over HTTP/2, frame by frame, so that one can be lost.

use std::collections::BTreeSet;

use super::polls::Polls;

const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// The field of etcd's `WatchResponse` that holds events; no other answer has one of this number.
const EVENTS: u64 = 11;

/// The replies of one connection.
#[derive(Debug, Default)]
pub(super) struct Frames {
    /// The beginning of a frame that is not complete yet.
    rest: Vec<u8>,
    /// Anything but HTTP/2.
    other: bool,
    polls: Polls,
    started: bool,
    /// Streams that are being answered.
    open: BTreeSet<u32>,
    /// Streams that were ended in the server's place.
    ended: BTreeSet<u32>,
}

/// A frame, head included.
struct Frame<'b>(&'b [u8]);

impl Frames {
    /// What to pass on of the next bytes. Frames with events are left out as long as `lose` says so.
    pub(super) fn pass(&mut self, bytes: Vec<u8>, mut lose: impl FnMut() -> bool) -> Vec<u8> {
        self.rest.extend(bytes);
        if !self.started {
            // A server begins with its settings, which are short.
            self.started = self.rest.len() > 3;
            self.other = self.rest[0] != 0 || self.rest.get(3).is_some_and(|&kind| kind != SETTINGS);
        }
        if self.other {
            return self.polls.pass(std::mem::take(&mut self.rest), lose);
        }
        let bytes = std::mem::take(&mut self.rest);
        let mut rest = &bytes[..];
        let mut pass = Vec::new();
        while let Some((frame, after)) = Frame::split(rest) {
            rest = after;
            let is_left_out =
                frame.kind() == DATA && self.ended.contains(&frame.stream()) || frame.has_events() && lose();
            self.follow(&frame);
            if !is_left_out {
                pass.extend(frame.0);
            }
        }
        self.rest = rest.to_vec();
        pass
    }

    /// The end, in good order and with the status "ok", of every stream that is being answered.
    pub(super) fn end_streams(&mut self) -> Vec<u8> {
        if self.other {
            return self.polls.end();
        }
        let mut trailers = vec![0, 11];
        trailers.extend(b"grpc-status");
        trailers.extend([1, b'0']);
        let length = u8::try_from(trailers.len()).expect("a short text");
        let mut ends = Vec::new();
        for stream in std::mem::take(&mut self.open) {
            ends.extend([0, 0, length, HEADERS, END_STREAM | END_HEADERS]);
            ends.extend(stream.to_be_bytes());
            ends.extend(&trailers);
            self.ended.insert(stream);
        }
        ends
    }

    /// Whether the connection has said its last word.
    pub(super) fn is_over(&self) -> bool {
        self.polls.is_over()
    }

    fn follow(&mut self, frame: &Frame<'_>) {
        let ends = matches!(frame.kind(), DATA | HEADERS) && frame.flags() & END_STREAM != 0;
        if ends || frame.kind() == RST_STREAM {
            self.open.remove(&frame.stream());
        } else if frame.kind() == HEADERS && !self.ended.contains(&frame.stream()) {
            self.open.insert(frame.stream());
        }
    }
}

impl<'b> Frame<'b> {
    /// The first frame, if it is complete, and what follows it.
    fn split(bytes: &'b [u8]) -> Option<(Self, &'b [u8])> {
        let [a, b, c, ..] = *bytes else { return None };
        let length = HEAD + u32::from_be_bytes([0, a, b, c]) as usize;
        let (frame, rest) = bytes.split_at_checked(length)?;
        Some((Self(frame), rest))
    }

    fn kind(&self) -> u8 {
        self.0[3]
    }

    fn flags(&self) -> u8 {
        self.0[4]
    }

    fn stream(&self) -> u32 {
        u32::from_be_bytes([self.0[5], self.0[6], self.0[7], self.0[8]])
    }

    /// Whether this begins a message that tells of events.
    fn has_events(&self) -> bool {
        // After the head of the frame, the head of the message: compressed or not, and its length.
        let Some(mut message) = self.0.get(HEAD + 5..).filter(|_| self.kind() == DATA) else { return false };
        while let Some((key, rest)) = varint(message) {
            let (number, kind) = (key >> 3, key & 7);
            let after = match kind {
                0 => varint(rest).map(|(_, rest)| rest),
                2 if number == EVENTS => return true,
                2 => varint(rest).and_then(|(length, rest)| rest.get(usize::try_from(length).ok()?..)),
                _ => None,
            };
            let Some(after) = after else { return false };
            message = after;
        }
        false
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (index, byte) in bytes.iter().enumerate().take(10) {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}
