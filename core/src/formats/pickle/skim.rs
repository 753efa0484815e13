//! The parts of a file of pickles without their contents: each pickle, and each key of a pickled dict with the byte
//! range of its value. A part is decoded alone, with what it takes from the memo of others.

use super::arena::Arena;
use super::build::{Build, Text};
use super::decode::{Decoded, budget, finish, traced_budget};
use super::input::{Input, Keeping};
use super::machine::{Machine, Segment, Stop};
use super::opcodes as op;
use super::sequence::{Outcome, Sequence};
use super::trace::Trace;
use super::traced::{Sort, Traced};
use crate::formats::{Content, Problem, ProblemKind};
use crate::model::Limits;
use crate::model::value::NodeId;

/// What a file of pickles holds.
#[derive(Debug, Clone, Default)]
pub struct Skim {
    /// One after the other, as `dump` was called.
    pub pickles: Vec<SkimmedPickle>,
    /// What is wrong, and limits reached.
    pub problems: Vec<Problem>,
    /// Offset of bytes behind the last pickle that are none.
    pub trailing: Option<u64>,
    /// False if damage or a limit ended the skimming.
    pub is_complete: bool,
    segments: std::sync::OnceLock<Segments>,
}

/// One pickle of a file.
#[derive(Debug, Clone)]
pub struct SkimmedPickle {
    /// First byte.
    pub start: u64,
    /// The byte behind its STOP, or behind what could be read.
    pub end: u64,
    /// Protocol, as declared or as its opcodes show.
    pub protocol: u8,
    /// The keys of a dict, or of an object that is filled like one; `None` for any other value.
    pub items: Option<Vec<SkimmedItem>>,
    declared: u8,
    memo_start: u64,
    /// Numbered on from the memo of the pickle before it.
    shares_memo: bool,
}

/// One key of a pickled dict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkimmedItem {
    /// The key.
    pub key: SkimmedKey,
    /// First byte of the key.
    pub start: u64,
    /// First byte of the value.
    pub value_start: u64,
    /// The byte behind the value.
    pub end: u64,
    memo_start: u64,
}

/// A key, as far as it can be told without decoding more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SkimmedKey {
    /// Text.
    Text(Box<str>),
    /// A small integer.
    Int(i64),
    /// Anything else; [`Skim::decode_key`] tells.
    Other,
}

/// Items and pickles that are listed of one file: a few hundred bytes each.
const MAX_PARTS: usize = 1_000_000;
/// Values on the stack beyond which nobody looks for items any more.
const MAX_HEIGHT: usize = 4_000_000;

/// Lists the pickles of `content` and the keys of those that are dicts.
///
/// Best on plain content: packed content is unpacked again for every part that is decoded later.
pub fn skim(content: &Content, limits: &Limits) -> Skim {
    skim_up_to(content, limits, MAX_PARTS)
}

fn skim_up_to(content: &Content, limits: &Limits, max_parts: usize) -> Skim {
    let budget = traced_budget(limits);
    let input = Input::new(content, Keeping::Window, u64::MAX, budget.deadline);
    let mut sequence = Sequence::new(Machine::new(input, Trace::default(), budget), 0);
    let mut skim = Skim::default();
    let mut n_parts = 0;
    while sequence.begin() {
        let (part, watch) = loop {
            let mut watch = ItemWatch::default();
            let stop = sequence.machine.run_watched(|machine| watch.look(machine));
            match sequence.end(stop) {
                Outcome::Again => {}
                Outcome::Foreign { start } => {
                    skim.trailing = Some(start);
                    skim.is_complete = true;
                    return skim;
                }
                Outcome::Done(part) => break (part, watch),
            }
        };
        n_parts += watch.items.len() + 1;
        let is_cut = watch.is_cut;
        skim.pickles.push(SkimmedPickle {
            start: part.start,
            end: part.end,
            protocol: sequence.machine.protocol,
            items: watch.is_dict.then_some(watch.items),
            declared: sequence.machine.declared,
            memo_start: part.memo_start,
            shares_memo: part.shares_memo,
        });
        skim.problems.append(&mut sequence.machine.problems);
        if is_cut {
            let message = format!("it has more keys than the first {MAX_PARTS}, which are listed");
            let problem = Problem::new(ProblemKind::Limit, part.end, message);
            skim.problems.push(problem);
        }
        match part.stop {
            Stop::Finished(_) if n_parts < max_parts => {}
            Stop::Finished(_) if sequence.begin() => {
                let n = skim.pickles.len();
                let message = format!("it goes on behind its first {n} pickles, which are listed");
                skim.problems
                    .push(Problem::new(ProblemKind::Limit, part.end, message));
                return skim;
            }
            Stop::Finished(_) if !is_cut => break,
            Stop::Finished(_) | Stop::EndOfRange => return skim,
            Stop::Broken(problem) | Stop::Limit(problem) => {
                skim.problems.push(problem);
                return skim;
            }
        }
    }
    skim.is_complete = true;
    skim
}

