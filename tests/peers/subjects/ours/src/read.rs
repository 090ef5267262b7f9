//! Reading beside arc-swap, in turns.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Cache};
use etcd_config::{EtcdConfig, MemoryStore};
use subject::json;

use crate::failed;

#[derive(EtcdConfig)]
#[etcd(prefix = "/read")]
struct Small {
    #[etcd(default = 10)]
    workers: u64,
}

const TURNS: usize = 21;
const READS: u32 = 2_000_000;

pub(crate) fn run() {
    let live = Small::watch(MemoryStore::new()).unwrap_or_else(|error| failed(&error));
    let mut reader = live.reader();
    let shared = Arc::new(ArcSwap::from_pointee(Small { workers: 10 }));
    let mut cache = Cache::new(shared);
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TURNS {
        theirs.push(nanos(|| cache.load().workers));
        ours.push(nanos(|| reader.load().workers));
    }
    subject::serve(json!({ "reader_ns": median(&mut ours), "arc_swap_ns": median(&mut theirs) }), |_, _| {
        json!({})
    });
}

fn nanos(mut read: impl FnMut() -> u64) -> f64 {
    let begin = Instant::now();
    for _ in 0..READS {
        black_box(read());
    }
    begin.elapsed().as_secs_f64() * 1e9 / f64::from(READS)
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
