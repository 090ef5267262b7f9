//! The page for the people who run a service, in a real browser without a screen.

mod browser;
mod served;
mod slow_readers;
