//! Opcodes that make containers and fill them.

use super::{Attach, Attached, Build, Machine, Method, Step, Tag};

impl<B: Build> Machine<'_, B> {
    pub(super) fn push_container(&mut self, tag: Tag) -> Step {
        let container = self.build.container(tag, &[]);
        self.push_kept(container)
    }

    /// TUPLE, LIST, FROZENSET and DICT take everything above the last MARK.
    pub(super) fn collect(&mut self, tag: Tag) -> Step {
        let mark = self.pop_mark()?;
        self.watch(mark, tag == Tag::Dict);
        let mut items = self.stack.get(mark..).unwrap_or_default();
        if tag == Tag::Dict && !items.len().is_multiple_of(2) {
            // Python 2 leaves the last one out (`Modules/cPickle.c: load_dict`).
            items = items.split_last().map_or(items, |(_, pairs)| pairs);
            let container = self.build.container(tag, items);
            self.stack.truncate(mark);
            self.note_damage("expected keys and values in pairs, found an odd number");
            return self.push_kept(container);
        }
        if tag == Tag::Tuple && items.is_empty() {
            self.stack.push(B::EMPTY_TUPLE);
            return Ok(());
        }
        let container = self.build.container(tag, items);
        self.stack.truncate(mark);
        self.push_kept(container)
    }

    pub(super) fn tuple_of_top(&mut self, n: usize) -> Step {
        let start = self.height_below(n)?;
        self.look_at_fence(start);
        self.watch(start, false);
        let items = self.stack.get(start..).unwrap_or_default();
        let tuple = self.build.container(Tag::Tuple, items);
        self.stack.truncate(start);
        self.push_kept(tuple)
    }

    pub(super) fn attach_marked(&mut self, how: Attach) -> Step {
        let mark = self.pop_mark()?;
        self.attach(how, mark)
    }

    pub(super) fn attach_top(&mut self, how: Attach, n: usize) -> Step {
        let start = self.height_below(n)?;
        self.attach(how, start)
    }

    /// Where the last `n` values begin. MARKs that the pickle.py of Python 2 takes for some of them are used up.
    fn height_below(&mut self, n: usize) -> Step<usize> {
        if let Some(start) = self.stack.len().checked_sub(n) {
            return Ok(start);
        }
        let n_missing = n - self.stack.len();
        if n_missing > self.marks.len() && !self.findings.is_ambiguous {
            return Err(self.underflow());
        }
        self.findings.is_ambiguous = true;
        self.note_damage("expected values above the last MARK, found too few");
        let n_left = self.marks.len().saturating_sub(n_missing);
        self.marks.truncate(n_left);
        Ok(0)
    }

    pub(super) fn attach(&mut self, how: Attach, start: usize) -> Step {
        let below = start.checked_sub(1);
        let target = below.and_then(|at| Some((at, self.stack.get(at).copied()?)));
        let Some((at, target)) = target else {
            if self.marks.is_empty() && !self.findings.is_ambiguous {
                return Err(self.underflow());
            }
            // A MARK took the place of one of them.
            self.look_at_fence(start);
            self.marks.pop();
            self.stack.truncate(start);
            return Ok(());
        };
        self.look_at_fence(at);
        self.watch(start, how == Attach::Pairs);
        let mut items = self.stack.get(start..).unwrap_or_default();
        let step = match how {
            Attach::Items => usize::MAX,
            Attach::Pairs => 2,
            Attach::Members => 1,
        };
        if how == Attach::Pairs && !items.len().is_multiple_of(2) {
            let pairs = items.split_last().map(|(_, pairs)| pairs);
            let Some(pairs) = pairs.filter(|_| self.findings.is_ambiguous) else {
                return Err(self.broken("expected keys and values in pairs, found an odd number"));
            };
            items = pairs;
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
        let method = match how {
            Attach::Items => Method::Append,
            Attach::Pairs => Method::SetItem,
            Attach::Members => Method::Add,
        };
        self.spring(target, method);
        self.attached(target, attached, how)
    }

    pub(super) fn attached(&mut self, target: B::Ref, attached: Attached, how: Attach) -> Step {
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
}
