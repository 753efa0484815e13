//! Functions that later opcodes would call because the pickle put them where Python looks for a method.
//!
//! APPENDS, ADDITEMS and BUILD look their method up on the object itself (`Modules/_pickle.c` of CPython 3.13:
//! `do_append`, `load_additems`, `load_build`), where state may have put any function; old-style instances of Python 2
//! do the same for SETITEMS and for calls. Which object a dict ends up in cannot be told (`__dict__` may be set to it, it
//! may be filled later), so a function under such a name in any dict counts for every object of the pickle.

use std::collections::BTreeSet;

use super::{Arg, Build, Machine, NameId, Text};

/// What is looked up on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    SetState = 1,
    Append = 2,
    Add = 4,
    SetItem = 8,
    Call = 16,
    /// Where the wrappers of `collections` keep what they pass on to.
    Inner = 32,
    /// Any other that may act by being set: `__class__`, `__eq__`, …
    Other = 64,
}

/// Stands for a name that cannot be told.
const ANY: u8 = u8::MAX;
/// Longest line that may be such a name with each character escaped.
const MAX_ESCAPED: usize = 200;

impl Method {
    fn named(text: &[u8]) -> Option<Self> {
        Some(match text {
            b"__setstate__" => Self::SetState,
            // `do_append` asks for `extend` first (CPython 3.7 and up).
            b"append" | b"extend" => Self::Append,
            b"add" => Self::Add,
            b"__setitem__" => Self::SetItem,
            b"__call__" | b"__new__" => Self::Call,
            b"data" | b"maps" => Self::Inner,
            [b'_', b'_', .., b'_', b'_'] => Self::Other,
            _ => return None,
        })
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Traps {
    /// The methods that texts and bytes of the pickle name.
    named: u8,
    /// Functions by the methods whose name they were put under.
    bound: Vec<(u8, NameId)>,
    seen: BTreeSet<(u8, NameId)>,
    /// Functions that run code, put into tuples, lists and dicts: `dict([('add', os.system)])` makes the dict elsewhere.
    held: BTreeSet<NameId>,
}

impl<B: Build> Machine<'_, B> {
    /// Looks at a text or at bytes for the name of a method.
    #[inline]
    pub(super) fn note_word(&mut self, arg: Arg) {
        if let Some(method) = Method::named(self.input.bytes(arg)) {
            self.traps.named |= method as u8;
        }
    }

    /// The same for the line of protocol 0 that was just pushed; it may be quoted and escaped.
    pub(super) fn note_line(&mut self, arg: Arg) {
        let line = self.input.bytes(arg);
        if !line.contains(&b'\\') {
            let quoted = |quote: &u8| matches!(quote, b'\'' | b'"');
            let text = line.trim_ascii();
            let text = match text {
                [first, text @ .., last] if quoted(first) && first == last => text,
                _ => text,
            };
            self.traps.named |= Method::named(text).map_or(0, |method| method as u8);
        } else if line.len() <= MAX_ESCAPED {
            // Whatever the escapes say: names have none.
            self.traps.named = ANY;
        }
    }

    /// Looks at what goes into a container, from this height on: keys and values in turn if `is_dict`.
    #[inline]
    pub(super) fn watch(&mut self, start: usize, is_dict: bool) {
        if self.traps.named != 0 || self.findings.has_code {
            self.watch_closely(start, is_dict);
        }
    }

    fn watch_closely(&mut self, start: usize, is_dict: bool) {
        for at in start..self.stack.len() {
            let Some(value) = self.stack.get(at).copied() else {
                return;
            };
            let name = self.build.denotes(value);
            let is_code = name.is_some_and(|name| self.findings.is_code(name));
            if let Some(name) = name.filter(|name| is_code && !self.findings.is_array_class(*name))
            {
                self.traps.held.insert(name);
            }
            let is_value = if is_dict {
                (at - start) % 2 == 1
            } else {
                is_code
            };
            let may_be_called = name.is_some()
                || self
                    .build
                    .made_by(value)
                    .is_some_and(|maker| !self.findings.is_data(maker));
            let key = at.checked_sub(1).filter(|key| *key >= start);
            if is_value
                && may_be_called
                && let Some(key) = key.and_then(|key| self.stack.get(key).copied())
            {
                self.bind(key, value, is_code);
            }
        }
    }

    /// A key, and beside it what may be called.
    fn bind(&mut self, key: B::Ref, value: B::Ref, is_code: bool) {
        let method = match self.build.text(key, &self.input) {
            Text::Is(text) if text == b"__dict__" => {
                if let Some(name) = self.build.denotes(value) {
                    self.findings.changes(name, "__setitem__", self.at);
                }
                return;
            }
            Text::Is(text) if text == b"__class__" => {
                let class = self.callee_name(value);
                self.findings.call(class, self.at, Vec::new);
                return;
            }
            Text::Is(text) => match Method::named(&text) {
                Some(method) => method as u8,
                None => return,
            },
            // The result of a call may be any text.
            Text::Other if is_code && self.build.may_be_text(key) => ANY,
            Text::OutOfReach if is_code => ANY,
            Text::Other | Text::OutOfReach => return,
        };
        let function = self.callee_name(value);
        if method == Method::Other as u8 {
            if is_code {
                self.findings.call(function, self.at, Vec::new);
            }
        } else if self.traps.seen.insert((method, function)) {
            self.traps.bound.push((method, function));
        }
    }

    /// An opcode looks `methods` up on `target`: what was put there would be called. Each is told once.
    pub(super) fn spring(&mut self, target: B::Ref, method: Method) {
        if self.traps.bound.is_empty() && self.traps.held.is_empty()
            || !self.build.is_object(target)
        {
            return;
        }
        let maker = self.build.made_by(target);
        let passes_on = maker.is_some_and(|maker| self.findings.passes_on(maker));
        let wanted = method as u8 | if passes_on { Method::Inner as u8 } else { 0 };
        let mut called = BTreeSet::new();
        for (of, function) in self.traps.bound.extract_if(.., |(of, _)| *of & wanted != 0) {
            if of == Method::Inner as u8 {
                self.findings.changes(function, "__setitem__", self.at);
            } else {
                called.insert(function);
            }
        }
        if self.traps.named & wanted != 0 {
            called.append(&mut self.traps.held);
        }
        for function in called {
            self.findings.call(function, self.at, Vec::new);
        }
    }
}
