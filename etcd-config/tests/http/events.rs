//! What keeps the page live.

use std::time::Instant;

use etcd_config::http::{Page, service};

use crate::asking::{Stream, ask, get};
use crate::service::{put, watched};

#[test]
fn a_stream_begins_with_the_whole_state_and_goes_on_with_what_changes() {
    let (store, settings) = watched();
    let page = service(&settings);
    let mut stream = Stream::open(&page);
    let mut first = String::new();
    for part in ["banner", "problems", "recent", "values", "resources", "notes", "facts"] {
        let event = stream.next().unwrap();
        assert!(event.starts_with(&format!("event: {part}\ndata: ")) && event.ends_with("\n\n"), "{event}");
        first.push_str(&event);
    }
    assert!(first.contains("•••") && first.contains("Threads that work."));

    let begin = Instant::now();
    put(&store, &settings, "workers", "12");
    let recent = stream.until("event: recent");
    assert!(begin.elapsed().as_secs() < 5, "{:?}", begin.elapsed());
    assert!(recent.contains("<code>8 (default)</code> → <code>12</code>"), "{recent}");
    put(&store, &settings, "workers", "many");
    let problems = stream.until("event: problems");
    assert!(problems.contains("/service/workers") && problems.contains("many"), "{problems}");
    put(&store, &settings, "workers", "13");
    stream.until("event: problems\ndata: \n\n");
}

#[test]
fn so_many_streams_may_be_open_and_a_place_is_free_again() {
    let (_store, settings) = watched();
    let page = Page::of(&settings).max_event_streams(3);
    let mut streams: Vec<Stream> = (0..3).map(|_| Stream::open(&page)).collect();
    let refused = ask(&page, "GET", "/events");
    assert_eq!((refused.status().as_u16(), &refused.headers()["retry-after"]), (503, &"10".parse().unwrap()));
    assert_eq!(get(&page, "/status.json").status, 200, "the rest is there all the same");
    streams.pop();
    let mut again = Stream::open(&page);
    again.until("event: facts");
    streams.clear();
    assert_eq!(ask(&page, "HEAD", "/events").status(), 200, "and takes no place");
}

#[test]
fn a_hundred_streams_are_the_limit_unless_another_is_set() {
    let (_store, settings) = watched();
    let page = service(&settings);
    let mut streams: Vec<Stream> = (0..100).map(|_| Stream::open(&page)).collect();
    assert_eq!(ask(&page, "GET", "/events").status(), 503);
    assert_eq!(ask(&page.clone(), "GET", "/events").status(), 503, "a clone is the same page");
    for stream in &mut streams {
        stream.until("event: facts");
    }
}

#[test]
fn a_reader_that_was_away_gets_the_newest_state() {
    let (store, settings) = watched();
    let page = service(&settings);
    let mut slow = Stream::open(&page);
    let mut fast = Stream::open(&page);
    for n in 1..=50 {
        put(&store, &settings, "workers", &n.to_string());
    }
    fast.until(">50</code>");
    let values: Vec<String> = (0..7).filter_map(|_| slow.next()).collect();
    let of_values: Vec<&String> = values.iter().filter(|event| event.starts_with("event: values")).collect();
    assert!(of_values.len() == 1 && of_values[0].contains("<code>50</code>"), "{values:?}");
}
