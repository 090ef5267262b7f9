//! What arrives from an endpoint: whether anything does, and whether an answer comes fast enough.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep, timeout};

/// How long an endpoint may say nothing at all before it is asked for a sign of life, and how long that
/// may take. A read that is answered within it costs nothing more, and a start beside one endpoint that
/// hangs takes twice as long.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes a second that all answers of an endpoint together must bring. A modem brings four times as
/// much; an answer that comes more slowly would hold up a caller without end.
const LEAST: u64 = 1 << 10;

/// The bytes that have come from one endpoint, whatever they belonged to.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    bytes: AtomicU64,
    /// Answers under way, which share what there is.
    answers: AtomicU64,
}

impl Activity {
    /// Something has come.
    pub(crate) fn note(&self, bytes: usize) {
        self.bytes.fetch_add(as_number(bytes).max(1), Ordering::Relaxed);
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Ready when a caller should ask another endpoint, too: when nothing comes from this one and `ping`, a
    /// request that any server can answer at once, fails; or when too little comes for half of the limit of a
    /// call. So a read that takes long at a server that serves is not done twice.
    pub(crate) async fn silence(&self, limit: Duration, ping: impl Future<Output = bool>) {
        let before = self.bytes();
        sleep(PATIENCE).await;
        if self.bytes() == before && timeout(PATIENCE, ping).await != Ok(true) {
            return;
        }
        let window = limit / 2;
        loop {
            let before = self.bytes();
            sleep(window).await;
            if self.bytes() - before < least_within(window) {
                return;
            }
        }
    }
}

/// The lowest speed of one answer: so many bytes must come in each window of time.
pub(crate) struct MinRate {
    activity: Arc<Activity>,
    window: Duration,
    /// In this window.
    bytes: u64,
    /// Of the window, once the answer was waited for: most are there when they are looked for.
    end: Option<Pin<Box<Sleep>>>,
}

impl MinRate {
    /// Of an answer that begins now.
    pub(crate) fn new(activity: &Arc<Activity>, window: Duration) -> Self {
        activity.answers.fetch_add(1, Ordering::Relaxed);
        Self { activity: Arc::clone(activity), window, bytes: 0, end: None }
    }

    /// A piece has come. The next window begins when there is enough in this one.
    pub(crate) fn note(&mut self, bytes: usize) {
        self.bytes += as_number(bytes);
        let answers = self.activity.answers.load(Ordering::Relaxed).max(1);
        if self.bytes >= least_within(self.window) / answers {
            self.bytes = 0;
            if let Some(end) = &mut self.end {
                end.as_mut().reset(Instant::now() + self.window);
            }
        }
    }

    /// Ready with the complaint when the window has ended before enough had come.
    pub(crate) fn poll_too_slow(&mut self, cx: &mut Context<'_>) -> Poll<String> {
        let Self { window, bytes, end, .. } = self;
        let end = end.get_or_insert_with(|| Box::pin(sleep(*window)));
        end.as_mut().poll(cx).map(|()| {
            if *bytes == 0 {
                return format!("the answer stopped half-way for {window:.1?}");
            }
            format!("the answer comes at less than {LEAST} bytes a second: {bytes} within {window:.1?}")
        })
    }
}

impl Drop for MinRate {
    fn drop(&mut self) {
        self.activity.answers.fetch_sub(1, Ordering::Relaxed);
    }
}

fn least_within(window: Duration) -> u64 {
    u64::try_from(window.as_millis()).unwrap_or(u64::MAX).saturating_mul(LEAST) / 1_000
}

fn as_number(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::future::{pending, poll_fn, ready};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    async fn silence(activity: &Activity, ping: impl Future<Output = bool>) -> Duration {
        let start = Instant::now();
        activity.silence(SECOND * 5, ping).await;
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_dead_are_left_sooner_than_the_slow() {
        let activity = Activity::default();
        assert_eq!(silence(&activity, pending()).await, PATIENCE * 2);
        assert_eq!(silence(&activity, ready(false)).await, PATIENCE);
        assert_eq!(silence(&activity, ready(true)).await, PATIENCE + SECOND * 5 / 2);
        let flows = async {
            loop {
                sleep(SECOND / 10).await;
                activity.note(1_000);
            }
        };
        tokio::select! {
            () = flows => {}
            () = activity.silence(SECOND * 5, pending()) => panic!("it flows"),
            () = sleep(SECOND * 100) => {}
        }
    }

    /// How long an answer of such pieces goes on, one each 100 ms.
    async fn lasts(activity: &Arc<Activity>, piece: usize) -> Option<Duration> {
        let (start, mut rate) = (Instant::now(), MinRate::new(activity, SECOND * 2));
        for _ in 0..1_000 {
            let piece_comes = sleep(SECOND / 10);
            tokio::select! {
                _ = poll_fn(|cx| rate.poll_too_slow(cx)) => return Some(start.elapsed()),
                () = piece_comes => rate.note(piece),
            }
        }
        None
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_bring_a_kilobyte_a_second_or_its_share_of_one() {
        let activity = Arc::default();
        assert_eq!(lasts(&activity, 2_000).await, None);
        assert_eq!(lasts(&activity, 120).await, None);
        assert_eq!(lasts(&activity, 80).await, Some(SECOND * 2));
        let _others: Vec<MinRate> = (0..9).map(|_| MinRate::new(&activity, SECOND)).collect();
        assert_eq!(lasts(&activity, 80).await, None, "ten share the link");
        assert_eq!(lasts(&activity, 5).await, Some(SECOND * 2));
    }

    #[tokio::test(start_paused = true)]
    async fn any_limit_is_as_good_as_none() {
        let mut rate = MinRate::new(&Arc::default(), SECOND * 60 * 60 * 24 * 365 * 30);
        rate.note(1);
        assert!(poll_fn(|cx| Poll::Ready(rate.poll_too_slow(cx).is_pending())).await);
    }
}
