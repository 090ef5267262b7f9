//! The command line of etcd-config: as a person at a terminal, and as a script, use it.

mod etcd;
mod fleet;
mod guide;
mod helper;
mod hostile;
mod layers;
mod person;
mod rollout;
mod rollout_etcd;
mod script;
mod terminal;
mod watching;
