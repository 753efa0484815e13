//! Opcodes without what they make only to throw it away: a value that shares an object with another one was written
//! behind all of that other one.

use std::collections::HashMap;

use super::super::emit;
use super::super::opcodes::{self as op, ArgShape, opcode};

/// Opcodes that are looked at, in 40 bytes each.
const MAX_PIECES: usize = 4 << 20;

/// Where one opcode stands, with its argument.
#[derive(Debug, Clone, Copy)]
struct Piece {
    start: usize,
    end: usize,
    opcode: u8,
    /// The thrown away value that it belongs to, the innermost one.
    waste: Option<usize>,
    is_kept: bool,
}

/// A value on the stack: the pieces that make it follow each other.
#[derive(Debug, Clone, Copy)]
struct Made {
    start: usize,
    end: usize,
}

/// Takes out of `out`, from `from` on, what is popped again; slots of the memo are numbered from `first_slot` on, and the
/// number behind the last one is handed back. `None`, and nothing is changed, for opcodes that picklers do not write.
pub(super) fn slim(out: &mut Vec<u8>, from: usize, first_slot: u32) -> Option<u32> {
    let mut tape = Tape::of(out.get(from..)?)?;
    tape.run(first_slot)?;
    let (slimmed, n_slots) = tape.written(first_slot)?;
    out.truncate(from);
    out.extend(slimmed);
    Some(n_slots)
}

struct Tape<'b> {
    bytes: &'b [u8],
    pieces: Vec<Piece>,
    made: Vec<Made>,
    /// The value and the piece of each memo slot set here.
    slots: Vec<(usize, usize)>,
    /// Values out of the waste that are needed after all.
    rescued: Vec<usize>,
}

impl<'b> Tape<'b> {
    fn of(bytes: &'b [u8]) -> Option<Self> {
        let (mut pieces, mut at) = (Vec::new(), 0);
        while let Some(code) = bytes.get(at) {
            let end = at + 1 + argument_len(opcode(*code)?.arg, bytes.get(at + 1..)?)?;
            if end > bytes.len() || pieces.len() == MAX_PIECES {
                return None;
            }
            pieces.push(Piece {
                start: at,
                end,
                opcode: *code,
                waste: None,
                is_kept: true,
            });
            at = end;
        }
        Some(Self {
            bytes,
            pieces,
            made: Vec::new(),
            slots: Vec::new(),
            rescued: Vec::new(),
        })
    }

    /// Plays the stack: which pieces make what, what is thrown away, and what of that is asked for later on.
    fn run(&mut self, first_slot: u32) -> Option<()> {
        let (mut stack, mut marks) = (Vec::new(), Vec::new());
        for at in 0..self.pieces.len() {
            self.step(at, &mut stack, &mut marks)?;
        }
        let mut waiting: Vec<usize> = Vec::new();
        let asked = |pieces: &[Piece], range: std::ops::Range<usize>, waste: Option<usize>| {
            let is_get = |at: &usize| {
                pieces.get(*at).is_some_and(|piece| {
                    piece.waste == waste && matches!(piece.opcode, op::BINGET | op::LONG_BINGET)
                })
            };
            range.filter(is_get).collect::<Vec<_>>()
        };
        waiting.extend(asked(&self.pieces, 0..self.pieces.len(), None));
        while let Some(get) = waiting.pop() {
            let slot = self.slot_of(get)?.checked_sub(first_slot);
            // What was remembered before stands before.
            let Some(slot) = slot else { continue };
            let (value, put) = *self.slots.get(usize::try_from(slot).ok()?)?;
            let put = *self.pieces.get(put)?;
            if put.is_kept {
                continue;
            }
            let Made { start, end } = *self.made.get(value)?;
            for piece in self.pieces.get_mut(start..end)? {
                piece.is_kept |= piece.waste == put.waste;
            }
            waiting.extend(asked(&self.pieces, start..end, put.waste));
            self.rescued.push(value);
        }
        Some(())
    }

