//! What is made of the settings, and how that stands.

use super::Scene;
use crate::http::html::Html;
use crate::status::resource_status::ResourceStatus;

/// So many are shown.
const SHOWN: usize = 50;

pub(super) fn render(scene: &Scene<'_>, html: &mut Html) {
    let resources = &scene.status.resources;
    if resources.is_empty() {
        return;
    }
    html.raw(
        "<section aria-labelledby=\"resources-title\"><h2 id=\"resources-title\">Made of the settings</h2>",
    );
    html.raw("<ul class=\"problems\">");
    resources.iter().take(SHOWN).for_each(|resource| item(resource, scene, html));
    html.raw("</ul>").more(resources.len().saturating_sub(SHOWN), "status.json").raw("</section>");
}

fn item(resource: &ResourceStatus, scene: &Scene<'_>, html: &mut Html) {
    let ResourceStatus { name, is_prepare, revision, since, building_since, error, failures, hanging } =
        resource;
    html.raw("<li><code class=\"key\">").line(&ResourceStatus::label(name, *is_prepare));
    html.raw("</code> <span class=\"faint\">of revision ").text(revision).raw(", in force since ");
    html.ago(*since, scene.now).raw("</span>");
    if let Some(since) = building_since {
        html.raw("<p>Another is being built; that began ").ago(*since, scene.now).raw(".</p>");
    }
    if let Some(error) = error {
        html.raw("<p class=\"failure\">");
        match failures {
            0 | 1 => html.raw("The last build failed: "),
            several => html.text(several).raw(" builds in a row failed, the last: "),
        };
        html.block(error).raw("</p>");
    }
    if *hanging > 0 {
        html.raw("<p class=\"failure\">Builds that have passed their limit and not returned: ").text(hanging);
        html.raw("</p>");
    }
    html.raw("</li>");
}
