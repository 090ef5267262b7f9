//! What a load balancer says that has no server to forward to.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// An HTTP reply to whatever is asked, in HTTP/1.1 or HTTP/2 as the client speaks.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    content_type: &'static str,
    /// The status and the message of a gRPC service.
    grpc: Option<(u8, String)>,
    body: String,
    /// The body comes one byte at a time, with this pause after each.
    pause: Duration,
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const END_STREAM: u8 = 1;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

impl Answer {
    /// A status with a page of text: `Answer::text(502, "no server")`.
    pub fn text(status: u16, body: &str) -> Self {
        Self { status, content_type: "text/plain", grpc: None, body: body.to_owned(), pause: Duration::ZERO }
    }

    /// A status with a page of HTML.
    pub fn html(status: u16, body: &str) -> Self {
        Self { content_type: "text/html", ..Self::text(status, body) }
    }

    /// What a gRPC service says that cannot do what it is asked.
    pub fn grpc(code: u8, message: &str) -> Self {
        let (grpc, body) = (Some((code, message.to_owned())), String::new());
        Self { content_type: "application/grpc", grpc, ..Self::text(200, &body) }
    }

    /// A success of gRPC or of HTTP whose body comes in drips, one byte after each pause.
    pub fn drips(pause: Duration) -> Self {
        Self { content_type: "application/grpc", pause, ..Self::text(200, &"\0\0\x0f\0\0".repeat(10_000)) }
    }

    /// The same body in drips.
    #[must_use]
    pub fn dripping(self, pause: Duration) -> Self {
        Self { pause, ..self }
    }

    pub(super) async fn give(&self, client: &mut TcpStream) {
        let _ = self.try_give(client).await; // a client that goes away needs no answer
    }

    async fn try_give(&self, client: &mut TcpStream) -> io::Result<()> {
        let mut start = [0; PREFACE.len()];
        client.read_exact(&mut start).await?;
        if start == PREFACE { self.http2(client).await } else { self.http1(client, start.to_vec()).await }
    }

    async fn http1(&self, client: &mut TcpStream, mut request: Vec<u8>) -> io::Result<()> {
        while !request.windows(4).any(|window| window == b"\r\n\r\n") {
            request.push(client.read_u8().await?);
        }
        let Self { status, content_type, body, .. } = self;
        let length = body.len();
        let head = format!("HTTP/1.1 {status} Status\r\ncontent-type: {content_type}\r\n");
        let head = format!("{head}content-length: {length}\r\nconnection: close\r\n\r\n");
        client.write_all(head.as_bytes()).await?;
        for piece in self.pieces() {
            client.write_all(piece).await?;
            sleep(self.pause).await;
        }
        client.shutdown().await?;
        let mut rest = Vec::new();
        let _ = timeout(Duration::from_secs(1), client.read_to_end(&mut rest)).await;
        Ok(())
    }

    async fn http2(&self, client: &mut TcpStream) -> io::Result<()> {
        client.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
        loop {
            let mut head = [0; 9];
            client.read_exact(&mut head).await?;
            let [a, b, c, kind, flags, stream @ ..] = head;
            let stream = u32::from_be_bytes(stream);
            let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
            client.read_exact(&mut payload).await?;
            let reply = match kind {
                SETTINGS if flags & ACK == 0 => frame(SETTINGS, ACK, 0, &[]),
                PING if flags & ACK == 0 => frame(PING, ACK, 0, &payload),
                HEADERS => {
                    client.write_all(&frame(HEADERS, END_HEADERS, stream, &self.header_block())).await?;
                    if !self.pause.is_zero() {
                        for piece in self.pieces() {
                            client.write_all(&frame(DATA, 0, stream, piece)).await?;
                            sleep(self.pause).await;
                        }
                    }
                    let rest = if self.pause.is_zero() { self.body.as_bytes() } else { &[] };
                    frame(DATA, END_STREAM, stream, rest)
                }
                _ => continue,
            };
            client.write_all(&reply).await?;
        }
    }

    fn pieces(&self) -> std::slice::Chunks<'_, u8> {
        let size = if self.pause.is_zero() { self.body.len().max(1) } else { 1 };
        self.body.as_bytes().chunks(size)
    }

    /// Literals that enter no table, by their names' places in the static one.
    fn header_block(&self) -> Vec<u8> {
        let mut block = vec![8]; // :status
        push_string(&mut block, &self.status.to_string());
        block.extend([0x0f, 31 - 15]); // content-type
        push_string(&mut block, self.content_type);
        if let Some((code, message)) = &self.grpc {
            for (name, value) in [("grpc-status", &code.to_string()), ("grpc-message", message)] {
                block.push(0);
                push_string(&mut block, name);
                push_string(&mut block, value);
            }
        }
        block
    }
}

fn push_string(block: &mut Vec<u8>, text: &str) {
    block.push(u8::try_from(text.len()).expect("a short text"));
    block.extend(text.as_bytes());
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a short payload").to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}
