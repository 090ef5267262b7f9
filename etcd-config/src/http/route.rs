//! Which path leads to what.

/// What can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resource {
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

const NAMES: [(&str, Resource); 9] = [
    ("events", Resource::Events),
    ("status.json", Resource::Status),
    ("explain.json", Resource::Explain),
    ("schema.json", Resource::Schema),
    ("problems.json", Resource::Problems),
    ("recent.json", Resource::Recent),
    ("healthz", Resource::Health),
    ("readyz", Resource::Readiness),
    ("metrics", Resource::Metrics),
];

/// What a path and a query ask for; nothing if there is no such thing. `below` is what all paths begin with.
///
/// `/?events` is `/events`: a link that is only a query leads from `/config` and from `/config/` to the same place, so the
/// links of the page work below any path, with a slash at its end or without. A router cuts off what it was given, and
/// does not say which of the two was asked for.
pub(super) fn resource(path: &str, query: Option<&str>, below: &str) -> Option<Resource> {
    let path = path.strip_prefix(below)?;
    let name = match path {
        "" | "/" => {
            return Some(
                query.and_then(|query| named(query.split(['&', '=']).next()?)).unwrap_or(Resource::Page),
            );
        }
        path => path.strip_prefix('/')?,
    };
    named(name)
}

fn named(name: &str) -> Option<Resource> {
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, resource)| *resource)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_found_below_any_other_with_and_without_a_slash() {
        for below in ["", "/config", "/internal/a b/config"] {
            let at = |path: &str, query| resource(&format!("{below}{path}"), query, below);
            assert_eq!(at("/", None), Some(Resource::Page));
            assert_eq!(at("", Some("events")), Some(Resource::Events));
            assert_eq!(at("/", Some("status.json=&x=1")), Some(Resource::Status));
            assert_eq!(at("/", Some("utm=1")), Some(Resource::Page), "a query that a proxy has added");
            assert_eq!(at("/metrics", Some("x")), Some(Resource::Metrics));
            for wrong in ["/page", "/events/", "//", "x/", "/../etc/passwd", "/Events", "/%65vents"] {
                assert_eq!(at(wrong, None), None, "{below}{wrong}");
            }
        }
        assert_eq!(resource("/other", None, "/config"), None);
        assert_eq!(resource("/configuration", None, "/config"), None);
    }
}
