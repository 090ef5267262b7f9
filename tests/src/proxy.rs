//! A TCP proxy that can be told to fail in the ways that networks do.

mod answer;
mod connection;
mod frames;
mod polls;
mod settings;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

pub use self::answer::Answer;
pub use self::settings::Chunks;

use self::connection::Connection;
use self::settings::{Admission, Settings};
use crate::ports::free_port;

/// A proxy on 127.0.0.1 before one server, on a thread of its own.
///
/// Each switch stays as it was set last. A new proxy forwards everything at once.
#[derive(Debug)]
pub struct Proxy {
    port: u16,
    settings: watch::Sender<Settings>,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct State {
    listening: AtomicBool,
    accepted: AtomicU64,
    open: AtomicU64,
}

impl Proxy {
    /// A proxy before the server at `backend` (`127.0.0.1:<port>`).
    pub fn to(backend: &str) -> Self {
        let port = free_port();
        let (settings, receiver) = watch::channel(Settings::new(backend));
        let state = Arc::new(State::default());
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let shared = Arc::clone(&state);
        let work = move || runtime.block_on(run(port, receiver, shared));
        let thread = thread::Builder::new().name(format!("proxy-{port}")).spawn(work).expect("a thread");
        let proxy = Self { port, settings, state, thread: Some(thread) };
        proxy.wait_until_listening(true);
        proxy
    }

    /// Where clients connect to: `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where clients of a plain server connect to: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// How many connections were accepted so far.
    pub fn connections(&self) -> u64 {
        self.state.accepted.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> u64 {
        self.state.open.load(Ordering::SeqCst)
    }

    /// How many requests without a body were passed on so far; HTTP/1.1 only.
    pub fn requests(&self) -> u64 {
        self.settings.borrow().requests.load(Ordering::SeqCst)
    }

    /// Closes all connections, in good order as far as TCP is concerned (FIN).
    pub fn cut(&self) {
        self.change(|settings| settings.cuts += 1);
    }

    /// Breaks all connections (RST).
    pub fn reset(&self) {
        self.change(|settings| settings.resets += 1);
    }

    /// Whether new connections are refused by the system, as where nobody listens.
    pub fn refuse(&self, refuse: bool) {
        self.admit(if refuse { Admission::Refuse } else { Admission::Accept });
        self.wait_until_listening(!refuse);
    }

    /// Refuses new connections, and closes those that there are.
    pub fn shut(&self) {
        self.refuse(true);
        self.cut();
    }

    /// Whether new connections are closed as soon as they are there; unlike refused ones, they
    /// count.
    pub fn turn_away(&self, turn_away: bool) {
        self.admit(if turn_away { Admission::TurnAway } else { Admission::Accept });
    }

    /// What new connections are answered instead of being forwarded, as a load balancer does that
    /// has no server left.
    pub fn answer(&self, answer: Answer) {
        self.admit(Admission::Answer(answer));
    }

    /// New connections are forwarded again.
    pub fn accept(&self) {
        self.admit(Admission::Accept);
        self.wait_until_listening(true);
    }

    /// Whether everything stays where it is, in both directions, with no sign of it: a black hole.
    pub fn hold(&self, hold: bool) {
        self.change(|settings| settings.hold = [hold; 2]);
    }

    /// Whether what clients send does not arrive.
    pub fn hold_requests(&self, hold: bool) {
        self.change(|settings| settings.hold[0] = hold);
    }

    /// Whether what the server sends does not arrive.
    pub fn hold_replies(&self, hold: bool) {
        self.change(|settings| settings.hold[1] = hold);
    }

    /// How much later everything arrives that clients send from now on.
    pub fn delay_requests(&self, delay: Duration) {
        self.change(|settings| settings.delay[0] = delay);
    }

    /// How much later everything arrives that the server sends from now on.
    pub fn delay_replies(&self, delay: Duration) {
        self.change(|settings| settings.delay[1] = delay);
    }

    /// In which pieces data is passed on, in both directions.
    pub fn pass_on(&self, chunks: Chunks) {
        self.change(|settings| settings.chunks = chunks);
    }

    /// Forgets connections on which nothing was sent for so long, as address translation does:
    /// nothing is said until the next data, which is answered by RST.
    pub fn forget_idle(&self, limit: Option<Duration>) {
        self.change(|settings| settings.idle_limit = limit);
    }

    /// Lets so many more bytes of replies through, then cuts the connection that got them.
    pub fn cut_after_reply_bytes(&self, count: u64) {
        self.change(|settings| settings.reply_budget = Some(Arc::new(AtomicU64::new(count))));
    }

    /// Loses the next frame of a watch that tells of events, and nothing else; in HTTP/1.1 the next
    /// change that a long poll waits for.
    pub fn lose_watch_frame(&self) {
        self.change(|settings| {
            settings.lost_frames.fetch_add(1, Ordering::SeqCst);
        });
    }

    /// Ends all watches with the status "ok", as if the server had, on connections that stay open; in
    /// HTTP/1.1 all long polls with no change, and then their connections.
    pub fn end_watches(&self) {
        self.change(|settings| settings.ends += 1);
    }

    /// Another server for new connections.
    pub fn swap_backend(&self, backend: &str) {
        self.change(|settings| backend.clone_into(&mut settings.backend));
    }

    /// Breaks the connections of this member of an etcd cluster to its peer behind the proxy, and
    /// those that it makes from now on.
    pub fn bar(&self, member_id: Option<&str>) {
        self.change(|settings| settings.barred = member_id.map(Into::into));
    }

    fn admit(&self, admission: Admission) {
        self.change(|settings| settings.admission = admission);
    }

    fn change(&self, change: impl FnOnce(&mut Settings)) {
        self.settings.send_modify(change);
    }

    fn wait_until_listening(&self, listening: bool) {
        let start = Instant::now();
        while self.state.listening.load(Ordering::SeqCst) != listening {
            assert!(start.elapsed() < Duration::from_secs(10), "the proxy on port {} is stuck", self.port);
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.change(|settings| settings.stop = true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn run(port: u16, mut settings: watch::Receiver<Settings>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    let mut listener = None;
    loop {
        let now = settings.borrow_and_update().clone();
        if now.stop {
            return;
        }
        match now.admission {
            Admission::Refuse => listener = None,
            _ if listener.is_none() => {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
                listener = TcpListener::bind(address).await.ok();
            }
            _ => {}
        }
        state.listening.store(listener.is_some(), Ordering::SeqCst);
        // Another process that looks for a free port may have this one for a moment.
        let is_to_listen = listener.is_none() && !matches!(now.admission, Admission::Refuse);
        let accept = async {
            match &listener {
                Some(listener) => listener.accept().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = settings.changed() => {}
            () = sleep(Duration::from_millis(10)), if is_to_listen => {}
            accepted = accept => {
                let Ok((client, _)) = accepted else { continue };
                state.accepted.fetch_add(1, Ordering::SeqCst);
                state.open.fetch_add(1, Ordering::SeqCst);
                let (settings, state) = (settings.clone(), Arc::clone(&state));
                connections.spawn(async move {
                    Connection::new(client, settings).serve().await;
                    state.open.fetch_sub(1, Ordering::SeqCst);
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
