//! The service: requests in, answers out.

use std::convert::Infallible;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use ::http::header::{self, HeaderValue};
use ::http::{Method, Request, Response, StatusCode};
use serde_json::json;
use tokio::sync::oneshot;
use tower_service::Service;

use super::answer::{self, Answer, PLAIN};
use super::board::{Board, NoPlace};
use super::body::Body;
use super::metrics_text::{self, open_metrics};
use super::parts::Scene;
use super::probe::Probe;
use super::record::Record;
use super::renderer::Renderer;
use super::route::{Route, route};
use super::whole_page::whole_page;
use crate::live::Live;
use crate::live::view::View;
use crate::notify::callbacks::Subscription;
use crate::rejection::Rejection;
use crate::runtime::worker::Worker;

/// How many event streams may be open, unless another limit is set.
const STREAMS: usize = 100;
/// Up to so many keys, answers are made where they are asked for; beyond that on a thread of the page's own.
const SMALL: usize = 1_000;
/// At most so many answers wait for that thread: it would never catch up with a client that gives up and asks again.
const WAITING: usize = 32;

/// The page of one configuration, with its probes and metrics, as a `tower` service. The [module](super) has the list of
/// what it answers.
///
/// Clones are the same page. It is no handle of the configuration: the watch ends with the last [`Live`], and the page
/// then says so. The last clone of a page ends its record of what has happened, and nothing else; streams that are open
/// end with their connections.
///
/// ```
/// use etcd_config::http::{Page, Probe};
/// # use std::time::Duration;
/// # use etcd_config::{EtcdConfig, MemoryStore};
/// # #[derive(EtcdConfig)]
/// # #[etcd(prefix = "/payments")]
/// # struct Settings { #[etcd(default = 10)] workers: u32 }
/// # let settings = Settings::watch(MemoryStore::new())?;
///
/// let page = Page::of(&settings)
///     .ready_when(Probe::following().fresh_within(Duration::from_secs(600)))
///     .max_event_streams(20)
///     .below("/internal/config"); // only where no router cuts that off
/// # Ok::<(), etcd_config::Error>(())
/// ```
#[derive(Clone)]
pub struct Page {
    source: Arc<Source>,
    board: Arc<Board>,
    healthy: Probe,
    ready: Probe,
    below: Arc<str>,
}

/// What all clones share.
struct Source {
    view: View,
    record: Arc<Record>,
    subscriptions: [Subscription; 3],
    worker: Worker,
    /// How many answers wait for the worker, or are being made there.
    waiting: AtomicUsize,
}

/// An answer that waits for the worker, until this is dropped.
struct Waiting(Arc<Source>);

