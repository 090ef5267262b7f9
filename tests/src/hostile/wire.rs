//! etcd's messages, byte by byte, so that they can be wrong.

use bytes::{BufMut, Bytes, BytesMut};

/// The only cluster and the only member that there are.
const IDS: u64 = 77;

/// The header of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    revision: i64,
    cluster: u64,
}

/// A key and its value.
#[derive(Clone, Debug)]
pub struct Kv {
    key: String,
    value: String,
    revision: i64,
}

/// The answer to a range request.
#[derive(Clone, Debug)]
pub struct Page {
    header: Header,
    kvs: Vec<Kv>,
    more: bool,
    count: i64,
}

/// What is sent on a watch.
#[derive(Clone, Debug)]
pub struct Frame {
    header: Header,
    watch_id: i64,
    created: bool,
    fragment: bool,
    cancelled: Option<String>,
    compacted: i64,
    events: Vec<Bytes>,
}

impl Header {
    /// Of a store at this revision.
    pub fn at(revision: i64) -> Self {
        Self { revision, cluster: IDS }
    }

    /// As if it were of another cluster.
    #[must_use]
    pub fn of_cluster(self, cluster: u64) -> Self {
        Self { cluster, ..self }
    }

    fn encode(self) -> Bytes {
        let mut header = BytesMut::new();
        for (field, value) in [(1, self.cluster), (2, IDS), (3, self.revision.cast_unsigned()), (4, 2)] {
            number(&mut header, field, value);
        }
        header.freeze()
    }
}

impl Kv {
    /// A key that was written once.
    pub fn new(key: &str, value: &str, revision: i64) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), revision }
    }

    fn encode(&self) -> Bytes {
        let mut kv = BytesMut::new();
        message(&mut kv, 1, self.key.as_bytes());
        number(&mut kv, 2, self.revision.cast_unsigned());
        number(&mut kv, 3, self.revision.cast_unsigned());
        number(&mut kv, 4, 1);
        message(&mut kv, 5, self.value.as_bytes());
        kv.freeze()
    }
}

impl Page {
    /// All keys that there are.
    pub fn of(header: Header, kvs: impl IntoIterator<Item = Kv>) -> Self {
        let kvs: Vec<_> = kvs.into_iter().collect();
        let count = i64::try_from(kvs.len()).expect("a few keys");
        Self { header, kvs, more: false, count }
    }

    /// As if others followed, so many in all.
    #[must_use]
    pub fn with_more(self, count: i64) -> Self {
        Self { more: true, count, ..self }
    }

    /// As if there were so many in all.
    #[must_use]
    pub fn with_count(self, count: i64) -> Self {
        Self { count, ..self }
    }

    /// As it is sent.
    pub fn encode(&self) -> Bytes {
        let mut page = BytesMut::new();
        message(&mut page, 1, &self.header.encode());
        for kv in &self.kvs {
            message(&mut page, 2, &kv.encode());
        }
        number(&mut page, 3, u64::from(self.more));
        number(&mut page, 4, self.count.cast_unsigned());
        page.freeze()
    }
}

impl Frame {
    /// Keys that were written.
    pub fn of(header: Header, puts: impl IntoIterator<Item = Kv>) -> Self {
        let put = |kv: Kv| {
            let mut event = BytesMut::new();
            message(&mut event, 2, &kv.encode());
            event.freeze()
        };
        let events = puts.into_iter().map(put).collect();
        Self { header, watch_id: 0, created: false, fragment: false, cancelled: None, compacted: 0, events }
    }

    /// The confirmation of a watch.
    pub fn created(header: Header) -> Self {
        Self { created: true, ..Self::of(header, []) }
    }

    /// The answer to a request for progress.
    pub fn progress(header: Header) -> Self {
        Self { watch_id: -1, ..Self::of(header, []) }
    }

    /// The end of the watch.
    pub fn cancelled(header: Header, reason: &str) -> Self {
        Self { cancelled: Some(reason.to_owned()), ..Self::of(header, []) }
    }

    /// The end of the watch, because what it was to begin with is compacted.
    pub fn compacted(header: Header, revision: i64) -> Self {
        Self { compacted: revision, ..Self::cancelled(header, "") }
    }

    /// With one more event, which need not be one.
    #[must_use]
    pub fn with_event(mut self, event: impl Into<Bytes>) -> Self {
        self.events.push(event.into());
        self
    }

    /// As if it confirmed the watch.
    #[must_use]
    pub fn and_created(self) -> Self {
        Self { created: true, ..self }
    }

    /// As if it were of another watch.
    #[must_use]
    pub fn of_watch(self, watch_id: i64) -> Self {
        Self { watch_id, ..self }
    }

    /// As if more of the same revision followed.
    #[must_use]
    pub fn fragment(self) -> Self {
        Self { fragment: true, ..self }
    }

    /// As it is sent.
    pub fn encode(&self) -> Bytes {
        let mut frame = BytesMut::new();
        message(&mut frame, 1, &self.header.encode());
        number(&mut frame, 2, self.watch_id.cast_unsigned());
        number(&mut frame, 3, u64::from(self.created));
        number(&mut frame, 4, u64::from(self.cancelled.is_some()));
        number(&mut frame, 5, self.compacted.cast_unsigned());
        message(&mut frame, 6, self.cancelled.as_deref().unwrap_or_default().as_bytes());
        number(&mut frame, 7, u64::from(self.fragment));
        for event in &self.events {
            message(&mut frame, 11, event);
        }
        frame.freeze()
    }
}

/// A message that is nothing but empty elements of a field, two bytes each, after a header.
pub fn empty_elements(header: Header, field: u8, bytes: usize) -> Bytes {
    let mut elements = BytesMut::with_capacity(bytes + 64);
    message(&mut elements, 1, &header.encode());
    for _ in 0..bytes / 2 {
        message(&mut elements, field, &[]);
    }
    elements.freeze()
}

/// The answer to a question for the status.
pub(super) fn status(header: Header, version: &str) -> Bytes {
    let mut status = BytesMut::new();
    message(&mut status, 1, &header.encode());
    message(&mut status, 2, version.as_bytes());
    status.freeze()
}

fn number(into: &mut BytesMut, field: u8, value: u64) {
    if value != 0 {
        into.put_u8(field << 3);
        varint(into, value);
    }
}

fn message(into: &mut BytesMut, field: u8, bytes: &[u8]) {
    into.put_u8(field << 3 | 2);
    varint(into, bytes.len() as u64);
    into.put_slice(bytes);
}

fn varint(into: &mut BytesMut, mut value: u64) {
    while value >= 0x80 {
        into.put_u8((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    into.put_u8((value & 0x7f) as u8);
}
