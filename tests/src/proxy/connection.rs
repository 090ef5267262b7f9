//! One connection through a proxy.

use std::io;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::settings::{Admission, Chunks, Settings};

/// A client's connection, and what it should do.
pub(super) struct Connection {
    client: TcpStream,
    settings: watch::Receiver<Settings>,
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
        Self { client, settings }
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
        if let Err(End::Reset) = forward(&mut self.client, &mut server, &self.settings).await {
            let _ = (self.client.set_zero_linger(), server.set_zero_linger());
        }
    }
}

async fn forward(
    client: &mut TcpStream,
    server: &mut TcpStream,
    settings: &watch::Receiver<Settings>,
) -> Result<(), End> {
    let (client_read, client_write) = client.split();
    let (server_read, server_write) = server.split();
    let last = Mutex::new(Instant::now());
    let (requests, to_server) = mpsc::channel(64);
    let (replies, to_client) = mpsc::channel(64);
    let all = async {
        tokio::try_join!(
            read(client_read, requests, Direction::Requests, &last, settings),
            write(server_write, to_server, Direction::Requests, settings.clone()),
            read(server_read, replies, Direction::Replies, &last, settings),
            write(client_write, to_client, Direction::Replies, settings.clone()),
        )
    };
    tokio::select! {
        end = all => end.map(drop),
        end = told_to_end(settings.clone()) => Err(end),
    }
}

async fn told_to_end(mut settings: watch::Receiver<Settings>) -> End {
    let (cuts, resets) = {
        let before = settings.borrow();
        (before.cuts, before.resets)
    };
    let told = |now: &Settings| now.cuts != cuts || now.resets != resets || now.stop;
    match settings.wait_for(told).await {
        Ok(now) if now.resets != resets => End::Reset,
        _ => End::Cut,
    }
}

async fn read(
    mut from: ReadHalf<'_>,
    into: mpsc::Sender<Chunk>,
    direction: Direction,
    last: &Mutex<Instant>,
    settings: &watch::Receiver<Settings>,
) -> Result<(), End> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let length = from.read(&mut buffer).await?;
        if length == 0 {
            return Ok(());
        }
        let (idle_limit, delay) = {
            let now = settings.borrow();
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

async fn write(
    mut to: WriteHalf<'_>,
    mut from: mpsc::Receiver<Chunk>,
    direction: Direction,
    mut settings: watch::Receiver<Settings>,
) -> Result<(), End> {
    while let Some(Chunk { due, mut bytes }) = from.recv().await {
        sleep_until(due).await;
        let chunks = settings.borrow().chunks;
        if let Chunks::Glued(time) = chunks {
            sleep(time).await;
            while let Ok(chunk) = from.try_recv() {
                bytes.extend(chunk.bytes);
            }
        }
        wait_while_held(&mut settings, direction).await;
        let budget = settings.borrow().reply_budget.clone();
        if let (Some(budget), Direction::Replies) = (budget, direction) {
            let left = budget.load(Ordering::SeqCst);
            let length = bytes.len() as u64;
            if (1..=length).contains(&left) {
                budget.store(0, Ordering::SeqCst);
                bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
                to.write_all(&bytes).await?;
                sleep(Duration::from_millis(10)).await; // so that what was written is read
                return Err(End::Cut);
            }
            budget.store(left.saturating_sub(length), Ordering::SeqCst);
        }
        match chunks {
            Chunks::SingleBytes => {
                for byte in bytes {
                    to.write_all(&[byte]).await?;
                    tokio::task::yield_now().await;
                }
            }
            Chunks::AsTheyCome | Chunks::Glued(_) => to.write_all(&bytes).await?,
        }
    }
    wait_while_held(&mut settings, direction).await;
    to.shutdown().await?;
    Ok(())
}

async fn wait_while_held(settings: &mut watch::Receiver<Settings>, direction: Direction) {
    let _ = settings.wait_for(|now| !now.hold[direction as usize]).await;
}
