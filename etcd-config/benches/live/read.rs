//! Reading, beside a plain `Arc` and arc-swap.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Cache};
use etcd_config::{EtcdConfig, MemoryStore};

use crate::samples::{Samples, verdict};

#[derive(EtcdConfig)]
#[etcd(prefix = "/read")]
struct Settings {
    #[etcd(default = 7)]
    number: u64,
    #[etcd(default = "some text")]
    _text: String,
}

const READS: u32 = 1_000_000;

pub(crate) fn run(quick: bool) {
    let rounds = if quick { 3 } else { 201 };
    let settings = Settings::watch(MemoryStore::new()).expect("everything has a default");
    let value = || Settings::load_once(MemoryStore::new()).expect("everything has a default");
    let arc = Arc::new(value());
    let swap = Arc::new(ArcSwap::from_pointee(value()));
    let mut cache = Cache::new(Arc::clone(&swap));
    let mut reader = settings.reader();

    let mut all: [Samples; 5] = Default::default();
    for round in 0..=rounds {
        let times = [
            time(|| black_box(&arc).number),
            time(|| black_box(&swap).load().number),
            time(|| black_box(&settings).load().number),
            time(|| black_box(&mut cache).load().number),
            time(|| black_box(&mut reader).load().number),
        ];
        // The first round warms up.
        if round > 0 {
            all.iter_mut().zip(times).for_each(|(samples, time)| samples.push_share(time, READS));
        }
    }
    let [arc, swap, load, cache, reader] = &all;
    println!("one read, {rounds} rounds of {READS}");
    println!("  a plain Arc       {arc}");
    println!("  ArcSwap::load     {swap}");
    println!("  Live::load        {load}");
    println!("  arc-swap's Cache  {cache}");
    println!("  Reader::load      {reader}");
    println!("  Live::load to ArcSwap::load: {:.3}x", load.ratio_to(swap));
    verdict("Reader::load to arc-swap's Cache", reader.ratio_to(cache), 1.10);
}

fn time(mut read: impl FnMut() -> u64) -> std::time::Duration {
    let begin = Instant::now();
    for _ in 0..READS {
        black_box(read());
    }
    begin.elapsed()
}
