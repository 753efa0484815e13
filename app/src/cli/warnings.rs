//! What the core could not do on the side, such as tidying up after itself, said on stderr.

use cachescope_core::model::text;
use log::{Level, LevelFilter, Log, Metadata, Record};

use super::out::tell;

struct Stderr;

impl Log for Stderr {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // Libraries below the window warn of things that nobody here can mend.
        metadata.level() <= Level::Warn && metadata.target().starts_with("cachescope")
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let word = if record.level() == Level::Error {
                "error"
            } else {
                "warning"
            };
            tell!("{word}: {}", text::shown(&record.args().to_string()));
        }
    }

    fn flush(&self) {}
}

/// From now on warnings are said; a second call changes nothing.
pub(super) fn say() {
    if log::set_logger(&Stderr).is_ok() {
        log::set_max_level(LevelFilter::Warn);
    }
}
