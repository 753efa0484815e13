//! One pickle to a value, within limits, with whatever could be read before damage.

use std::collections::{HashMap, HashSet};
use std::time::Instant;

use super::arena::Arena;
use super::build::{Attach, Build as _};
use super::check::{Checked, add_calls, beside_arrays, check_from};
use super::input::{Input, Keeping};
use super::machine::{Budget, Machine, Stop};
use super::sequence::{Outcome, Sequence};
use super::trace::Trace;
use crate::formats::{Content, Problem, ProblemKind};
use crate::model::Limits;
use crate::model::value::{Call, NodeId, Tag, Value};

/// A pickle as far as it could be read.
#[derive(Debug, Clone)]
pub struct Decoded {
    /// The value, or what there is of it.
    pub value: Value,
    /// Every global that it names, `module.name`, in order of appearance.
    pub globals: Vec<String>,
    /// Every call that decoding in Python would make.
    pub calls: Vec<Call>,
    /// Protocol, as declared or as its opcodes show.
    pub protocol: u8,
    /// Offset in the stream of the byte behind what was read.
    pub end: u64,
    /// What is wrong, and limits reached.
    pub problems: Vec<Problem>,
    /// False if damage or a limit left something out of `value`.
    pub is_complete: bool,
}

/// Decodes the pickle at the front of `content`.
///
/// Damaged bytes are no error: the result holds what stood before the damage, and says where it is.
pub fn decode(content: &Content, limits: &Limits) -> Decoded {
    decode_at(content, 0, limits)
}

/// Decodes a pickle held in memory with the limits of a preview.
pub fn decode_bytes(bytes: &[u8]) -> Decoded {
    decode(&Content::of_bytes(bytes), &Limits::PREVIEW)
}

/// Decodes a pickle that stands in memory alone: the value holds all of its text and bytes.
pub(crate) fn decode_whole(pickle: Vec<u8>, limits: &Limits) -> Decoded {
    let (content, budget) = (Content::of_bytes(pickle), budget(limits));
    let input = Input::new(&content, Keeping::Whole, u64::MAX, budget.deadline);
    let mut machine = Machine::new(input, Arena::new(), budget);
    let stop = machine.run();
    finish(machine, stop)
}

/// Decodes the pickle at `offset`, as several may follow one another.
pub fn decode_at(content: &Content, offset: u64, limits: &Limits) -> Decoded {
    let budget = budget(limits);
    let mut input = Input::new(content, Keeping::All, limits.output_bytes, budget.deadline);
    input.jump(offset, u64::MAX);
    let mut machine = Machine::new(input, Arena::new(), budget);
    let stop = machine.run();
    let is_limited = matches!(stop, Stop::Limit(_));
    let is_finished = matches!(stop, Stop::Finished(_));
    let has_more = is_finished && machine.input.peek().is_some();
    let dialect = machine.dialect;
    let mut decoded = finish(machine, stop);
    if is_limited {
        // What the value names and calls is told to its end, whatever of it is kept; with the time used up, as far as
        // either of the two came.
        decoded.absorb(check_from(content, offset, 0, &budget), u64::max);
    } else if has_more {
        let further = check_from(content, decoded.end, 1, &budget);
        decoded.absorb(further, u64::saturating_add);
    }
    if !is_limited {
        add_calls(
            &mut decoded.calls,
            beside_arrays(content, offset, dialect, &budget),
        );
    }
    decoded
}

/// True if bytes begin as pickles do: PROTO, or an opcode of protocols 0 and 1 and a STOP somewhere.
///
/// PROTO is written from protocol 2 on (`_pickle.c: dump`); `80 01` is the beginning of a PostScript font.
pub fn is_likely(head: &[u8]) -> bool {
    match head {
        [0x80, protocol, ..] => matches!(protocol, 2..=5),
        [first, .., _] => is_old_beginning(*first) && scans(head),
        _ => false,
    }
}

