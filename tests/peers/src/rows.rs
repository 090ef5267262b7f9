//! What is measured, a row of the table each.

mod build;
mod burst;
mod catching_up;
mod idle;
mod load;
mod reading;
mod update;
mod visible;

use crate::bench::Bench;

pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    /// About how long three runs take on a quiet machine of two cores.
    pub(crate) seconds: u32,
    pub(crate) run: fn(&mut Bench),
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        name: "fleet",
        what: "1,000 idle clients, each watching 10 prefixes",
        seconds: 310,
        run: idle::fleet,
    },
    Row {
        name: "more",
        what: "one more watched prefix of 10 keys in a client: memory, start",
        seconds: 110,
        run: idle::more,
    },
    Row { name: "one", what: "one idle configuration, alone in its process", seconds: 90, run: idle::one },
    Row { name: "load-1000", what: "1,000 keys into a map", seconds: 10, run: load::thousand },
    Row { name: "load-10000", what: "10,000 keys into a map", seconds: 15, run: load::ten_thousand },
    Row { name: "load-100000", what: "100,000 keys into a map", seconds: 60, run: load::hundred_thousand },
    Row { name: "rest", what: "bytes on the heap for each of 100,000 keys", seconds: 30, run: load::rest },
    Row {
        name: "memory",
        what: "updates of 100,000 keys, without a network",
        seconds: 15,
        run: update::memory,
    },
    Row {
        name: "update-100",
        what: "one key of 100 updated, beside cloning and inserting",
        seconds: 45,
        run: update::of_hundred,
    },
    Row {
        name: "instructions",
        what: "instructions an update of a small struct",
        seconds: 50,
        run: update::instructions,
    },
    Row {
        name: "visible",
        what: "from a put until the typed value is visible",
        seconds: 60,
        run: visible::visible,
    },
    Row {
        name: "catching-up",
        what: "a client that has missed 50,000 events in transactions of 100",
        seconds: 60,
        run: catching_up::catching_up,
    },
    Row {
        name: "burst",
        what: "5,000 updates a second over 1,000 watched prefixes",
        seconds: 130,
        run: burst::burst,
    },
    Row { name: "read", what: "a read of a hot loop, beside arc-swap", seconds: 5, run: reading::read },
    Row { name: "v2", what: "from a set until the watcher has it, over v2", seconds: 15, run: reading::v2 },
    Row {
        name: "build",
        what: "release build of a hello world (once, unless it is asked for by name)",
        seconds: 180,
        run: build::hello,
    },
    Row {
        name: "type",
        what: "each further root type in a release build",
        seconds: 60,
        run: build::root_type,
    },
];
