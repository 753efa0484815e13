//! The globals that a pickle names and the calls that it would make, each kept once.

use std::collections::HashMap;

use super::classify::{classify, import_acts};
use super::compat::python3_name;
use crate::formats::made::dotted;
use crate::model::value::{Call, CallClass, Name};

/// Index of a name in [`Findings`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct NameId(pub(super) u32);

/// An argument of a call, as far as it matters for what the call does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallArg {
    /// A global, or what getattr on one gives.
    Name(NameId),
    /// An object made by calling this name.
    Made(NameId),
    /// Text.
    Text(String),
    /// Anything else.
    Other,
}

/// What was found so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) names: Vec<Name>,
    tallies: Vec<Tally>,
    by_text: HashMap<Box<[u8]>, NameId>,
    /// Bytes in `names`.
    n_bytes: usize,
    /// joblib's array wrapper, behind whose state raw data follow.
    pub(super) array_wrapper: Option<NameId>,
    /// Something that runs code is among the names.
    pub(super) has_code: bool,
    /// The pickle takes a MARK for a value: Pythons go on from there with different stacks, so that any name may be called.
    pub(super) is_ambiguous: bool,
    /// A `functools.partial` holds a function that is not on the short list, so that calling one may do anything.
    has_odd_partial: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    /// A GLOBAL, INST or `STACK_GLOBAL` said so; else it was only reached through getattr.
    is_global: bool,
    count: u64,
    first: u64,
    worst: Option<CallClass>,
}

/// How many arguments of one call are looked at.
pub(super) const MAX_CALL_ARGS: usize = 64;

/// Distinct names that are kept; more is no pickle but a flood.
const MAX_NAMES: usize = MAX_NAMES_ID as usize;
const MAX_NAMES_ID: u32 = 100_000;
/// Bytes of the names that are kept.
const MAX_NAMES_BYTES: usize = 16 << 20;
/// Stands for all names beyond.
const FLOOD: &str = "more than 100,000 names";
/// Longest name that is kept, in bytes: no program has one, but chains of getattr make them.
const MAX_NAME_BYTES: usize = 1 << 10;
/// Stands for all that are longer.
const LONG: &str = "a name of more than 1,024 bytes";

impl Findings {
    /// The id of `module` LF `name` as they stand in the stream.
    pub(super) fn global(&mut self, two_lines: &[u8], maps_python2: bool) -> NameId {
        if two_lines.len() > MAX_NAME_BYTES {
            return self.long_name();
        }
        if let Some(id) = self.by_text.get(two_lines) {
            return *id;
        }
        let mut lines = two_lines.splitn(2, |b| *b == b'\n');
        let module = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let name = String::from_utf8_lossy(lines.next().unwrap_or_default());
        let (module, name) = if maps_python2 {
            python3_name(&module, &name)
        } else {
            (&*module, &*name)
        };
        let id = self.intern(two_lines, module, name);
        if (module, name) == ("joblib.numpy_pickle", "NumpyArrayWrapper") {
            self.array_wrapper = Some(id);
        }
        self.mark_global(id);
        id
    }

    /// The id of a global whose name is too long to be kept.
    pub(super) fn long_name(&mut self) -> NameId {
        let id = self.stand_in(LONG);
        self.mark_global(id);
        id
    }

    fn mark_global(&mut self, id: NameId) {
        if let Some(tally) = self.tally(id) {
            tally.is_global = true;
        }
    }

    fn intern(&mut self, key: &[u8], module: &str, qualname: &str) -> NameId {
        if let Some(id) = self.by_text.get(key) {
            return *id;
        }
        if module.len() + qualname.len() > MAX_NAME_BYTES {
            return self.stand_in(LONG);
        }
        if self.names.len() >= MAX_NAMES || self.n_bytes >= MAX_NAMES_BYTES {
            return self.stand_in(FLOOD);
        }
        self.keep(key, module, qualname, classify(module, qualname))
    }

    /// One name for all that are not kept: they must not hide the one that matters, so all are called code.
    fn stand_in(&mut self, text: &str) -> NameId {
        match self.by_text.get(text.as_bytes()) {
            Some(id) => *id,
            None => self.keep(text.as_bytes(), "", text, CallClass::Code),
        }
    }

