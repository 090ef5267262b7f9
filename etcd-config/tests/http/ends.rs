//! The page keeps no configuration alive, nor the other way round.

use std::time::Instant;

use etcd_config::http::service;
use etcd_config_tests::until;

use crate::asking::{Stream, ask, get};
use crate::service::{SOON, put, watched};

/// How many threads of this process render pages.
fn painters() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.filter(|name| name.trim() == "etcd-config-pag").count()
}

#[test]
fn dropping_the_configuration_ends_its_watch_and_its_streams_and_the_page_says_so() {
    let (store, settings) = watched();
    let page = service(&settings);
    put(&store, &settings, "workers", "11");
    let mut stream = Stream::open(&page);
    stream.until("event: facts");
    drop(settings);
    let begin = Instant::now();
    stream.until(">Stopped</p>");
    while stream.next().is_some() {}
    assert!(begin.elapsed() < SOON);
    assert!(get(&page, "/").text.contains(">Stopped</p>"));
    assert_eq!(get(&page, "/status.json").json()["state"], "stopped");
    assert_eq!(get(&page, "/explain.json").json()[0]["value"], "11", "the last values stay");
    assert_eq!((get(&page, "/healthz").status, ask(&page, "GET", "/events").status().as_u16()), (503, 503));
}

/// A server that waits for its requests when it is to stop would wait for a page that is open.
#[test]
fn closing_the_configuration_ends_the_streams_while_handles_are_still_there() {
    let (_store, settings) = watched();
    let page = service(&settings);
    let mut stream = Stream::open(&page);
    stream.until("event: facts");
    settings.close(SOON).unwrap();
    let begin = Instant::now();
    stream.until(">Stopped</p>");
    while stream.next().is_some() {}
    assert!(begin.elapsed() < SOON);
    assert_eq!((get(&page, "/healthz").status, ask(&page, "GET", "/events").status().as_u16()), (503, 503));
    assert_eq!(settings.load().workers, 8, "reading goes on");
}

#[test]
fn dropping_the_page_ends_nothing_else() {
    let (store, settings) = watched();
    let page = service(&settings);
    let mut stream = Stream::open(&page);
    drop(page);
    put(&store, &settings, "workers", "11");
    stream.until(">11</code>");
    drop(stream);
    put(&store, &settings, "workers", "12");
    assert_eq!(settings.load().workers, 12);
}

#[test]
fn the_thread_is_there_while_somebody_reads() {
    let (_store, settings) = watched();
    let page = service(&settings);
    let mut one = Stream::open(&page);
    let mut two = Stream::open(&page);
    one.until("event: facts");
    two.until("event: facts");
    if cfg!(target_os = "linux") {
        assert!(painters() >= 1);
    }
    drop((one, two));
    let mut again = Stream::open(&page);
    again.until("event: facts");
    drop(again);
    // Other tests of this process have painters, too; theirs end as well.
    until("gone", || painters() == 0);
}
