//! One run of a machine, its opcodes copied into a plain pickle with memo slots of its own.

use std::collections::HashMap;

use super::super::build::Build;
use super::super::emit;
use super::super::machine::{Machine, Stop};
use super::super::opcodes as op;
use super::super::trace::Trace;
use super::super::traced::{Sort, Traced};
use super::{End, Key, Plain};
use crate::formats::{Problem, ProblemKind};
use crate::model::value::Name;

/// One run of a machine whose opcodes are copied.
pub(super) struct Copy<'p> {
    plain: &'p mut Plain,
    last: Option<Last>,
    /// Slots in the copy by slots of the pickle at work; pickles inside arrays of objects have their own.
    slots: Vec<HashMap<u64, u32>>,
    /// Whether each waiting pickle or part waits for a pickle inside an array.
    waiting: Vec<Waits>,
    /// Slots of the data types, by [`Traced::dtype`].
    dtypes: HashMap<u64, u32>,
    /// Where the copy began.
    start: End,
    pub(super) key: Key,
    /// Where the outermost stack last held one value of its own.
    pub(super) key_end: End,
    /// True if the value refers to the key that was left out: the copy is of no use.
    pub(super) needs_key: bool,
    problem: Option<Problem>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    ForArray,
    ForMemo,
}

/// The opcode that the machine is about to execute.
struct Last {
    start: u64,
    /// `None` at the end of a part.
    opcode: Option<u8>,
    depth: usize,
    /// Values on the stack.
    height: usize,
    memo_count: u64,
    /// What BUILD is for.
    below: Option<Traced>,
    is_python2: bool,
}

impl<'p> Copy<'p> {
    pub(super) fn new(plain: &'p mut Plain) -> Self {
        Self {
            start: plain.end(),
            plain,
            last: None,
            slots: vec![HashMap::new()],
            waiting: Vec::new(),
            dtypes: HashMap::new(),
            key: Key::Kept,
            key_end: End::default(),
            needs_key: false,
            problem: None,
        }
    }

    pub(super) fn run(&mut self, mut machine: Machine<'_, Trace>) -> Result<(), Problem> {
        let stop = machine.run_watched(|machine| self.look(machine));
        // The last opcode is looked at by nobody: it is STOP, or the end of a part.
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        match stop {
            Stop::Finished(_) | Stop::EndOfRange => {}
            Stop::Broken(problem) | Stop::Limit(problem) => return Err(problem),
        }
        let is_beside = |name: &Name| {
            name.module.starts_with("joblib.numpy_pickle")
                && name.qualname.ends_with("NDArrayWrapper")
        };
        if machine.findings.names.iter().any(is_beside) {
            let why = "its arrays stand in files beside it (joblib before 0.10)";
            return Err(Problem::new(ProblemKind::Note, 0, why));
        }
        Ok(())
    }

    /// Copies the opcode that was executed, and remembers the one that comes.
    fn look(&mut self, machine: &mut Machine<'_, Trace>) {
        if self.problem.is_some() {
            return;
        }
        let last = self.last.take();
        if let Some(last) = &last {
            self.copy(last, machine);
        }
        let height = machine.stack.len();
        // A value that stands in another part was fetched: what that took was pushed upon the key, too.
        let is_back = last.as_ref().is_some_and(|last| last.depth > 0);
        if machine.depth() == 0 && height == 1 && machine.marks.is_empty() && !is_back {
            self.end_key(last.and_then(|last| last.opcode));
        }
        self.last = Some(Last {
            start: machine.input.offset(),
            opcode: machine.input.peek(),
            depth: machine.depth(),
            height,
            memo_count: machine.memo.count(),
            below: height
                .checked_sub(2)
                .and_then(|at| machine.stack.get(at).copied()),
            is_python2: machine.declared < 3,
        });
    }

    /// Nothing but the key is on the stack, so far as it is made.
    fn end_key(&mut self, opcode: Option<u8>) {
        match self.key {
            // What was pushed upon the key and taken away again belongs to the value.
            _ if matches!(opcode, Some(op::POP | op::POP_MARK)) => {}
            Key::Kept => self.key_end = self.plain.end(),
            Key::Left => {
                self.plain.back_to(self.start);
                self.slots = vec![HashMap::new()];
                self.dtypes.clear();
            }
        }
    }

    fn copy(&mut self, last: &Last, machine: &mut Machine<'_, Trace>) {
        if machine.depth() > last.depth {
            return self.enter(last);
        }
        if machine.depth() < last.depth {
            return self.leave(last);
        }
        let Some(opcode) = last.opcode else {
            return;
        };
        let top = machine.stack.last().copied();
        match opcode {
            op::PROTO | op::FRAME | op::STOP => {}
            op::MEMOIZE => self.remember(last.memo_count),
            op::BINPUT | op::LONG_BINPUT | op::PUT => {
                let slot = argument(&self.bytes(last, machine));
                self.remember(slot);
            }
            op::BINGET | op::LONG_BINGET | op::GET => {
                let slot = argument(&self.bytes(last, machine));
                self.recall(slot, last);
            }
            op::GLOBAL | op::STACK_GLOBAL | op::INST => self.name(opcode, last, machine),
            op::NEWOBJ | op::REDUCE if top.is_some_and(|top| top.sort() == Sort::Wrapper) => {
                // None stands for the wrapper until its state is known.
                self.plain.out.push(op::POP);
            }
            op::REDUCE => {
                self.plain.out.push(op::REDUCE);
                if let Some(number) = top.and_then(Traced::dtype) {
                    let slot = self.plain.memoize();
                    self.dtypes.insert(number, slot);
                }
            }
            op::BUILD
                if last
                    .below
                    .is_some_and(|below| below.sort() == Sort::Wrapper) =>
            {
                self.array(last, machine);
            }
            _ => {
                let bytes = self.bytes(last, machine);
                self.plain.out.extend(bytes);
            }
        }
    }