/// True unless a second pickle stands behind the first: what is too long to be read within the limits is one value.
pub(crate) fn is_one(content: &Content, limits: &Limits) -> bool {
    let budget = traced_budget(limits);
    let input = Input::new(content, Keeping::Window, u64::MAX, budget.deadline);
    let mut sequence = Sequence::new(Machine::new(input, Trace::default(), budget), 0);
    let mut n_done = 0;
    while n_done < 2 && sequence.begin() {
        let stop = sequence.machine.run();
        match sequence.end(stop) {
            Outcome::Again => {}
            Outcome::Foreign { .. } => break,
            Outcome::Done(part) => {
                n_done += 1;
                if !matches!(part.stop, Stop::Finished(_)) {
                    break;
                }
            }
        }
    }
    n_done == 1
}

impl Skim {
    /// True if the pickle of this number goes on with the memo of the one before it: one `Pickler` wrote both.
    pub fn shares_memo(&self, pickle: usize) -> bool {
        self.pickles.get(pickle).is_some_and(|p| p.shares_memo)
    }

    /// Decodes pickle number `pickle` whole; `None` if there is none.
    pub fn decode_pickle(
        &self,
        content: &Content,
        pickle: usize,
        limits: &Limits,
    ) -> Option<Decoded> {
        let skimmed = self.pickles.get(pickle)?;
        let segment = Segment {
            start: skimmed.start,
            end: skimmed.end,
            memo_start: skimmed.memo_start,
        };
        Some(self.decode(content, pickle, segment, limits).0)
    }

    /// Decodes one item of a dict; the result's root is the value, the node beside it is the key.
    pub fn decode_item(
        &self,
        content: &Content,
        pickle: usize,
        item: usize,
        limits: &Limits,
    ) -> Option<(Decoded, NodeId)> {
        let item = self.pickles.get(pickle)?.items.as_ref()?.get(item)?;
        let segment = Segment {
            start: item.start,
            end: item.end,
            memo_start: item.memo_start,
        };
        Some(self.decode(content, pickle, segment, limits))
    }

    /// Decodes the key of one item of a dict and nothing behind it.
    pub fn decode_key(
        &self,
        content: &Content,
        pickle: usize,
        item: usize,
        limits: &Limits,
    ) -> Option<Decoded> {
        let item = self.pickles.get(pickle)?.items.as_ref()?.get(item)?;
        let segment = Segment {
            start: item.start,
            end: item.value_start,
            memo_start: item.memo_start,
        };
        Some(self.decode(content, pickle, segment, limits).0)
    }

    fn decode(
        &self,
        content: &Content,
        pickle: usize,
        segment: Segment,
        limits: &Limits,
    ) -> (Decoded, NodeId) {
        let budget = budget(limits);
        let input = Input::new(content, Keeping::All, limits.output_bytes, budget.deadline);
        let machine = Machine::new(input, Arena::new(), budget);
        self.run(machine, pickle, segment, |mut machine| {
            let stop = machine.run();
            let key = machine
                .stack
                .len()
                .checked_sub(2)
                .and_then(|at| machine.stack.get(at).copied())
                .unwrap_or(NodeId::MISSING);
            (finish(machine, stop), key)
        })
    }

