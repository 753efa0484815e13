//! The pickle machine: stack, marks and memo over one opcode table. Nothing is executed, nothing recurses.
//!
//! Behaviour follows CPython 3.13 `Modules/_pickle.c`; what that would refuse is a problem, what can still be read is.

mod calls;
mod containers;
mod flow;
mod scalars;
mod traps;

use std::hash::RandomState;
use std::time::Instant;

use super::build::{Attach, Attached, Block, BlockData, Build, Call, LeafKind, Text};
use super::findings::{Findings, NameId};
use super::input::{Arg, Input, Lack};
use super::memo::Memo;
use super::opcodes::{self as op, opcode};
use crate::formats::{Problem, ProblemKind};
use crate::model::value::{CallClass, Integer, Tag, digits};
use traps::{Method, Traps};

/// Opcodes between two looks at the clock and the budget.
const TICK: u32 = 4096;

/// Arguments of this many bytes are followed by such a look: the window would hold thousands of them otherwise.
const LONG_ARG: usize = 4 << 10;

/// The newest protocol (`pickle.HIGHEST_PROTOCOL` of CPython 3.8 to 3.13).
const HIGHEST_PROTOCOL: u8 = 5;

/// Problems kept of one pickle; the first ones tell most.
const MAX_PROBLEMS: usize = 100;

/// Why the machine stopped.
#[derive(Debug)]
pub(super) enum Stop<R> {
    /// STOP, with its value.
    Finished(R),
    /// The end of a range that has no STOP of its own.
    EndOfRange,
    /// The bytes are wrong here.
    Broken(Problem),
    /// A limit was reached here.
    Limit(Problem),
}

/// Who is to load a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// joblib, which takes its wrappers' arrays out of the stream; `has_arrays` once there was one.
    Joblib { has_arrays: bool },
    /// `pickle.load`, which knows no wrappers: their arrays are opcodes like any other bytes.
    Plain,
}

/// What the machine may use up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    pub(super) nodes: usize,
    /// Slots of stack, marks and memo together.
    pub(super) slots: usize,
    pub(super) deadline: Instant,
}

/// A part of a stream whose memo slots follow on one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) start: u64,
    pub(super) end: u64,
    /// The first memo slot that it sets.
    pub(super) memo_start: u64,
}

/// Finds the part that sets a memo slot, for pickles decoded piecewise.
pub(super) type Resolve<'a> = &'a dyn Fn(u64) -> Option<Segment>;

pub(super) struct Machine<'a, B: Build> {
    pub(super) input: Input<'a>,
    pub(super) build: B,
    pub(super) findings: Findings,
    pub(super) problems: Vec<Problem>,
    pub(super) stack: Vec<B::Ref>,
    /// Stack heights at the open MARKs.
    pub(super) marks: Vec<usize>,
    pub(super) memo: Memo<B::Ref>,
    /// As declared, or as the opcodes show.
    pub(super) protocol: u8,
    /// As declared by PROTO; Python 2's names are mapped below 3.
    pub(super) declared: u8,
    /// The pickle asked for a memo slot that is not set.
    pub(super) lacked_memo_slot: bool,
    pub(super) dialect: Dialect,
    budget: Budget,
    frames: Vec<Frame<B::Ref>>,
    frame_end: u64,
    n_buffers: u32,
    traps: Traps,
    slot_names: RandomState,
    until_tick: u32,
    resolve: Option<Resolve<'a>>,
    resolved: Vec<Segment>,
    /// Where the opcode at work begins.
    at: u64,
    /// Set together with every [`Halt`].
    stopped: Option<Stop<B::Ref>>,
}

/// The machine stands; why is said in the machine itself, so that a step costs no more than a flag.
#[derive(Debug)]
pub(super) struct Halt;

pub(super) type Step<T = ()> = Result<T, Halt>;

/// Work set aside while another part is read.
struct Frame<R> {
    stack: Vec<R>,
    marks: Vec<usize>,
    then: Then<R>,
}

enum Then<R> {
    /// The pickle inside an array of objects; it has a memo of its own.
    Block {
        target: R,
        memo: Memo<R>,
        declared: u8,
    },
    /// A part that sets a memo slot; the opcode that asked is done again afterwards.
    Again {
        offset: u64,
        end: u64,
        memo_count: u64,
    },
}

impl<'a, B: Build> Machine<'a, B> {
    pub(super) fn new(input: Input<'a>, build: B, budget: Budget) -> Self {
        Self {
            input,
            build,
            findings: Findings::default(),
            problems: Vec::new(),
            stack: Vec::new(),
            marks: Vec::new(),
            memo: Memo::starting_at(0),
            protocol: 0,
            declared: 0,
            lacked_memo_slot: false,
            dialect: Dialect::Joblib { has_arrays: false },
            budget,
            frames: Vec::new(),
            frame_end: 0,
            n_buffers: 0,
            traps: Traps::default(),
            slot_names: RandomState::new(),
            until_tick: TICK,
            resolve: None,
            resolved: Vec::new(),
            at: 0,
            stopped: None,
        }
    }

