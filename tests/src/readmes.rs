//! The programs in the READMEs compile, and those that need no server run.

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Workspace;

#[cfg(doctest)]
#[doc = include_str!("../../etcd-client-core/README.md")]
struct Core;

#[cfg(doctest)]
#[doc = include_str!("../../etcd-config-derive/README.md")]
struct Derive;

#[cfg(doctest)]
#[doc = include_str!("../../etcd-config/README.md")]
struct Config;

/// Where READMEs are read, the lines that rustdoc hides are shown, and who pastes them has a program that does not
/// compile.
#[test]
fn what_is_pasted_from_a_readme_is_whole() {
    let readmes = [
        include_str!("../../README.md"),
        include_str!("../../etcd-client-core/README.md"),
        include_str!("../../etcd-config-derive/README.md"),
        include_str!("../../etcd-config/README.md"),
    ];
    for readme in readmes {
        for program in readme.split("\n```rust").skip(1).filter_map(|rest| rest.split("\n```").next()) {
            let hidden = program.lines().find(|line| *line == "#" || line.starts_with("# "));
            assert_eq!(hidden, None, "in {program}");
            assert!(program.contains("fn main()"), "{program}");
        }
    }
}
