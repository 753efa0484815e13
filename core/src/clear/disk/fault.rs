//! Makes the calls of this module fail in tests, one by one.

#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "in tests it fails")]
pub(super) fn point(_call: &'static str) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
pub(super) use with_faults::point;

#[cfg(test)]
pub(in super::super) use with_faults::{calls, clear, fail_at, kill_at, meanwhile};

#[cfg(test)]
mod with_faults {
    use std::cell::RefCell;
    use std::io;

    #[derive(Default)]
    struct State {
        calls: Vec<&'static str>,
        fault: Option<(usize, Option<i32>)>,
        meanwhile: Option<Box<dyn FnMut(&'static str)>>,
    }

    thread_local! {
        static STATE: RefCell<State> = RefCell::default();
    }

    pub(in super::super) fn point(call: &'static str) -> io::Result<()> {
        if let Some(mut act) = STATE.with_borrow_mut(|state| state.meanwhile.take()) {
            act(call);
            STATE.with_borrow_mut(|state| state.meanwhile = Some(act));
        }
        STATE.with_borrow_mut(|state| {
            let n = state.calls.len();
            state.calls.push(call);
            match state.fault {
                Some((at, Some(errno))) if n == at => Err(io::Error::from_raw_os_error(errno)),
                // From there on nothing reaches the disk, as if the process had ended.
                Some((at, None)) if n >= at => Err(io::Error::other("killed by the test")),
                _ => Ok(()),
            }
        })
    }

    /// From the `n`th changing call on, nothing happens any more.
    pub(in super::super::super) fn kill_at(n: usize) {
        set(Some((n, None)));
    }

    /// The `n`th changing call fails once; what happens [`meanwhile`] goes on.
    pub(in super::super::super) fn fail_at(n: usize, errno: i32) {
        set(Some((n, Some(errno))));
    }

    /// Before each changing call `act` does what another program might do at that moment.
    pub(in super::super::super) fn meanwhile(act: impl FnMut(&'static str) + 'static) {
        clear();
        STATE.with_borrow_mut(|state| state.meanwhile = Some(Box::new(act)));
    }

    /// All calls work again.
    pub(in super::super::super) fn clear() {
        STATE.with_borrow_mut(|state| *state = State::default());
    }

    /// The changing calls since the last of the functions above.
    pub(in super::super::super) fn calls() -> Vec<&'static str> {
        STATE.with_borrow(|state| state.calls.clone())
    }

    fn set(fault: Option<(usize, Option<i32>)>) {
        STATE.with_borrow_mut(|state| {
            state.calls.clear();
            state.fault = fault;
        });
    }
}