    /// Reads one part only, asking `resolve` for memo slots that other parts set.
    pub(super) fn enter(&mut self, segment: Segment, resolve: Resolve<'a>) {
        self.input.jump(segment.start, segment.end);
        self.memo = Memo::starting_at(segment.memo_start);
        self.resolve = Some(resolve);
        self.resolved = vec![segment];
    }

    /// Runs to STOP, to the end of the range, or to what prevents it.
    pub(super) fn run(&mut self) -> Stop<B::Ref> {
        loop {
            if self.step().is_err()
                && let Some(stop) = self.stopped.take()
            {
                return stop;
            }
        }
    }

    /// The same, with somebody looking at the machine before each opcode.
    pub(super) fn run_watched(&mut self, mut look: impl FnMut(&mut Self)) -> Stop<B::Ref> {
        loop {
            look(self);
            if self.step().is_err()
                && let Some(stop) = self.stopped.take()
            {
                return stop;
            }
        }
    }

    /// Makes ready for another pickle of the same stream; the memo stays.
    pub(super) fn restart(&mut self) {
        self.stack.clear();
        self.marks.clear();
        self.frames.clear();
        self.protocol = 0;
        self.declared = 0;
        self.frame_end = 0;
        self.lacked_memo_slot = false;
    }

    /// True while a pickle inside an array of objects is read.
    pub(super) fn is_nested(&self) -> bool {
        !self.frames.is_empty()
    }

    /// Pickles and parts that wait for the one at work to end.
    pub(super) fn depth(&self) -> usize {
        self.frames.len()
    }

    /// Executes one opcode.
    #[inline]
    pub(super) fn step(&mut self) -> Step {
        self.until_tick -= 1;
        if self.until_tick == 0 {
            self.until_tick = TICK;
            self.tick()?;
        }
        let position = self.input.position();
        self.at = self.input.offset();
        let byte = match self.input.next_byte() {
            Ok(byte) => byte,
            Err(Lack::End) if self.resolve.is_some() => return self.end_of_range(),
            Err(lack) => return Err(self.lack("the next opcode", lack)),
        };
        let Some(opcode) = opcode(byte) else {
            return Err(self.broken(format!("expected an opcode, found byte 0x{byte:02x}")));
        };
        let arg = match self.input.arg(opcode.arg) {
            Ok(arg) => arg,
            Err(lack) => return Err(self.lack(opcode.name, lack)),
        };
        self.protocol = self.protocol.max(opcode.protocol);
        if arg.len >= LONG_ARG {
            self.until_tick = 1;
        }
        match byte {
            op::MEMOIZE => {
                let top = self.top()?;
                self.memo.push(top);
            }
            op::BINGET | op::LONG_BINGET => self.fetch(arg.number)?,
            op::SHORT_BINUNICODE | op::BINUNICODE | op::BINUNICODE8 => self.utf8(arg, position)?,
            op::BININT | op::BININT1 | op::BININT2 => self.int(arg.number.cast_signed(), position),
            op::BINFLOAT => self.leaf(LeafKind::Number, position),
            op::MARK => self.marks.push(self.stack.len()),
            op::BINPUT | op::LONG_BINPUT => {
                let top = self.top()?;
                self.memo.put(arg.number, top);
            }
            op::NONE => self.stack.push(B::NONE),
            op::NEWTRUE => self.stack.push(B::bool(true)),
            op::NEWFALSE => self.stack.push(B::bool(false)),
            op::EMPTY_TUPLE => self.stack.push(B::EMPTY_TUPLE),
            op::EMPTY_DICT => self.push_container(Tag::Dict)?,
            op::EMPTY_LIST => self.push_container(Tag::List)?,
            op::EMPTY_SET => self.push_container(Tag::Set)?,
            op::SETITEMS => self.attach_marked(Attach::Pairs)?,
            op::APPENDS => self.attach_marked(Attach::Items)?,
            op::ADDITEMS => self.attach_marked(Attach::Members)?,
            op::SETITEM => self.attach_top(Attach::Pairs, 2)?,
            op::APPEND => self.attach_top(Attach::Items, 1)?,
            op::TUPLE1 => self.tuple_of_top(1)?,
            op::TUPLE2 => self.tuple_of_top(2)?,
            op::TUPLE3 => self.tuple_of_top(3)?,
            op::TUPLE => self.collect(Tag::Tuple)?,
            op::LIST => self.collect(Tag::List)?,
            op::FROZENSET => self.collect(Tag::FrozenSet)?,
            op::DICT => self.collect(Tag::Dict)?,
            op::LONG1 | op::LONG4 => self.long(arg, position),
            op::SHORT_BINBYTES | op::BINBYTES | op::BINBYTES8 => {
                self.note_word(arg);
                self.leaf(LeafKind::Bytes, position);
            }
            op::BYTEARRAY8 => {
                self.note_word(arg);
                self.leaf(LeafKind::ByteArray, position);
            }
            op::SHORT_BINSTRING | op::BINSTRING => {
                self.note_word(arg);
                self.leaf(LeafKind::Text, position);
            }
            op::UNICODE | op::STRING => {
                self.leaf(LeafKind::Text, position);
                self.note_line(arg);
            }
            op::INT => self.int_line(arg, position, true),
            op::LONG => self.int_line(arg, position, false),
            op::FLOAT => self.float_line(arg, position),
            op::GET => {
                let slot = self.slot(arg);
                self.fetch(slot)?;
            }
            op::PUT => {
                let slot = self.slot(arg);
                let top = self.top()?;
                self.memo.put(slot, top);
            }
            op::GLOBAL => {
                let name = self.global_name(arg);
                self.push_global(name)?;
            }
            op::STACK_GLOBAL => self.stack_global()?,
            op::REDUCE | op::NEWOBJ => self.reduce()?,
            op::NEWOBJ_EX => self.new_with_keywords()?,
            op::BUILD => self.build_state()?,
            op::INST => self.inst(arg)?,
            op::OBJ => self.obj()?,
            op::POP => self.pop_one()?,
            op::POP_MARK => {
                let mark = self.pop_mark()?;
                self.stack.truncate(mark);
            }
            op::DUP => {
                let top = self.top()?;
                self.stack.push(top);
            }
            op::PERSID => {
                self.leaf(LeafKind::Text, position);
                self.persistent()?;
            }
            op::BINPERSID => self.persistent()?,
            op::EXT1 | op::EXT2 | op::EXT4 => self.extension(arg.number)?,
            op::NEXT_BUFFER => self.next_buffer()?,
            op::READONLY_BUFFER => {
                self.top()?;
            }
            op::PROTO => self.proto(arg.number),
            op::FRAME => self.frame(arg.number),
            op::STOP => self.stop()?,
            _ => return Err(self.broken(format!("expected an opcode, found byte 0x{byte:02x}"))),
        }
        Ok(())
    }

