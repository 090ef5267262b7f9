//! Ports that nobody else takes.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that systems hand out to clients, so that no connection of another program
/// takes a server's port while the server is restarted.
const FIRST: u16 = 12_000;
const COUNT: u16 = 18_000;

/// A loopback port that is free, and that this process has not been given before; `None` where all are taken.
pub fn free_port() -> Option<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = std::process::id().wrapping_mul(251) % u32::from(COUNT);
    let start = u16::try_from(start).unwrap_or_default();
    let mut ports = (0..COUNT).map(|_| {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        FIRST + (start + offset) % COUNT
    });
    ports.find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
}
