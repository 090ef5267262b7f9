//! What happened last, the newest first.

use super::Scene;
use crate::explain::difference::Changed;
use crate::http::html::Html;
use crate::http::record::{RecentEvent, What};
use crate::problem::Problem;

/// So much is open to view; the rest is folded away.
const OPEN: usize = 6;
/// So many fields, keys or problems of each are shown.
const DETAILS: usize = 5;
/// Where all of it is.
const RECENT: &str = "recent.json";

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    html.raw("<section aria-labelledby=\"recent-title\"><h2 id=\"recent-title\">What happened last</h2>");
    let (open, folded) = scene.happened.split_at(OPEN.min(scene.happened.len()));
    if open.is_empty() {
        html.raw("<p class=\"faint\">Nothing has changed since this was first recorded, ");
        html.ago(scene.recorded_since, scene.now).raw(".</p>");
    } else {
        list(open, scene, html);
    }
    if !folded.is_empty() {
        html.raw("<details data-key=\"older\"><summary>").text(folded.len()).raw(" older</summary>");
        list(folded, scene, html);
        html.raw("</details>");
    }
    html.raw("</section>");
}

fn list(happened: &[std::sync::Arc<RecentEvent>], scene: &Scene<'_>, html: &mut Html) {
    html.raw("<ol class=\"recent\">");
    for event in happened {
        let kind = match event.what {
            What::Changed { .. } => "changed",
            What::Refused { .. } | What::Lost { .. } => "wrong",
            What::Back { .. } => "back",
        };
        html.raw("<li class=\"").raw(kind).raw("\" data-key=\"").text(event.number).raw("\">");
        entry(event, scene, html);
        html.raw("</li>");
    }
    html.raw("</ol>");
}

fn entry(event: &RecentEvent, scene: &Scene<'_>, html: &mut Html) {
    let title = |html: &mut Html, word: &'static str| {
        html.raw("<p class=\"when\"><b>").raw(word).raw("</b> ").ago(event.at, scene.now);
    };
    match &event.what {
        What::Changed { revision, fields, keys, more } => {
            title(html, "Changed");
            html.raw(", revision ").text(revision).raw("</p>");
            fields.iter().take(DETAILS).for_each(|changed| change(changed, html));
            for key in keys.iter().take(DETAILS) {
                html.raw("<p><code>").line(key).raw("</code></p>");
            }
            html.more(more + fields.len().max(keys.len()).saturating_sub(DETAILS), RECENT);
        }
        What::Refused { revision, problems, more, times, .. } => {
            title(html, "Refused");
            html.raw(", revision ").text(revision);
            if *times > 1 {
                html.raw(", ").text(times).raw(" times");
            }
            html.raw("</p>");
            problems.iter().take(DETAILS).for_each(|problem| refused(problem, html));
            html.more(more + problems.len().saturating_sub(DETAILS), RECENT);
        }
        What::Lost { state, error } => {
            title(html, "Connection lost");
            html.raw("</p><p>").text(state).raw(": ").line(error).raw("</p>");
        }
        What::Back { revision } => {
            title(html, "Connected again");
            html.raw(", revision ").text(revision).raw("</p>");
        }
    }
}

fn change(changed: &Changed, html: &mut Html) {
    let Changed { field, old, new, .. } = changed;
    html.raw("<p><span class=\"field\">").line(field).raw("</span> ");
    value(old.as_deref(), html);
    html.raw(" → ");
    value(new.as_deref(), html);
    html.raw("</p>");
}

fn value(text: Option<&str>, html: &mut Html) {
    match text {
        Some(text) => html.raw("<code>").line(text).raw("</code>"),
        None => html.raw("<i>absent</i>"),
    };
}

fn refused(problem: &Problem, html: &mut Html) {
    html.raw("<p><span class=\"field\">");
    let names = [problem.field(), problem.expected(), problem.key()];
    html.line(names.into_iter().find(|name| !name.is_empty()).unwrap_or_default());
    html.raw("</span> ").line(problem.what()).raw("</p>");
}
