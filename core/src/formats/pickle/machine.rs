//! The pickle machine: stack, marks and memo over one opcode table. Nothing is executed, nothing recurses.
//!
//! Behaviour follows CPython 3.13 `Modules/_pickle.c`; what that would refuse is a problem, what can still be read is.

use std::time::Instant;

use super::build::{Attach, Attached, Block, BlockData, Build, Call, LeafKind, Text};
use super::findings::{Findings, NameId};
use super::input::{Arg, Input, Lack};
use super::memo::Memo;
use super::opcodes::{self as op, opcode};
use crate::formats::{Problem, ProblemKind};
use crate::model::value::{CallClass, Integer, Tag, decimal, float_text};

/// Opcodes between two looks at the clock and the budget.
const TICK: u32 = 4096;

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
    budget: Budget,
    frames: Vec<Frame<B::Ref>>,
    frame_end: u64,
    n_buffers: u32,
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
            budget,
            frames: Vec::new(),
            frame_end: 0,
            n_buffers: 0,
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
                self.leaf(LeafKind::Bytes, position);
            }
            op::BYTEARRAY8 => self.leaf(LeafKind::ByteArray, position),
            op::SHORT_BINSTRING | op::BINSTRING | op::UNICODE | op::STRING => {
                self.leaf(LeafKind::Text, position);
            }
            op::INT => self.int_line(arg, position, true)?,
            op::LONG => self.int_line(arg, position, false)?,
            op::FLOAT => self.float_line(arg, position)?,
            op::GET => {
                let slot = self.slot(arg)?;
                self.fetch(slot)?;
            }
            op::PUT => {
                let slot = self.slot(arg)?;
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
        let slots = self.stack.len() + self.marks.len() + self.memo.len();
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
        match self.stack.last() {
            Some(top) if self.stack.len() > self.fence() => Ok(*top),
            _ => Err(self.underflow()),
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

    #[inline]
    fn leaf(&mut self, kind: LeafKind, position: usize) {
        let leaf = self.build.leaf(kind, position, self.at);
        self.stack.push(leaf);
    }

    #[inline]
    fn int(&mut self, value: i64, position: usize) {
        match B::int(value) {
            Some(int) => self.stack.push(int),
            None => self.leaf(LeafKind::Number, position),
        }
    }

    #[inline]
    fn utf8(&mut self, arg: Arg, position: usize) -> Step {
        let bytes = self.input.bytes(arg);
        if std::str::from_utf8(bytes).is_err() {
            let is_cut = arg.len as u64 != arg.number;
            if let Some(at) = invalid_utf8(bytes, is_cut) {
                return Err(self.broken(format!(
                    "expected UTF-8 text, found another byte at {at} of it"
                )));
            }
        }
        self.leaf(LeafKind::Text, position);
        Ok(())
    }

    fn long(&mut self, arg: Arg, position: usize) {
        let bytes = self.input.bytes(arg);
        let mut wide = [if bytes.last().is_some_and(|b| *b >= 0x80) {
            0xff
        } else {
            0
        }; 8];
        if arg.number <= 8
            && let Some(low) = wide.get_mut(..bytes.len())
        {
            low.copy_from_slice(bytes);
            self.int(i64::from_le_bytes(wide), position);
        } else {
            self.leaf(LeafKind::Number, position);
        }
    }

    fn int_line(&mut self, arg: Arg, position: usize, may_be_bool: bool) -> Step {
        let line = self.input.bytes(arg);
        // `I00` and `I01` are how protocols 0 and 1 write False and True.
        if may_be_bool && matches!(line, b"00" | b"01") {
            let value = line == b"01";
            self.stack.push(B::bool(value));
            return Ok(());
        }
        match decimal(line) {
            Integer::Small(value) => {
                self.int(value, position);
                Ok(())
            }
            Integer::Decimal(digits) if is_decimal(&digits) => {
                self.leaf(LeafKind::Number, position);
                Ok(())
            }
            _ => Err(self.broken("expected a decimal number on the line")),
        }
    }

    fn float_line(&mut self, arg: Arg, position: usize) -> Step {
        if float_text(self.input.bytes(arg)).is_none() {
            return Err(self.broken("expected a float on the line"));
        }
        self.leaf(LeafKind::Number, position);
        Ok(())
    }

    /// The memo slot on a text line.
    fn slot(&mut self, arg: Arg) -> Step<u64> {
        let line = std::str::from_utf8(self.input.bytes(arg)).unwrap_or_default();
        match line.trim().parse() {
            Ok(slot) => Ok(slot),
            Err(_) => Err(self.broken("expected the number of a memo slot on the line")),
        }
    }

    #[inline]
    fn fetch(&mut self, slot: u64) -> Step {
        match self.memo.get(slot) {
            Some(value) => {
                self.stack.push(value);
                Ok(())
            }
            None => self.fetch_elsewhere(slot),
        }
    }

    #[cold]
    fn fetch_elsewhere(&mut self, slot: u64) -> Step {
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

    fn end_of_range(&mut self) -> Step {
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

    fn push_container(&mut self, tag: Tag) -> Step {
        let container = self.build.container(tag, &[]);
        self.push_kept(container)
    }

    /// TUPLE, LIST, FROZENSET and DICT take everything above the last MARK.
    fn collect(&mut self, tag: Tag) -> Step {
        let mark = self.pop_mark()?;
        let items = self.stack.get(mark..).unwrap_or_default();
        if tag == Tag::Dict && !items.len().is_multiple_of(2) {
            return Err(self.broken("expected keys and values in pairs, found an odd number"));
        }
        if tag == Tag::Tuple && items.is_empty() {
            self.stack.push(B::EMPTY_TUPLE);
            return Ok(());
        }
        let container = self.build.container(tag, items);
        self.stack.truncate(mark);
        self.push_kept(container)
    }

    fn tuple_of_top(&mut self, n: usize) -> Step {
        let Some(start) = self
            .stack
            .len()
            .checked_sub(n)
            .filter(|s| *s >= self.fence())
        else {
            return Err(self.underflow());
        };
        let items = self.stack.get(start..).unwrap_or_default();
        let tuple = self.build.container(Tag::Tuple, items);
        self.stack.truncate(start);
        self.push_kept(tuple)
    }

    fn attach_marked(&mut self, how: Attach) -> Step {
        let mark = self.pop_mark()?;
        self.attach(how, mark)
    }

    fn attach_top(&mut self, how: Attach, n: usize) -> Step {
        match self.stack.len().checked_sub(n) {
            Some(start) if start > self.fence() => self.attach(how, start),
            _ => Err(self.underflow()),
        }
    }

    fn attach(&mut self, how: Attach, start: usize) -> Step {
        let target = start
            .checked_sub(1)
            .filter(|at| *at >= self.fence())
            .and_then(|at| self.stack.get(at).copied());
        let Some(target) = target else {
            return Err(self.underflow());
        };
        let items = self.stack.get(start..).unwrap_or_default();
        let step = match how {
            Attach::Items => usize::MAX,
            Attach::Pairs => 2,
            Attach::Members => 1,
        };
        if how == Attach::Pairs && !items.len().is_multiple_of(2) {
            return Err(self.broken("expected keys and values in pairs, found an odd number"));
        }
        let unhashable = items
            .iter()
            .step_by(step)
            .filter(|_| step != usize::MAX)
            .find(|key| self.build.is_unhashable(**key))
            .map(|key| self.build.word(*key));
        let attached = self.build.attach(target, how, items);
        self.stack.truncate(start);
        if let Some(word) = unhashable {
            self.note_damage(format!("expected a hashable key, found a {word}"));
        }
        self.attached(target, attached, how)
    }

    fn attached(&mut self, target: B::Ref, attached: Attached, how: Attach) -> Step {
        match attached {
            Attached::Done => {}
            Attached::Full => return Err(self.full()),
            Attached::Misfit => {
                let (wanted, found) = match how {
                    Attach::Items => ("a list", self.build.word(target)),
                    Attach::Pairs => ("a dict", self.build.word(target)),
                    Attach::Members => ("a set", self.build.word(target)),
                };
                self.note_damage(format!("expected {wanted} to add to, found a {found}"));
            }
            Attached::Changes(name) => {
                let method = match how {
                    Attach::Items => "extend",
                    Attach::Pairs => "__setitem__",
                    Attach::Members => "add",
                };
                self.findings.changes(name, method, self.at);
            }
        }
        Ok(())
    }

    fn global_name(&mut self, arg: Arg) -> NameId {
        let maps_python2 = self.declared < 3;
        let lines = self
            .input
            .text
            .bytes
            .get(arg.start..arg.start + arg.len)
            .unwrap_or_default();
        let name = self.findings.global(lines, maps_python2);
        self.findings.imports(name, self.at);
        name
    }

    fn push_global(&mut self, name: NameId) -> Step {
        let global = self.build.global(name);
        self.push_kept(global)
    }

    fn stack_global(&mut self) -> Step {
        let name = self.pop()?;
        let module = self.pop()?;
        let module_text = self.build.text(module, &self.input);
        let name_text = self.build.text(name, &self.input);
        let id = if let (Text::Is(module), Text::Is(name)) = (&module_text, &name_text) {
            let lines = [module.as_slice(), b"\n", name].concat();
            let id = self.findings.global(&lines, self.declared < 3);
            self.findings.imports(id, self.at);
            id
        } else {
            for (part, text) in [(module, &module_text), (name, &name_text)] {
                // The result of a call may be text: then the name is computed, and only Python could tell it.
                if *text == Text::Other && self.build.made_by(part).is_none() {
                    let found = self.build.word(part);
                    return Err(self.broken(format!(
                        "expected two strings that name a global, found a {found}"
                    )));
                }
            }
            let shown = |text: Text| match text {
                Text::Is(text) => String::from_utf8_lossy(&text).into_owned(),
                Text::Other | Text::OutOfReach => "…".to_owned(),
            };
            let text = format!("{}.{} (not known)", shown(module_text), shown(name_text));
            self.findings.made_up(&text, CallClass::Code)
        };
        self.push_global(id)
    }

    fn reduce(&mut self) -> Step {
        let args = self.pop()?;
        let callee = self.pop()?;
        self.make(Call {
            callee,
            args,
            kwargs: None,
        })
    }

    fn new_with_keywords(&mut self) -> Step {
        let kwargs = self.pop()?;
        let args = self.pop()?;
        let callee = self.pop()?;
        self.make(Call {
            callee,
            args,
            kwargs: Some(kwargs),
        })
    }

    fn inst(&mut self, arg: Arg) -> Step {
        let name = self.global_name(arg);
        self.collect(Tag::Tuple)?;
        let args = self.pop()?;
        self.push_global(name)?;
        let callee = self.pop()?;
        self.make(Call {
            callee,
            args,
            kwargs: None,
        })
    }

    fn obj(&mut self) -> Step {
        let mark = self.pop_mark()?;
        let Some(callee) = self.stack.get(mark).copied() else {
            return Err(self.underflow());
        };
        let items = self.stack.get(mark + 1..).unwrap_or_default();
        let args = if items.is_empty() {
            Some(B::EMPTY_TUPLE)
        } else {
            self.build.container(Tag::Tuple, items)
        };
        let Some(args) = args else {
            return Err(self.full());
        };
        self.stack.truncate(mark);
        self.make(Call {
            callee,
            args,
            kwargs: None,
        })
    }

    fn make(&mut self, call: Call<B::Ref>) -> Step {
        let name = self.callee_name(call.callee);
        let (build, input) = (&mut self.build, &self.input);
        let gives = self
            .findings
            .call(name, self.at, || build.call_args(call.args, input));
        let object = self.build.object(call, gives, &self.findings, &self.input);
        self.push_kept(object)
    }

    /// A name for whatever is called, so that every call is listed under one.
    fn callee_name(&mut self, callee: B::Ref) -> NameId {
        if let Some(name) = self.build.denotes(callee) {
            return name;
        }
        if let Some(maker) = self.build.made_by(callee) {
            return self.findings.result_of(maker);
        }
        let word = self.build.word(callee);
        self.findings.made_up(word, CallClass::Unknown)
    }

    fn build_state(&mut self) -> Step {
        let state = self.pop()?;
        let target = self.top()?;
        match self.build.set_state(target, state) {
            Attached::Done => {}
            Attached::Full => return Err(self.full()),
            Attached::Misfit => {
                let found = self.build.word(target);
                self.note_damage(format!(
                    "expected an object to set attributes on, found a {found}"
                ));
            }
            Attached::Changes(name) => self.findings.changes(name, "__setstate__", self.at),
        }
        if self.build.is_waiting_wrapper(target, &self.findings) {
            return self.array_block(target);
        }
        Ok(())
    }

    /// Behind the state of joblib's wrapper stands the array itself (`joblib/numpy_pickle.py: load_build`).
    fn array_block(&mut self, target: B::Ref) -> Step {
        let block = match self
            .build
            .block(target, &mut self.input, &mut self.findings)
        {
            Ok(block) => block,
            Err(why) => return Err(self.broken(why)),
        };
        let Block::Raw { len, is_padded } = block else {
            self.frames.push(Frame {
                stack: std::mem::take(&mut self.stack),
                marks: std::mem::take(&mut self.marks),
                then: Then::Block {
                    target,
                    memo: std::mem::replace(&mut self.memo, Memo::starting_at(0)),
                    declared: self.declared,
                },
            });
            return Ok(());
        };
        if is_padded {
            let padding = match self.input.next_byte() {
                Ok(n) => u64::from(n),
                Err(lack) => return Err(self.lack("the padding of an array", lack)),
            };
            if let Err(lack) = self.input.skip(padding) {
                return Err(self.lack("the padding of an array", lack));
            }
        }
        let offset = self.input.offset();
        self.build.set_block(target, BlockData::Raw { offset, len });
        match self.input.skip(len) {
            Ok(()) => Ok(()),
            Err(lack) => Err(self.lack(&format!("{len} bytes of array data"), lack)),
        }
    }

    fn persistent(&mut self) -> Step {
        let id = self.pop()?;
        let value = self.build.persistent(id);
        self.push_kept(value)
    }

    fn next_buffer(&mut self) -> Step {
        let number = self.n_buffers;
        self.n_buffers = number.saturating_add(1);
        let buffer = self.build.buffer(number);
        self.push_kept(buffer)
    }

    fn extension(&mut self, code: u64) -> Step {
        let code = u32::try_from(code & u64::from(u32::MAX)).unwrap_or_default();
        if code == 0 || code > u32::MAX / 2 {
            return Err(self.broken("expected an extension code above zero"));
        }
        let value = self.build.extension(code);
        self.push_kept(value)
    }

    fn proto(&mut self, number: u64) {
        self.declared = u8::try_from(number).unwrap_or(u8::MAX);
        self.protocol = self.protocol.max(self.declared);
        if self.declared > HIGHEST_PROTOCOL {
            self.note_damage(format!(
                "expected a protocol up to {HIGHEST_PROTOCOL}, found {number}"
            ));
        }
    }

    /// A frame says how many bytes follow; one that is longer than the file is an error in CPython.
    fn frame(&mut self, len: u64) {
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

    fn stop(&mut self) -> Step {
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
    pub(super) fn check_frame_end(&mut self) {
        let offset = self.input.offset();
        if self.frame_end > offset && self.input.skip(self.frame_end - offset).is_err() {
            self.note_damage(
                "expected the rest of a frame behind the value, found the data ending",
            );
        }
    }

    /// Undoes the setting aside of outer work: the outermost stack is what a partial result is made from.
    pub(super) fn unwind(&mut self) {
        while let Some(frame) = self.frames.pop() {
            if let Then::Block { target, .. } = frame.then
                && let Some(inner) = self.stack.first().copied()
            {
                self.build.set_block(target, BlockData::Nested(inner));
            }
            self.stack = frame.stack;
            self.marks = frame.marks;
        }
    }

    pub(super) fn note_damage(&mut self, message: impl Into<String>) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems
                .push(Problem::new(ProblemKind::Damaged, self.at, message));
        }
    }

    #[cold]
    fn halt(&mut self, stop: Stop<B::Ref>) -> Halt {
        self.stopped = Some(stop);
        Halt
    }

    #[cold]
    fn broken(&mut self, message: impl Into<String>) -> Halt {
        self.halt(Stop::Broken(Problem::new(
            ProblemKind::Damaged,
            self.at,
            message,
        )))
    }

    #[cold]
    fn limit(&mut self, message: impl Into<String>) -> Halt {
        self.halt(Stop::Limit(Problem::new(
            ProblemKind::Limit,
            self.at,
            message,
        )))
    }

    #[cold]
    fn full(&mut self) -> Halt {
        self.limit("it holds more values than can be addressed")
    }

    #[cold]
    fn underflow(&mut self) -> Halt {
        self.broken("expected a value on the stack, found none")
    }

    #[cold]
    fn lack(&mut self, wanted: &str, lack: Lack) -> Halt {
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

/// Where bytes stop being UTF-8 with surrogates passed; a cut end may stand in the middle of a character.
fn invalid_utf8(bytes: &[u8], is_cut: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        match std::str::from_utf8(rest) {
            Ok(_) => return None,
            Err(error) => at += error.valid_up_to(),
        }
        match bytes.get(at..) {
            Some([0xed, 0xa0..=0xbf, 0x80..=0xbf, ..]) => at += 3,
            Some(rest) if is_cut && rest.len() < 4 => return None,
            _ => return Some(at),
        }
    }
    None
}

fn is_decimal(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}
