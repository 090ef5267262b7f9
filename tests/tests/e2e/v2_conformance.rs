//! What the v2 client must do, case by case, on each line of servers that speaks v2. The names of
//! the tests begin with the cases' ids.

mod access;
mod blocking;
mod busy;
mod cancel;
mod cluster;
mod compare;
mod directories;
mod encoding;
mod failover;
mod keys;
mod lies;
mod line;
mod migration;
mod reconnect;
mod redirect;
mod resync;
mod slashes;
mod strange;
mod table;
mod tls;
mod watching;