    fn keep(&mut self, key: &[u8], module: &str, qualname: &str, class: CallClass) -> NameId {
        self.has_code |= class == CallClass::Code;
        self.n_bytes += module.len() + qualname.len();
        let id = NameId(u32::try_from(self.names.len()).unwrap_or(MAX_NAMES_ID));
        self.names.push(Name {
            module: module.into(),
            qualname: qualname.into(),
            class,
        });
        self.tallies.push(Tally::default());
        self.by_text.insert(key.into(), id);
        id
    }

    /// What stands for a callable that is no name: a persistent id, or a global whose name is computed.
    pub(super) fn made_up(&mut self, text: &str, class: CallClass) -> NameId {
        let id = self.intern(text.as_bytes(), "", text);
        if let Some(name) = self.names.get_mut(id.0 as usize) {
            name.class = name.class.max(class);
        }
        self.has_code |= class == CallClass::Code;
        id
    }

    pub(super) fn name(&self, id: NameId) -> Option<&Name> {
        self.names.get(id.0 as usize)
    }

    fn tally(&mut self, id: NameId) -> Option<&mut Tally> {
        self.tallies.get_mut(id.0 as usize)
    }

    fn class(&self, id: NameId) -> CallClass {
        self.name(id).map_or(CallClass::Unknown, |name| name.class)
    }

    /// Notes one call of `callee`; `args` is asked only where they matter. Returns what the call gives, if it is a
    /// name again (getattr).
    pub(super) fn call(
        &mut self,
        callee: NameId,
        offset: u64,
        args: impl FnOnce() -> Vec<CallArg>,
    ) -> Option<NameId> {
        let name = self.name(callee)?;
        let mut class = name.class;
        let mut gives = None;
        if class != CallClass::Data || looks_at_arguments(name) {
            let special = Special::of(name);
            let args = args();
            (class, gives) = self.with_arguments(special, class, &args, offset);
        }
        self.count(callee, class, offset);
        gives
    }

    fn count(&mut self, id: NameId, class: CallClass, offset: u64) {
        if let Some(tally) = self.tally(id) {
            if tally.count == 0 {
                tally.first = offset;
            }
            tally.count += 1;
            tally.worst = tally.worst.max(Some(class));
        }
    }

    fn with_arguments(
        &mut self,
        special: Special,
        class: CallClass,
        args: &[CallArg],
        offset: u64,
    ) -> (CallClass, Option<NameId>) {
        match (special, args) {
            (
                Special::Getattr,
                [
                    owner @ (CallArg::Name(base) | CallArg::Made(base)),
                    CallArg::Text(attribute),
                    ..,
                ],
            ) => {
                let Some(base) = self.name(*base) else {
                    return (CallClass::Unknown, None);
                };
                let module = base.module.to_string();
                let qualname = format!("{}.{attribute}", base.qualname);
                let key = format!("getattr\n{module}\n{qualname}");
                // A class has the `__new__` that it came with; an instance may have been given any other.
                let id = match owner {
                    CallArg::Made(_) if attribute == "__new__" => {
                        self.made_up(&dotted(&module, &qualname), CallClass::Code)
                    }
                    _ => self.intern(key.as_bytes(), &module, &qualname),
                };
                (self.class(id), Some(id))
            }
            (Special::LoadType, [CallArg::Text(name), ..]) => {
                let (module, qualname) = dill_type(name);
                let key = format!("type\n{module}\n{qualname}");
                let id = self.intern(key.as_bytes(), module, qualname);
                (self.class(id), Some(id))
            }
            // Which attribute, or of what, is computed: nobody writes that without a purpose.
            (Special::Getattr, _) => {
                let id = self.made_up("result of getattr", CallClass::Code);
                (CallClass::Code, Some(id))
            }
            (Special::Encode, [_, CallArg::Text(encoding), ..])
                if matches!(encoding.as_str(), "latin1" | "latin-1") =>
            {
                (CallClass::Data, None)
            }
            (Special::Encode, _) => (CallClass::Unknown, None),
            (Special::Partial, args) => {
                self.partial_holds(args, offset);
                (self.passing_on(class, args, offset), None)
            }
            (Special::Maker, [CallArg::Name(class_made), ..]) => {
                let made = self.class(*class_made);
                self.count(*class_made, made, offset);
                (class, None)
            }
            _ => (self.passing_on(class, args, offset), None),
        }
    }