/// The same for the first bytes of something longer: what the cut leaves unfinished is no damage.
pub fn is_likely_head(head: &[u8]) -> bool {
    match head {
        [first, .., _] if is_old_beginning(*first) => scans_to_cut(head),
        _ => is_likely(head),
    }
}

/// Opcodes that CPython's pickler begins with at protocols 0 and 1.
fn is_old_beginning(first: u8) -> bool {
    matches!(
        first,
        b'(' | b']'
            | b'}'
            | b')'
            | b'c'
            | b'I'
            | b'L'
            | b'F'
            | b'S'
            | b'V'
            | b'N'
            | b'K'
            | b'M'
            | b'J'
            | b'G'
            | b'U'
            | b'T'
            | b'X'
    )
}

/// True if a protocol 0 or 1 pickle can be read to its STOP, or to the end of what is here.
fn scans(head: &[u8]) -> bool {
    let limits = Limits {
        nodes: 10_000,
        ..Limits::PREVIEW
    };
    let decoded = decode(&Content::of_bytes(head), &limits);
    decoded
        .problems
        .iter()
        .all(|p| p.kind == ProblemKind::Limit || p.is_early_end())
}

/// True if protocol 0 or 1 pickles follow one another to the end of what is here, the last one cut off at most.
fn scans_to_cut(head: &[u8]) -> bool {
    let content = Content::of_bytes(head);
    let budget = traced_budget(&Limits::PREVIEW);
    let input = Input::new(&content, Keeping::Window, u64::MAX, budget.deadline);
    let mut sequence = Sequence::new(Machine::new(input, Trace::default(), budget), 0);
    while sequence.begin() {
        let stop = sequence.machine.run();
        if sequence.machine.problems.iter().any(Problem::is_damage) {
            return false;
        }
        match &stop {
            Stop::Limit(_) => return true,
            Stop::Broken(problem) if problem.is_early_end() => return true,
            _ => {}
        }
        match sequence.end(stop) {
            Outcome::Again => {}
            Outcome::Done(part) if matches!(part.stop, Stop::Finished(_)) => {}
            Outcome::Done(_) | Outcome::Foreign { .. } => return false,
        }
    }
    true
}

/// Slots of stack and memo, whatever the limit on values: eight bytes each, and a vector that grows holds them twice.
const MAX_SLOTS: usize = 24_000_000;

pub(super) fn budget(limits: &Limits) -> Budget {
    let nodes = limits.nodes as usize;
    Budget {
        nodes,
        slots: nodes.saturating_mul(4).min(MAX_SLOTS),
        deadline: Instant::now() + limits.time,
    }
}

/// The same for a run that keeps no values: what it remembers of arrays and their types counts, in eight bytes each.
pub(super) fn traced_budget(limits: &Limits) -> Budget {
    Budget {
        nodes: MAX_TRACED,
        ..budget(limits)
    }
}

/// Two million arrays.
pub(super) const MAX_TRACED: usize = 8 << 20;

pub(super) fn finish(mut machine: Machine<'_, Arena>, stop: Stop<NodeId>) -> Decoded {
    let end = machine.input.offset();
    let mut is_complete = false;
    let is_cut = matches!(stop, Stop::Broken(_) | Stop::Limit(_));
    let root = match stop {
        Stop::Finished(root) => {
            machine.check_frame_end();
            is_complete = machine.problems.is_empty();
            root
        }
        Stop::EndOfRange => {
            is_complete = machine.problems.is_empty() && !machine.stack.is_empty();
            machine.stack.last().copied().unwrap_or(NodeId::MISSING)
        }
        Stop::Broken(problem) | Stop::Limit(problem) => {
            machine.problems.push(problem);
            partial_root(&mut machine)
        }
    };
    let mut value = machine.build.value;
    value.text = machine.input.text;
    value.root = root;
    value.is_cut = is_cut;
    value.give_back();
    let globals = machine.findings.globals();
    let calls = machine.findings.calls();
    value.names = machine.findings.names;
    Decoded {
        value,
        globals,
        calls,
        protocol: machine.protocol,
        end,
        problems: machine.problems,
        is_complete,
    }
}