    /// Makes a machine ready for one item and hands it to `work`; `None` if there is no such item.
    pub(super) fn run_item<B: Build, T>(
        &self,
        machine: Machine<'_, B>,
        (pickle, item): (usize, usize),
        work: impl FnOnce(Machine<'_, B>) -> T,
    ) -> Option<T> {
        let item = self.pickles.get(pickle)?.items.as_ref()?.get(item)?;
        let segment = Segment {
            start: item.start,
            end: item.end,
            memo_start: item.memo_start,
        };
        Some(self.run(machine, pickle, segment, work))
    }

    /// Likewise for a whole pickle.
    pub(super) fn run_pickle<B: Build, T>(
        &self,
        machine: Machine<'_, B>,
        pickle: usize,
        work: impl FnOnce(Machine<'_, B>) -> T,
    ) -> Option<T> {
        let skimmed = self.pickles.get(pickle)?;
        let segment = Segment {
            start: skimmed.start,
            end: skimmed.end,
            memo_start: skimmed.memo_start,
        };
        Some(self.run(machine, pickle, segment, work))
    }

    fn run<B: Build, T>(
        &self,
        machine: Machine<'_, B>,
        pickle: usize,
        segment: Segment,
        work: impl FnOnce(Machine<'_, B>) -> T,
    ) -> T {
        let segments = self.segments(pickle);
        let resolve = |slot: u64| {
            let after = segments.partition_point(|s| s.memo_start <= slot);
            segments.get(after.checked_sub(1)?).copied()
        };
        // A shorter life for the machine, so that it may borrow the search as well.
        let mut machine: Machine<'_, B> = machine;
        machine.declared = self.pickles.get(pickle).map_or(0, |p| p.declared);
        machine.protocol = self.pickles.get(pickle).map_or(0, |p| p.protocol);
        machine.enter(segment, &resolve);
        work(machine)
    }

    /// The parts that number their memo together with this pickle, in order of their first slot.
    fn segments(&self, pickle: usize) -> &[Segment] {
        let upto = self.pickles.get(..=pickle).unwrap_or_default();
        let first = upto.iter().rposition(|p| !p.shares_memo).unwrap_or(0);
        let segments = self.segments.get_or_init(|| self.all_segments());
        let n_before = |pickle: usize| segments.starts.get(pickle).copied().unwrap_or(0);
        let range = n_before(first)..n_before(pickle + 1);
        segments.list.get(range).unwrap_or_default()
    }

    fn all_segments(&self) -> Segments {
        let mut all = Segments::default();
        for pickle in &self.pickles {
            all.starts.push(all.list.len());
            let items = pickle.items.as_deref().unwrap_or_default();
            all.list.push(Segment {
                start: pickle.start,
                end: items.first().map_or(pickle.end, |item| item.start),
                memo_start: pickle.memo_start,
            });
            all.list.extend(items.iter().map(|item| Segment {
                start: item.start,
                end: item.end,
                memo_start: item.memo_start,
            }));
        }
        all.starts.push(all.list.len());
        all
    }
}

/// Every part of every pickle, listed when the first is decoded alone.
#[derive(Debug, Clone, Default)]
struct Segments {
    list: Vec<Segment>,
    /// Parts of the pickles before each pickle, and of all.
    starts: Vec<usize>,
}

/// Watches the stack of a machine for the items of the dict at its bottom.
///
/// The dict stands at height 0, so keys come to stand at heights 1, 3, … and values at 2, 4, … until SETITEM(S) takes
/// them. Where each begins is only sure at that moment: a REDUCE may still take the value that looked complete.
#[derive(Default)]
struct ItemWatch {
    /// Where each value on the stack began.
    starts: Vec<Place>,
    /// The place before the last opcode.
    before: Place,
    /// The open MARKs, with the height of the stack at each: what is pushed at that height began at the first of them.
    marks: Vec<(usize, Place)>,
    /// Offset of the last MARK right above the dict: of a batch, or of a key that begins with one.
    batch: Option<u64>,
    /// Keys of the batch at work.
    keys: Vec<SkimmedKey>,
    items: Vec<SkimmedItem>,
    is_dict: bool,
    /// There are more items than are listed.
    is_cut: bool,
    /// Its stack grows as that of no dict does.
    is_given_up: bool,
}

/// Offset in the stream, and the first memo slot that was not set before it.
type Place = (u64, u64);

impl ItemWatch {
    /// Looks at the machine before each opcode.
    fn look(&mut self, machine: &mut Machine<'_, Trace>) {
        // The pickle inside an array of objects has a stack of its own.
        if machine.is_nested() || self.is_given_up {
            return;
        }
        let here = (machine.input.offset(), machine.memo.end());
        let opcode = machine.input.peek();
        let height = machine.stack.len();
        if height.max(machine.marks.len()) > MAX_HEIGHT {
            *self = Self {
                is_given_up: true,
                ..Self::default()
            };
            return;
        }
        if height > self.starts.len() {
            let at = self
                .marks
                .partition_point(|(below, _)| *below < self.starts.len());
            let mark = self
                .marks
                .get(at)
                .filter(|(below, _)| *below == self.starts.len());
            let start = mark.map_or(self.before, |(_, place)| *place);
            self.starts.resize(height, start);
            self.note_key(machine);
        } else {
            self.starts.truncate(height);
        }
        self.marks.truncate(machine.marks.len());
        match opcode {
            Some(op::MARK) => {
                self.marks.push((height, here));
                if height == 1 && machine.marks.is_empty() {
                    self.batch = Some(here.0);
                }
            }
            Some(op::EMPTY_DICT | op::DICT) if height == 0 => self.is_dict = true,
            Some(op::SETITEMS) if machine.marks == [1] => {
                // The batch's MARK is the dict's and not its first key's.
                if let Some((start, _)) = self.starts.get_mut(1)
                    && Some(*start) == self.batch
                {
                    *start += 1;
                }
                self.take_items(machine, here.0);
            }
            Some(op::SETITEM) if machine.marks.is_empty() && height == 3 => {
                self.take_items(machine, here.0);
            }
            _ => {}
        }
        self.before = here;
    }

    /// Remembers the key that was just pushed, or that a value was just pushed upon.
    fn note_key(&mut self, machine: &mut Machine<'_, Trace>) {
        let Some(top) = machine.stack.len().checked_sub(1).filter(|top| *top > 0) else {
            return;
        };
        let is_outermost = match machine.marks.as_slice() {
            [] | [1] => true,
            [1, inner] => *inner == top,
            _ => false,
        };
        if !is_outermost {
            return;
        }
        let number = (top - 1) / 2;
        self.keys.resize(number + 1, SkimmedKey::Other);
        let value_at = |at: usize| machine.stack.get(at).copied();
        let key = if top % 2 == 1 {
            value_at(top).map_or(SkimmedKey::Other, |key| key_of(machine, key))
        } else if value_at(top - 1).is_some_and(|key| matches!(key.sort(), Sort::Text | Sort::Int))
        {
            return;
        } else {
            SkimmedKey::Other
        };
        if let Some(place) = self.keys.last_mut() {
            *place = key;
        }
    }

    fn take_items(&mut self, machine: &Machine<'_, Trace>, end: u64) {
        let sort = machine.stack.first().map(|root| root.sort());
        if !matches!(sort, Some(Sort::Dict | Sort::Object)) {
            return;
        }
        self.is_dict = true;
        let items = self.starts.get(1..).unwrap_or_default();
        for (number, starts) in items.chunks_exact(2).enumerate() {
            let &[(start, memo_start), (value_start, _)] = starts else {
                break;
            };
            if self.items.len() >= MAX_PARTS {
                self.is_cut = true;
                break;
            }
            let next = items.get(2 * number + 2).map_or(end, |(next, _)| *next);
            let key = self.keys.get_mut(number);
            self.items.push(SkimmedItem {
                key: key.map_or(SkimmedKey::Other, |key| {
                    std::mem::replace(key, SkimmedKey::Other)
                }),
                start,
                value_start,
                end: next,
                memo_start,
            });
        }
        self.keys.clear();
    }
}

fn key_of(machine: &mut Machine<'_, Trace>, key: Traced) -> SkimmedKey {
    if let Some(int) = key.int() {
        return SkimmedKey::Int(int);
    }
    match machine.build.fetch(key, &machine.input) {
        Text::Is(text) => match String::from_utf8(text) {
            Ok(text) => SkimmedKey::Text(text.into()),
            Err(_) => SkimmedKey::Other,
        },
        Text::Other | Text::OutOfReach => SkimmedKey::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pickles_that_are_not_listed_are_told() {
        let skim = |n: usize| {
            let content = Content::of_bytes(b"\x80\x02N.".repeat(n));
            skim_up_to(&content, &Limits::PREVIEW, 3)
        };
        let all = skim(3);
        assert_eq!((all.pickles.len(), all.problems.len()), (3, 0));
        assert!(all.is_complete);
        let some = skim(5);
        assert_eq!(some.pickles.len(), 3);
        assert_eq!(some.problems[0].kind, ProblemKind::Limit);
        assert_eq!(some.problems[0].offset, 12);
        assert!(!some.is_complete);
    }
}
