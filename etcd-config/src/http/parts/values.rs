//! The table of fields.

use std::collections::BTreeMap;

use super::Scene;
use crate::explain::{Origin, Row};
use crate::http::fields::Fields;
use crate::http::html::Html;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::schema::Field;

/// So many rows are shown.
const SHOWN: usize = 1_000;

const HEAD: &str = "<table><caption class=\"hidden\">Fields, with their values in force</caption><thead><tr>\
    <th scope=\"col\">Field</th><th scope=\"col\">Value in force</th>";
/// Where there are several.
const LAYER: &str = "<th scope=\"col\">Layer</th>";
const HEAD_END: &str =
    "<th scope=\"col\">Origin</th><th scope=\"col\" class=\"number\">Revision</th></tr></thead><tbody>";

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let rows = scene.explanation.rows();
    let fields = Fields::of(scene.view.schema());
    let mut problems: BTreeMap<&str, Vec<&Problem>> = BTreeMap::new();
    let refused = scene.status.refusal().map(Rejection::problems).unwrap_or_default();
    refused.iter().for_each(|problem| problems.entry(problem.key()).or_default().push(problem));
    let is_layered = !scene.status.layers.is_empty();
    html.raw(HEAD).raw(if is_layered { LAYER } else { "" }).raw(HEAD_END);
    for shown in rows.iter().take(SHOWN) {
        let problems = problems.get(shown.key()).map(Vec::as_slice).unwrap_or_default();
        row(shown, fields.get(shown.field()), problems, is_layered, html);
    }
    html.raw("</tbody></table>");
    html.more(rows.len().saturating_sub(SHOWN), "explain.json");
}

fn row(row: &Row, field: Option<&Field>, problems: &[&Problem], is_layered: bool, html: &mut Html) {
    let shown = row.shown();
    let class = match shown.origin {
        _ if !problems.is_empty() => "refused",
        Origin::Missing => "refused",
        _ if row.note().is_some() => "odd",
        Origin::Default | Origin::Nothing => "default",
        _ => "",
    };
    html.raw("<tr class=\"").raw(class).raw("\" data-key=\"").text(row.field()).raw("\"><th scope=\"row\">");
    html.raw("<span class=\"field\">").line(row.field()).raw("</span> <code class=\"key\">").line(row.key());
    html.raw("</code>");
    if let Some(field) = field {
        describe(field, html);
    }
    html.raw("</th><td class=\"value\" data-label=\"Value\"><code>").line(&shown.value).raw("</code>");
    for problem in problems {
        html.raw("<p class=\"note\"><b>Refused:</b> ").block(problem.what()).raw("</p>");
    }
    // What is refused is said already.
    if let Some(note) = row.note().filter(|_| problems.is_empty()) {
        html.raw("<p class=\"note\">").block(note).raw("</p>");
    }
    html.raw("</td>");
    if is_layered {
        layer(row, html);
    }
    html.raw("<td class=\"origin\" data-label=\"Origin\">").text(shown.origin).raw("</td>");
    html.raw("<td class=\"number\" data-label=\"Revision\">");
    match shown.revision {
        Some(revision) => html.text(revision),
        None => html.raw("-"),
    };
    html.raw("</td></tr>");
}

/// The layer that the value is from, and what it overrides.
fn layer(row: &Row, html: &mut Html) {
    html.raw("<td class=\"layer\" data-label=\"Layer\">");
    match row.layer() {
        Some(layer) => html.raw("<code>").line(layer).raw("</code>"),
        None => html.raw("-"),
    };
    for overridden in row.overridden() {
        html.raw("<p class=\"overrides\">").text(overridden.line()).raw("</p>");
    }
    html.raw("</td>");
}

/// What the source says of the field.
fn describe(field: &Field, html: &mut Html) {
    if !field.docs().is_empty() {
        html.raw("<p class=\"docs\">");
        docs(field.docs(), html);
        html.raw("</p>");
    }
    html.raw("<p class=\"type\"><code>").line(field.type_name()).raw("</code>");
    let marks = [
        (field.is_secret(), ", secret"),
        (field.is_required(), ", required"),
        (field.is_restart(), ", after a restart"),
        (field.deprecated().is_some(), ", deprecated"),
    ];
    for (_, mark) in marks.into_iter().filter(|(is_so, _)| *is_so) {
        html.raw(mark);
    }
    html.raw("</p>");
}

/// Documentation of Rust, of which code is all that is shown as what it is.
fn docs(docs: &str, html: &mut Html) {
    let pieces: Vec<&str> = docs.split('`').collect();
    // Without a partner the last one would be none.
    let is_paired = pieces.len() % 2 == 1;
    for (place, piece) in pieces.into_iter().enumerate() {
        match place {
            0 => html.block(piece),
            _ if !is_paired => html.raw("`").block(piece),
            odd if odd % 2 == 1 => html.raw("<code>").block(piece).raw("</code>"),
            _ => html.block(piece),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_documentation_is_code() {
        let shown = |text: &str| {
            let mut html = Html::default();
            docs(text, &mut html);
            html.finish()
        };
        assert_eq!(shown("such as `<2s>` or so"), "such as <code>&lt;2s&gt;</code> or so");
        assert_eq!(shown("none"), "none");
        assert_eq!(shown("one ` alone, `two` <3"), "one ` alone, `two` &lt;3");
    }
}