    /// A function that runs code, handed to something that may call it (`map`, `partial`, …).
    fn passing_on(&mut self, class: CallClass, args: &[CallArg], offset: u64) -> CallClass {
        let mut class = class;
        for arg in args {
            if let CallArg::Name(id) = arg
                && self.class(*id) == CallClass::Code
            {
                self.count(*id, CallClass::Code, offset);
                class = CallClass::Code;
            }
        }
        class
    }

    /// Notes what a `functools.partial` holds: its first argument, or the first item of its state, is the function.
    ///
    /// pandas 1.3 calls `partial(new_block, ndim=2)`; whoever calls any other hides something.
    pub(super) fn partial_holds(&mut self, args: &[CallArg], offset: u64) {
        // So is `partial(Class.__new__, Class, name=…)()`, which `copyreg.__newobj_ex__` becomes below protocol 4.
        let is_plain = |id: NameId| match self.class(id) {
            CallClass::Data => true,
            CallClass::Unknown => self
                .name(id)
                .is_some_and(|name| name.qualname.ends_with(".__new__")),
            CallClass::Code => false,
        };
        let is_plain = matches!(args.first(), Some(CallArg::Name(id)) if is_plain(*id));
        self.has_odd_partial |= !is_plain;
        self.passing_on(CallClass::Unknown, args, offset);
    }

    /// True for `functools.partial`.
    pub(super) fn is_partial(&self, id: NameId) -> bool {
        self.name(id)
            .is_some_and(|name| name.is("functools", "partial"))
    }

    /// True for what runs code when it is called.
    pub(super) fn is_code(&self, id: NameId) -> bool {
        self.class(id) == CallClass::Code
    }

    /// True for `numpy.memmap`: opened by a name it acts, but its name also stands beside the arrays that were made of it,
    /// and as the method of another object it could only open what that object already says.
    pub(super) fn is_array_class(&self, id: NameId) -> bool {
        self.name(id).is_some_and(|name| {
            &*name.qualname == "memmap" && matches!(&*name.module, "numpy" | "numpy.core.memmap")
        })
    }

    /// True for what only makes data.
    pub(super) fn is_data(&self, id: NameId) -> bool {
        self.class(id) == CallClass::Data
    }

    /// True for what makes an instance of its first argument.
    pub(super) fn makes_instances(&self, id: NameId) -> bool {
        self.name(id)
            .is_some_and(|name| Special::of(name) == Special::Maker)
    }

    /// True for the classes that hand what is added to them on to an attribute.
    pub(super) fn passes_on(&self, id: NameId) -> bool {
        let is_wrapper = |name: &Name| {
            ["UserDict", "UserList", "ChainMap"]
                .iter()
                .any(|class| name.is("collections", class))
        };
        self.name(id).is_some_and(is_wrapper)
    }

    /// True for dill's way to name a type, whose result is a global like any other.
    pub(super) fn loads_types(&self, id: NameId) -> bool {
        self.name(id)
            .is_some_and(|name| Special::of(name) == Special::LoadType)
    }

    /// True for cloudpickle's way to fill a function that it made before (`cloudpickle_fast.py`, 1.5 to 3.1).
    pub(super) fn fills_functions(&self, id: NameId) -> bool {
        self.name(id).is_some_and(|name| {
            &*name.qualname == "_function_setstate"
                && name.module.split('.').any(|part| part == "cloudpickle")
        })
    }

    /// Notes that attributes or items of something not made by this pickle would be changed.
    pub(super) fn changes(&mut self, target: NameId, how: &str, offset: u64) {
        let Some(name) = self.name(target) else {
            return;
        };
        let text = format!("{}.{how}", name.dotted());
        let id = self.made_up(&text, CallClass::Code);
        self.count(id, CallClass::Code, offset);
    }

    /// Notes that importing a global's module acts by itself.
    pub(super) fn imports(&mut self, id: NameId, offset: u64) {
        let Some(name) = self.name(id) else {
            return;
        };
        if import_acts(&name.module) {
            let text = format!("import {}", name.module);
            let id = self.made_up(&text, CallClass::Code);
            self.count(id, CallClass::Code, offset);
        }
    }

