//! What is made of the settings.

use etcd_config::http::service;

use crate::asking::{Stream, get};
use crate::service::{put, watched};

#[test]
fn a_resource_is_on_the_page_and_why_it_could_not_be_built() {
    let (store, settings) = watched();
    let build = |workers: &u32| match workers {
        13 => Err("<b>not</b> thirteen"),
        workers => Ok(*workers),
    };
    let pool = settings.building().name("pool").resource(|s| &s.workers, build).unwrap();
    let page = service(&settings);
    assert!(get(&page, "/").text.contains("<code class=\"key\">resource pool</code>"));
    let mut stream = Stream::open(&page);
    put(&store, &settings, "workers", "13");
    let event = stream.until("<p class=\"failure\">");
    assert!(event.starts_with("event: resources\n"), "{event}");
    assert!(event.contains("&lt;b&gt;not&lt;/b&gt; thirteen"), "{event}");
    let html = get(&page, "/").text;
    // The problem names it, as it has no field.
    assert!(
        html.contains("<code class=\"key\">/service</code> <span class=\"field\">resource pool</span>"),
        "{html}"
    );
    assert!(html.contains(">Refused</p>") && !html.contains("<b>not"), "{html}");
    assert!(get(&page, "/status.json").json()["resources"][0]["failures"].as_u64() >= Some(1));
    assert_eq!(*pool.load(), 8);
}

#[test]
fn resources_that_are_not_shown_are_counted() {
    let (_store, settings) = watched();
    let made: Vec<_> = (0..53)
        .map(|number| settings.building().name(format!("pool {number}")))
        .map(|building| building.resource(|s| &s.workers, |workers| Ok::<_, String>(*workers)).unwrap())
        .collect();
    let html = get(&service(&settings), "/").text;
    assert_eq!(html.matches("<code class=\"key\">resource pool").count(), 50);
    assert!(html.contains("<p>and 3 more: <a href=\"?status.json\">status.json</a></p>"));
    drop(made);
}
