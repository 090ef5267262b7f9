//! Streams that the test plays, one a directory.

use std::future::poll_fn;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio::time::timeout;

use super::*;
use crate::store::{Change, Entry};

/// One stream, from outside.
struct Played {
    signals: mpsc::UnboundedSender<Result<Signal, Error>>,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "what a watch can be asked, one by one")]
struct Seen {
    asked: usize,
    checked: usize,
    read: usize,
    is_abandoned: bool,
    is_unproving: bool,
    is_resumable: bool,
    has_heard: bool,
}

#[derive(Debug)]
struct PlayedWatch {
    signals: mpsc::UnboundedReceiver<Result<Signal, Error>>,
    seen: Arc<Mutex<Seen>>,
    endpoint: &'static str,
}

impl Watch for PlayedWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let signal = self.signals.poll_recv(cx).map(|signal| signal.unwrap());
        self.seen.lock().unwrap().read += usize::from(signal.is_ready());
        signal
    }

    fn request_progress(&mut self) {
        self.seen.lock().unwrap().asked += 1;
    }

    fn check_alive(&mut self) {
        self.seen.lock().unwrap().checked += 1;
    }

    fn has_heard(&self) -> bool {
        self.seen.lock().unwrap().has_heard
    }

    fn proves_progress(&self) -> bool {
        !self.seen.lock().unwrap().is_unproving
    }

    fn is_resumable(&self) -> bool {
        self.seen.lock().unwrap().is_resumable
    }

    fn endpoint(&self) -> &str {
        self.endpoint
    }

    fn abandon(self: Box<Self>) {
        self.seen.lock().unwrap().is_abandoned = true;
    }
}

/// The watch of `/a`, `/b` and so on, at endpoints of the same names.
struct Play {
    watch: Box<dyn Watch>,
    head: u64,
    parts: Vec<Played>,
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn opened(heads: &[u64], cluster_of_last: u64, after: Option<u64>) -> Result<Play, Error> {
    let mut parts = Vec::new();
    let mut all = Vec::new();
    for (number, head) in heads.iter().enumerate() {
        let (signals, received) = mpsc::unbounded_channel();
        let seen = Arc::<Mutex<Seen>>::default();
        let endpoint = NAMES[number];
        let watch = PlayedWatch { signals: received, seen: Arc::clone(&seen), endpoint };
        let cluster = if number + 1 == heads.len() { cluster_of_last } else { 7 };
        all.push((
            Prefix::new(&format!("/{endpoint}")),
            Opened { watch: Box::new(watch), head: *head, cluster },
        ));
        parts.push(Played { signals, seen });
    }
    merge(all, after).map(|Opened { watch, head, .. }| Play { watch, head, parts })
}

/// So many streams, which begin after revision 10.
fn play(streams: usize) -> Play {
    opened(&[10, 10, 10][..streams], 7, Some(10)).unwrap()
}

impl Play {
    fn say(&self, part: usize, signal: Signal) {
        self.parts[part].signals.send(Ok(signal)).unwrap();
    }

    fn batch(&self, part: usize, revision: u64) {
        self.say(part, Signal::Batch(Batch { revision, changes: vec![change(part, revision)] }));
    }

    fn asked(&self) -> Vec<usize> {
        self.parts.iter().map(|part| part.seen.lock().unwrap().asked).collect()
    }

    fn seen(&self, part: usize) -> std::sync::MutexGuard<'_, Seen> {
        self.parts[part].seen.lock().unwrap()
    }

    async fn outcome(&mut self) -> Result<Signal, Error> {
        poll_fn(|cx| self.watch.poll_next(cx)).await
    }

    /// What comes within this time.
    async fn within(&mut self, time: Duration) -> Option<Signal> {
        timeout(time, self.outcome()).await.ok().map(Result::unwrap)
    }

    /// What comes at once.
    async fn now(&mut self) -> Option<Signal> {
        self.within(Duration::from_millis(1)).await
    }
}

fn change(part: usize, revision: u64) -> Change {
    let key = format!("/{}/key", NAMES[part]).into();
    Change::Put(Entry { key, value: "v".into(), revision })
}

fn of(revision: u64, parts: &[usize]) -> Signal {
    let changes = parts.iter().map(|part| change(*part, revision)).collect();
    Signal::Batch(Batch { revision, changes })
}

