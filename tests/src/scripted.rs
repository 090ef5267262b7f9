//! An HTTP/1.1 server that answers as a test says, and remembers what it was asked.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

/// A scripted server on a port of its own. Dropped, it listens no more.
#[derive(Debug)]
pub struct Scripted {
    address: String,
    state: Arc<State>,
}

/// What a server was asked.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// The path, with the query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
    /// When the request had arrived.
    pub at: Instant,
}

/// What a server answers.
#[derive(Clone, Debug)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The whole body, and on to the next request.
    Whole,
    /// The headers and no body, then the end of the connection, as a server does that is stopped.
    AfterHeaders,
    /// The headers, and nothing more until the client goes away.
    Silence,
    /// The end of the connection before anything.
    AtOnce,
}

#[derive(Debug, Default)]
struct State {
    asked: Mutex<Vec<Asked>>,
    stopped: AtomicBool,
}

impl Reply {
    /// A whole reply.
    pub fn new(status: u16, body: impl Into<String>) -> Self {
        Self { status, headers: Vec::new(), body: body.into(), end: End::Whole }
    }

    /// Headers, and then silence: a watch in which nothing happens.
    pub fn silence() -> Self {
        Self { end: End::Silence, ..Self::new(200, "") }
    }

    /// Headers, and then the end of the connection: a watch at a server that is stopped.
    pub fn cut() -> Self {
        Self { end: End::AfterHeaders, ..Self::new(200, "") }
    }

    /// The end of the connection, and no reply.
    pub fn hang_up() -> Self {
        Self { end: End::AtOnce, ..Self::new(0, "") }
    }

    /// With one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the headers of etcd's v2 API.
    #[must_use]
    pub fn etcd(self, cluster: &str, index: u64) -> Self {
        let index = index.to_string();
        self.header("X-Etcd-Cluster-Id", cluster).header("X-Etcd-Index", &index).header("X-Raft-Index", index)
    }
}

impl Scripted {
    /// A server that answers each request with what `answer` says.
    pub fn new(answer: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (state, answer) = (Arc::new(State::default()), Arc::new(answer));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (state, answer) = (shared.clone(), answer.clone());
                thread::spawn(move || stream.and_then(|stream| serve(&stream, &state, &*answer)));
            }
        });
        Self { address, state }
    }

    /// A server that answers each request alike.
    pub fn always(reply: Reply) -> Self {
        Self::new(move |_| reply.clone())
    }

    /// Where it listens: `127.0.0.1:<port>`.
    pub fn address(&self) -> String {
        self.address.clone()
    }

    /// Where it listens: `http://127.0.0.1:<port>`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.asked().clone()
    }

    /// How often it was asked something so far.
    pub fn count(&self) -> usize {
        self.state.asked().len()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.state.stopped.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(&self.address); // wakes the listener
    }
}

impl Asked {
    /// A header, by its name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl State {
    fn asked(&self) -> MutexGuard<'_, Vec<Asked>> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(stream: &TcpStream, state: &State, answer: &dyn Fn(&Asked) -> Reply) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream.try_clone()?;
    while let Some(asked) = read(&mut reader)? {
        state.asked().push(asked.clone());
        let reply = answer(&asked);
        if reply.end == End::AtOnce {
            return Ok(());
        }
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", reply.status);
        for (name, value) in &reply.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        if reply.end == End::Whole {
            let length = reply.body.len();
            writer.write_all(format!("{head}Content-Length: {length}\r\n\r\n{}", reply.body).as_bytes())?;
            continue;
        }
        writer.write_all(format!("{head}Transfer-Encoding: chunked\r\n\r\n").as_bytes())?;
        if reply.end == End::Silence {
            let _ = reader.read(&mut [0])?; // the client goes away
        }
        return Ok(());
    }
    Ok(())
}

fn read(reader: &mut impl BufRead) -> io::Result<Option<Asked>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_ascii_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: usize = length.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Ok(Some(Asked { method, target, headers, body, at: Instant::now() }))
}
