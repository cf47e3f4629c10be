//! What the lab takes from the machine: network namespaces, control groups, processes.
//!
//! Everything that is taken is named after the process that took it, written down in one state
//! folder, and given back when that process ends, however it ends: an orderly shutdown gives it
//! back at once, a killed owner is cleaned up after by its [`janitor`], and a killed janitor by
//! the [`sweep`](state::sweep_dead) that starts every boot.

pub mod cgroup;
pub mod janitor;
pub mod launch;
mod netlink;
pub mod netns;
pub mod network;
pub mod process;
pub mod state;
