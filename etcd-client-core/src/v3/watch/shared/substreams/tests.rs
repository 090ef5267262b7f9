use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use super::super::mailbox::Arrival;
use super::*;
use crate::v3::wire::messages::{Event, KeyValue};

const CLUSTER: u64 = 7;

/// One watch, as who waits for it and reads it has it.
struct Reader {
    id: i64,
    mailbox: Arc<Mailbox>,
    begun: oneshot::Receiver<Result<Begun, Failure>>,
}

impl Reader {
    fn outcome(&mut self) -> Option<Result<i64, Kind>> {
        let outcome = self.begun.try_recv().ok()?;
        Some(outcome.map(|begun| begun.header.revision).map_err(|failure| failure.error.kind()))
    }

    /// What has arrived, in words: `e5` for an event of revision 5, `p5` for progress, `a5` for an answer that
    /// proves nothing, `Kind` for the end.
    fn read(&self) -> Vec<String> {
        let mut arrivals = Vec::new();
        while let Poll::Ready(arrival) = self.mailbox.poll_next(&mut Context::from_waker(Waker::noop())) {
            arrivals.push(match arrival {
                Ok(Arrival::Events(frame)) => {
                    format!("e{}", frame.events[0].kv.as_ref().map_or(0, |kv| kv.mod_revision))
                }
                Ok(Arrival::Answer { head, covers_watch: true }) => format!("p{head}"),
                Ok(Arrival::Answer { head, covers_watch: false }) => format!("a{head}"),
                Err(end) => format!("{:?}", end.error.kind()),
            });
        }
        arrivals
    }
}

fn header(revision: i64) -> ResponseHeader {
    ResponseHeader { cluster_id: CLUSTER, revision, ..ResponseHeader::default() }
}

fn created(watch_id: i64, head: i64) -> WatchResponse {
    WatchResponse { header: Some(header(head)), watch_id, created: true, ..WatchResponse::default() }
}

fn refused(reason: &str) -> WatchResponse {
    let cancel_reason = reason.to_owned();
    WatchResponse { canceled: true, cancel_reason, ..created(-1, 5) }
}

fn cancelled(watch_id: i64, head: i64) -> WatchResponse {
    WatchResponse { created: false, canceled: true, ..created(watch_id, head) }
}

fn compacted(watch_id: i64, compact_revision: i64) -> WatchResponse {
    WatchResponse { watch_id, canceled: true, compact_revision, ..WatchResponse::default() }
}

fn progress(head: i64) -> WatchResponse {
    WatchResponse { created: false, ..created(-1, head) }
}

fn event(watch_id: i64, revision: i64, bytes: usize) -> WatchResponse {
    let kv = KeyValue {
        key: Bytes::from_static(b"k"),
        value: vec![0; bytes].into(),
        mod_revision: revision,
        ..KeyValue::default()
    };
    let events = vec![Event { kv: Some(kv), ..Event::default() }];
    WatchResponse { created: false, events, ..created(watch_id, revision) }
}

fn wanted(start_revision: i64) -> (Creation, Reader) {
    let mailbox = Arc::<Mailbox>::default();
    let (waiting, begun) = oneshot::channel();
    let request = WatchCreateRequest { start_revision, ..WatchCreateRequest::default() };
    (Creation { request, mailbox: Arc::clone(&mailbox), waiting }, Reader { id: 0, mailbox, begun })
}

/// A stream with one watch, which begins at the head.
fn opened(head: i64) -> (Substreams, Reader) {
    let mut substreams = Substreams::new(CLUSTER);
    let (creation, mut reader) = wanted(0);
    reader.id = FIRST_ID;
    let frame = created(FIRST_ID, head);
    substreams.opened(creation, Begun { watch_id: FIRST_ID, header: frame.header.unwrap() });
    assert_eq!(reader.outcome(), Some(Ok(head)));
    (substreams, reader)
}

