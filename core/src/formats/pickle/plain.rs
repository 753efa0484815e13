//! Pickles written anew as plain ones: joblib's arrays in numpy's own form, one memo for all, no frames.
//!
//! Works opcode by opcode beside a machine that only says what each one made: whatever is not an array of joblib's is
//! carried as it stands. What Python 2 called its globals is written by the names of Python 3.

use std::collections::HashMap;
use std::sync::Arc;

use super::decode::budget;
use super::emit;
use super::input::{Input, Keeping};
use super::machine::{Budget, Machine, Stop};
use super::opcodes as op;
use super::trace::{Trace, WrappedArray};
use super::traced::{Sort, Traced};
use crate::formats::{Content, PickleFile, Problem, ProblemKind};
use crate::model::Limits;
use crate::model::value::Name;

/// Packed bytes are unpacked up to this, so that arrays in them are found again.
const UNPACKED_BYTES: u64 = 1 << 30;

/// Time and values that one pickle may take; its bytes are in memory already.
const LIMITS: Limits = Limits {
    nodes: 64_000_000,
    ..Limits::DEEP
};

/// Where a value stands.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// The first pickle of these bytes.
    Front(Content),
    /// A pickle of a file of several.
    Pickle(Arc<PickleFile>, usize),
    /// The value of a dict's item, by the numbers of pickle and item.
    Value(Arc<PickleFile>, usize, usize),
    /// That item's key.
    Key(Arc<PickleFile>, usize, usize),
}

/// Opcodes of one plain pickle in the making.
#[derive(Debug, Default)]
pub(crate) struct Plain {
    /// What was written and not yet taken.
    pub(crate) out: Vec<u8>,
    /// Memo slots set so far.
    n_slots: u32,
    /// Slots of globals that arrays need.
    globals: HashMap<(Box<str>, Box<str>), u32>,
}

/// The value at `place` as a pickle of its own that `pickle.loads` reads without joblib.
///
/// # Errors
/// Where the value is damaged, too large, or kept in a way that stands for itself alone.
pub(crate) fn plain(place: &Place) -> Result<Vec<u8>, Problem> {
    let mut plain = Plain::default();
    plain.out.extend(emit::HEAD);
    plain.append(place)?;
    plain.out.push(op::STOP);
    Ok(plain.out)
}

/// True if the bytes may hold an array in joblib's form.
pub(crate) fn may_be_joblibs(pickle: &[u8]) -> bool {
    const MODULE: &[u8] = b"joblib.numpy_pickle";
    pickle.windows(MODULE.len()).any(|bytes| bytes == MODULE)
}

impl Plain {
    /// Appends the opcodes that make the value at `place`.
    ///
    /// # Errors
    /// As [`plain`]; what was written before stays.
    pub(crate) fn append(&mut self, place: &Place) -> Result<(), Problem> {
        let budget = budget(&LIMITS);
        let n_before = (self.out.len(), self.n_slots);
        let done = match place {
            Place::Front(content) => {
                let content = content.clone().unpacked_up_to(UNPACKED_BYTES);
                Copy::new(self).run(machine(&content, budget))
            }
            Place::Pickle(file, pickle) => {
                let machine = machine(&file.content, budget);
                file.skim
                    .run_pickle(machine, *pickle, |machine| Copy::new(self).run(machine))
                    .unwrap_or_else(gone)
            }
            Place::Value(file, pickle, item) => {
                let machine = machine(&file.content, budget);
                let copied = file
                    .skim
                    .run_item(machine, (*pickle, *item), |machine| {
                        let mut copy = Copy::of_item(self);
                        copy.run(machine).map(|()| copy.key_end)
                    })
                    .unwrap_or_else(gone);
                copied.map(|(key_end, _)| self.out.insert(key_end, op::POP))
            }
            Place::Key(file, pickle, item) => {
                let machine = machine(&file.content, budget);
                let copied = file
                    .skim
                    .run_item(machine, (*pickle, *item), |machine| {
                        let mut copy = Copy::of_item(self);
                        copy.run(machine).map(|()| copy.key_end)
                    })
                    .unwrap_or_else(gone);
                copied.map(|(key_end, n_slots)| {
                    self.out.truncate(key_end);
                    self.n_slots = n_slots;
                })
            }
        };
        if done.is_err() {
            self.out.truncate(n_before.0);
            self.n_slots = n_before.1;
        }
        done
    }

    /// Remembers what is on top of the stack; returns its slot.
    fn memoize(&mut self) -> u32 {
        self.out.push(op::MEMOIZE);
        self.n_slots += 1;
        self.n_slots - 1
    }

    fn global(&mut self, module: &str, name: &str) {
        let key = (Box::from(module), Box::from(name));
        if let Some(slot) = self.globals.get(&key) {
            emit::get(*slot, &mut self.out);
            return;
        }
        emit::global(module, name, &mut self.out);
        let slot = self.memoize();
        self.globals.insert(key, slot);
    }

    /// `_reconstruct(class, (0,), b'b')` with `(1, shape, dtype, is_fortran, data)`, as numpy pickles an array
    /// (`numpy/_core/src/multiarray/methods.c: array_reduce`); numpy 2 keeps the old module's name for this.
    fn array(&mut self, array: &WrappedArray, class: (&str, &str), dtype_slot: u32, data: &[u8]) {
        self.global("numpy.core.multiarray", "_reconstruct");
        self.global(class.0, class.1);
        self.out.extend([op::BININT1, 0, op::TUPLE1]);
        emit::bytes(b"b", &mut self.out);
        self.out.extend([op::TUPLE3, op::REDUCE, op::MARK]);
        emit::int(1, &mut self.out);
        self.out.push(op::MARK);
        for axis in &array.shape {
            emit::int(i64::try_from(*axis).unwrap_or(i64::MAX), &mut self.out);
        }
        self.out.push(op::TUPLE);
        emit::get(dtype_slot, &mut self.out);
        self.out.push(if array.is_fortran {
            op::NEWTRUE
        } else {
            op::NEWFALSE
        });
        emit::bytes(data, &mut self.out);
        self.out.extend([op::TUPLE, op::BUILD]);
    }
}