    /// Looks at the clock and the budget.
    #[cold]
    fn tick(&mut self) -> Step {
        self.input.begin_opcode();
        self.at = self.input.offset();
        if Instant::now() > self.budget.deadline {
            return Err(self.limit("the time for this value is used up"));
        }
        if self.build.n_nodes() > self.budget.nodes {
            return Err(self.limit(format!("it holds more than {} values", self.budget.nodes)));
        }
        let slots = self.stack.len() + self.marks.len() + self.memo.weight();
        if slots > self.budget.slots {
            return Err(self.limit(format!(
                "its stack and memo hold more than {} values",
                self.budget.slots
            )));
        }
        Ok(())
    }

    fn push_kept(&mut self, value: Option<B::Ref>) -> Step {
        match value {
            Some(value) => {
                self.stack.push(value);
                Ok(())
            }
            None => Err(self.full()),
        }
    }

    /// Height below which opcodes may not reach: the last MARK.
    #[inline]
    fn fence(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    #[inline]
    fn top(&mut self) -> Step<B::Ref> {
        match self.stack.last().copied() {
            Some(top) => {
                self.look_at_fence(self.stack.len() - 1);
                Ok(top)
            }
            // The pickle.py of Python 2 keeps a MARK on the stack like any value.
            None if !self.marks.is_empty() || self.findings.is_ambiguous => {
                self.look_at_fence(0);
                Ok(B::MISSING)
            }
            None => Err(self.underflow()),
        }
    }

    /// Python 3 refuses to take what lies below the last MARK; Python 2 takes it (`Modules/cPickle.c`), and goes on.
    #[inline]
    fn look_at_fence(&mut self, height: usize) {
        if height < self.fence() || self.stack.is_empty() {
            // The pickle.py of Python 2 goes on with the MARK itself in a tuple, a list, a dict.
            self.findings.is_ambiguous = true;
            self.note_damage("expected a value above the last MARK, found none");
        }
    }

    #[inline]
    fn pop(&mut self) -> Step<B::Ref> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn pop_mark(&mut self) -> Step<usize> {
        match self.marks.pop() {
            Some(mark) => Ok(mark),
            None if self.findings.is_ambiguous => Ok(self.stack.len()),
            None => Err(self.broken("expected a MARK below, found none")),
        }
    }

    fn pop_one(&mut self) -> Step {
        // A POP right behind a MARK takes the mark away (`load_pop`).
        if self.marks.last() == Some(&self.stack.len()) {
            self.marks.pop();
            return Ok(());
        }
        self.pop().map(|_| ())
    }
}
