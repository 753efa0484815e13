//! A part of a value, by itself: an array in a dict, a frame in a tuple, found by its node or by its path.

use std::time::Instant;

use super::{Options, Preview, SideFiles};
use crate::formats::made::Made;
use crate::formats::numpy::ArrayView;
use crate::model::value::{NodeId, Value};
use crate::model::{Child, ChildKey};

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

    /// How Python would go from a parent to this child: `[3]`, `['key']`, `.name`, `.args[0]`.
    pub fn step(&self, child: &Child) -> String {
        let name = |node: NodeId| match self.str(node) {
            Some(name) => format!(".{name}"),
            None => format!("[{}]", self.repr(node, usize::MAX).text),
        };
        match child.key {
            ChildKey::Index(n) => format!("[{n}]"),
            ChildKey::Key(key) => format!("[{}]", self.repr(key, usize::MAX).text),
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
            (node, rest) = self.next_step(node, rest).ok_or_else(|| rest.to_owned())?;
        }
        Ok(node)
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
                let rest = path.strip_prefix(&*self.step(&child))?;
                let is_whole = rest.is_empty() || rest.starts_with(['[', '.']);
                is_whole.then_some((child.node, rest))
            })
            // A name may hold a point: the longest one is meant.
            .min_by_key(|(_, rest)| rest.len())
    }
}
