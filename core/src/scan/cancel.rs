//! A flag that stops a job at its next entry, or at the next bytes that it reads of a long one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::source::ReadAt;
use crate::{Error, Result};

/// Shared by a job and whoever may stop it.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks the job to stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// True once it was asked to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error once it was asked to stop: for `?` in loops.
    ///
    /// # Errors
    /// [`Error::is_cancelled`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::cancelled());
        }
        Ok(())
    }
}

/// Bytes that are out of reach once the job that reads them was asked to stop.
pub(crate) struct UntilCancelled {
    pub(crate) bytes: Arc<dyn ReadAt>,
    pub(crate) cancel: Cancel,
}

impl ReadAt for UntilCancelled {
    fn len(&self) -> u64 {
        self.bytes.len()
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(std::io::Error::other("cancelled"));
        }
        self.bytes.read_at(offset, buf)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::formats::{Carrier, NoSideFiles, ProblemKind, check_value};
    use crate::model::Limits;

    /// A pickle of one endless text; asks the job to stop once a mebibyte was read.
    struct Endless(Cancel);

    impl ReadAt for Endless {
        fn len(&self) -> u64 {
            u64::MAX
        }

        fn read_at(&self, offset: u64, buf: &mut [u8]) -> std::io::Result<usize> {
            buf.fill(b'V');
            if offset > 1 << 20 {
                self.0.cancel();
            }
            Ok(buf.len())
        }
    }

    #[test]
    fn a_long_value_ends_where_the_job_is_asked_to_stop() {
        let cancel = Cancel::default();
        let bytes = Arc::new(UntilCancelled {
            bytes: Arc::new(Endless(cancel.clone())),
            cancel,
        });
        let checked = check_value(bytes, Carrier::Pickle, &NoSideFiles, &Limits::DEEP).unwrap();
        assert!(!checked.is_read_to_end);
        assert_eq!(checked.problems[0].kind, ProblemKind::Unreadable);
    }
}