impl Page {
    /// The page of a configuration, as [`service`](super::service) makes it, to be adjusted. From now on it records
    /// what happens, with callbacks like anybody's.
    pub fn of<T: Send + Sync + 'static>(settings: &Live<T>) -> Self {
        let (view, record) = (settings.view(), Arc::new(Record::new()));
        let recorder = || Arc::clone(&record);
        let (of_changes, of_refusals, of_status) = (recorder(), recorder(), recorder());
        let subscriptions = [
            settings.on_change({
                let view = settings.view().weak();
                move |change| {
                    if let Some(view) = view.upgrade() {
                        of_changes.changed(change.revision(), change.keys(), &view);
                    }
                }
            }),
            settings.on_rejected(move |rejection| of_refusals.refused(rejection)),
            settings.on_status(move |status| of_status.status(status)),
        ];
        record.begin(&view);
        let worker = Worker::new("etcd-config-answers");
        Self {
            source: Arc::new(Source { view, record, subscriptions, worker, waiting: AtomicUsize::new(0) }),
            board: Board::new(STREAMS),
            healthy: Probe::default(),
            ready: Probe::default(),
            below: "".into(),
        }
    }

    /// When `/healthz` is 200: [`Probe::following`] unless set otherwise.
    #[must_use]
    pub fn healthy_when(self, probe: Probe) -> Self {
        Self { healthy: probe, ..self }
    }

    /// When `/readyz` is 200: [`Probe::following`] unless set otherwise.
    #[must_use]
    pub fn ready_when(self, probe: Probe) -> Self {
        Self { ready: probe, ..self }
    }

    /// At most so many event streams are open at once; the next one is answered 503. 100 unless set otherwise. An open
    /// page has one. To be set before the page is cloned: clones from before keep their own limit.
    #[must_use]
    pub fn max_event_streams(self, streams: usize) -> Self {
        Self { board: Board::new(streams), ..self }
    }

    /// What the paths of all requests begin with, such as `/internal/config`; anything else is 404. Not needed where a
    /// router cuts it off, as axum's `nest_service` does.
    #[must_use]
    pub fn below(self, path: &str) -> Self {
        Self { below: path.trim_end_matches('/').into(), ..self }
    }

    fn answer(&self, method: &Method, path: &str, query: Option<&str>) -> Answer {
        let Some(route) = route(path, query, &self.below) else {
            let text = "there is no such thing here; see / for the page\n";
            return Answer::made(answer::text(StatusCode::NOT_FOUND, PLAIN, text));
        };
        let is_head = method == Method::HEAD;
        if !is_head && method != Method::GET {
            let mut response =
                answer::text(StatusCode::METHOD_NOT_ALLOWED, PLAIN, "this is for reading only\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Answer::made(response);
        }
        match route {
            Route::Events => Answer::made(self.events(is_head)),
            Route::Health => Answer::made(headed(is_head, self.probe(self.healthy))),
            Route::Readiness => Answer::made(headed(is_head, self.probe(self.ready))),
            Route::Metrics => Answer::made(headed(is_head, self.source.metrics())),
            Route::Page
            | Route::Status
            | Route::Explain
            | Route::Schema
            | Route::Problems
            | Route::Recent => self.apart(move |source| headed(is_head, source.render(route))),
        }
    }

    /// Makes an answer here, or on the page's own thread if there are so many keys that a runtime would be held up.
    fn apart(&self, make: impl FnOnce(&Source) -> Response<Body> + Send + 'static) -> Answer {
        let source = &self.source;
        if source.view.keys() <= SMALL {
            return Answer::made(make(source));
        }
        let Some(waiting) = Waiting::begin(source) else {
            let why =
                "too many requests wait for an answer about this large configuration: try again in a moment";
            return Answer::made(answer::unavailable(why, Some("5")));
        };
        let (sender, receiver) = oneshot::channel();
        let job = move || {
            // Whoever has asked may be gone.
            if !sender.is_closed() {
                drop(sender.send(make(&waiting.0)));
            }
        };
        if let Err(job) = source.worker.run(Box::new(job)) {
            job();
        }
        Answer::awaited(receiver)
    }

    fn probe(&self, probe: Probe) -> Response<Body> {
        match probe.failure(&self.source.view) {
            None => answer::text(StatusCode::OK, PLAIN, "ok\n"),
            Some(why) => answer::unavailable(&why, None),
        }
    }

    fn events(&self, is_head: bool) -> Response<Body> {
        const TYPE: &str = "text/event-stream";
        let stopped = || answer::unavailable("stopped: nothing follows the store any more", None);
        if self.source.view.is_stopped() {
            return stopped();
        }
        if is_head {
            return answer::with(StatusCode::OK, TYPE, Body::empty());
        }
        let (reader, needs_renderer) = match self.board.open() {
            Ok(opened) => opened,
            Err(NoPlace::Ended) => return stopped(),
            Err(NoPlace::Full) => {
                return answer::unavailable(
                    "too many event streams are open: close other pages (Page::max_event_streams allows more)",
                    Some("10"),
                );
            }
        };
        let Source { view, record, .. } = &*self.source;
        if needs_renderer && !Renderer::start(view.clone(), Arc::clone(record), Arc::clone(&self.board)) {
            self.board.give_renderer_up();
            return answer::unavailable("the system has no thread for event streams", Some("10"));
        }
        let mut response = answer::with(StatusCode::OK, TYPE, Body::events(reader));
        // nginx would keep events back until it has many.
        response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
        response
    }
}

impl Source {
    fn render(&self, route: Route) -> Response<Body> {
        let view = &self.view;
        match route {
            Route::Status => answer::json(&view.status()),
            Route::Explain => answer::json(&view.explain()),
            Route::Schema => answer::json(view.schema()),
            Route::Problems => {
                let status = view.status();
                let refused = status.refusal().map(Rejection::problems).unwrap_or_default();
                answer::json(&json!({
                    "refused": refused, "warnings": status.warnings, "pending": status.pending,
                }))
            }
            Route::Recent => answer::json(&self.record.to_json()),
            Route::Page | Route::Events | Route::Health | Route::Readiness | Route::Metrics => self.page(),
        }
    }

    fn page(&self) -> Response<Body> {
        let status = self.view.status();
        let page = whole_page(&Scene::of(&self.view, &self.record), status.name, &status.prefix);
        let mut response = answer::text(StatusCode::OK, "text/html; charset=utf-8", page.html);
        if let Ok(policy) = HeaderValue::try_from(page.policy) {
            response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    fn metrics(&self) -> Response<Body> {
        let Some(reading) = self.view.reading() else {
            return answer::unavailable("stopped: this is the child of a fork", None);
        };
        let schema = self.view.schema();
        let text = open_metrics(schema.name(), schema.prefix(), &reading);
        answer::text(StatusCode::OK, metrics_text::TYPE, text)
    }
}

impl Waiting {
    /// Nothing if too many wait already.
    fn begin(source: &Arc<Source>) -> Option<Self> {
        let waiting = Self(Arc::clone(source));
        // The one that is being made does not wait.
        (source.waiting.fetch_add(1, Ordering::Relaxed) <= WAITING).then_some(waiting)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The answer without its body, if only the head was asked for.
fn headed(is_head: bool, response: Response<Body>) -> Response<Body> {
    if is_head { response.map(|_| Body::empty()) } else { response }
}

/// The body of a request is not read.
impl<B> Service<Request<B>> for Page {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Answer {
        let uri = request.uri();
        self.answer(request.method(), uri.path(), uri.query())
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.subscriptions.iter().for_each(Subscription::cancel);
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.source.view.schema();
        f.debug_struct("Page")
            .field("name", &schema.name())
            .field("prefix", &schema.prefix())
            .field("healthy", &self.healthy)
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}
