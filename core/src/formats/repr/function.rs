//! Functions and classes that were pickled by value (cloudpickle 0.4 to 3.1, dill 0.3 and 0.4): what their code names them.

use crate::formats::made::{Made, callable_name, dotted};
use crate::model::value::{NodeId, Tag, Value};

/// What is pickled by value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ByValue {
    Function(String),
    Class(String),
}

impl ByValue {
    /// The function or class that the object at `node` makes; `None` if it makes another thing.
    pub(super) fn of(value: &Value, node: NodeId) -> Option<Self> {
        let object = value.object(node)?;
        let arg = |at: usize| value.item(object.args, at);
        let Some((module, qualname)) = callable_name(value, object.callee) else {
            // cloudpickle up to 1.6: `_builtin_type("LambdaType")(code, …)`.
            let maker = Made::of(value, object.callee)?;
            let is_function = is_pickler(&maker.module)
                && maker.qualname == "_builtin_type"
                && matches!(
                    value.str(*maker.args.first()?)?.as_ref(),
                    "LambdaType" | "FunctionType"
                );
            return is_function.then(|| code_name(value, arg(0)?).map(Self::Function))?;
        };
        if !is_pickler(&module) {
            return None;
        }
        match &*qualname {
            // Up to 1.1 what was made is filled by a second call.
            "_fill_function" => {
                let inner = value.object(arg(0)?)?;
                let recorded = value.attribute(arg(1)?, "qualname");
                let recorded = recorded.and_then(|name| Some(value.str(name)?.into_owned()));
                recorded
                    .or_else(|| code_name(value, value.item(inner.args, 0)?))
                    .map(Self::Function)
            }
            "_make_function" | "_make_skel_func" | "_create_function" => {
                let mut parts = [object.state].into_iter().chain(value.items(object.state));
                let recorded = parts.find_map(|part| value.attribute(part, "__qualname__"));
                let recorded = recorded.and_then(|name| Some(value.str(name)?.into_owned()));
                recorded
                    .or_else(|| code_name(value, arg(0)?))
                    .map(Self::Function)
            }
            "_make_skeleton_class" | "_create_type" => {
                class_name(value, arg(1)?, arg(3)?).map(Self::Class)
            }
            // Up to 0.9: `_rehydrate_skeleton_class(type(name, bases, …), {…})`.
            "_rehydrate_skeleton_class" => {
                let bare = value.object(arg(0)?)?;
                class_name(value, value.item(bare.args, 0)?, arg(1)?).map(Self::Class)
            }
            _ => None,
        }
    }

    /// As Python prints it, without the address.
    pub(super) fn repr(&self) -> String {
        match self {
            Self::Function(name) => format!("<function {name}>"),
            Self::Class(name) => format!("<class '{name}'>"),
        }
    }
}

fn class_name(value: &Value, name: NodeId, attributes: NodeId) -> Option<String> {
    let module = value.attribute(attributes, "__module__");
    let module = module.and_then(|module| value.str(module));
    let name = value.str(name)?;
    Some(dotted(module.as_deref().unwrap_or("builtins"), &name))
}

/// True for cloudpickle, also where joblib and others bring their own, and for dill.
fn is_pickler(module: &str) -> bool {
    let mut parts = module.split('.');
    parts.any(|part| matches!(part, "cloudpickle" | "cloudpickle_fast" | "dill" | "_dill"))
}

/// The name in a code object's arguments: behind the names of variables stand the file, the name, and since
/// Python 3.11 the qualified name (`Objects/codeobject.c: code_new`).
fn code_name(value: &Value, code: NodeId) -> Option<String> {
    let args = value.sequence(value.object(code)?.args)?;
    let is_tuple = |node: &NodeId| value.tag(*node) == Some(Tag::Tuple);
    let file = args
        .iter()
        .zip(args.iter().skip(1))
        .position(|(before, at)| is_tuple(before) && value.str(*at).is_some())?;
    let text = |at: usize| value.str(*args.get(file + at)?).map(String::from);
    let has_two = text(3).filter(|_| {
        value
            .int(*args.get(file + 4).unwrap_or(&NodeId::MISSING))
            .is_some()
    });
    has_two.or_else(|| text(2))
}
