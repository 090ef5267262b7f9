//! What `docs::command_line` and `docs::rollouts` say of commands and flags is what there is.

use std::collections::{BTreeMap, BTreeSet};

use crate::helper::{Ran, Run};

const PAGE: &str = include_str!("../../../etcd-config/src/docs/command_line.md");
const ROLLOUTS: &str = include_str!("../../../etcd-config/src/docs/rollouts.md");
const ROLLING_UPGRADES: &str = include_str!("../../../etcd-config/src/docs/rolling_upgrades.md");

/// Flags by their names, each with its default, if it has one.
type Flags<'t> = BTreeMap<&'t str, Option<&'t str>>;

fn run(args: &[&str]) -> Ran {
    let mut run = Run::new("", args).env("GUIDED", "1").env("INSTANCE", "-");
    for (name, text) in [("prod.yaml", "workers: 30\n"), ("token", "hunter2\n")] {
        std::fs::write(run.folder.path().join(name), text).expect("a file in the folder");
    }
    run.command.current_dir(run.folder.path());
    run.run()
}

/// The cells of the table that begins with this title.
fn table(title: &str) -> Vec<Vec<&'static str>> {
    let (_, after) = PAGE.split_once(title).expect("the title of the table");
    let rows = after.lines().skip(1).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    rows.map(|row| row.split(" | ").collect()).collect()
}

/// What stands between backquotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Of a help text with its lines put together: each flag begins a part.
fn flags_of(help: &str) -> Flags<'_> {
    let parts = help.split(" \n").filter_map(|part| {
        let name = part.trim_start().strip_prefix("-y, ").unwrap_or(part.trim_start());
        let name = name.split([' ', '[', '=']).next()?;
        let default = part.split_once("[default: ").and_then(|(_, rest)| rest.split([',', ']']).next());
        name.starts_with("--").then_some((name, default))
    });
    parts.filter(|(name, _)| *name != "--help").collect()
}

/// A help text where only flags begin lines.
fn help(args: &[&str]) -> String {
    let help = run(args).out;
    let lines = help.lines().map(str::trim);
    lines.fold(String::new(), |text, line| text + if line.starts_with('-') { " \n" } else { " " } + line)
}

#[test]
fn each_command_and_flag_is_on_the_page_with_its_default_and_no_others() {
    let main_help = run(&["--help"]).out;
    let (_, listed) = main_help.split_once("Commands:\n").expect("the commands");
    let is_command = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let listed = listed.lines().take_while(|line| !line.is_empty()).filter(is_command);
    let commands: Vec<&str> = listed.filter_map(|line| line.split_whitespace().next()).collect();

    let rows = table("| command | what it does | its flags |\n");
    let first = |row: &Vec<&'static str>| quoted(row[0]).next().and_then(|name| name.split(' ').next());
    let on_page: Vec<&str> = rows.iter().filter_map(first).collect();
    let sorted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(sorted(&[&on_page[..], &["help"]].concat()), sorted(&commands));

    let everywhere = help(&["--help"]);
    let everywhere = flags_of(&everywhere);
    let global = table("| flag of all commands | what it does |\n");
    let global: Vec<&str> = global.iter().flat_map(|row| quoted(row[0])).collect();
    assert_same("all commands", &everywhere, &global);
    for (row, command) in rows.iter().zip(on_page) {
        let text = help(&[command, "--help"]);
        let mut flags = flags_of(&text);
        flags.retain(|name, _| !everywhere.contains_key(name));
        assert_same(command, &flags, &quoted(row.get(2).unwrap_or(&"")).collect::<Vec<_>>());
    }
}

fn assert_same(command: &str, flags: &Flags<'_>, on_page: &[&str]) {
    let on_page: BTreeMap<&str, Option<&str>> = on_page
        .iter()
        .filter(|quote| quote.starts_with("--"))
        .map(|quote| quote.split_once(' ').map_or((*quote, None), |(name, value)| (name, Some(value))))
        .collect();
    assert_eq!(on_page.keys().collect::<Vec<_>>(), flags.keys().collect::<Vec<_>>(), "{command}");
    for (name, default) in flags.iter().filter(|(_, default)| default.is_some()) {
        assert_eq!(on_page[name], *default, "{command} {name}");
    }
}

/// Those that need neither another command's output nor a layer of several instances are run, and those that would not
/// end or change a fleet only as far as they may be without that.
#[test]
fn the_commands_of_the_pages_do_what_they_are_shown_for() {
    let commands = [PAGE, ROLLOUTS, ROLLING_UPGRADES].iter().flat_map(|page| page.lines());
    let commands = commands.filter(|line| line.starts_with("settings ") && !line.contains("\"$("));
    let commands: BTreeSet<&str> =
        commands.filter_map(|line| line.split(['#', '&']).next()).map(str::trim).collect();
    assert!(commands.len() > 20, "{commands:#?}");
    for command in commands {
        let mut args: Vec<&str> = command.split_whitespace().skip(1).collect();
        let code = match args[..] {
            ["fleet", "--wait", ..] | ["fleet", "--watch"] => {
                args = vec!["fleet"];
                0
            }
            // There is no such layer here, and none has begun.
            ["rollout", _, "--to-layer", ..] | ["rollout", "--continue" | "--abort"] => 2,
            ["rollout", _, ..] => {
                args.push("--dry-run");
                0
            }
            ["diff", ..] => 1,
            _ => 0,
        };
        let ran = run(&args);
        assert_eq!(ran.code, code, "{command}: {ran:#?}");
        assert!(!ran.err.contains("Usage:"), "{command}: {ran:#?}");
    }
}
