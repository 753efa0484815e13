//! Pickles written anew as plain ones: joblib's arrays in numpy's own form, one memo for all, no frames.
//!
//! Works opcode by opcode beside a machine that only says what each one made: whatever is not an array of joblib's is
//! carried as it stands. What Python 2 called its globals is written by the names of Python 3.

mod copy;
mod slim;

use std::collections::HashMap;
use std::sync::Arc;

use self::copy::Copy;
use super::decode::budget;
use super::emit;
use super::input::{Input, Keeping};
use super::machine::{Budget, Machine};
use super::opcodes as op;
use super::trace::{Trace, WrappedArray};
use crate::formats::{Content, PickleFile, Problem, ProblemKind};
use crate::model::Limits;

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
    /// True if what was written last holds values that it pops again.
    has_waste: bool,
}

/// A place in the writing, and the memo slots set before it.
#[derive(Debug, Clone, Copy, Default)]
struct End {
    len: usize,
    n_slots: u32,
}

/// What becomes of the key before a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Kept,
    Left,
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
        let before = self.end();
        self.has_waste = false;
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
            Place::Value(file, pickle, item) => self.value(file, (*pickle, *item)),
            Place::Key(file, pickle, item) => {
                let copied = self.item(file, (*pickle, *item), Key::Kept);
                copied.map(|end| self.back_to(end.unwrap_or(before)))
            }
        };
        if done.is_err() {
            self.back_to(before);
        } else if self.has_waste
            && let Some(n_slots) = slim::slim(&mut self.out, before.len, before.n_slots)
        {
            self.globals.retain(|_, slot| *slot < before.n_slots);
            self.n_slots = n_slots;
        }
        done
    }

    /// The value of a dict's item; its key goes before it only where it refers to that.
    fn value(&mut self, file: &PickleFile, place: (usize, usize)) -> Result<(), Problem> {
        let before = self.end();
        if self.item(file, place, Key::Left)?.is_some() {
            return Ok(());
        }
        self.back_to(before);
        if let Some(key_end) = self.item(file, place, Key::Kept)? {
            self.out.insert(key_end.len, op::POP);
            self.has_waste = true;
        }
        Ok(())
    }

    /// An item of a dict, and where its key ends in it; `None` if its value refers to a key that was left out.
    fn item(
        &mut self,
        file: &PickleFile,
        place: (usize, usize),
        key: Key,
    ) -> Result<Option<End>, Problem> {
        let machine = machine(&file.content, budget(&LIMITS));
        let copied = file.skim.run_item(machine, place, |machine| {
            let mut copy = Copy::new(self);
            copy.key = key;
            match copy.run(machine) {
                Err(_) if copy.needs_key => Ok(None),
                done => done.map(|()| Some(copy.key_end)),
            }
        });
        copied.unwrap_or_else(gone)
    }

    fn end(&self) -> End {
        End {
            len: self.out.len(),
            n_slots: self.n_slots,
        }
    }

    /// Forgets what was written behind a place.
    fn back_to(&mut self, end: End) {
        self.out.truncate(end.len);
        self.n_slots = end.n_slots;
        self.globals.retain(|_, slot| *slot < end.n_slots);
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

#[cfg(test)]
mod tests {
    use super::super::{decode_bytes, emit};
    use super::*;
    use crate::source::MemoryReader;

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

    /// Key and value of a dict's first item, each as a pickle of its own.
    fn item(pickle: &'static [u8]) -> (Vec<u8>, Vec<u8>) {
        let file = PickleFile::open(Arc::new(MemoryReader::new(pickle)), &Limits::DEEP);
        let file = Arc::new(file);
        let key = plain(&Place::Key(Arc::clone(&file), 0, 0)).unwrap();
        (key, plain(&Place::Value(file, 0, 0)).unwrap())
    }

    #[test]
    fn an_items_value_stands_without_its_key_unless_it_refers_to_it() {
        for (dict, key, value) in [
            // pickle.dumps({b'k': [b'v']}, 4), frames left out.
            (
                &b"\x80\x04}\x94C\x01k\x94]\x94C\x01v\x94as."[..],
                &b"\x80\x04C\x01k\x94."[..],
                &b"\x80\x04]\x94C\x01v\x94a."[..],
            ),
            // {k: [k]} of one object.
            (
                b"\x80\x04}\x94C\x01k\x94]\x94h\x01as.",
                b"\x80\x04C\x01k\x94.",
                b"\x80\x04C\x01k\x940]\x94h\x00a.",
            ),
            // The same value behind a key of its own, as it is written into another dict.
            (
                b"\x80\x04}(C\x01kC\x01k\x940]\x94h\x00aK\x01K\x02u.",
                b"\x80\x04C\x01k.",
                b"\x80\x04C\x01kC\x01k\x940]\x94h\x00a.",
            ),
            // {frozenset({1}): 2} and {(1, 2, 3, 4): 5, 6: 7}: a MARK of the key's own.
            (
                b"\x80\x04}\x94(K\x01\x91\x94K\x02s.",
                b"\x80\x04(K\x01\x91\x94.",
                b"\x80\x04K\x02.",
            ),
            (
                b"\x80\x04}\x94((K\x01K\x02K\x03K\x04t\x94K\x05K\x06K\x07u.",
                b"\x80\x04(K\x01K\x02K\x03K\x04t\x94.",
                b"\x80\x04K\x05.",
            ),
        ] {
            let (found_key, found_value) = item(dict);
            assert_eq!(found_key, key, "{dict:?}");
            let repr = |pickle: &[u8]| {
                let decoded = decode_bytes(pickle);
                assert!(decoded.problems.is_empty(), "{:?}", decoded.problems);
                decoded.value.repr(decoded.value.root(), 100).text
            };
            assert_eq!(repr(&found_value), repr(value), "{found_value:?}");
            assert!(found_value.len() <= value.len(), "{found_value:?}");
        }
    }

    #[test]
    fn a_value_that_shares_with_another_one_takes_no_more_of_it() {
        // pickle.dumps({'a': {'data': b'D' * 9, 'n': [shared]}, 'b': {'data': b'E', 'n': shared}}, 4), no frames.
        let dict = b"\x80\x04}\x94(\x8c\x01a\x94}\x94(\x8c\x04data\x94C\tDDDDDDDDD\x94\x8c\x01n\x94]\x94]\x94K\x07aau\
            \x8c\x01b\x94}\x94(h\x03C\x01E\x94h\x05h\x07uu.";
        let file = PickleFile::open(Arc::new(MemoryReader::new(&dict[..])), &Limits::DEEP);
        let value = plain(&Place::Value(Arc::new(file), 0, 1)).unwrap();
        assert_eq!(
            value,
            b"\x80\x04}\x94(\x8c\x04data\x940\x8c\x01n\x940]\x94K\x07a0h\x01C\x01E\x94h\x02h\x03u."
        );
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
