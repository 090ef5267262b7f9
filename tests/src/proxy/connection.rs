//! One connection through a proxy.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::frames::Frames;
use super::settings::{Admission, Chunks, Settings};

/// A client's connection, and what it should do.
pub(super) struct Connection {
    client: TcpStream,
    settings: watch::Receiver<Settings>,
    /// How often all connections had been cut and reset before this one.
    before: [u64; 2],
}

/// Why a connection ends before its time.
enum End {
    /// With FIN.
    Cut,
    /// With RST.
    Reset,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        Self::Reset // what happens on one side happens on the other
    }
}

#[derive(Clone, Copy)]
enum Direction {
    Requests,
    Replies,
}

struct Chunk {
    due: Instant,
    bytes: Vec<u8>,
}

impl Connection {
    pub(super) fn new(client: TcpStream, settings: watch::Receiver<Settings>) -> Self {
        let before = [settings.borrow().cuts, settings.borrow().resets];
        Self { client, settings, before }
    }

    pub(super) async fn serve(mut self) {
        let admission = self.settings.borrow().admission.clone();
        match admission {
            Admission::Accept | Admission::Refuse => {}
            Admission::TurnAway => return,
            Admission::Answer(answer) => return answer.give(&mut self.client).await,
        }
        let backend = self.settings.borrow().backend.clone();
        let Ok(mut server) = TcpStream::connect(&backend).await else {
            let _ = self.client.set_zero_linger();
            return;
        };
        let _ = (self.client.set_nodelay(true), server.set_nodelay(true));
        if let Err(End::Reset) = forward(&mut self.client, &mut server, &self.settings, self.before).await {
            let _ = (self.client.set_zero_linger(), server.set_zero_linger());
        }
    }
}

async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    settings: &watch::Receiver<Settings>,
    before: [u64; 2],
) -> Result<(), End> {
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let last = Mutex::new(Instant::now());
    let member = OnceLock::new();
    let (requests, to_server) = mpsc::channel(64);
    let (replies, to_client) = mpsc::channel(64);
    let all = async {
        tokio::try_join!(
            read(client_read, requests, Direction::Requests, &last, &member, settings),
            Outlet::new(server_write, Direction::Requests, settings).write(to_server),
            read(server_read, replies, Direction::Replies, &last, &member, settings),
            Outlet::new(client_write, Direction::Replies, settings).write(to_client),
        )
    };
    tokio::select! {
        end = all => end.map(drop),
        end = told_to_end(settings.clone(), before, &member) => Err(end),
    }
}

async fn told_to_end(
    mut settings: watch::Receiver<Settings>,
    [cuts, resets]: [u64; 2],
    member: &OnceLock<Member>,
) -> End {
    let told =
        |now: &Settings| now.cuts != cuts || now.resets != resets || now.stop || is_barred(member, now);
    match settings.wait_for(told).await {
        Ok(now) if now.resets != resets || is_barred(member, &now) => End::Reset,
        _ => End::Cut,
    }
}

async fn read(
    mut from: ReadHalf<'_>,
    into: mpsc::Sender<Chunk>,
    direction: Direction,
    last: &Mutex<Instant>,
    member: &OnceLock<Member>,
    settings: &watch::Receiver<Settings>,
) -> Result<(), End> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        if matches!(direction, Direction::Requests)
            && is_barred_from_now_on(member, &buffer[..length], &settings.borrow())
        {
            return Err(End::Reset);
        }
        let (idle_limit, delay) = {
            let now = settings.borrow();
            if matches!(direction, Direction::Requests) && buffer[..length].starts_with(b"GET ") {
                now.requests.fetch_add(1, Ordering::SeqCst);
            }
            (now.idle_limit, now.delay[direction as usize])
        };
        let idle = std::mem::replace(&mut *last.lock().expect("not poisoned"), Instant::now()).elapsed();
        if idle_limit.is_some_and(|limit| idle > limit) {
            return Err(End::Reset);
        }
        let chunk = Chunk { due: Instant::now() + delay, bytes: buffer[..length].to_vec() };
        if into.send(chunk).await.is_err() {
            return Ok(());
        }
    }
}

/// The id of a member of a cluster, which names itself when it talks to its peers.
type Member = Option<String>;

