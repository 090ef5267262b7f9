//! Many configurations with one client, all written at once.

use std::sync::atomic::{AtomicU64, Ordering};

use etcd_config::EtcdConfig;
use subject::{Latencies, Scene, json};

use crate::{client, failed};

#[derive(EtcdConfig)]
struct Stamped {
    #[etcd(decode_with = stamp)]
    stamp: u64,
}

static SEEN: Latencies = Latencies::new();
/// The newest stamp of each configuration: one that is decoded again is not counted.
static NEWEST: [AtomicU64; 10_000] = [const { AtomicU64::new(0) }; 10_000];

/// Watches `/burst/0` and so on, each with one key: `<number>:<time of writing>`. `await <n>` as in `visible`.
pub(crate) fn run(scene: &Scene) {
    let client = client(scene);
    let open = |number| Stamped::options().prefix(format!("/burst/{number}")).watch(&client);
    let lives: Result<Vec<_>, _> = (0..scene.number("watches")).map(open).collect();
    let lives = lives.unwrap_or_else(|error| failed(&error));
    SEEN.answer(&[]);
    subject::serve(
        json!({ "open": lives.iter().filter(|live| live.load().stamp > 0).count() }),
        |_, words| SEEN.answer(words),
    );
}

/// Where a value is decoded, a few microseconds before the snapshot is published: there it costs nothing to look.
fn stamp(text: &str) -> Result<u64, String> {
    let (number, written) = text.split_once(':').ok_or("not <number>:<time>")?;
    let number: usize = number.parse().map_err(|_| "not a number")?;
    let written = written.parse().map_err(|_| "not a time")?;
    let newest = NEWEST.get(number).ok_or("too large a number")?;
    if newest.fetch_max(written, Ordering::Relaxed) < written {
        SEEN.saw(written);
    }
    Ok(written)
}
