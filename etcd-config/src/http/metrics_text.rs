//! Counters and gauges as `OpenMetrics`, the text that Prometheus reads.

use std::fmt::{self, Display, Write as _};

use crate::status::meters::Reading;
use crate::status::meters::list::{COUNTERS, GAUGES};

pub(super) const TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The names and labels of the feature `metrics`.
pub(super) fn open_metrics(name: &str, prefix: &str, reading: &Reading) -> String {
    let labels = format!("{{config=\"{}\",prefix=\"{}\"}}", Label(name), Label(prefix));
    let mut text = String::new();
    for (counter, count, help) in COUNTERS {
        let family = counter.strip_suffix("_total").unwrap_or(counter);
        write(
            &mut text,
            family,
            "counter",
            help,
            format_args!("{counter}{labels} {}", count(&reading.counters)),
        );
    }
    for (gauge, level, help) in GAUGES {
        write(&mut text, gauge, "gauge", help, format_args!("{gauge}{labels} {}", level(reading)));
    }
    text.push_str("# EOF\n");
    text
}

fn write(text: &mut String, family: &str, kind: &str, help: &str, sample: fmt::Arguments<'_>) {
    // Writing into a `String` does not fail.
    let _ = writeln!(text, "# TYPE {family} {kind}\n# HELP {family} {help}\n{sample}");
}

/// Escaped as the value of a label.
struct Label<'l>(&'l str);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| match character {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_escaped() {
        assert_eq!(Label("/a\"b\\c\nd").to_string(), r#"/a\"b\\c\nd"#);
    }
}
