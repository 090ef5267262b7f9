//! No secret is anywhere, and texts are texts.

use etcd_config::http::{Page, Probe, service};

use crate::asking::{Stream, get};
use crate::service::{PLANTED, put, watched};

const PATHS: [&str; 10] = [
    "/",
    "/status.json",
    "/explain.json",
    "/schema.json",
    "/problems.json",
    "/recent.json",
    "/healthz",
    "/readyz",
    "/metrics",
    "/?recent.json",
];

#[test]
fn a_secret_is_nowhere() {
    let (store, settings) = watched();
    let strict = Probe::following().accepted().connected();
    let page = Page::of(&settings).healthy_when(strict).ready_when(strict);
    let mut stream = Stream::open(&page);
    put(&store, &settings, "token", "hunter22");
    put(&store, &settings, "passwords/root", "hunter23");
    put(&store, &settings, "passwords/guest", "hunter24");
    // Misspelt, so that nothing calls it a secret.
    put(&store, &settings, "passwrods/root", "hunter25");
    store.put("/service/workers", "0");
    put(&store, &settings, "passwords/root", "hunter\u{0}26");
    let mut shown: Vec<String> = PATHS.iter().map(|path| get(&page, path).text).collect();
    shown.push(stream.until("event: problems"));
    drop(settings);
    while let Some(event) = stream.next() {
        shown.push(event);
    }
    shown.extend(PATHS.iter().map(|path| get(&page, path).text));
    shown.push(format!("{page:?} {strict:?}"));
    for text in shown {
        assert!(!text.contains("hunter"), "{text}");
        assert!(!text.contains(PLANTED));
    }
}

#[test]
fn that_a_secret_has_changed_is_shown_and_its_values_are_not() {
    let (store, settings) = watched();
    let page = service(&settings);
    let revision = put(&store, &settings, "token", "hunter22");
    let recent = get(&page, "/recent.json").json();
    let field = &recent[0]["fields"][0];
    assert_eq!(
        (&field["field"], &field["old"], &field["new"]),
        (&"token".into(), &"•••".into(), &"•••".into())
    );
    assert_eq!(recent[0]["revision"], revision);
}

#[test]
fn markup_is_text() {
    let (store, settings) = watched();
    let page = service(&settings);
    let mut stream = Stream::open(&page);
    let markup = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&amp;";
    put(&store, &settings, "level", markup);
    put(&store, &settings, "features/<svg onload=alert(3)>", "true");
    put(&store, &settings, "<u>unknown", "<u>");
    put(&store, &settings, "region", "<s>there");
    put(&store, &settings, "level", "line\r\n\r\nevent: alive\r\ndata: <hr>");
    put(&store, &settings, "workers", "<em>");
    let html = get(&page, "/").text;
    let mut events = String::new();
    while !["event: problems", "event: notes", "event: values", "event: recent"]
        .iter()
        .all(|name| events.contains(name))
    {
        events.push_str(&stream.next().unwrap());
    }
    events.push_str(&stream.until("&lt;em&gt;"));
    for shown in [&html, &events] {
        for raw in ["<script>alert", "<img", "<svg", "<u>", "<s>", "<em>", "<hr>", "<i>no less", "<b>Not"] {
            assert!(!shown.contains(raw), "{raw}");
        }
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    assert!(html.contains("Threads that work. &lt;b&gt;Not bold&lt;/b&gt; &amp; &quot;quoted&quot;."));
    // A line break in a value makes no event.
    assert_eq!(events.matches("\nevent: alive").count(), events.matches(": heartbeat").count());
    put(&store, &settings, "workers", "0");
    assert!(get(&page, "/").text.contains("must be at least 1, and &lt;i&gt;no less&lt;/i&gt;"));
}
