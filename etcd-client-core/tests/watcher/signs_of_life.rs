//! When a stream is asked for a sign of life, how long its answer may take, and when it is lost.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use etcd_client_core::watcher::{Event, Options, State, Watcher};
use etcd_client_core::{BoxFuture, Error, Listing, MemoryStore, Opened, Prefix, Signal, Store, Watch};
use tokio::time::{Instant, Sleep, sleep, timeout_at};

const INTERVAL: Duration = Duration::from_secs(5);
/// The revision that the streams are at.
const HEAD: u64 = 10;
const MINUTES: Duration = Duration::from_secs(600);

/// A store whose streams answer a request for progress after some time, and nothing else comes on them.
#[derive(Debug)]
struct Slow {
    store: MemoryStore,
    server: Arc<Mutex<Server>>,
}

#[derive(Debug, Default)]
struct Server {
    answers_after: Duration,
    /// When each request for progress came.
    asked: Vec<Instant>,
}

#[derive(Debug)]
struct SlowWatch {
    server: Arc<Mutex<Server>>,
    answer: Option<Pin<Box<Sleep>>>,
}

impl Store for Slow {
    fn list(&self, prefix: &Prefix) -> BoxFuture<Result<Listing, Error>> {
        self.store.list(prefix)
    }

    fn watch(&self, _: &Prefix, after: Option<u64>) -> BoxFuture<Result<Opened, Error>> {
        let watch = Box::new(SlowWatch { server: Arc::clone(&self.server), answer: None });
        Box::pin(async move { Ok(Opened { watch, head: after.unwrap_or_default(), cluster: 0 }) })
    }

    fn with_own_connections(&self) -> Arc<dyn Store> {
        unreachable!("the watcher needs no connections of its own")
    }

    fn identity(&self) -> usize {
        0
    }
}

impl Watch for SlowWatch {
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Signal, Error>> {
        let Some(answer) = &mut self.answer else { return Poll::Pending };
        ready!(answer.as_mut().poll(cx));
        self.answer = None;
        Poll::Ready(Ok(Signal::Progress(HEAD)))
    }

    fn request_progress(&mut self) {
        let mut server = self.server.lock().unwrap();
        server.asked.push(Instant::now());
        let answers_after = server.answers_after;
        self.answer.get_or_insert_with(|| Box::pin(sleep(answers_after)));
    }

    fn endpoint(&self) -> &'static str {
        "slow"
    }

    fn abandon(self: Box<Self>) {}
}

struct Follower {
    watcher: Watcher,
    server: Arc<Mutex<Server>>,
}

impl Follower {
    fn of_server(answers_after: Duration, interval: Duration) -> Self {
        Self::aligned(answers_after, interval, None)
    }

    fn aligned(answers_after: Duration, interval: Duration, to: Option<std::time::Instant>) -> Self {
        let server = Arc::new(Mutex::new(Server { answers_after, asked: Vec::new() }));
        let mut options = Options::default();
        (options.progress_interval, options.audit_interval, options.aligned_to) = (interval, None, to);
        let store = Slow { store: MemoryStore::from([("/p/a", "1")]), server: Arc::clone(&server) };
        Self { watcher: Watcher::new(Arc::new(store), Prefix::new("/p"), options), server }
    }

    /// Follows for so long; `None` once the stream is lost.
    async fn follow(&mut self, time: Duration) -> Option<()> {
        let until = Instant::now() + time;
        while let Ok(event) = timeout_at(until, self.watcher.next()).await {
            if matches!(event, Event::State(State::Disconnected { .. })) {
                return None;
            }
        }
        Some(())
    }

