//! Somebody at a terminal.

use crate::helper::{Run, VALID};
use crate::terminal::Terminal;

fn starts(seed: &str, args: &[&str]) -> Terminal {
    Terminal::start(Run::new(seed, args), 80)
}

const LONG: &str = "\
/payments/api_token=hunter2
/payments/database/url=postgres://db.internal.example.com:5432/payments?sslmode=verify-full&application_name=p
/payments/features/refunds=true
/payments/upstreams/mastercard-europe-west/addr=10.0.0.8:443
/payments/greeting=日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語
";

#[test]
fn a_change_is_shown_and_asked_about_and_written() {
    let mut terminal = starts(VALID, &["set", "database.pool_size=20", "features.dark=true"]);
    terminal.sees("Write these 2 changes? [y/N]");
    let screen = terminal.screen();
    assert!(
        screen.contains("database.pool_size  database/pool_size  10 (default)  20    at once"),
        "{screen}"
    );
    terminal.types("y\n");
    assert_eq!(terminal.ends(), 0);
    terminal.sees("Written at revision 6");
    assert!(terminal.after().contains("/payments/database/pool_size=20\n"), "{}", terminal.after());
}

#[test]
fn whatever_is_no_yes_writes_nothing() {
    for answer in ["n\n", "\n", "yess\n", "\u{4}"] {
        let mut terminal = starts(VALID, &["set", "database.pool_size=20"]);
        terminal.sees("[y/N]");
        terminal.types(answer);
        assert_eq!(terminal.ends(), 1, "{answer:?}");
        terminal.sees("nothing is written");
        assert!(!terminal.after().contains("pool_size"), "{answer:?}: {}", terminal.after());
    }
}

#[test]
fn ctrl_c_in_a_question_ends_it_and_writes_nothing() {
    let mut terminal = starts(VALID, &["set", "database.pool_size=20"]);
    terminal.sees("[y/N]");
    terminal.types("\u{3}");
    assert_eq!(terminal.ends(), 130);
    assert!(!terminal.screen().contains("Written"), "{}", terminal.screen());
}

#[test]
fn a_conflict_says_what_has_moved() {
    let run = Run::new(VALID, &["set", "database.pool_size=20"]).env("PLAY", "conflict");
    let mut terminal = Terminal::start(run, 80);
    terminal.sees("[y/N]");
    terminal.types("y\n");
    assert_eq!(terminal.ends(), 4, "{}", terminal.screen());
    assert!(!terminal.after().contains("pool_size"), "{}", terminal.after());
}

#[test]
fn a_table_fits_the_terminal_whatever_is_in_it() {
    for width in [50, 80, 140] {
        let mut terminal = Terminal::start(Run::new(LONG, &["show"]), width);
        assert_eq!(terminal.ends(), 0);
        let screen = terminal.screen();
        // One line for the heading, one for the titles, and one for each field.
        assert_eq!(screen.lines().count(), 14, "{width}:\n{screen}");
        assert!(screen.contains('…'), "{width}:\n{screen}");
        assert!(!screen.contains("hunter2"), "{screen}");
    }
}

#[test]
fn problems_are_broken_between_words() {
    let seed = format!("{VALID}/payments/timeout=many\n/payments/features/dark=perhaps\n");
    let mut terminal = Terminal::start(Run::new(&seed, &["check"]), 80);
    assert_eq!(terminal.ends(), 1);
    let screen = terminal.screen();
    assert!(screen.starts_with("2 problems in Settings from /payments at revision 7\n"), "{screen}");
    assert!(screen.contains("(set at revision 6)") && screen.contains("\"perhaps\""), "{screen}");
}

#[test]
fn the_help_fits_the_terminal() {
    let mut terminal = starts(VALID, &["--help"]);
    assert_eq!(terminal.ends(), 0);
    let printed = String::from_utf8(terminal.bytes()).unwrap();
    // A colour begins with an escape and ends with an m.
    let width = |line: &str| {
        let coloured = line.split('\u{1b}').skip(1).map(|part| part.find('m').map_or(0, |end| end + 2));
        line.trim_end().chars().count() - coloured.sum::<usize>()
    };
    let widest = printed.lines().max_by_key(|line| width(line)).unwrap();
    assert!((60..=80).contains(&width(widest)), "{widest:?}");
}

#[test]
fn colours_are_for_terminals_and_not_where_they_are_not_wanted() {
    let coloured = |run: Run| {
        let mut terminal = Terminal::start(run, 80);
        assert_eq!(terminal.ends(), 0);
        terminal.bytes().contains(&0x1b)
    };
    assert!(coloured(Run::new(VALID, &["show"])));
    assert!(!coloured(Run::new(VALID, &["show"]).env("NO_COLOR", "1")));
    assert!(coloured(Run::new(VALID, &["show"]).env("NO_COLOR", "")));
    assert!(!coloured(Run::new(VALID, &["show"]).env("TERM", "dumb")));
}

#[test]
fn nothing_from_etcd_commands_the_terminal() {
    let seed = format!(
        "{VALID}/payments/greeting=a\\e[31mb\\nc\n/payments/features/x\\e]0;title=true\n/payments/\\e[2J=x\n"
    );
    for args in [
        &["show"][..],
        &["check"],
        &["get", "greeting"],
        &["get", "features"],
        &["set", "greeting=x", "--dry-run"],
        &["unset", "features", "--dry-run"],
    ] {
        let mut terminal = Terminal::start(Run::new(&seed, args).env("NO_COLOR", "1"), 100);
        assert_eq!(terminal.ends(), 0, "{args:?}: {}", terminal.screen());
        assert!(!terminal.bytes().contains(&0x1b), "{args:?}: {}", terminal.screen());
    }
}
