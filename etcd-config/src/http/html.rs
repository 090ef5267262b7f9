//! HTML in which texts are texts: what is not a literal of this crate is escaped.

use std::fmt::{self, Display, Write as _};
use std::time::{Duration, SystemTime};

use etcd_client_core::Printable;

use crate::status::HumanDuration;

/// Markup that is being written.
#[derive(Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of this crate's own.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// A text, escaped. What comes from outside goes through [`Printable`] first.
    pub(super) fn text(&mut self, text: impl Display) -> &mut Self {
        // Writing into a `String` does not fail.
        let _ = write!(Escaped(&mut self.0), "{text}");
        self
    }

    /// A text from outside on one line, cut where it is long.
    pub(super) fn line(&mut self, text: &str) -> &mut Self {
        self.text(Printable::line(text))
    }

    /// A text from outside that may have several lines.
    pub(super) fn block(&mut self, text: &str) -> &mut Self {
        self.text(Printable::block(text, ""))
    }

    /// How long ago something was, which the page counts on.
    pub(super) fn ago(&mut self, time: SystemTime, now: SystemTime) -> &mut Self {
        if time == SystemTime::UNIX_EPOCH {
            return self.raw("at an unknown time");
        }
        self.raw("<time data-ago datetime=\"").text(Rfc3339(time)).raw("\" title=\"").text(Rfc3339(time));
        self.raw("\">").text(Ago(now.duration_since(time).unwrap_or_default())).raw("</time>")
    }

    /// How many more there are than are shown, if any, with a link to all of them.
    pub(super) fn more(&mut self, more: usize, link: &'static str) -> &mut Self {
        if more == 0 {
            return self;
        }
        self.raw("<p>and ")
            .text(more)
            .raw(" more: <a href=\"?")
            .raw(link)
            .raw("\">")
            .raw(link)
            .raw("</a></p>")
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Escapes what HTML would understand, in texts and in attributes that have quotation marks.
struct Escaped<'o>(&'o mut String);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        Ok(())
    }
}

/// As the script of the page writes it.
struct Ago(Duration);

impl Display for Ago {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.as_secs() {
            0 => f.write_str("just now"),
            seconds @ 1..60 => write!(f, "{seconds}s ago"),
            _ => write!(f, "{} ago", HumanDuration(self.0)),
        }
    }
}

/// A time in UTC; nothing for one that RFC 3339 cannot write.
pub(super) struct Rfc3339(pub(super) SystemTime);

impl Display for Rfc3339 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        // It fails for times before 1970 and after 9999.
        let written = write!(text, "{}", humantime::format_rfc3339_millis(self.0));
        if written.is_ok() { f.write_str(&text) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_no_markup() {
        let mut html = Html::default();
        html.raw("<b title=\"").line("\"><script>'&\u{202e}\n").raw("\">");
        assert_eq!(
            html.finish(),
            r#"<b title="&quot;&gt;&lt;script&gt;&#39;&amp;\u{202e}\n">"#,
            "and what cannot be seen is escaped"
        );
    }

    #[test]
    fn times_that_cannot_be_written_are_left_out() {
        let late = SystemTime::UNIX_EPOCH + Duration::from_secs(300_000_000_000);
        assert_eq!(Rfc3339(late).to_string(), "");
        assert_eq!(Rfc3339(SystemTime::UNIX_EPOCH).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Ago(Duration::from_millis(59_900)).to_string(), "59s ago");
        assert_eq!(Ago(Duration::from_secs(125)).to_string(), "2m 5s ago");
    }
}