    fn step(
        &mut self,
        at: usize,
        stack: &mut Vec<usize>,
        marks: &mut Vec<(usize, usize)>,
    ) -> Option<()> {
        let code = self.pieces.get(at)?.opcode;
        let new = match code {
            op::MARK => {
                marks.push((stack.len(), at));
                return Some(());
            }
            op::MEMOIZE => {
                self.slots.push((*stack.last()?, at));
                None
            }
            op::POP => {
                self.throw_away(stack.pop()?, at)?;
                None
            }
            op::TUPLE | op::LIST | op::DICT | op::FROZENSET | op::OBJ | op::INST => {
                let (height, start) = marks.pop()?;
                stack.truncate(height);
                Some(start)
            }
            op::APPENDS | op::SETITEMS | op::ADDITEMS => {
                let (height, _) = marks.pop()?;
                stack.truncate(height);
                None
            }
            op::APPEND | op::BUILD => {
                stack.pop()?;
                None
            }
            op::SETITEM => {
                stack.pop()?;
                stack.pop()?;
                None
            }
            op::TUPLE1 | op::BINPERSID => Some(self.joined(1, stack)?),
            op::TUPLE2 | op::REDUCE | op::NEWOBJ | op::STACK_GLOBAL => Some(self.joined(2, stack)?),
            op::TUPLE3 | op::NEWOBJ_EX => Some(self.joined(3, stack)?),
            op::READONLY_BUFFER => None,
            op::PROTO
            | op::FRAME
            | op::STOP
            | op::DUP
            | op::POP_MARK
            | op::PUT
            | op::BINPUT
            | op::LONG_BINPUT
            | op::GET => return None,
            _ => Some(at),
        };
        if let Some(start) = new {
            self.made.push(Made { start, end: at + 1 });
            stack.push(self.made.len() - 1);
        }
        let is_top_whole = marks.last().is_none_or(|(height, _)| *height < stack.len());
        if is_top_whole && let Some(top) = stack.last() {
            self.made.get_mut(*top)?.end = at + 1;
        }
        Some(())
    }

    /// Takes so many values from the stack; where the first one begins.
    fn joined(&self, n: usize, stack: &mut Vec<usize>) -> Option<usize> {
        let at = stack.len().checked_sub(n)?;
        let first = *stack.get(at)?;
        stack.truncate(at);
        Some(self.made.get(first)?.start)
    }

    fn throw_away(&mut self, value: usize, pop: usize) -> Option<()> {
        let Made { start, end } = *self.made.get(value)?;
        for at in (start..end).chain([pop]) {
            let piece = self.pieces.get_mut(at)?;
            piece.waste.get_or_insert(value);
            piece.is_kept = false;
        }
        Some(())
    }

    fn slot_of(&self, at: usize) -> Option<u32> {
        let piece = self.pieces.get(at)?;
        let number = self.bytes.get(piece.start + 1..piece.end)?;
        Some(
            number
                .iter()
                .rev()
                .fold(0, |n, byte| n << 8 | u32::from(*byte)),
        )
    }

    /// What is kept, each rescued value popped anew, and slots in their new order.
    fn written(&self, first_slot: u32) -> Option<(Vec<u8>, u32)> {
        let mut pops = vec![false; self.pieces.len() + 1];
        // One that is a part of another goes with that.
        let rescued = self
            .rescued
            .iter()
            .filter_map(|value| self.made.get(*value));
        let mut rescued: Vec<Made> = rescued.copied().collect();
        rescued.sort_by_key(|made| (made.start, std::cmp::Reverse(made.end)));
        let mut covered: HashMap<Option<usize>, usize> = HashMap::new();
        for Made { start, end } in rescued {
            let covered = covered.entry(self.pieces.get(start)?.waste).or_default();
            if end > *covered {
                *covered = end;
                *pops.get_mut(end)? = true;
            }
        }
        let (mut out, mut numbers, mut n_slots) =
            (Vec::new(), vec![None; self.slots.len()], first_slot);
        let mut puts = 0;
        for (at, piece) in self.pieces.iter().enumerate() {
            if *pops.get(at)? {
                out.push(op::POP);
            }
            if piece.opcode == op::MEMOIZE {
                if piece.is_kept {
                    *numbers.get_mut(puts)? = Some(n_slots);
                    n_slots += 1;
                }
                puts += 1;
            }
            if !piece.is_kept {
                continue;
            }
            match piece.opcode {
                op::BINGET | op::LONG_BINGET => {
                    let slot = self.slot_of(at)?;
                    let new = match slot.checked_sub(first_slot) {
                        Some(here) => (*numbers.get(usize::try_from(here).ok()?)?)?,
                        None => slot,
                    };
                    emit::get(new, &mut out);
                }
                _ => out.extend(self.bytes.get(piece.start..piece.end)?),
            }
        }
        Some((out, n_slots))
    }
}

/// Bytes of an argument that begins there.
fn argument_len(shape: ArgShape, bytes: &[u8]) -> Option<usize> {
    let line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').map(|n| n + 1);
    let counted = |width: usize| {
        let len = bytes.get(..width)?.iter().rev();
        let len = len.fold(0_u64, |n, byte| n << 8 | u64::from(*byte));
        usize::try_from(len).ok()?.checked_add(width)
    };
    match shape {
        ArgShape::None => Some(0),
        ArgShape::U8 => Some(1),
        ArgShape::U16 => Some(2),
        ArgShape::U32 | ArgShape::I32 => Some(4),
        ArgShape::U64 | ArgShape::F64 => Some(8),
        ArgShape::Line => line(bytes),
        ArgShape::TwoLines => {
            let first = line(bytes)?;
            Some(first + line(bytes.get(first..)?)?)
        }
        ArgShape::Counted1 => counted(1),
        ArgShape::Counted4 | ArgShape::CountedSigned4 => counted(4),
        ArgShape::Counted8 => counted(8),
    }
}
