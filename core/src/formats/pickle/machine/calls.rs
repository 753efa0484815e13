//! Opcodes that name globals, call them and set state: all of it only noted.

use super::{
    Arg, Attached, Block, BlockData, Build, Call, CallClass, Dialect, Frame, Machine, Memo, Method,
    NameId, Step, Tag, Text, Then,
};

impl<B: Build> Machine<'_, B> {
    pub(super) fn global_name(&mut self, arg: Arg) -> NameId {
        let maps_python2 = self.declared < 3;
        let name = if arg.is_cut() {
            self.findings.long_name()
        } else {
            self.findings.global(self.input.bytes(arg), maps_python2)
        };
        self.findings.imports(name, self.at);
        name
    }

    pub(super) fn push_global(&mut self, name: NameId) -> Step {
        let global = self.build.global(name);
        self.push_kept(global)
    }

    pub(super) fn stack_global(&mut self) -> Step {
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
                // What a global or the result of a call is may be text: then the name is computed, and only Python
                // could tell it.
                if *text == Text::Other && !self.build.may_be_text(part) {
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

    pub(super) fn reduce(&mut self) -> Step {
        let args = self.pop()?;
        let callee = self.pop()?;
        self.make(Call {
            callee,
            args,
            kwargs: None,
        })
    }

    pub(super) fn new_with_keywords(&mut self) -> Step {
        let kwargs = self.pop()?;
        let args = self.pop()?;
        let callee = self.pop()?;
        self.make(Call {
            callee,
            args,
            kwargs: Some(kwargs),
        })
    }

    pub(super) fn inst(&mut self, arg: Arg) -> Step {
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

    pub(super) fn obj(&mut self) -> Step {
        let mark = self.pop_mark()?;
        let callee = match self.stack.get(mark).copied() {
            Some(callee) => callee,
            None if self.findings.is_ambiguous => B::MISSING,
            None => return Err(self.underflow()),
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

    pub(super) fn make(&mut self, call: Call<B::Ref>) -> Step {
        let call = self.of_wrapper(call);
        self.spring(call.callee, Method::Call);
        let name = self.callee_name(call.callee);
        let (build, input) = (&mut self.build, &self.input);
        let gives = self.findings.call(name, self.at, || {
            let mut args = build.call_args(call.args, input);
            if let Some(kwargs) = call.kwargs {
                args.extend(build.call_args(kwargs, input));
            }
            args
        });
        let object = self.build.object(call, gives, &self.findings, &self.input);
        self.push_kept(object)
    }

    /// As protocols 2 and later make joblib's wrapper: 0 and 1 have `copyreg._reconstructor` make it.
    fn of_wrapper(&self, call: Call<B::Ref>) -> Call<B::Ref> {
        let name = |value| self.build.denotes(value);
        let is_wrapper = |class: &B::Ref| {
            let wrapper = self.findings.array_wrapper;
            wrapper.is_some() && name(*class) == wrapper
        };
        let maker = name(call.callee).filter(|maker| self.findings.makes_instances(*maker));
        let class = maker.and_then(|_| self.build.first(call.args));
        match class.filter(is_wrapper) {
            Some(callee) => Call {
                callee,
                args: B::EMPTY_TUPLE,
                kwargs: None,
            },
            None => call,
        }
    }

    /// A name for whatever is called, so that every call is listed under one.
    pub(super) fn callee_name(&mut self, callee: B::Ref) -> NameId {
        if let Some(name) = self.build.denotes(callee) {
            return name;
        }
        if let Some(maker) = self.build.made_by(callee) {
            return self.findings.result_of(maker);
        }
        let word = self.build.word(callee);
        self.findings.made_up(word, CallClass::Unknown)
    }

    pub(super) fn build_state(&mut self) -> Step {
        let state = self.pop()?;
        let target = self.top()?;
        self.spring(target, Method::SetState);
        if let Some(maker) = self.build.made_by(target)
            && self.findings.is_partial(maker)
        {
            let args = self.build.call_args(state, &self.input);
            self.findings.partial_holds(&args, self.at);
        }
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
        if self.dialect != Dialect::Plain && self.build.is_waiting_wrapper(target, &self.findings) {
            self.dialect = Dialect::Joblib { has_arrays: true };
            return self.array_block(target);
        }
        Ok(())
    }

    /// Behind the state of joblib's wrapper stands the array itself (`joblib/numpy_pickle.py: load_build`).
    pub(super) fn array_block(&mut self, target: B::Ref) -> Step {
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

    pub(super) fn persistent(&mut self) -> Step {
        let id = self.pop()?;
        let value = self.build.persistent(id);
        self.push_kept(value)
    }

    pub(super) fn next_buffer(&mut self) -> Step {
        let number = self.n_buffers;
        self.n_buffers = number.saturating_add(1);
        let buffer = self.build.buffer(number);
        self.push_kept(buffer)
    }

    pub(super) fn extension(&mut self, code: u64) -> Step {
        let code = u32::try_from(code & u64::from(u32::MAX)).unwrap_or_default();
        if code == 0 || code > u32::MAX / 2 {
            return Err(self.broken("expected an extension code above zero"));
        }
        let value = self.build.extension(code);
        self.push_kept(value)
    }
}
