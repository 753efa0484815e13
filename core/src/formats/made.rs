//! Objects as Python would make them: which class, with which arguments, whatever detour the pickle took.

use std::borrow::Cow;

use crate::model::value::{Name, NodeId, Object, Tag, Value};

/// An object seen as a call of its class or constructor.
#[derive(Debug, Clone)]
pub(crate) struct Made<'v> {
    pub(crate) module: Cow<'v, str>,
    pub(crate) qualname: Cow<'v, str>,
    /// Positional arguments.
    pub(crate) args: Vec<NodeId>,
    /// Keyword arguments, a dict; missing if there are none.
    pub(crate) kwargs: NodeId,
    /// What the built-in base class of an old-style record was given; missing if nothing.
    pub(crate) base: NodeId,
    pub(crate) state: NodeId,
    pub(crate) items: NodeId,
    pub(crate) pairs: NodeId,
}

impl<'v> Made<'v> {
    /// The object at `node`; `None` if it is none, or is made by something without a name.
    pub(crate) fn of(value: &'v Value, node: NodeId) -> Option<Self> {
        Self::of_object(value, value.object(node)?)
    }

    pub(crate) fn of_object(value: &'v Value, object: &Object) -> Option<Self> {
        let mut args = value.sequence(object.args).unwrap_or_default();
        let mut kwargs = object.kwargs;
        let (module, qualname) = if let Some(name) = callable_name(value, object.callee) {
            name
        } else {
            let (name, first, named) = prepared_call(value, object.callee)?;
            args.splice(0..0, first);
            kwargs = named;
            name
        };
        let made = Self {
            module,
            qualname,
            args,
            kwargs,
            base: NodeId::MISSING,
            state: object.state,
            items: object.items,
            pairs: object.pairs,
        };
        Some(made.without_detour(value).unwrap_or(made))
    }

    /// `copyreg`'s helpers make an instance of the class that is their first argument (protocols 0 and 1).
    fn without_detour(&self, value: &'v Value) -> Option<Self> {
        if &*self.module != "copyreg" {
            return None;
        }
        let (module, qualname) = callable_name(value, *self.args.first()?)?;
        let made = Self {
            module,
            qualname,
            ..self.clone()
        };
        Some(match &*self.qualname {
            // A tuple of one's own class is given its items.
            "_reconstructor"
                if self
                    .args
                    .get(1)
                    .and_then(|base| value.name(*base))
                    .is_some_and(|base| base.is("builtins", "tuple")) =>
            {
                Self {
                    args: value.sequence(*self.args.get(2)?)?,
                    ..made
                }
            }
            "_reconstructor" => Self {
                args: Vec::new(),
                base: match self.args.get(2) {
                    Some(&NodeId::NONE) | None => NodeId::MISSING,
                    Some(state) => *state,
                },
                ..made
            },
            "__newobj__" => Self {
                args: self.args.get(1..)?.to_vec(),
                ..made
            },
            "__newobj_ex__" => Self {
                args: value.sequence(*self.args.get(1)?)?,
                kwargs: *self.args.get(2)?,
                ..made
            },
            _ => return None,
        })
    }

    /// `module.Qualname`, `builtins` left out.
    pub(crate) fn type_name(&self) -> String {
        dotted(&self.module, &self.qualname)
    }

    /// A named attribute of the state, where that is a dict or a pair of dict and slots.
    pub(crate) fn attribute(&self, value: &Value, name: &str) -> Option<NodeId> {
        value.attribute(self.state, name).or_else(|| {
            value
                .items(self.state)
                .find_map(|part| value.attribute(part, name))
        })
    }
}

/// Members of a set, behind true for a frozen one.
pub(crate) type Members = (bool, Vec<NodeId>);

/// Members of a set, with true for a frozen one; `None` for what is no set.
pub(crate) fn set_members(value: &Value, node: NodeId) -> Option<Members> {
    match value.tag(node)? {
        tag @ (Tag::Set | Tag::FrozenSet) => {
            Some((tag == Tag::FrozenSet, value.items(node).collect()))
        }
        Tag::Object => {
            // Before protocol 4 sets are made of lists.
            let made = Made::of(value, node)?;
            let is_frozen = match (&*made.module, &*made.qualname) {
                ("builtins", "set") => false,
                ("builtins", "frozenset") => true,
                _ => return None,
            };
            let items = match made.args.first() {
                Some(list) => value.sequence(*list)?,
                None => Vec::new(),
            };
            Some((is_frozen, items))
        }
        _ => None,
    }
}

/// Module and qualified name.
type CallableName<'v> = (Cow<'v, str>, Cow<'v, str>);

/// What a `functools.partial` calls, with which first arguments and which named ones: below protocol 4 it carries the
/// named arguments of a call, `partial(cls.__new__, cls, …)()` for a class with `__getnewargs_ex__` (`copyreg.py`,
/// `_pickle.c: save_reduce`).
fn prepared_call(value: &Value, callee: NodeId) -> Option<(CallableName<'_>, Vec<NodeId>, NodeId)> {
    let object = value.object(callee)?;
    if !value.name(object.callee)?.is("functools", "partial") {
        return None;
    }
    let state = value.sequence(object.state)?;
    let [function, args, kwargs, ..] = state.as_slice() else {
        return None;
    };
    let mut args = value.sequence(*args)?;
    if args.is_empty() || !is_new(value, *function) {
        return Some((callable_name(value, *function)?, args, *kwargs));
    }
    let class = args.remove(0);
    Some((callable_name(value, class)?, args, *kwargs))
}

/// True for `cls.__new__`.
fn is_new(value: &Value, node: NodeId) -> bool {
    callable_name(value, node).is_some_and(|(_, qualname)| {
        let last = qualname.rsplit('.').next();
        last == Some("__new__")
    })
}

/// Module and qualified name of what `getattr(owner, name)` gives, where the owner is a global; `None` for attributes
/// of other objects.
pub(crate) fn attribute_name<'v>(value: &'v Value, made: &Made<'_>) -> Option<CallableName<'v>> {
    let (module, owner) = callable_name(value, *made.args.first()?)?;
    let name = value.str(*made.args.get(1)?)?;
    Some((module, Cow::Owned(format!("{owner}.{name}"))))
}

/// `module.Qualname`, `builtins` left out.
pub(crate) fn dotted(module: &str, qualname: &str) -> String {
    if module == "builtins" {
        qualname.to_owned()
    } else {
        format!("{module}.{qualname}")
    }
}

/// Nested names are `getattr(getattr(Outer, 'Middle'), 'Inner')` below protocol 4.
const MAX_NESTING: usize = 16;

/// Module and qualified name of a callable that is a global, or reached from one by `getattr`.
pub(crate) fn callable_name(value: &Value, node: NodeId) -> Option<CallableName<'_>> {
    let mut attributes = Vec::new();
    let mut at = node;
    for _ in 0..MAX_NESTING {
        if let Some(Name {
            module, qualname, ..
        }) = value.name(at)
        {
            if attributes.is_empty() {
                return Some((Cow::Borrowed(module), Cow::Borrowed(qualname)));
            }
            attributes.push(qualname.to_string());
            attributes.reverse();
            return Some((Cow::Borrowed(module), Cow::Owned(attributes.join("."))));
        }
        let object = value.object(at)?;
        if !value.name(object.callee)?.is("builtins", "getattr") {
            return None;
        }
        at = value.item(object.args, 0)?;
        attributes.push(value.str(value.item(object.args, 1)?)?.into_owned());
    }
    None
}
