//! The feature `http`: the page, its events, probes and metrics, through the `tower` service.

mod asking;
mod crowd;
mod ends;
mod events;
mod layers;
mod metrics;
mod probes;
mod recent;
mod resources;
mod routes;
mod secrets;
mod service;