    /// The name of what a call of `callee` gives, for when that is called in turn.
    pub(super) fn result_of(&mut self, callee: NameId) -> NameId {
        let Some(name) = self.name(callee) else {
            return callee;
        };
        let is_odd = self.is_partial(callee) && self.has_odd_partial;
        let class = if is_odd || name.class == CallClass::Code {
            CallClass::Code
        } else {
            CallClass::Unknown
        };
        let text = format!("result of {}", text_of(name));
        self.made_up(&text, class)
    }

    /// `module.name` of every global, in order of appearance.
    pub(super) fn globals(&self) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let mut out = Vec::new();
        for (name, tally) in self.names.iter().zip(&self.tallies) {
            let text = text_of(name);
            if tally.is_global && seen.insert(text.clone()) {
                out.push(text);
            }
        }
        out
    }

    /// The class of a call that some Python may make of an ambiguous pickle: of what runs code, and of what finds it.
    fn feared(&self, name: &Name, tally: &Tally) -> Option<CallClass> {
        let is_feared = self.is_ambiguous
            && tally.is_global
            && (name.class == CallClass::Code || Special::of(name) == Special::Getattr);
        is_feared.then_some(CallClass::Code)
    }

    /// Every call, in order of first appearance.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls_where(|_, _| true)
    }

    /// Those among them whose name and class are wanted.
    pub(super) fn calls_where(&self, is_wanted: impl Fn(&Name, CallClass) -> bool) -> Vec<Call> {
        let mut out: Vec<Call> = Vec::new();
        let mut at: HashMap<String, usize> = HashMap::new();
        for (name, tally) in self.names.iter().zip(&self.tallies) {
            let class = tally.worst.max(self.feared(name, tally));
            let Some(class) = class.filter(|class| is_wanted(name, *class)) else {
                continue;
            };
            let call = Call {
                name: text_of(name),
                class,
                count: tally.count.max(1),
                offset: tally.first,
            };
            if let Some(same) = at.get(&call.name).and_then(|i| out.get_mut(*i)) {
                same.class = same.class.max(class);
                same.count += call.count;
                same.offset = same.offset.min(call.offset);
            } else {
                at.insert(call.name.clone(), out.len());
                out.push(call);
            }
        }
        out.sort_by_key(|call| call.offset);
        out
    }
}

/// Callables whose arguments decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Special {
    Getattr,
    /// `_codecs.encode`: Python 3's way to write bytes at protocols up to 2.
    Encode,
    /// Makes an instance of the class that is its first argument.
    Maker,
    /// Holds a function for later.
    Partial,
    /// Gives a type by dill's name for it.
    LoadType,
    Other,
}

impl Special {
    fn of(name: &Name) -> Self {
        match (&*name.module, &*name.qualname) {
            ("builtins", "getattr") => Self::Getattr,
            ("_codecs" | "codecs", "encode") => Self::Encode,
            ("copyreg", "_reconstructor" | "__newobj__" | "__newobj_ex__") => Self::Maker,
            ("functools", "partial") => Self::Partial,
            ("dill._dill" | "dill.dill", "_load_type") => Self::LoadType,
            _ => Self::Other,
        }
    }
}

/// What dill's `_load_type` gives: `_reverse_typemap` of `dill/_dill.py` (checked against 0.2.7.1, 0.3.6 and 0.4.1).
fn dill_type(name: &str) -> (&'static str, &str) {
    match name {
        "SliceType" => ("builtins", "slice"),
        "FileType" => ("_io", "FileIO"),
        "PartialType" => ("functools", "partial"),
        "AttrGetterType" => ("operator", "attrgetter"),
        "ItemGetterType" => ("operator", "itemgetter"),
        name if name.ends_with("Type") => ("types", name),
        name => ("builtins", name),
    }
}

fn looks_at_arguments(name: &Name) -> bool {
    &*name.module == "copyreg" || &*name.module == "collections"
}

fn text_of(name: &Name) -> String {
    if name.module.is_empty() {
        name.qualname.to_string()
    } else {
        name.dotted()
    }
}
