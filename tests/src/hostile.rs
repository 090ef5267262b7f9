//! A gRPC server that says what no etcd says.

mod replies;
mod wire;

use std::future::poll_fn;
use std::net::{SocketAddr, TcpListener as Listener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use self::replies::End;
pub use self::replies::Replies;
pub use self::wire::{Frame, Header, Kv, Page, empty_elements};

/// A server on 127.0.0.1, on a thread of its own. Unless it is configured otherwise, it is an etcd with one
/// key, `/app/all/a`, which is "1" at revision 5 and, for those who watch, "2" at 6.
#[derive(Debug)]
pub struct Hostile {
    address: SocketAddr,
    state: Arc<State>,
}

/// How it treats a connection.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// It says that the connection carries so many streams.
    pub streams: Option<u32>,
    /// It goes away, and says so, after so many requests.
    pub requests: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    calls: Mutex<Vec<Call>>,
    informed: AtomicU64,
    connections: AtomicU64,
}

/// What it was asked.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method's name: `Range`.
    pub method: String,
    /// The request.
    pub message: Bytes,
    /// How many calls of this method were made before.
    pub nth: usize,
}

type Trick = dyn Fn(&Call) -> Option<Replies> + Send + Sync;

impl Hostile {
    /// One that plays no trick.
    pub fn honest() -> Self {
        Self::new(|_| None)
    }

    /// One that answers some calls with a trick.
    pub fn new(trick: impl Fn(&Call) -> Option<Replies> + Send + Sync + 'static) -> Self {
        Self::with(Manners::default(), trick)
    }

    /// One with such manners, and such a trick.
    pub fn with(manners: Manners, trick: impl Fn(&Call) -> Option<Replies> + Send + Sync + 'static) -> Self {
        let listener = Listener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("not blocking");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        let trick: Arc<Trick> = Arc::new(trick);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            LocalSet::new().block_on(&runtime.expect("a runtime"), async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((client, _)) = listener.accept().await {
                    shared.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::task::spawn_local(serve(client, manners, Arc::clone(&shared), Arc::clone(&trick)));
                }
            });
        });
        Self { address, state }
    }

    /// Where clients connect to.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a method was called so far.
    pub fn count(&self, method: &str) -> usize {
        self.state.calls(|calls| calls.iter().filter(|call| call.method == method).count())
    }

    /// How many connections were made to it so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many informational answers were sent so far.
    pub fn informed(&self) -> u64 {
        self.state.informed.load(Ordering::SeqCst)
    }
}

impl Call {
    /// The key that a short request begins with.
    fn key(&self) -> &[u8] {
        match &self.message[..] {
            [0x0a, length, rest @ ..] => rest.get(..usize::from(*length)).unwrap_or_default(),
            _ => &[],
        }
    }
}