/// Asks for a watch.
fn ask_for(substreams: &mut Substreams, start_revision: i64) -> Reader {
    let (creation, mut reader) = wanted(start_revision);
    substreams.create(creation);
    reader.id = substreams.last_id;
    reader
}

/// Begins a further watch.
fn begin(substreams: &mut Substreams, start_revision: i64, head: i64) -> Reader {
    let mut reader = ask_for(substreams, start_revision);
    substreams.read(created(reader.id, head)).unwrap();
    assert_eq!(reader.outcome(), Some(Ok(head)));
    reader
}

/// What was sent: `+1001` a watch that is begun, `-1001` one that is cancelled, `?` a request for progress.
fn sent(substreams: &mut Substreams) -> Vec<String> {
    let requests = std::iter::from_fn(|| substreams.next_outgoing());
    let word = |request: WatchRequest| match request.action.unwrap() {
        WatchAction::Create(create) => format!("+{}", create.watch_id),
        WatchAction::Cancel(cancel) => format!("-{}", cancel.watch_id),
        WatchAction::Progress(_) => "?".to_owned(),
    };
    requests.map(word).collect()
}

#[test]
fn frames_are_for_the_watch_that_they_name_and_answers_for_all() {
    let (mut substreams, one) = opened(5);
    let two = begin(&mut substreams, 0, 5);
    substreams.ask(false);
    substreams.ask(false);
    assert_eq!(sent(&mut substreams), ["+1001", "?"], "one request for both");
    for frame in [event(two.id, 6, 1), event(one.id, 6, 1), event(two.id, 7, 1), progress(7)] {
        substreams.read(frame).unwrap();
    }
    assert_eq!(
        (one.read(), two.read()),
        (vec!["e6".into(), "p7".into()], ["e6", "e7", "p7"].map(String::from).to_vec())
    );
}

#[test]
fn who_is_in_a_hurry_gets_an_answer_to_a_later_request() {
    let (mut substreams, one) = opened(5);
    substreams.ask(false);
    substreams.ask(true);
    substreams.ask(true);
    assert_eq!(sent(&mut substreams), ["?"]);
    substreams.read(progress(5)).unwrap();
    assert_eq!(sent(&mut substreams), ["?"]);
    substreams.read(progress(6)).unwrap();
    assert!(sent(&mut substreams).is_empty());
    assert_eq!(one.read(), ["p6"], "the last of several counts");
}

#[test]
fn one_that_is_not_read_is_cancelled_and_holds_up_no_other() {
    let (mut substreams, slow) = opened(5);
    let other = begin(&mut substreams, 0, 5);
    let mut dealt = 0;
    for revision in 6..60 {
        substreams.read(event(slow.id, revision, 1 << 20)).unwrap();
        substreams.read(event(other.id, revision, 1)).unwrap();
        dealt += other.read().len();
    }
    assert_eq!(dealt, 54);
    assert_eq!(sent(&mut substreams), ["+1001", "-1000"]);
    let read = slow.read();
    let (end, events) = read.split_last().unwrap();
    assert_eq!((end.as_str(), events.len()), ("Unavailable", 15), "all up to there is there to read");
    substreams.read(cancelled(slow.id, 60)).unwrap();
    // One frame of any size always has room.
    substreams.read(event(other.id, 60, 40 << 20)).unwrap();
    assert_eq!(other.read(), ["e60"]);
}

#[test]
fn one_whose_start_is_compacted_ends_alone_and_is_cancelled() {
    let (mut substreams, one) = opened(50);
    let two = begin(&mut substreams, 10, 50);
    sent(&mut substreams);
    substreams.read(compacted(two.id, 20)).unwrap();
    assert_eq!(two.read(), ["Compacted"]);
    // Until it is cancelled, the server answers no request for progress.
    assert_eq!(sent(&mut substreams), ["-1001"]);
    substreams.read(cancelled(two.id, 50)).unwrap();
    substreams.read(event(one.id, 51, 1)).unwrap();
    assert_eq!(one.read(), ["e51"]);
    let late = begin(&mut substreams, 10, 50);
    assert!(substreams.read(compacted(late.id, 9)).is_err(), "a start that is not compacted by that");
}