/// Folds what lies on the stack into the container at its bottom, as the missing opcodes would have.
fn partial_root(machine: &mut Machine<'_, Arena>) -> NodeId {
    loop {
        while let Some(mark) = machine.marks.pop() {
            fold(machine, mark);
        }
        if !machine.unwind() {
            break;
        }
    }
    let bottom = machine.stack.first().copied();
    let is_container = bottom
        .and_then(|node| machine.build.value.tag(node))
        .is_some_and(|tag| matches!(tag, Tag::List | Tag::Dict | Tag::Set));
    fold(
        machine,
        usize::from(is_container || machine.stack.len() == 1),
    );
    machine.stack.first().copied().unwrap_or(NodeId::MISSING)
}

/// Adds the values from height `start` on to the container below them, or makes a tuple of them.
fn fold(machine: &mut Machine<'_, Arena>, start: usize) {
    if machine.stack.len() <= start {
        return;
    }
    let items = machine.stack.split_off(start);
    let target = start
        .checked_sub(1)
        .and_then(|at| machine.stack.get(at).copied());
    let tag = target.and_then(|target| machine.build.value.tag(target));
    let whole_pairs = items.get(..items.len() / 2 * 2).unwrap_or_default();
    match (target, tag) {
        (Some(target), Some(Tag::List)) => {
            machine.build.attach(target, Attach::Items, &items);
        }
        (Some(target), Some(Tag::Dict)) => {
            machine.build.attach(target, Attach::Pairs, whole_pairs);
        }
        (Some(target), Some(Tag::Set)) => {
            machine.build.attach(target, Attach::Members, &items);
        }
        (Some(target), Some(Tag::Object)) if is_bare_array(machine, target) => {
            // An array of objects whose last ones were left out: type, shape and the first of them are known.
            if let Some(state) = machine.build.container(Tag::Tuple, &items) {
                machine.build.set_state(target, state);
            }
        }
        _ => {
            let tuple = machine.build.container(Tag::Tuple, &items);
            machine.stack.extend(tuple);
        }
    }
}

/// True for an array that numpy made and that waits for its state, which always follows.
fn is_bare_array(machine: &Machine<'_, Arena>, node: NodeId) -> bool {
    let object = machine.build.value.object(node);
    let maker = machine.build.made_by(node);
    let name = maker.and_then(|maker| machine.findings.name(maker));
    object.is_some_and(|object| object.state.is_missing())
        && name.is_some_and(|name| {
            &*name.qualname == "_reconstruct" && name.module.ends_with("multiarray")
        })
}

impl Decoded {
    /// Adds what another run found further on; `count` makes one of two counts of the same call.
    fn absorb(&mut self, further: Checked, count: fn(u64, u64) -> u64) {
        let end = self.end;
        let news = further.problems.into_iter().filter(|p| p.offset >= end);
        self.problems.extend(news);
        let known: HashSet<String> = self.globals.iter().cloned().collect();
        let is_new = |name: &String| !known.contains(name);
        self.globals
            .extend(further.globals.into_iter().filter(is_new));
        let known = self.calls.iter().enumerate();
        let known: HashMap<String, usize> =
            known.map(|(at, call)| (call.name.clone(), at)).collect();
        for call in further.calls {
            match known.get(&call.name).and_then(|at| self.calls.get_mut(*at)) {
                Some(known) => {
                    known.count = count(known.count, call.count);
                    known.class = known.class.max(call.class);
                }
                None => self.calls.push(call),
            }
        }
    }

    /// No value at all, with the reason.
    pub(crate) fn nothing(why: &str) -> Self {
        Self {
            value: Value::missing(),
            globals: Vec::new(),
            calls: Vec::new(),
            protocol: 0,
            end: 0,
            problems: vec![Problem::new(ProblemKind::Damaged, 0, why)],
            is_complete: false,
        }
    }

    /// True if the bytes are wrong, so that Python could not load the value either.
    pub fn is_damaged(&self) -> bool {
        self.problems.iter().any(|p| p.kind == ProblemKind::Damaged)
    }
}