impl State {
    fn calls<R>(&self, with: impl FnOnce(&mut Vec<Call>) -> R) -> R {
        with(&mut self.calls.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What an etcd with one key says.
fn honest(call: &Call) -> Replies {
    let (head, kv) = (Header::at(5), Kv::new("/app/all/a", "1", 5));
    match call.method.as_str() {
        "Range" if call.key() <= &b"/app/all/a"[..] => Replies::of([Page::of(head, [kv]).encode()]),
        "Range" => Replies::of([Page::of(head, []).encode()]),
        "Status" => Replies::of([wire::status(head, "3.6.0")]),
        "Watch" => {
            let change = Frame::of(Header::at(6), [Kv::new("/app/all/a", "2", 6)]).encode();
            Replies::of([Frame::created(head).encode()])
                .to_requests(Frame::progress(head).encode())
                .later(Duration::from_millis(50), change)
        }
        _ => Replies::status(12, "unknown method"),
    }
}

async fn serve(client: TcpStream, manners: Manners, state: Arc<State>, trick: Arc<Trick>) {
    let _ = client.set_nodelay(true);
    let mut builder = h2::server::Builder::new();
    if let Some(streams) = manners.streams {
        builder.max_concurrent_streams(streams);
    }
    let Ok(mut connection) = builder.handshake(client).await else { return };
    let mut requests = 0;
    while let Some(Ok((request, respond))) = connection.accept().await {
        requests += 1;
        if manners.requests.is_some_and(|most| requests >= most) {
            connection.abrupt_shutdown(Reason::NO_ERROR);
        }
        let (state, trick) = (Arc::clone(&state), Arc::clone(&trick));
        tokio::task::spawn_local(async move {
            let _ = answer(request, respond, &state, &*trick).await; // a client that goes away
        });
    }
}

async fn answer(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    state: &State,
    trick: &Trick,
) -> Result<(), h2::Error> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    let mut requests = Requests { body: request.into_body(), rest: BytesMut::new() };
    let message = requests.next().await?.unwrap_or_default();
    let call = state.calls(|calls| {
        let nth = calls.iter().filter(|other| other.method == method).count();
        let call = Call { method, message, nth };
        calls.push(call.clone());
        call
    });
    let replies = trick(&call).unwrap_or_else(|| honest(&call));
    if replies.informational {
        return inform(respond, state).await;
    }
    let mut trailers = HeaderMap::new();
    replies.fill(&mut trailers);
    let mut head = Response::builder().header("content-type", "application/grpc").body(()).expect("a head");
    head.headers_mut().extend(replies.headers());
    if replies.end == End::AtOnce {
        head.headers_mut().extend(trailers);
        return respond.send_response(head, true).map(drop);
    }
    let mut out = respond.send_response(head, false)?;
    write(&mut out, replies.raw.clone()).await?;
    for message in &replies.first {
        send(&mut out, message).await?;
    }
    for (pause, message) in &replies.later {
        tokio::time::sleep(*pause).await;
        send(&mut out, message).await?;
    }
    while let Some(message) = &replies.for_ever {
        send(&mut out, message).await?;
    }
    while replies.open && requests.next().await?.is_some() {
        if let Some(message) = &replies.to_requests {
            send(&mut out, message).await?;
        }
    }
    if let End::Reset(reason) = replies.end {
        out.send_reset(Reason::from(reason));
        return Ok(());
    }
    out.send_trailers(trailers)
}

async fn inform(mut respond: SendResponse<Bytes>, state: &State) -> Result<(), h2::Error> {
    loop {
        for _ in 0..20 {
            let hints = Response::builder().status(103).header("link", "x").body(()).expect("a head");
            respond.send_informational(hints)?;
            state.informed.fetch_add(1, Ordering::SeqCst);
        }
        if let Some(Ok(_)) = poll_fn(|cx| {
            std::task::Poll::Ready(match respond.poll_reset(cx) {
                std::task::Poll::Ready(reset) => Some(reset),
                std::task::Poll::Pending => None,
            })
        })
        .await
        {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What a client sends, message by message.
struct Requests {
    body: RecvStream,
    rest: BytesMut,
}

impl Requests {
    async fn next(&mut self) -> Result<Option<Bytes>, h2::Error> {
        loop {
            if let Some(length) = self.rest.get(1..5) {
                let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]) as usize;
                if self.rest.len() >= 5 + length {
                    self.rest.advance(5);
                    return Ok(Some(self.rest.split_to(length).freeze()));
                }
            }
            let Some(data) = self.body.data().await else { return Ok(None) };
            let data = data?;
            self.body.flow_control().release_capacity(data.len())?;
            self.rest.extend_from_slice(&data);
        }
    }
}

/// One message, as fast as it is read.
async fn send(out: &mut SendStream<Bytes>, message: &Bytes) -> Result<(), h2::Error> {
    let mut head = vec![0];
    head.extend(u32::try_from(message.len()).expect("a message of less than 4 GB").to_be_bytes());
    write(out, Bytes::from(head)).await?;
    write(out, message.clone()).await
}

async fn write(out: &mut SendStream<Bytes>, mut rest: Bytes) -> Result<(), h2::Error> {
    while !rest.is_empty() {
        out.reserve_capacity(rest.len().min(1 << 20));
        let ready = poll_fn(|cx| out.poll_capacity(cx)).await;
        let capacity = ready.unwrap_or(Err(h2::Error::from(Reason::CANCEL)))?;
        out.send_data(rest.split_to(capacity.min(rest.len())), false)?;
    }
    Ok(())
}
