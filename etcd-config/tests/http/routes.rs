//! What is where, and what is not.

use etcd_config::http::{Page, service};

use crate::asking::{answer, get};
use crate::service::{put, watched};

const TEXTS: [(&str, &str); 9] = [
    ("/", "text/html; charset=utf-8"),
    ("/status.json", "application/json"),
    ("/explain.json", "application/json"),
    ("/schema.json", "application/json"),
    ("/problems.json", "application/json"),
    ("/recent.json", "application/json"),
    ("/healthz", "text/plain; charset=utf-8"),
    ("/readyz", "text/plain; charset=utf-8"),
    ("/metrics", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
];

#[test]
fn everything_is_read_only_and_kept_by_nobody() {
    let (_store, settings) = watched();
    let page = service(&settings);
    for (path, content_type) in TEXTS {
        let answered = get(&page, path);
        assert_eq!((answered.status, answered.header("content-type")), (200, content_type), "{path}");
        assert_eq!(answered.header("content-length"), answered.text.len().to_string());
        assert_eq!(answered.header("cache-control"), "no-store");
        assert_eq!(answered.header("x-content-type-options"), "nosniff");
        let head = answer(&page, "HEAD", path);
        assert_eq!((head.status, head.text.as_str()), (200, ""), "{path}");
        assert_ne!(head.header("content-length"), "0");
        for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"] {
            let refused = answer(&page, method, path);
            assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{method} {path}");
        }
    }
    assert_eq!(answer(&page, "HEAD", "/events").status, 200);
    assert_eq!(answer(&page, "POST", "/events").status, 405);
}

#[test]
fn other_paths_are_not_found_whatever_they_look_like() {
    let (_store, settings) = watched();
    let page = service(&settings);
    let paths = [
        "/favicon.ico",
        "/page.html",
        "/page.js",
        "/status",
        "/status.json/",
        "//status.json",
        "/../Cargo.toml",
        "/%2e%2e/Cargo.toml",
        "/etc/passwd",
        "/STATUS.JSON",
        "/events/1",
        "/config/",
    ];
    for path in paths {
        for method in ["GET", "HEAD", "POST"] {
            assert_eq!(answer(&page, method, path).status, 404, "{method} {path}");
        }
    }
}

#[test]
fn it_is_found_below_a_path_with_and_without_a_slash() {
    let (_store, settings) = watched();
    let page = Page::of(&settings).below("/internal/config/");
    for path in ["/internal/config", "/internal/config/", "/internal/config?x=1"] {
        assert!(get(&page, path).text.starts_with("<!doctype html>"), "{path}");
    }
    for path in ["/internal/config/healthz", "/internal/config?healthz", "/internal/config/?healthz"] {
        assert_eq!(get(&page, path).text, "ok\n", "{path}");
    }
    for path in ["/", "/internal", "/internal/configuration", "/healthz"] {
        assert_eq!(get(&page, path).status, 404, "{path}");
    }
}

#[test]
fn all_links_of_the_page_lead_somewhere_from_any_path() {
    let (store, settings) = watched();
    put(&store, &settings, "workers", "0");
    let page = service(&settings);
    let html = get(&page, "/").text;
    let links: Vec<&str> = html.split("href=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(links.len() >= 6, "{links:?}");
    for link in links {
        match link.strip_prefix('#') {
            Some(id) => assert!(html.contains(&format!("id=\"{id}\"")), "{link}"),
            None if link == "data:," => {}
            None => {
                assert!(link.starts_with('?'), "{link} depends on where the page is");
                assert_eq!(get(&page, &format!("/{link}")).status, 200, "{link}");
            }
        }
    }
    // What is loaded or connected to is the page's own.
    for elsewhere in ["http:", "https:", "src=", "url(", "@import", "style=\""] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
}

#[test]
fn a_browser_may_run_nothing_but_the_page_itself() {
    let (_store, settings) = watched();
    let page = service(&settings);
    let (one, other) = (get(&page, "/"), get(&page, "/"));
    let policy = one.header("content-security-policy");
    assert_ne!(policy, other.header("content-security-policy"), "a nonce is for one answer");
    assert!(policy.starts_with("default-src 'none'; ") && !policy.contains("unsafe"), "{policy}");
    let nonce = policy.split("script-src 'nonce-").nth(1).and_then(|rest| rest.split('\'').next()).unwrap();
    assert!(one.text.contains(&format!("<script nonce=\"{nonce}\">")));
    assert!(one.text.contains(&format!("<style nonce=\"{nonce}\">")));
    assert_eq!(one.text.matches("<script").count(), 1);
}

#[test]
fn large_configurations_are_answered_too_and_the_page_stays_small() {
    let (store, settings) = watched();
    let mut several = store.transaction();
    for n in 0..3_000 {
        several = several.put(format!("/service/features/{n:04}"), "true");
    }
    settings.wait_for_revision(several.commit(), crate::service::SOON).unwrap();
    let page = service(&settings);
    assert_eq!(get(&page, "/explain.json").json().as_array().unwrap().len(), 3_005);
    let html = get(&page, "/").text;
    assert_eq!(html.matches("<tr class=").count(), 1_000);
    assert!(html.contains("and 2005 more: <a href=\"?explain.json\">"));
    assert_eq!(answer(&page, "HEAD", "/explain.json").text, "");
}
