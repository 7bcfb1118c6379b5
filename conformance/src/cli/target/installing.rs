//! Installing a target, if the user asks for it.

use std::{fs, path::Path, process::Command};

use creel_sim::target::{Install, Target, install};

use crate::cli::{Exit, complain, given::usage};

/// What is done with a target that is not installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Missing {
    /// The user is told how it is installed.
    Told,
    /// It is installed, in a folder of the user's cache.
    Installed,
}

/// Sees that a target is there, if its program is one that is installed.
pub(in crate::cli) fn ensure(target: &Target, missing: Missing) -> Result<(), Exit> {
    let (Some(wanted), Some(provided)) = (&target.install, target.lacks_installed()) else {
        return Ok(());
    };
    let folder = install::folder(&target.name);
    let (name, shown) = (&target.name, folder.display());
    if missing == Missing::Told {
        complain(&format!(
            "error: target `{name}` is not installed: give `--install`, or in {shown}:\n  {}",
            wanted.hint.trim()
        ));
        return Err(Exit::Target);
    }
    complain(&format!("installing `{name}` in {shown}"));
    match perform(wanted, &folder) {
        Ok(()) if provided.exists() => Ok(()),
        Ok(()) => Err(usage(&format!("`{name}` was installed without {}", provided.display()))),
        Err(why) => {
            // Half of it would be taken for the whole.
            _ = fs::remove_dir_all(&folder);
            complain(&format!("error: install `{name}`: {why}"));
            Err(Exit::Target)
        }
    }
}

fn perform(wanted: &Install, folder: &Path) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|it| format!("remove what is left of it: {it}"))?;
    }
    fs::create_dir_all(folder).map_err(|it| format!("make {}: {it}", folder.display()))?;
    for (name, text) in &wanted.files {
        fs::write(folder.join(name), text).map_err(|it| format!("write {name}: {it}"))?;
    }
    for command in &wanted.commands {
        let Some((program, arguments)) = command.split_first() else { continue };
        // A program with a slash is one of those that earlier commands brought.
        let own = folder.join(program);
        let program = if program.contains('/') { own.as_os_str() } else { program.as_ref() };
        let status = Command::new(program).args(arguments).current_dir(folder).status();
        let shown = command.join(" ");
        let status = status.map_err(|it| format!("start `{shown}`: {it}"))?;
        if !status.success() {
            return Err(format!("`{shown}` ended with {status}"));
        }
    }
    Ok(())
}
