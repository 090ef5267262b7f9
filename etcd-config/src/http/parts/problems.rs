//! What is refused, and why.

use super::Scene;
use crate::http::html::Html;
use crate::problem::Problem;

/// So many problems are shown.
const SHOWN: usize = 50;

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let Some(refusal) = scene.status.refusal() else { return };
    let problems = refusal.problems();
    html.raw("<section class=\"refused\" aria-labelledby=\"refused\"><h2 id=\"refused\">Refused: ");
    html.text(problems.len()).raw(if problems.len() == 1 { " problem" } else { " problems" });
    html.raw("</h2><p>Revision ").text(refusal.revision()).raw(" is not in force; revision ");
    html.text(refusal.kept_revision()).raw(" stays until this is corrected:</p><ul class=\"problems\">");
    problems.iter().take(SHOWN).for_each(|problem| item(problem, html));
    html.raw("</ul>");
    html.more(problems.len().saturating_sub(SHOWN), "problems.json");
    html.raw("</section>");
}

/// One problem as a line of a list.
pub(super) fn item(problem: &Problem, html: &mut Html) {
    html.raw("<li><code class=\"key\">").line(problem.key()).raw("</code>");
    if !(problem.field().is_empty() && problem.expected().is_empty()) {
        html.raw(" <span class=\"field\">").line(problem.field());
        // What is made of the settings has no field.
        html.raw(if problem.field().is_empty() || problem.expected().is_empty() { "" } else { ": " });
        html.line(problem.expected()).raw("</span>");
    }
    html.raw("<p class=\"what\">").block(problem.what());
    if let Some(revision) = problem.revision() {
        html.raw(" <span class=\"set\">(set at revision ").text(revision).raw(")</span>");
    }
    html.raw("</p></li>");
}
