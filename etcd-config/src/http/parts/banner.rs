//! The one sentence that a person needs first: is it current, and if not, why not.

use super::Scene;
use crate::http::html::{Html, Rfc3339};
use crate::status::{Source, State, Status};

/// How bad it is, in a word that the styles know, and what is to be said of it.
struct Verdict {
    level: &'static str,
    word: &'static str,
    sentence: &'static str,
}

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let Scene { status, now, .. } = scene;
    let Verdict { level, word, sentence } = verdict(status);
    html.raw("<div class=\"banner ").raw(level).raw("\" data-title=\"").text(word).raw("\" data-now=\"");
    html.text(Rfc3339(*now))
        .raw("\"><p class=\"word\" role=\"status\">")
        .text(word)
        .raw("</p><p>")
        .text(sentence);
    let since = status.refused_since.filter(|_| status.state.error().is_none());
    if let Some(since) = since.or_else(|| (!status.state.is_watching()).then_some(status.since)) {
        html.raw(" This began ").ago(since, *now).raw(".");
    }
    html.raw("</p>");
    if let Some(error) = status.state.error() {
        html.raw("<p class=\"error\">").block(&error.to_string()).raw("</p>");
    }
    html.raw("<p class=\"proof\">In force: revision <b>").text(status.snapshot_revision).raw("</b>, from ");
    html.text(status.source).raw(". The store was last heard of ").ago(status.confirmed_at, *now);
    html.raw(", up to revision ").text(status.revision).raw(".");
    for (id, problems, one, more) in [
        ("#warnings", &status.warnings, " warning", " warnings"),
        ("#pending", &status.pending, " change waits for a restart", " changes wait for a restart"),
    ] {
        if !problems.is_empty() {
            html.raw(" <a href=\"").raw(id).raw("\">").text(problems.len());
            html.raw(if problems.len() == 1 { one } else { more }).raw("</a>.");
        }
    }
    html.raw("</p></div>");
}

fn verdict(status: &Status) -> Verdict {
    let refused = status.refused_since.is_some();
    let (level, word, sentence) = match &status.state {
        State::Stopped => {
            ("bad", "Stopped", "Nothing follows the store any more. The last values stay in force.")
        }
        State::Disconnected(_) if refused => (
            "bad",
            "Disconnected and refused",
            "No server answers, and the newest values that are known are refused. Older values stay in force.",
        ),
        state if state.error().is_some() && refused => (
            "bad",
            "Cut off and refused",
            "Changes are not received, and the newest values that are known are refused. Older values stay in force.",
        ),
        State::Disconnected(_) => {
            ("bad", "Disconnected", "No server answers. The last values stay in force.")
        }
        State::NoQuorum(_) => {
            ("bad", "No quorum", "The cluster has no leader. The last values stay in force.")
        }
        State::AuthFailed(_) => (
            "bad",
            "Authentication failed",
            "The credentials are not accepted. The last values stay in force.",
        ),
        State::PermissionDenied(_) => {
            ("bad", "Permission denied", "The user may not read the prefix. The last values stay in force.")
        }
        _ if refused => {
            ("bad", "Refused", "The newest values are refused, see below. Older values stay in force.")
        }
        State::Listing => ("odd", "Reading", "The store is read. The last values are in force until then."),
        State::Resuming => ("odd", "Reconnecting", "The connection was lost, and is being taken up again."),
        State::Watching if status.source == Source::Cache => {
            ("odd", "From the cache file", "The values in force are those of the cache file.")
        }
        State::Watching => ("good", "Current", "Every change is received, and nothing is refused."),
    };
    Verdict { level, word, sentence }
}