    /// Another pickle or part begins.
    fn enter(&mut self, last: &Last) {
        if last.opcode == Some(op::BUILD) {
            // An array of objects is a pickle of the whole array: it takes the place of wrapper and state.
            self.plain.out.extend([op::POP, op::POP]);
            self.slots.push(HashMap::new());
            self.waiting.push(Waits::ForArray);
        } else {
            self.waiting.push(Waits::ForMemo);
            self.plain.has_waste = true;
        }
    }

    /// It ended.
    fn leave(&mut self, last: &Last) {
        match self.waiting.pop() {
            Some(Waits::ForArray) => {
                self.slots.pop();
            }
            // An item leaves its key and its value; one value is the dict itself.
            Some(Waits::ForMemo) if last.height != 2 => {
                let why = "the value refers to the dict that holds it: it cannot stand alone";
                self.problem = Some(Problem::new(ProblemKind::Note, last.start, why));
            }
            Some(Waits::ForMemo) => {
                let n = self.plain.out.len() + last.height;
                self.plain.out.resize(n, op::POP);
            }
            None => {}
        }
    }

    fn remember(&mut self, slot: u64) {
        let new = self.plain.memoize();
        if let Some(slots) = self.slots.last_mut() {
            slots.insert(slot, new);
        }
    }

    fn recall(&mut self, slot: u64, last: &Last) {
        if let Some(new) = self.slots.last().and_then(|slots| slots.get(&slot)) {
            emit::get(*new, &mut self.plain.out);
        } else {
            self.needs_key = self.key == Key::Left;
            let why = format!("expected memo slot {slot} to be set, found it empty");
            self.problem = Some(Problem::new(ProblemKind::Damaged, last.start, why));
        }
    }

    /// A global: left out where it is joblib's wrapper, by its new name where Python 2 wrote it.
    fn name(&mut self, opcode: u8, last: &Last, machine: &mut Machine<'_, Trace>) {
        let id = machine
            .stack
            .last()
            .and_then(|top| Build::denotes(&machine.build, *top));
        if id.is_some() && id == machine.findings.array_wrapper {
            if opcode == op::STACK_GLOBAL {
                self.plain.out.extend([op::POP, op::POP]);
            }
            self.plain.out.push(op::NONE);
            return;
        }
        match id.and_then(|id| machine.findings.name(id)) {
            Some(name) if opcode == op::GLOBAL && last.is_python2 => {
                emit::global(&name.module, &name.qualname, &mut self.plain.out);
            }
            _ => {
                let bytes = self.bytes(last, machine);
                self.plain.out.extend(bytes);
            }
        }
    }

    fn array(&mut self, last: &Last, machine: &mut Machine<'_, Trace>) {
        self.plain.out.extend([op::POP, op::POP]);
        let wrapper = last.below.unwrap_or(Traced::NOTHING);
        let array = machine.build.wrapped_array(wrapper, &machine.input);
        let slot = array.as_ref().and_then(|a| self.dtypes.get(&a.dtype));
        let (Some(array), Some(slot)) = (&array, slot.copied()) else {
            let why = "expected the type and shape of an array, found them out of reach";
            self.problem = Some(Problem::new(ProblemKind::Damaged, last.start, why));
            return;
        };
        let end = machine.input.offset();
        let len = machine.build.last_block_len();
        let data = read(machine, end.saturating_sub(len), len);
        let class = array.class.and_then(|id| machine.findings.name(id));
        let class = class.map_or(("numpy", "ndarray"), |name| {
            (&*name.module, &*name.qualname)
        });
        // A map of a file is loaded as a plain array (`joblib/numpy_pickle.py: read_array`).
        let class = if class.1 == "memmap" {
            ("numpy", "ndarray")
        } else {
            class
        };
        match data {
            Ok(data) => self.plain.array(array, class, slot, &data),
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// The bytes of the opcode that was executed, argument included.
    fn bytes(&mut self, last: &Last, machine: &mut Machine<'_, Trace>) -> Vec<u8> {
        let end = machine.input.offset();
        match read(machine, last.start, end.saturating_sub(last.start)) {
            Ok(bytes) => bytes,
            Err(problem) => {
                self.problem = Some(problem);
                Vec::new()
            }
        }
    }
}

/// Bytes that the machine has passed.
fn read(machine: &Machine<'_, Trace>, start: u64, len: u64) -> Result<Vec<u8>, Problem> {
    let fail = |why: String| Problem::new(ProblemKind::Unreadable, start, why);
    let wanted =
        usize::try_from(len).map_err(|_wide| fail("it is too large to be copied".to_owned()))?;
    let window = machine.input.window_at(start, wanted);
    if window.len() == wanted {
        return Ok(window.to_vec());
    }
    // The machine has made sure that so many bytes are there.
    let mut bytes = vec![0; wanted];
    let n = machine
        .input
        .content()
        .read_at(start, &mut bytes)
        .map_err(|e| fail(e.to_string()))?;
    if n < wanted {
        return Err(fail(format!("expected {wanted} bytes, found {n}")));
    }
    Ok(bytes)
}

/// The number behind an opcode of the memo.
fn argument(bytes: &[u8]) -> u64 {
    match bytes {
        [op::PUT | op::GET, line @ ..] => std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.trim().parse().ok())
            .unwrap_or(u64::MAX),
        [_, number @ ..] => number
            .iter()
            .rev()
            .fold(0, |n, byte| n << 8 | u64::from(*byte)),
        [] => u64::MAX,
    }
}
