//! Which path leads to what.

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Page,
    Events,
    Status,
    Explain,
    Schema,
    Problems,
    Recent,
    Health,
    Readiness,
    Metrics,
}

const NAMES: [(&str, Route); 9] = [
    ("events", Route::Events),
    ("status.json", Route::Status),
    ("explain.json", Route::Explain),
    ("schema.json", Route::Schema),
    ("problems.json", Route::Problems),
    ("recent.json", Route::Recent),
    ("healthz", Route::Health),
    ("readyz", Route::Readiness),
    ("metrics", Route::Metrics),
];

/// What a path and a query ask for; nothing if there is no such thing. `below` is what all paths begin with.
///
/// `/?events` is `/events`: a link that is only a query leads from `/config` and from `/config/` to the same place, so the
/// links of the page work below any path, with a slash at its end or without. A router cuts off what it was given, and
/// does not say which of the two was asked for.
pub(super) fn route(path: &str, query: Option<&str>, below: &str) -> Option<Route> {
    let path = path.strip_prefix(below)?;
    let name = match path {
        "" | "/" => {
            return Some(
                query.and_then(|query| named(query.split(['&', '=']).next()?)).unwrap_or(Route::Page),
            );
        }
        path => path.strip_prefix('/')?,
    };
    named(name)
}

fn named(name: &str) -> Option<Route> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, route)| *route)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_below_any_other_with_and_without_a_slash() {
        for below in ["", "/config", "/internal/a b/config"] {
            let at = |path: &str, query| route(&format!("{below}{path}"), query, below);
            assert_eq!(at("/", None), Some(Route::Page));
            assert_eq!(at("", Some("events")), Some(Route::Events));
            assert_eq!(at("/", Some("status.json=&x=1")), Some(Route::Status));
            assert_eq!(at("/", Some("utm=1")), Some(Route::Page), "a query that a proxy has added");
            assert_eq!(at("/metrics", Some("x")), Some(Route::Metrics));
            for wrong in ["/page", "/events/", "//", "x/", "/../etc/passwd", "/Events", "/%65vents"] {
                assert_eq!(at(wrong, None), None, "{below}{wrong}");
            }
        }
        assert_eq!(route("/other", None, "/config"), None);
        assert_eq!(route("/configuration", None, "/config"), None);
    }
}