fn machine(content: &Content, budget: Budget) -> Machine<'_, Trace> {
    let input = Input::new(content, Keeping::Window, u64::MAX, budget.deadline);
    Machine::new(input, Trace::default(), budget)
}

fn gone<T>() -> Result<T, Problem> {
    let why = "expected this part of the file, found it gone";
    Err(Problem::new(ProblemKind::Damaged, 0, why))
}

/// One run of a machine whose opcodes are copied.
struct Copy<'p> {
    plain: &'p mut Plain,
    last: Option<Last>,
    /// Slots in the copy by slots of the pickle at work; pickles inside arrays of objects have their own.
    slots: Vec<HashMap<u64, u32>>,
    /// Whether each waiting pickle or part waits for a pickle inside an array.
    waiting: Vec<Waits>,
    /// Slots of the data types, by [`Traced::dtype`].
    dtypes: HashMap<u64, u32>,
    /// Place in the copy, and slots set, where the outermost stack last held one value.
    key_end: (usize, u32),
    is_item: bool,
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
    fn new(plain: &'p mut Plain) -> Self {
        Self {
            plain,
            last: None,
            slots: vec![HashMap::new()],
            waiting: Vec::new(),
            dtypes: HashMap::new(),
            key_end: (0, 0),
            is_item: false,
            problem: None,
        }
    }

    /// A run over one item of a dict: the MARK before the first one is the dict's.
    fn of_item(plain: &'p mut Plain) -> Self {
        Self {
            is_item: true,
            ..Self::new(plain)
        }
    }

    fn run(&mut self, mut machine: Machine<'_, Trace>) -> Result<(), Problem> {
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
        if let Some(last) = self.last.take() {
            self.copy(&last, machine);
        }
        let height = machine.stack.len();
        if machine.depth() == 0 && height == 1 && machine.marks.iter().all(|mark| *mark == 0) {
            self.key_end = (self.plain.out.len(), self.plain.n_slots);
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
            // The MARK of a batch stands before its first item and belongs to the dict.
            op::MARK if self.is_item && last.height == 0 && self.is_in_items() => {}
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

    /// True outside of the pickles inside arrays.
    fn is_in_items(&self) -> bool {
        self.waiting.iter().all(|waits| *waits == Waits::ForMemo)
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
            let why = format!("expected memo slot {slot} to be set, found it empty");
            self.problem = Some(Problem::new(ProblemKind::Damaged, last.start, why));
        }
    }

    /// A global: left out where it is joblib's wrapper, by its new name where Python 2 wrote it.
    fn name(&mut self, opcode: u8, last: &Last, machine: &mut Machine<'_, Trace>) {
        let id = machine
            .stack
            .last()
            .and_then(|top| super::build::Build::denotes(&machine.build, *top));
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

#[cfg(test)]
mod tests {
    use super::super::{decode_bytes, emit};
    use super::*;

    /// The value as Python prints it, before and after.
    fn check(pickle: &[u8], expected: &str) {
        let repr = |pickle: &[u8]| {
            let decoded = decode_bytes(pickle);
            assert!(decoded.problems.is_empty(), "{:?}", decoded.problems);
            decoded.value.repr(decoded.value.root(), 1000).text
        };
        let written = plain(&Place::Front(Content::of_bytes(pickle))).unwrap();
        assert_eq!(repr(pickle), expected);
        assert_eq!(repr(&written), expected);
    }

    #[test]
    fn memos_of_every_sort_are_numbered_anew() {
        check(
            b"\x80\x04]\x94(\x8c\x01a\x94h\x01h\x01e.",
            "['a', 'a', 'a']",
        );
        check(b"\x80\x02]q\x07(X\x01\x00\x00\x00aq\x63hce.", "['a', 'a']");
        check(b"(lp0\nVa\np1\nag1\na.", "['a', 'a']");
    }

    #[test]
    fn several_pickles_become_parts_of_one() {
        let mut whole = Plain::default();
        whole.out.extend(emit::HEAD);
        for pickle in [
            &b"\x80\x04\x8c\x01a\x94h\x00\x86."[..],
            b"\x80\x04\x8c\x01b\x94h\x00\x86.",
        ] {
            whole
                .append(&Place::Front(Content::of_bytes(pickle)))
                .unwrap();
        }
        whole.out.extend([op::TUPLE2, op::STOP]);
        let decoded = decode_bytes(&whole.out);
        let text = decoded.value.repr(decoded.value.root(), 100).text;
        assert_eq!(text, "(('a', 'a'), ('b', 'b'))");
    }

    #[test]
    fn names_of_python_2_are_written_as_python_3_knows_them() {
        let written = plain(&Place::Front(Content::of_bytes(
            &b"\x80\x02c__builtin__\nset\n]K\x01a\x85R."[..],
        )));
        let written = written.unwrap();
        assert!(
            written.windows(13).any(|part| part == b"cbuiltins\nset"),
            "{written:?}"
        );
    }

    #[test]
    fn damage_is_told_and_leaves_what_was_written() {
        let mut plain = Plain::default();
        plain.out.push(op::MARK);
        let broken = Place::Front(Content::of_bytes(&b"\x80\x04]\x94(K\x01h\x09e."[..]));
        assert!(plain.append(&broken).unwrap_err().is_damage());
        assert_eq!(plain.out, [op::MARK]);
    }
}
