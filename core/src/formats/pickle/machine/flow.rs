//! Where the machine goes next: memo look-ups in other parts, frames, STOP, and the ways to halt.

use super::{
    BlockData, Build, Frame, HIGHEST_PROTOCOL, Halt, Lack, MAX_PROBLEMS, Machine, Problem,
    ProblemKind, Step, Stop, Then,
};

impl<B: Build> Machine<'_, B> {
    #[inline]
    pub(super) fn fetch(&mut self, slot: u64) -> Step {
        match self.memo.get(slot) {
            Some(value) => {
                self.stack.push(value);
                Ok(())
            }
            None => self.fetch_elsewhere(slot),
        }
    }

    #[cold]
    pub(super) fn fetch_elsewhere(&mut self, slot: u64) -> Step {
        if let Some(resolve) = self.resolve
            && let Some(segment) = resolve(slot)
            && !self.resolved.contains(&segment)
        {
            self.resolved.push(segment);
            let end = self.input.end();
            self.frames.push(Frame {
                stack: std::mem::take(&mut self.stack),
                marks: std::mem::take(&mut self.marks),
                then: Then::Again {
                    offset: self.at,
                    end,
                    memo_count: self.memo.count(),
                },
            });
            self.memo.set_count(segment.memo_start);
            self.input.jump(segment.start, segment.end);
            return Ok(());
        }
        self.lacked_memo_slot = true;
        Err(self.broken(format!(
            "expected memo slot {slot} to be set, found it empty"
        )))
    }

    pub(super) fn end_of_range(&mut self) -> Step {
        match self.frames.pop() {
            Some(Frame {
                stack,
                marks,
                then:
                    Then::Again {
                        offset,
                        end,
                        memo_count,
                    },
            }) => {
                self.stack = stack;
                self.marks = marks;
                self.memo.set_count(memo_count);
                self.input.jump(offset, end);
                Ok(())
            }
            Some(frame) => {
                self.frames.push(frame);
                Err(self.lack("the next opcode", Lack::End))
            }
            None => Err(self.halt(Stop::EndOfRange)),
        }
    }

    pub(super) fn proto(&mut self, number: u64) {
        self.declared = u8::try_from(number).unwrap_or(u8::MAX);
        self.protocol = self.protocol.max(self.declared);
        if self.declared > HIGHEST_PROTOCOL {
            self.note_damage(format!(
                "expected a protocol up to {HIGHEST_PROTOCOL}, found {number}"
            ));
        }
    }

    /// A frame says how many bytes follow; one that is longer than the file is an error in CPython.
    pub(super) fn frame(&mut self, len: u64) {
        let end = self.input.offset().saturating_add(len);
        self.frame_end = self.frame_end.max(end);
        if let Some(there) = self.input.len()
            && end > there
        {
            self.note_damage(format!(
                "expected a frame of {len} bytes, found the data ending {} bytes early",
                end - there
            ));
            self.frame_end = 0;
        }
    }

    pub(super) fn stop(&mut self) -> Step {
        let value = self.pop()?;
        match self.frames.pop() {
            Some(Frame {
                stack,
                marks,
                then:
                    Then::Block {
                        target,
                        memo,
                        declared,
                    },
            }) => {
                self.stack = stack;
                self.marks = marks;
                self.memo = memo;
                self.declared = declared;
                self.build.set_block(target, BlockData::Nested(value));
                Ok(())
            }
            // The last opcode of another pickle whose memo was asked for.
            Some(
                frame @ Frame {
                    then: Then::Again { .. },
                    ..
                },
            ) => {
                self.frames.push(frame);
                self.end_of_range()
            }
            None => Err(self.halt(Stop::Finished(value))),
        }
    }

    /// Checks a frame that reaches beyond STOP, once the value is done. Call it last: it moves on.
    pub(in super::super) fn check_frame_end(&mut self) {
        let offset = self.input.offset();
        if self.frame_end > offset && self.input.skip(self.frame_end - offset).is_err() {
            self.note_damage(
                "expected the rest of a frame behind the value, found the data ending",
            );
        }
    }

    /// Goes back to the work that was last set aside, of which what lies on the stack is a part; false if there is none.
    pub(in super::super) fn unwind(&mut self) -> bool {
        let Some(frame) = self.frames.pop() else {
            return false;
        };
        if let Then::Block { target, .. } = frame.then
            && let Some(inner) = self.stack.first().copied()
        {
            self.build.set_block(target, BlockData::Nested(inner));
        }
        self.stack = frame.stack;
        self.marks = frame.marks;
        true
    }

    pub(in super::super) fn note_damage(&mut self, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems
                .push(Problem::new(ProblemKind::Damaged, self.at, message));
        }
    }

    #[cold]
    pub(super) fn halt(&mut self, stop: Stop<B::Ref>) -> Halt {
        self.stopped = Some(stop);
        Halt
    }

    #[cold]
    pub(super) fn broken(&mut self, message: impl Into<String>) -> Halt {
        self.halt(Stop::Broken(Problem::new(
            ProblemKind::Damaged,
            self.at,
            message,
        )))
    }

    #[cold]
    pub(super) fn limit(&mut self, message: impl Into<String>) -> Halt {
        self.halt(Stop::Limit(Problem::new(
            ProblemKind::Limit,
            self.at,
            message,
        )))
    }

    #[cold]
    pub(super) fn full(&mut self) -> Halt {
        self.limit("it holds more values than can be addressed")
    }

    #[cold]
    pub(super) fn underflow(&mut self) -> Halt {
        self.broken("expected a value on the stack, found none")
    }

    #[cold]
    pub(super) fn lack(&mut self, wanted: &str, lack: Lack) -> Halt {
        match lack {
            Lack::End => self.broken(format!("expected {wanted}, found the end of the data")),
            Lack::Negative(n) => self.broken(format!("expected a length in {wanted}, found {n}")),
            Lack::Budget(why) => self.limit(why),
            Lack::Failed(why) if self.input.len().is_some() => {
                self.halt(Stop::Broken(Problem::new(
                    ProblemKind::Unreadable,
                    self.at,
                    format!("expected {wanted}, but the system could not read it: {why}"),
                )))
            }
            Lack::Failed(why) => self.broken(format!(
                "expected {wanted}, found damaged compression: {why}"
            )),
        }
    }
}
