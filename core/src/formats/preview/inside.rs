//! A part of a value, by itself: an array in a dict, a frame in a tuple, found by its node or by its path.

use std::time::Instant;

use super::{Options, Preview, SideFiles};
use crate::formats::made::Made;
use crate::formats::numpy::ArrayView;
use crate::model::value::{NodeId, Value};
use crate::model::{Child, ChildKey, Kind};

impl Preview {
    /// What there is to see of `node` alone; what concerns the bytes as a whole stays as it is.
    #[must_use]
    pub fn inside(&self, node: NodeId, side_files: &dyn SideFiles, options: &Options) -> Self {
        let mut inside = Self {
            node,
            value_type: self.value.type_name(node),
            summary: self.value.label(node),
            array: None,
            array_handle: None,
            table: None,
            table_handle: None,
            sparse_handle: None,
            ..self.clone()
        };
        inside.look_at(Instant::now(), side_files, options);
        inside
    }

    /// Finds out whether the node is an array, a table or a sparse matrix.
    pub(super) fn look_at(
        &mut self,
        started: Instant,
        side_files: &dyn SideFiles,
        options: &Options,
    ) {
        let node = self.node;
        if let Some(handle) = self.array_at(node, side_files) {
            self.show_array(handle, started, options);
        } else if let Some(handle) = self.table_at(node) {
            self.show_table(handle);
        } else if let Some(handle) = self.sparse_at(node) {
            self.summary = handle.label(&self.value_type);
            self.sparse_handle = Some(handle);
        }
    }
}

impl Value {
    /// True for an array, a data frame or a sparse matrix, which [`Preview::inside`] shows as one. Goes by names:
    /// what is in it is not read.
    pub fn has_inside(&self, node: NodeId) -> bool {
        if ArrayView::of(self, node).is_some() {
            return true;
        }
        let Some(made) = Made::of(self, node) else {
            return false;
        };
        let is_of = |package: &str| {
            let rest = made.module.strip_prefix(package);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        is_of("pandas") && matches!(&*made.qualname, "DataFrame" | "Series")
            || is_of("scipy.sparse")
                && (made.qualname.ends_with("_matrix") || made.qualname.ends_with("_array"))
    }

    /// How Python would go from a parent to this child: `[3]`, `['key']`, `.name`, `.args[0]`; cut behind 64 Ki
    /// characters, for of a key of a few bytes there may be no end.
    pub fn step(&self, child: &Child) -> String {
        const MAX_STEP: usize = 64 << 10;
        self.step_up_to(child, MAX_STEP)
    }

    fn step_up_to(&self, child: &Child, max_chars: usize) -> String {
        let index = |node: NodeId| format!("[{}]", self.repr(node, max_chars).text);
        let name = |node: NodeId| match self.str(node) {
            Some(name) => format!(".{name}"),
            None => index(node),
        };
        match child.key {
            ChildKey::Index(n) => format!("[{n}]"),
            ChildKey::Key(key) => index(key),
            ChildKey::Attribute(key) | ChildKey::Keyword(key) => name(key),
            ChildKey::Argument(n) => format!(".args[{n}]"),
            ChildKey::State => ".state".to_owned(),
        }
    }

    /// The node that is reached from `from` by these steps, each as [`Value::step`] writes it.
    ///
    /// # Errors
    /// The part of the path that leads nowhere.
    ///
    /// ```
    /// use cachescope_core::formats::pickle;
    ///
    /// // pickle.dumps({"a": [10, 20]}, 2)
    /// let value = pickle::decode_bytes(b"\x80\x02}q\x00X\x01\x00\x00\x00aq\x01]q\x02(K\x0aK\x14es.").value;
    /// let node = value.find(value.root(), "['a'][1]").unwrap();
    /// assert_eq!(value.repr(node, 10).text, "20");
    /// assert_eq!(value.find(value.root(), "['a'][2]"), Err("[2]".to_owned()));
    /// ```
    pub fn find(&self, from: NodeId, path: &str) -> Result<NodeId, String> {
        let (mut node, mut rest) = (from, path);
        while !rest.is_empty() {
            let step = self
                .next_step(node, rest)
                .or_else(|| self.step_from_end(node, rest))
                .or_else(|| self.next_step(self.held(node)?, rest));
            (node, rest) = step.ok_or_else(|| rest.to_owned())?;
        }
        Ok(node)
    }

    /// Goes to `[-1]` and the like.
    fn step_from_end<'p>(&self, node: NodeId, path: &'p str) -> Option<(NodeId, &'p str)> {
        if !matches!(self.kind(node), Kind::List | Kind::Tuple) {
            return None;
        }
        let (number, rest) = path.strip_prefix("[-")?.split_once(']')?;
        let number = number.parse().ok().filter(|number| *number > 0)?;
        let at = self.n_items(node).checked_sub(number)?;
        Some((self.item(node, at)?, rest))
    }