#[test]
fn a_refusal_is_for_the_one_that_was_asked_for_first() {
    let (mut substreams, one) = opened(5);
    let [mut two, mut three, mut four] = [0; 3].map(|start| ask_for(&mut substreams, start));
    substreams.read(created(two.id, 5)).unwrap();
    substreams.read(refused("etcdserver: permission denied")).unwrap();
    substreams.read(created(four.id, 6)).unwrap();
    assert_eq!(two.outcome(), Some(Ok(5)));
    assert_eq!(three.outcome(), Some(Err(Kind::PermissionDenied)));
    assert_eq!(four.outcome(), Some(Ok(6)));
    substreams.read(event(four.id, 7, 1)).unwrap();
    assert_eq!((one.read().len(), four.read().len()), (0, 1));
    assert!(substreams.take_token_refused(), "early servers say so when it has grown old");
    // 3.5.1 names the watch.
    let mut five = ask_for(&mut substreams, 0);
    substreams.read(WatchResponse { watch_id: five.id, ..refused("etcdserver: permission denied") }).unwrap();
    assert_eq!(five.outcome(), Some(Err(Kind::PermissionDenied)));
}

#[test]
fn frames_of_a_cancelled_one_are_ignored_until_the_server_confirms_it() {
    let (mut substreams, one) = opened(5);
    let two = begin(&mut substreams, 0, 5);
    sent(&mut substreams);
    substreams.cancel(two.id);
    substreams.cancel(two.id);
    assert_eq!(sent(&mut substreams), ["-1001"]);
    substreams.read(event(two.id, 6, 1)).unwrap();
    substreams.read(compacted(two.id, 6)).unwrap();
    substreams.read(event(one.id, 6, 1)).unwrap();
    substreams.read(cancelled(two.id, 6)).unwrap();
    assert_eq!((one.read(), two.read()), (vec!["e6".to_owned()], vec![]));
    assert!(substreams.read(event(two.id, 7, 1)).is_err(), "nothing comes after that");
}

#[test]
fn one_that_nobody_waits_for_any_more_is_not_begun_or_cancelled() {
    let (mut substreams, _one) = opened(5);
    let two = ask_for(&mut substreams, 0);
    let id = two.id;
    drop(two);
    substreams.read(created(id, 5)).unwrap();
    assert_eq!(sent(&mut substreams), ["+1001", "-1001"]);
    let waiting: Vec<_> = (0..UNCONFIRMED + 2).map(|_| ask_for(&mut substreams, 0)).collect();
    assert_eq!(sent(&mut substreams).len(), UNCONFIRMED, "so many at once");
    drop(waiting);
    let mut last = ask_for(&mut substreams, 0);
    for id in 1002..1002 + i64::try_from(UNCONFIRMED).unwrap() {
        substreams.read(created(id, 5)).unwrap();
    }
    substreams.read(created(substreams.last_id, 5)).unwrap();
    assert_eq!(last.outcome(), Some(Ok(5)));
    let begun = sent(&mut substreams).iter().filter(|request| request.starts_with('+')).count();
    assert_eq!(begun, 1, "the two that nobody waits for were left out");
}

/// The server made the answer before it began the watch, whose confirmation overtook it.
#[test]
fn an_answer_that_is_older_than_a_watch_says_nothing_of_what_it_replays() {
    let (mut substreams, one) = opened(9);
    substreams.ask(false);
    let replays = begin(&mut substreams, 4, 9);
    let at_head = begin(&mut substreams, 0, 9);
    substreams.read(progress(9)).unwrap();
    assert_eq!(
        (one.read(), replays.read(), at_head.read()),
        (vec!["p9".into()], vec!["a9".into()], vec!["p9".into()])
    );
    // This one was asked for when the watch was there.
    substreams.ask(false);
    substreams.read(progress(9)).unwrap();
    assert_eq!(replays.read(), ["p9"]);
}