    fn asked(&self) -> usize {
        self.server.lock().unwrap().asked.len()
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_answers_at_once_is_asked_each_one_and_a_half_intervals() {
    let mut follower = Follower::of_server(Duration::from_millis(50), INTERVAL);
    follower.follow(MINUTES).await.expect("it answers");
    assert!((80..=86).contains(&follower.asked()), "asked {} times in ten minutes", follower.asked());
}

#[tokio::test(start_paused = true)]
async fn short_intervals_leave_no_time_for_that() {
    let mut follower = Follower::of_server(Duration::from_millis(50), Duration::from_secs(1));
    follower.follow(MINUTES).await.expect("it answers");
    assert!((520..=580).contains(&follower.asked()), "asked {} times in ten minutes", follower.asked());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_slow_to_answer_is_not_left_for_that() {
    for millis in [200, 300, 1_000, 2_000, 3_000, 4_400] {
        let mut follower = Follower::of_server(Duration::from_millis(millis), INTERVAL);
        follower.follow(MINUTES).await.unwrap_or_else(|| panic!("lost, with answers after {millis} ms"));
        let fewest = 600_000 / (8_000 + millis);
        assert!(follower.asked() as u64 >= fewest, "asked {} times, {millis}", follower.asked());
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_becomes_slow_is_not_left_for_that() {
    let mut follower = Follower::of_server(Duration::from_millis(1), INTERVAL);
    follower.follow(MINUTES).await.expect("it answers");
    while follower.server.lock().unwrap().answers_after < Duration::from_secs(4) {
        {
            let mut server = follower.server.lock().unwrap();
            server.answers_after = server.answers_after.mul_f64(2.0).min(Duration::from_secs(4));
        }
        follower.follow(INTERVAL * 2).await.expect("it answers, more slowly each time");
    }
    follower.follow(MINUTES).await.expect("it answers");
}

#[tokio::test(start_paused = true)]
async fn whenever_a_stream_dies_it_is_noticed_within_two_intervals() {
    for seed in 0..100 {
        fastrand::seed(seed);
        let interval = INTERVAL.mul_f64(0.1 + fastrand::f64() * 4.0);
        let mut follower = Follower::of_server(interval.mul_f64(fastrand::f64() * 0.4), interval);
        follower.follow(MINUTES.mul_f64(fastrand::f64())).await.expect("it answers");
        follower.server.lock().unwrap().answers_after = MINUTES;
        // An answer may be on its way.
        let mut heard = Instant::now();
        loop {
            match follower.watcher.next().await {
                Event::Current { .. } => heard = Instant::now(),
                Event::State(State::Disconnected { .. }) => break,
                _ => {}
            }
        }
        let elapsed = heard.elapsed();
        // The timers of tokio fire on whole milliseconds.
        let limit = interval * 2 + Duration::from_millis(2);
        assert!(elapsed <= limit, "{elapsed:?} with an interval of {interval:?} (seed {seed})");
    }
}

/// How often the thread of a runtime sleeps for each question to a quiet stream, on the average of ten minutes and rounded
/// up. `is_aligned`: the watcher knows when the clock of its runtime began.
fn sleeps_for_a_question(is_aligned: bool) -> usize {
    let wake_ups = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&wake_ups);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .on_thread_unpark(move || noted.lock().unwrap().push(Instant::now()))
        .build()
        .unwrap();
    runtime.block_on(async {
        // The clock stands still until somebody sleeps.
        let begin = is_aligned.then(|| Instant::now().into_std());
        let mut follower = Follower::aligned(Duration::from_millis(1), INTERVAL, begin);
        follower.follow(INTERVAL * 4).await.expect("it answers");
        let asked = follower.asked();
        wake_ups.lock().unwrap().clear();
        follower.follow(MINUTES).await.expect("it answers");
        let asked = follower.asked() - asked;
        assert!(asked >= 79, "asked {asked} times in ten minutes");
        let mut wake_ups = wake_ups.lock().unwrap();
        // It may park several times without any time passing.
        wake_ups.dedup();
        // The end of the ten minutes is a timer, too.
        (wake_ups.len() - 5).div_ceil(asked)
    })
}

/// The clock of tokio looks at a timer that is seconds away when its 4,096 ms begin, when its 64 ms begin, and then when it
/// is due. One sleep more is ended by the answer.
#[test]
fn a_quiet_stream_wakes_its_thread_four_times_for_each_question() {
    assert_eq!(sleeps_for_a_question(false), 4);
}

#[test]
fn at_moments_of_the_clock_it_wakes_its_thread_three_times() {
    assert_eq!(sleeps_for_a_question(true), 3);
}