    /// The dict or list that an object of `collections` holds, and that Python indexes in its place.
    fn held(&self, node: NodeId) -> Option<NodeId> {
        let made = Made::of(self, node)?;
        match (&*made.module, &*made.qualname) {
            ("collections", "Counter") => made.args.first().copied(),
            ("collections", "UserDict" | "UserList") => self.attribute(made.state, "data"),
            _ => None,
        }
    }

    /// Goes one step, and gives the path behind it.
    fn next_step<'p>(&self, node: NodeId, path: &'p str) -> Option<(NodeId, &'p str)> {
        /// Children that are looked at together.
        const PAGE: usize = 1024;
        let n = self.len(node);
        let pages = (0..n).step_by(PAGE).map(|at| at..n.min(at + PAGE));
        let children = pages.flat_map(|page| self.children(node, page));
        children
            .filter_map(|child| {
                let rest = path.strip_prefix(&*self.step_up_to(&child, path.len()))?;
                let is_whole = rest.is_empty() || rest.starts_with(['[', '.']);
                is_whole.then_some((child.node, rest))
            })
            // A name may hold a point: the longest one is meant.
            .min_by_key(|(_, rest)| rest.len())
    }
}

#[cfg(test)]
mod tests {
    use crate::formats::pickle;

    fn check(pickle: &[u8], path: &str, expected: Result<&str, &str>) {
        let value = pickle::decode_bytes(pickle).value;
        let found = value.find(value.root(), path);
        let found = found.map(|node| value.repr(node, 100).text);
        assert_eq!(found.as_deref(), expected.map_err(str::to_owned).as_deref());
    }

    #[test]
    fn steps_are_those_that_python_takes() {
        // [10, 20]
        let list = b"\x80\x02](K\x0aK\x14e.";
        check(list, "[-1]", Ok("20"));
        check(list, "[-2]", Ok("10"));
        check(list, "[-3]", Err("[-3]"));
        check(list, "[-0]", Err("[-0]"));
        // collections.Counter(a=1)
        let counter = b"\x80\x02ccollections\nCounter\n}X\x01\0\0\0aK\x01s\x85R.";
        check(counter, "['a']", Ok("1"));
        check(counter, "['b']", Err("['b']"));
        // collections.UserList([[7]])
        let list = b"\x80\x02ccollections\nUserList\n)\x81}X\x04\0\0\0data]]K\x07aasb.";
        check(list, "[0][-1]", Ok("7"));
    }

    #[test]
    fn a_key_that_is_printed_for_ever_is_passed_over() {
        // t = None, and sixty times t = (t, t); {t: 1, "a": 2}
        let doubled = b"2\x86".repeat(60);
        let dict = [&b"\x80\x02}N"[..], &doubled, b"K\x01sX\x01\0\0\0aK\x02s."].concat();
        check(&dict, "['a']", Ok("2"));
        check(&dict, "['b']", Err("['b']"));
    }
}
