//! The programs in the READMEs compile, and those that need no server run.

#[doc = include_str!("../../README.md")]
struct Workspace;

#[doc = include_str!("../../etcd-client-core/README.md")]
struct Core;

#[doc = include_str!("../../etcd-config-derive/README.md")]
struct Derive;

#[doc = include_str!("../../etcd-config/README.md")]
struct Config;
