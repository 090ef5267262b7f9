//! The page: a section for each row, with the newest results of each metric and what ours is held against.

use std::fmt::Write as _;

use crate::goals::{self, Goal};
use crate::report::plot::{Bar, Plot, escaped};
use crate::report::record::Record;
use crate::table::Spread;
use crate::table::short;

/// A row, and its metrics.
pub(super) struct Section {
    row: &'static str,
    what: &'static str,
    metrics: Vec<Metric>,
}

struct Metric {
    file: String,
    picture: String,
    verdicts: Vec<(bool, String)>,
}

const STYLE: &str = ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem}\
    svg{width:100%;height:auto;margin-top:1rem}h2{margin-top:3rem}.missed{color:#d1242f}.reached{color:#1a7f37}\
    p{margin:.3rem 0}";

impl Section {
    /// `None` if nothing of the row was measured.
    pub(super) fn of(row: &'static str, what: &'static str, records: &[Record]) -> Option<Self> {
        let records: Vec<&Record> = records.iter().filter(|record| record.row == row).collect();
        let mut names: Vec<&str> = Vec::new();
        for record in &records {
            if !names.contains(&record.metric.as_str()) {
                names.push(&record.metric);
            }
        }
        let of_metric = |name: &&str| {
            let of_it: Vec<&Record> =
                records.iter().copied().filter(|record| record.metric == **name).collect();
            Metric::of(row, name, &of_it)
        };
        let metrics: Vec<Metric> = names.iter().filter_map(of_metric).collect();
        (!metrics.is_empty()).then_some(Self { row, what, metrics })
    }

    /// The pictures, with the names of their files.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.metrics.iter().map(|metric| (metric.file.as_str(), metric.picture.as_str()))
    }

    fn html(&self) -> String {
        let mut html =
            format!("<h2 id=\"{row}\">{row}: {what}</h2>", row = self.row, what = escaped(self.what));
        for metric in &self.metrics {
            html += &metric.picture;
            for (is_reached, words) in &metric.verdicts {
                let class = if *is_reached { "reached" } else { "missed" };
                let _ = write!(html, "<p class=\"{class}\">{class}: {}</p>", escaped(words));
            }
        }
        html
    }
}

impl Metric {
    /// Of the records of one metric, the oldest first.
    fn of(row: &str, metric: &str, records: &[&Record]) -> Option<Self> {
        let unit = records.first()?.unit.clone();
        let newest = |who: &str| records.iter().rev().find(|record| record.of == who);
        let mut who: Vec<&str> = vec!["ours"];
        for record in records {
            if !who.contains(&record.of.as_str()) {
                who.push(&record.of);
            }
        }
        let bar = |name: &&str| {
            newest(name).map(|record| Bar { name: (*name).to_owned(), spread: record.spread() })
        };
        let history = records.iter().filter(|record| record.of == "ours");
        let (mut goal, mut verdicts) = (None, Vec::new());
        for wanted in goals::of(row, metric) {
            let ours = newest("ours")?;
            let (found, limit, unit) = match wanted {
                Goal::AtMost(limit) => (ours.spread().median, limit, unit.clone()),
                Goal::Times(limit, peer) => {
                    let Some(theirs) = newest(peer) else { continue };
                    (Spread::of_ratios(&ours.values, &theirs.values).median, limit, format!("times {peer}"))
                }
            };
            if matches!(wanted, Goal::AtMost(_)) {
                goal = Some(limit);
            }
            let found_text = format!("{} {unit}", short(found));
            verdicts.push((found <= limit, format!("{}, to reach {}", found_text.trim_end(), short(limit))));
        }
        let plot = Plot {
            title: metric.to_owned(),
            unit,
            bars: who.iter().filter_map(bar).collect(),
            goal,
            history: history.map(|record| (record.at().to_owned(), record.spread().median)).collect(),
        };
        let file = format!("{row}-{}.svg", metric.replace([' ', ','], "-"));
        Some(Self { file, picture: plot.svg(), verdicts })
    }
}

/// The whole page; `newest` says when and where the newest results were measured.
pub(super) fn html(sections: &[Section], newest: Option<String>) -> String {
    let verdicts =
        || sections.iter().flat_map(|section| &section.metrics).flat_map(|metric| &metric.verdicts);
    let (reached, all) = (verdicts().filter(|(is_reached, _)| *is_reached).count(), verdicts().count());
    let mut html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Beside other clients</title><style>{STYLE}</style>\
         <h1>Beside other clients</h1><p>{}</p><p>{reached} of {all} goals reached. A bar is the median of the runs, the \
         line in it how far they lie apart; less is better everywhere. What each row does, and who is compared, is in \
         <code>tests/peers/README.md</code>.</p>",
        escaped(&newest.unwrap_or_else(|| "nothing was measured yet".to_owned())),
    );
    sections.iter().for_each(|section| html += &section.html());
    html
}
