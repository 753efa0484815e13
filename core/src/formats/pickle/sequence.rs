//! Pickles one after the other in one stream, each with a memo of its own, or numbering on where one `Pickler` wrote all.

use super::build::Build;
use super::machine::{Machine, Stop};
use super::memo::Memo;

/// A machine that goes from pickle to pickle.
pub(super) struct Sequence<'a, B: Build> {
    pub(super) machine: Machine<'a, B>,
    n_done: usize,
    start: u64,
    memo_start: u64,
    /// The pickle at work goes on with the memo of the one before.
    shares_memo: bool,
    /// The memo of the pickle before, in case this one needs it.
    old_memo: Option<Memo<B::Ref>>,
}

/// What became of one pickle.
pub(super) enum Outcome<R> {
    /// It needs the memo of the pickle before: run it again.
    Again,
    /// The bytes behind the last pickle are none.
    Foreign {
        start: u64,
    },
    Done(Part<R>),
}

/// One pickle of several.
pub(super) struct Part<R> {
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) memo_start: u64,
    pub(super) shares_memo: bool,
    pub(super) stop: Stop<R>,
}

impl<'a, B: Build> Sequence<'a, B> {
    /// `n_before` pickles stand before the first one that it will read.
    pub(super) fn new(machine: Machine<'a, B>, n_before: usize) -> Self {
        Self {
            machine,
            n_done: n_before,
            start: 0,
            memo_start: 0,
            shares_memo: false,
            old_memo: None,
        }
    }

    /// Makes ready for the next pickle; false at the end of the bytes.
    pub(super) fn begin(&mut self) -> bool {
        if self.machine.input.peek().is_none() && self.n_done > 0 {
            return false;
        }
        self.start = self.machine.input.offset();
        self.machine.restart();
        if self.shares_memo {
            self.memo_start = self.machine.memo.end();
        } else {
            let memo = std::mem::replace(&mut self.machine.memo, Memo::starting_at(0));
            self.old_memo = Some(memo);
            self.memo_start = 0;
        }
        true
    }

    /// Judges how the pickle at work ended.
    pub(super) fn end(&mut self, stop: Stop<B::Ref>) -> Outcome<B::Ref> {
        let is_broken = matches!(stop, Stop::Broken(_));
        let is_first = self.n_done == 0;
        if is_broken && !is_first && self.machine.lacked_memo_slot && !self.shares_memo {
            // `pickle.Pickler.dump` called again keeps its memo; then all further pickles do.
            self.shares_memo = true;
            if let Some(memo) = self.old_memo.take() {
                self.machine.memo = memo;
            }
            self.memo_start = self.machine.memo.end();
            self.machine.restart();
            self.machine.input.jump(self.start, u64::MAX);
            return Outcome::Again;
        }
        if is_broken && !is_first && !self.begins_with_proto() {
            return Outcome::Foreign { start: self.start };
        }
        self.n_done += 1;
        Outcome::Done(Part {
            start: self.start,
            end: self.machine.input.offset(),
            memo_start: self.memo_start,
            shares_memo: self.shares_memo,
            stop,
        })
    }

    /// True if the pickle at work had a PROTO, so that it is one, if a damaged one.
    fn begins_with_proto(&self) -> bool {
        self.machine.declared > 0
    }
}