/// Whether the one whose first request this is may not talk to the peer behind the proxy.
fn is_barred_from_now_on(member: &OnceLock<Member>, request: &[u8], settings: &Settings) -> bool {
    let by_name = || {
        let head = String::from_utf8_lossy(request);
        let (_, rest) = head.split_once("X-Server-From: ")?;
        rest.split_once("\r\n").map(|(id, _)| id.to_owned())
    };
    member.get_or_init(by_name);
    is_barred(member, settings)
}

fn is_barred(member: &OnceLock<Member>, settings: &Settings) -> bool {
    settings.barred.is_some() && settings.barred.as_deref() == member.get().and_then(Option::as_deref)
}

/// Where one direction comes out.
struct Outlet<'c> {
    to: WriteHalf<'c>,
    direction: Direction,
    settings: watch::Receiver<Settings>,
    frames: Frames,
    ended_watches: u64,
}

impl<'c> Outlet<'c> {
    fn new(to: WriteHalf<'c>, direction: Direction, settings: &watch::Receiver<Settings>) -> Self {
        let (settings, ended_watches) = (settings.clone(), settings.borrow().ends);
        Self { to, direction, settings, frames: Frames::default(), ended_watches }
    }

    async fn write(mut self, mut from: mpsc::Receiver<Chunk>) -> Result<(), End> {
        loop {
            let chunk = tokio::select! {
                chunk = from.recv() => chunk,
                ends = told_to_end_watches(&mut self.settings, self.ended_watches), if self.is_reply() => {
                    self.ended_watches = ends;
                    self.to.write_all(&self.frames.end_streams()).await?;
                    if self.frames.is_over() {
                        break;
                    }
                    continue;
                }
            };
            let Some(Chunk { due, mut bytes }) = chunk else { break };
            sleep_until(due).await;
            let chunks = self.settings.borrow().chunks;
            if let Chunks::Glued(time) = chunks {
                sleep(time).await;
                while let Ok(chunk) = from.try_recv() {
                    bytes.extend(chunk.bytes);
                }
            }
            self.wait_while_held().await;
            if self.is_reply() {
                bytes = self.without_lost_frames(bytes);
                bytes = self.within_budget(bytes).await?;
            }
            let (size, pause) = match chunks {
                Chunks::SingleBytes => (1, Duration::ZERO),
                Chunks::Paced(size, pause) => (size, pause),
                Chunks::AsTheyCome | Chunks::Glued(_) => (bytes.len().max(1), Duration::ZERO),
            };
            for piece in bytes.chunks(size) {
                self.to.write_all(piece).await?;
                if pause.is_zero() {
                    tokio::task::yield_now().await;
                } else {
                    sleep(pause).await;
                }
            }
        }
        self.wait_while_held().await;
        Ok(self.to.shutdown().await?)
    }

    fn without_lost_frames(&mut self, bytes: Vec<u8>) -> Vec<u8> {
        let lost = Arc::clone(&self.settings.borrow().lost_frames);
        let one_less = |count: u64| count.checked_sub(1);
        self.frames.pass(bytes, || lost.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok())
    }

    /// What may still be passed on; where that is not all, it is, and the connection ends.
    async fn within_budget(&mut self, bytes: Vec<u8>) -> Result<Vec<u8>, End> {
        let Some(budget) = self.settings.borrow().reply_budget.clone() else { return Ok(bytes) };
        let left = budget.load(Ordering::SeqCst);
        let length = bytes.len() as u64;
        if (1..=length).contains(&left) {
            budget.store(0, Ordering::SeqCst);
            self.to.write_all(&bytes[..usize::try_from(left).unwrap_or(bytes.len())]).await?;
            sleep(Duration::from_millis(10)).await; // so that what was written is read
            return Err(End::Cut);
        }
        budget.store(left.saturating_sub(length), Ordering::SeqCst);
        Ok(bytes)
    }

    async fn wait_while_held(&mut self) {
        let direction = self.direction as usize;
        let _ = self.settings.wait_for(|now| !now.hold[direction]).await;
    }

    fn is_reply(&self) -> bool {
        matches!(self.direction, Direction::Replies)
    }
}

/// How often that was asked for by now, as soon as it is more often than before.
async fn told_to_end_watches(settings: &mut watch::Receiver<Settings>, before: u64) -> u64 {
    let told = settings.wait_for(|now| now.ends > before).await.map(|now| now.ends);
    match told {
        Ok(ends) => ends,
        Err(_) => std::future::pending().await, // the proxy is gone, and with it the connection
    }
}
