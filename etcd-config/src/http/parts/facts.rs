//! The rest of the status, for whoever looks closer.

use etcd_client_core::OneLine;

use super::Scene;
use crate::http::html::Html;
use crate::status::{CacheFile, Counters};

/// So many endpoints are shown.
const SHOWN: usize = 10;

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let (status, now) = (&scene.status, scene.now);
    html.raw("<section aria-labelledby=\"facts-title\"><h2 id=\"facts-title\">Status</h2><dl>");
    html.raw("<dt>State</dt><dd>").text(&status.state).raw("</dd><dt>It began</dt><dd>");
    html.ago(status.since, now).raw("</dd>");
    if let Some(endpoint) = &status.endpoint {
        html.raw("<dt>Endpoint</dt><dd><code>").line(endpoint).raw("</code></dd>");
    }
    for failing in status.failing_endpoints.iter().take(SHOWN) {
        html.raw("<dt>Failing endpoint</dt><dd><code>").line(&failing.endpoint).raw("</code>, since ");
        html.ago(failing.since, now).raw(": ").line(&OneLine(&failing.error).to_string()).raw("</dd>");
    }
    if let Some(more @ 1..) = status.failing_endpoints.len().checked_sub(SHOWN) {
        html.raw("<dt>Failing endpoints</dt><dd>and ").text(more).raw(" more</dd>");
    }
    html.raw("<dt>Proven current</dt><dd>").ago(status.proven_current_at, now).raw("</dd>");
    if let Some(rewind) = &status.last_rewind {
        html.raw("<dt>Rewound</dt><dd>").ago(rewind.at, now).raw(": to revision ").text(rewind.now);
        html.raw(", where ").text(rewind.seen).raw(" was seen");
        html.raw(if rewind.cluster_changed { ", another cluster</dd>" } else { "</dd>" });
    }
    if let Some(file) = &status.cache_file {
        cache_file(file, scene, html);
    }
    if let Some(panic) = &status.last_panic {
        html.raw("<dt>Last panic</dt><dd>").line(panic).raw("</dd>");
    }
    html.raw("</dl><details data-key=\"counters\"><summary>Counters</summary><dl>");
    counters(&status.counters, html);
    html.raw("</dl></details></section>");
}

fn cache_file(file: &CacheFile, scene: &Scene<'_>, html: &mut Html) {
    html.raw("<dt>Cache file</dt><dd><code>").line(&file.path.to_string_lossy()).raw("</code>");
    if let Some(saved_at) = file.saved_at {
        html.raw(", written ").ago(saved_at, scene.now);
    }
    if let Some(revision) = file.revision {
        html.raw(", revision ").text(revision);
    }
    if let Some(problem) = &file.problem {
        html.raw("<p class=\"note\">").block(problem).raw("</p>");
    }
    html.raw("</dd>");
}

fn counters(counters: &Counters, html: &mut Html) {
    // All of them, so that a new one is not forgotten here.
    let Counters {
        snapshots,
        rejections,
        builds,
        build_failures,
        callback_panics,
        watch_panics,
        losses,
        lists,
        audits,
        repairs,
        rewinds,
    } = counters;
    let all = [
        ("Snapshots", snapshots),
        ("Refused updates", rejections),
        ("Builds of resources", builds),
        ("Failed builds", build_failures),
        ("Panics of callbacks", callback_panics),
        ("Panics of the watch", watch_panics),
        ("Lost streams", losses),
        ("Listings", lists),
        ("Audits", audits),
        ("Repairs", repairs),
        ("Rewinds", rewinds),
    ];
    for (name, count) in all {
        html.raw("<dt>").raw(name).raw("</dt><dd>").text(count).raw("</dd>");
    }
}
