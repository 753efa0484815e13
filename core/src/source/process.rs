//! Processes of this computer.

/// True if a process of that number runs; `None` where nobody can tell.
#[cfg(unix)]
pub fn is_running(pid: u64) -> Option<bool> {
    use rustix::io::Errno;
    use rustix::process::{Pid, test_kill_process};
    let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
    match test_kill_process(pid) {
        // Somebody else's.
        Ok(()) | Err(Errno::PERM) => Some(true),
        Err(_) => Some(false),
    }
}

/// True if a process of that number runs; `None` where nobody can tell.
#[cfg(not(unix))]
pub fn is_running(_pid: u64) -> Option<bool> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_running;

    #[test]
    fn a_process_runs_until_it_was_waited_for() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = u64::from(child.id());
        assert_eq!(is_running(pid), Some(true));
        child.wait().unwrap();
        assert_eq!(is_running(pid), Some(false));
        assert_eq!(is_running(0), None);
    }
}
