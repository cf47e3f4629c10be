//! `down`: ends every lab of this user and clears up after dead ones.

use anyhow::Result;
use stilltrace_lab::host::state;

/// Ends and clears.
pub(crate) fn run() -> Result<()> {
    let living = state::living()?;
    for folder in &living {
        state::end(folder)?;
    }
    let dead = state::sweep_dead()?;
    println!("ended {} running and cleared {dead} dead labs", living.len());
    Ok(())
}
