//! Runnable programs, one for each capability: see the files beside this one.