#[tokio::test(start_paused = true)]
async fn what_has_changed_all_directories_is_one_batch_and_asks_nobody() {
    let mut play = play(2);
    play.batch(1, 11);
    play.batch(0, 11);
    assert_eq!(play.now().await, Some(of(11, &[0, 1])));
    assert_eq!(play.asked(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_change_waits_for_proof_that_the_others_have_none_of_its_revision() {
    let mut play = play(2);
    play.batch(0, 12);
    assert_eq!(play.now().await, None);
    assert_eq!(play.asked(), [0, 1], "the one that lags, once");
    play.say(1, Signal::Progress(11));
    assert_eq!(play.now().await, None, "not far enough");
    play.say(1, Signal::Progress(12));
    assert_eq!(play.now().await, Some(of(12, &[0])));
    // A later change of the other one is proof as well, and is held back itself.
    play.batch(0, 13);
    assert_eq!(play.now().await, None);
    play.batch(1, 15);
    assert_eq!(play.now().await, Some(of(13, &[0])));
    assert_eq!(play.now().await, None);
    play.say(0, Signal::Progress(20));
    assert_eq!(play.now().await, Some(of(15, &[1])));
}

#[tokio::test(start_paused = true)]
async fn changes_come_in_the_order_of_their_revisions_each_as_a_whole() {
    let mut play = play(3);
    for (part, revisions) in [(2, &[11, 14][..]), (0, &[12, 14, 15]), (1, &[14])] {
        revisions.iter().for_each(|revision| play.batch(part, *revision));
    }
    assert_eq!(play.now().await, Some(of(11, &[2])));
    assert_eq!(play.now().await, Some(of(12, &[0])));
    assert_eq!(play.now().await, Some(of(14, &[0, 1, 2])));
    assert_eq!(play.now().await, None);
    assert_eq!(play.asked(), [0, 1, 0], "one at a time");
    play.say(1, Signal::Progress(15));
    assert_eq!(play.now().await, None);
    assert_eq!(play.asked(), [0, 1, 1], "then the next that lags");
    play.say(2, Signal::Progress(15));
    assert_eq!(play.now().await, Some(of(15, &[0])));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_go_far_enough_is_asked_for_again_and_not_without_end() {
    let mut play = play(2);
    play.batch(0, 12);
    let before = Instant::now();
    let mut answers = 0;
    let signal = loop {
        if let Some(signal) = play.within(Duration::from_millis(10)).await {
            break signal;
        }
        if play.asked()[1] > answers {
            answers += 1;
            play.say(1, Signal::Progress(11));
        }
    };
    assert_eq!(signal, Signal::Stale);
    assert!((4..=6).contains(&answers), "{answers}");
    assert!(before.elapsed() < PROVEN_WITHIN * 2, "{:?}", before.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_proves_nothing_is_not_believed() {
    let mut play = play(2);
    play.batch(0, 12);
    assert_eq!(play.now().await, None);
    play.say(1, Signal::Alive);
    assert_eq!(play.now().await, None, "it may be the answer to a question of before");
    play.say(1, Signal::Alive);
    assert_eq!(play.now().await, Some(Signal::Stale));
}

#[tokio::test(start_paused = true)]
async fn one_that_is_known_to_prove_nothing_is_not_even_asked() {
    let mut play = play(2);
    play.seen(1).is_unproving = true;
    play.batch(0, 12);
    assert_eq!(play.now().await, Some(Signal::Stale));
    assert_eq!(play.asked(), [0, 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_held_back_does_not_wait_for_ever() {
    let mut play = play(2);
    play.batch(0, 12);
    let before = Instant::now();
    // The other one goes on talking, which is no reason to wait.
    for revision in 13..17 {
        play.batch(0, revision);
        assert_eq!(play.within(Duration::from_millis(99)).await, None);
    }
    assert_eq!(play.outcome().await.unwrap(), Signal::Stale);
    assert_eq!(before.elapsed().as_millis() / 10, PROVEN_WITHIN.as_millis() / 10);
}

#[tokio::test(start_paused = true)]
async fn what_is_arriving_is_waited_for_but_not_without_end() {
    let mut play = play(2);
    play.batch(0, 12);
    let before = Instant::now();
    let mut signs = 0;
    let signal = loop {
        match play.within(Duration::from_millis(50)).await {
            None => play.say(1, Signal::Arriving),
            Some(Signal::Arriving) => signs += 1,
            Some(signal) => break signal,
        }
    };
    assert_eq!(signal, Signal::Stale);
    assert!(signs > 50, "each is a sign of life: {signs}");
    assert!((HELD_AT_MOST..HELD_AT_MOST + PROVEN_WITHIN).contains(&before.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn progress_is_that_of_all_and_one_that_talks_does_not_hide_one_that_is_silent() {
    let mut play = play(2);
    play.say(0, Signal::Progress(14));
    play.say(0, Signal::Progress(15));
    assert_eq!(play.now().await, None);
    play.say(1, Signal::Progress(12));
    assert_eq!(play.now().await, Some(Signal::Progress(12)));
    // Only what has come since it was asked counts.
    play.say(1, Signal::Progress(16));
    assert_eq!(play.now().await, None);
    play.watch.check_alive();
    assert_eq!(play.parts.iter().map(|part| part.seen.lock().unwrap().checked).sum::<usize>(), 2);
    play.say(0, Signal::Progress(17));
    play.say(0, Signal::Arriving);
    assert_eq!(play.now().await, None);
    assert!(!play.watch.has_heard());
    assert_eq!(play.watch.endpoint(), "b", "the one that is silent is named");
    play.say(1, Signal::Alive);
    assert_eq!(play.now().await, Some(Signal::Alive), "the least that was shown");
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_is_no_sign_of_life_of_the_other() {
    let mut play = play(2);
    play.say(1, Signal::Progress(99));
    play.batch(0, 12);
    assert_eq!(play.now().await, Some(of(12, &[0])));
    play.say(0, Signal::Progress(99));
    assert_eq!(play.now().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_of_one_is_that_of_all_and_a_refusal_names_the_directory() {
    let mut lost = play(2);
    lost.batch(0, 12);
    let failed = |lost: &Play, kind| lost.parts[1].signals.send(Err(Error::new(kind, "no"))).unwrap();
    failed(&lost, Kind::Unavailable);
    let error = lost.outcome().await.unwrap_err();
    assert_eq!((error.kind(), error.to_string().as_str()), (Kind::Unavailable, "no"));
    let mut refused = play(2);
    failed(&refused, Kind::PermissionDenied);
    let error = refused.outcome().await.unwrap_err();
    assert_eq!(error.kind(), Kind::PermissionDenied);
    assert_eq!(error.to_string(), "no, for /b: grant the user a role that may read all of /b/");
    let mut stale = play(2);
    stale.say(1, Signal::Stale);
    assert_eq!(stale.now().await, Some(Signal::Stale));
}

#[tokio::test(start_paused = true)]
async fn one_that_goes_back_is_of_another_history() {
    let mut play = play(2);
    play.say(1, Signal::Progress(20));
    assert_eq!(play.now().await, None);
    play.batch(1, 15);
    assert_eq!(play.outcome().await.unwrap_err().kind(), Kind::FutureRevision);
}

#[tokio::test(start_paused = true)]
async fn one_that_begins_at_the_head_begins_at_the_last_head() {
    let mut play = opened(&[10, 14], 7, None).unwrap();
    assert_eq!(play.head, 14);
    // Of the listing that follows, this is a part.
    play.batch(0, 12);
    play.batch(0, 14);
    assert_eq!(play.now().await, None);
    play.batch(0, 15);
    play.batch(1, 16);
    assert_eq!(play.now().await, Some(of(15, &[0])));
}

#[test]
fn heads_and_clusters_are_compared() {
    assert_eq!(opened(&[12, 10, 11], 7, Some(10)).unwrap().head, 12, "what is to be replayed");
    assert_eq!(opened(&[12, 9, 11], 7, Some(10)).unwrap().head, 9, "one is at a member that lags");
    assert_eq!(opened(&[12, 0], 7, Some(10)).unwrap().head, 12, "one is unknown");
    assert_eq!(opened(&[0, 0], 7, Some(10)).unwrap().head, 0);
    let error = opened(&[12, 12], 8, Some(10)).map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(error.to_string().contains("different clusters"), "{error}");
    assert!(opened(&[12, 12], 0, Some(10)).is_ok(), "one is unknown");
}

#[tokio::test(start_paused = true)]
async fn only_who_is_silent_or_lags_is_abandoned() {
    let abandoned = |play: &Play| -> Vec<bool> {
        play.parts.iter().map(|part| part.seen.lock().unwrap().is_abandoned).collect()
    };
    let mut silent = play(3);
    for part in [0, 2] {
        silent.say(part, Signal::Progress(12));
    }
    assert_eq!(silent.now().await, None);
    let Play { watch, parts, head } = silent;
    watch.abandon();
    assert_eq!(abandoned(&Play { watch: play(1).watch, parts, head }), [false, true, false]);
    let Play { watch, parts, head } = opened(&[12, 9, 11], 7, Some(10)).unwrap();
    watch.abandon();
    assert_eq!(abandoned(&Play { watch: play(1).watch, parts, head }), [false, true, false]);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_ahead_of_the_others_is_bounded() {
    let mut play = play(2);
    for revision in 11..2_011 {
        play.batch(0, revision);
    }
    assert_eq!(play.now().await, None);
    assert!(play.seen(0).read < 300, "{}", play.seen(0).read);
    play.say(1, Signal::Progress(2_010));
    for revision in 11..2_011 {
        assert_eq!(play.now().await, Some(of(revision, &[0])));
    }
}

#[test]
fn it_is_what_all_of_them_are() {
    let play = play(2);
    assert!(play.watch.proves_progress() && !play.watch.is_resumable() && !play.watch.has_heard());
    for part in 0..2 {
        let mut seen = play.seen(part);
        (seen.is_resumable, seen.has_heard, seen.is_unproving) = (true, true, part == 1);
    }
    assert!(!play.watch.proves_progress() && play.watch.is_resumable() && play.watch.has_heard());
}
