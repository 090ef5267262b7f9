//! What is odd, and what waits for a restart.

use super::Scene;
use super::problems::item;
use crate::http::html::Html;
use crate::problem::Problem;

/// So many of each are shown.
const SHOWN: usize = 20;

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let status = &scene.status;
    section("warnings", "Warnings", &status.warnings, html);
    section("pending", "Waiting for a restart", &status.pending, html);
}

fn section(id: &'static str, title: &'static str, problems: &[Problem], html: &mut Html) {
    if problems.is_empty() {
        return;
    }
    html.raw("<section class=\"odd\" aria-labelledby=\"").raw(id).raw("\" data-key=\"").raw(id);
    html.raw("\"><h2 id=\"")
        .raw(id)
        .raw("\">")
        .raw(title)
        .raw(" <span class=\"count\">")
        .text(problems.len());
    html.raw("</span></h2><ul class=\"problems\">");
    problems.iter().take(SHOWN).for_each(|problem| item(problem, html));
    html.raw("</ul>");
    html.more(problems.len().saturating_sub(SHOWN), "problems.json");
    html.raw("</section>");
}
