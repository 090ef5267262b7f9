//! The parts of the page, each with its markup: what is in the page at first, and what events bring later.

mod banner;
mod facts;
mod notes;
mod problems;
mod recent;
mod resources;
mod values;

use std::sync::Arc;
use std::time::SystemTime;

use super::html::Html;
use super::record::{RecentEvent, Record};
use crate::explain::Explanation;
use crate::live::view::View;
use crate::status::Status;

/// What the page is rendered from.
pub(super) struct Scene<'v> {
    view: &'v View,
    status: Status,
    explanation: Explanation,
    happened: Vec<Arc<RecentEvent>>,
    recorded_since: SystemTime,
    now: SystemTime,
}

/// A part: its name in the page and of its event, and its markup.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) name: &'static str,
    pub(super) html: String,
}

impl<'v> Scene<'v> {
    pub(super) fn of(view: &'v View, record: &Record) -> Self {
        // In this order: what is recorded is in the table.
        let happened = record.happened();
        Self {
            view,
            status: view.status(),
            explanation: view.explain(),
            happened,
            recorded_since: record.since(),
            now: SystemTime::now(),
        }
    }
}

/// All parts, in the order of the page.
pub(super) fn parts(scene: &Scene<'_>) -> Vec<Part> {
    type Render = fn(&Scene<'_>, &mut Html);
    const PARTS: [(&str, Render); 7] = [
        ("banner", banner::render),
        ("problems", problems::render),
        ("recent", recent::render),
        ("values", values::render),
        ("resources", resources::render),
        ("notes", notes::render),
        ("facts", facts::render),
    ];
    let part = |(name, render): (&'static str, Render)| {
        let mut html = Html::default();
        render(scene, &mut html);
        Part { name, html: html.finish() }
    };
    PARTS.map(part).into()
}
