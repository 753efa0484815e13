//! Opcodes of protocol 5 in the making, and the pickle that `pickletools.optimize` leaves of them.

use std::collections::HashMap;
use std::ops::Range;

use super::super::emit;
use super::super::opcodes as op;

/// Something that a pickler puts into its memo.
pub(super) type Slot = usize;

enum Piece {
    /// One opcode with its argument.
    Opcode(Range<usize>),
    /// What stands on top of the stack goes into the memo.
    Put(Slot),
    Get(Slot),
}

/// Opcodes, one after the other.
#[derive(Default)]
pub(super) struct Opcodes {
    bytes: Vec<u8>,
    pieces: Vec<Piece>,
    n_slots: usize,
}

impl Opcodes {
    pub(super) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.pieces.push(Piece::Opcode(start..self.bytes.len()));
    }

    pub(super) fn put(&mut self) -> Slot {
        self.pieces.push(Piece::Put(self.n_slots));
        self.n_slots += 1;
        self.n_slots - 1
    }

    pub(super) fn get(&mut self, slot: Slot) {
        self.pieces.push(Piece::Get(slot));
    }

    /// The opcodes alone; `None` if they need a memo.
    pub(super) fn without_memo(&self) -> Option<&[u8]> {
        let is_get = |piece: &Piece| matches!(piece, Piece::Get(_));
        (!self.pieces.iter().any(is_get)).then_some(&self.bytes)
    }

    /// The whole pickle: a slot that is never asked for is not set, and the others are numbered anew.
    pub(super) fn whole(&self) -> Vec<u8> {
        let mut numbers: HashMap<Slot, Option<u32>> = HashMap::new();
        for piece in &self.pieces {
            if let Piece::Get(slot) = piece {
                numbers.insert(*slot, None);
            }
        }
        let (mut n, mut framed) = (0, Framed::default());
        for piece in &self.pieces {
            match piece {
                Piece::Opcode(range) => {
                    framed.push(self.bytes.get(range.clone()).unwrap_or_default());
                }
                Piece::Put(slot) => {
                    if let Some(number) = numbers.get_mut(slot) {
                        *number = Some(n);
                        n += 1;
                        framed.push(&[op::MEMOIZE]);
                    }
                }
                Piece::Get(slot) => {
                    let number = numbers.get(slot).copied().flatten().unwrap_or_default();
                    let mut get = Vec::new();
                    emit::get(number, &mut get);
                    framed.push(&get);
                }
            }
        }
        framed.push(&[op::STOP]);
        framed.finish()
    }
}

/// The opcodes in the frames that `pickletools.optimize` puts around them: a long one stands between two frames.
#[derive(Default)]
struct Framed {
    done: Vec<u8>,
    waiting: Vec<u8>,
}

impl Framed {
    fn push(&mut self, opcode: &[u8]) {
        let is_long = opcode.len() > emit::FRAME_SIZE;
        if is_long || self.waiting.len() >= emit::FRAME_SIZE {
            emit::frame(&std::mem::take(&mut self.waiting), &mut self.done);
        }
        let out = if is_long {
            &mut self.done
        } else {
            &mut self.waiting
        };
        out.extend(opcode);
    }

    fn finish(mut self) -> Vec<u8> {
        emit::frame(&self.waiting, &mut self.done);
        [&[op::PROTO, 5], &*self.done].concat()
    }
}