#[test]
fn what_a_watch_may_believe_after_requests_without_an_answer() {
    let (mut substreams, _one) = opened(9);
    substreams.ask_now();
    substreams.ask_now();
    // Two answers may be on their way, or none.
    let quiet = begin(&mut substreams, 4, 9);
    let busy = begin(&mut substreams, 4, 9);
    let later = begin(&mut substreams, 4, 9);
    substreams.read(event(busy.id, 8, 1)).unwrap();
    substreams.ask(false);
    for _ in 0..2 {
        substreams.read(progress(9)).unwrap();
        assert_eq!(quiet.read(), ["a9"]);
        // Answers of before the watch would have come before its events.
        assert_eq!(busy.read().last().unwrap(), "p9");
        substreams.ask_now();
    }
    assert_eq!(later.read(), ["a9"]);
    substreams.read(progress(10)).unwrap();
    assert_eq!(
        (quiet.read(), later.read()),
        (vec!["p10".to_owned()], vec!["p10".to_owned()]),
        "newer than they are"
    );
}

#[test]
fn an_answer_from_before_a_watch_at_the_head_is_not_its_progress() {
    let (mut substreams, one) = opened(8);
    substreams.ask(false);
    let two = begin(&mut substreams, 0, 9);
    substreams.read(progress(8)).unwrap();
    assert_eq!((one.read(), two.read()), (vec!["p8".to_owned()], vec!["a8".to_owned()]));
}

#[test]
fn what_no_etcd_says_ends_the_stream_for_all() {
    let lies = [
        event(4, 6, 1),
        created(FIRST_ID + 1, 5),
        created(FIRST_ID, 5),
        cancelled(4, 5),
        compacted(4, 5),
        compacted(FIRST_ID, 3),
        refused("etcdserver: permission denied"),
        WatchResponse { fragment: true, ..event(FIRST_ID, 6, 1) },
        WatchResponse { header: Some(header(-3)), ..event(FIRST_ID, 6, 1) },
        WatchResponse { header: None, ..event(FIRST_ID, 6, 1) },
        WatchResponse { watch_id: -1, ..event(FIRST_ID, 6, 1) },
        WatchResponse {
            header: Some(ResponseHeader { cluster_id: 8, revision: 6, ..ResponseHeader::default() }),
            ..event(FIRST_ID, 6, 1)
        },
    ];
    for lie in lies {
        let (mut substreams, one) = opened(5);
        let failure = substreams.read(lie.clone()).expect_err(&format!("{lie:?}"));
        assert_eq!(failure.error.kind(), Kind::Protocol, "{lie:?}");
        let mut waits = ask_for(&mut substreams, 0);
        substreams.end(&failure);
        assert_eq!(waits.outcome(), Some(Err(Kind::Protocol)), "{lie:?}");
        assert_eq!(one.read().last().unwrap(), "Protocol", "{lie:?}");
    }
    // A confirmation out of turn, and a refusal that cannot be.
    let (mut substreams, _one) = opened(5);
    let (_two, three) = (ask_for(&mut substreams, 0), ask_for(&mut substreams, 0));
    assert!(substreams.read(created(three.id, 5)).is_err());
    let (mut substreams, _one) = opened(5);
    let _two = ask_for(&mut substreams, 0);
    let reason = "etcdserver: mvcc: required revision has been compacted";
    assert!(substreams.read(refused(reason)).is_err(), "it names no revision");
}

#[test]
fn what_is_not_read_any_more_ends_for_all() {
    let (mut substreams, one) = opened(5);
    let mut waits = ask_for(&mut substreams, 0);
    substreams.read(event(one.id, 6, 1)).unwrap();
    drop(substreams);
    assert_eq!(one.read(), ["e6", "Unavailable"]);
    assert_eq!(waits.outcome(), Some(Err(Kind::Unavailable)));
}
