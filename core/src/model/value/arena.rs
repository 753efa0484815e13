//! Filling the arena: cells, children in runs, objects. Every call answers `None` or false when an index would not fit.

use super::{Cell, Chain, Constant, KeptText, NodeId, Object, Run, Slot, Tag, Value};

/// Bytes from which on an arena is large.
const LARGE: usize = 1 << 20;

impl Value {
    /// An arena without a value, over the text that its leaves will point to.
    pub(crate) fn empty(text: KeptText) -> Self {
        Self {
            text,
            cells: Vec::new(),
            children: Vec::new(),
            chains: Vec::new(),
            objects: Vec::new(),
            names: Vec::new(),
            blocks: Vec::new(),
            root: NodeId::MISSING,
            is_cut: false,
            shared: std::sync::OnceLock::new(),
        }
    }

    /// Gives back what a large arena took in advance; the system takes it back where it lies, without a copy.
    pub(crate) fn give_back(&mut self) {
        if self.size_bytes() > LARGE {
            self.text.bytes.shrink_to_fit();
            self.cells.shrink_to_fit();
            self.children.shrink_to_fit();
            self.objects.shrink_to_fit();
        }
    }

    pub(crate) fn push_cell(&mut self, tag: Tag, payload: u32) -> Option<NodeId> {
        let index = u32::try_from(self.cells.len()).ok()?;
        if index >= NodeId::MAX_INDEX {
            return None;
        }
        self.cells.push(Cell::new(tag, payload));
        Some(NodeId::cell(index))
    }

    /// A new container with its first children.
    pub(crate) fn push_container(&mut self, tag: Tag, children: &[NodeId]) -> Option<NodeId> {
        let start = u32::try_from(self.children.len()).ok()?;
        let node = self.push_cell(tag, start)?;
        if !children.is_empty() {
            self.extend(node, children).then_some(())?;
        }
        Some(node)
    }

    pub(crate) fn push_object(&mut self, object: Object) -> Option<NodeId> {
        let index = u32::try_from(self.objects.len()).ok()?;
        self.objects.push(object);
        self.push_cell(Tag::Object, index)
    }

    /// Adds children to a container; false if it is none or an index would not fit.
    pub(crate) fn extend(&mut self, node: NodeId, children: &[NodeId]) -> bool {
        let Slot::Cell(index) = node.slot() else {
            return false;
        };
        let Ok(start) = u32::try_from(self.children.len()) else {
            return false;
        };
        let Some(cell) = self.cells.get_mut(index as usize) else {
            return false;
        };
        if let Some(len) = cell.run_len() {
            if len == 0 {
                cell.payload = start;
            }
            let is_adjacent = cell.payload.checked_add(len) == Some(start);
            if is_adjacent && cell.set_run_len(len as usize + children.len()) {
                self.children.extend_from_slice(children);
                return true;
            }
            let Ok(chain) = u32::try_from(self.chains.len()) else {
                return false;
            };
            let first = Run {
                first: 0,
                start: cell.payload,
            };
            self.chains.push(Chain {
                runs: vec![first],
                len,
            });
            cell.set_chained(chain);
        }
        let Some(chain) = self.chains.get_mut(cell.payload as usize) else {
            return false;
        };
        let Some(len) = u32::try_from(children.len())
            .ok()
            .and_then(|n| chain.len.checked_add(n))
        else {
            return false;
        };
        let is_adjacent = chain
            .runs
            .last()
            .is_some_and(|run| run.start.checked_add(chain.len - run.first) == Some(start));
        if !is_adjacent {
            chain.runs.push(Run {
                first: chain.len,
                start,
            });
        }
        chain.len = len;
        self.children.extend_from_slice(children);
        true
    }

    pub(crate) fn cell(&self, node: NodeId) -> Option<Cell> {
        match node.slot() {
            Slot::Cell(index) => self.cells.get(index as usize).copied(),
            _ => None,
        }
    }

    pub(crate) fn tag(&self, node: NodeId) -> Option<Tag> {
        self.cell(node).map(Cell::tag)
    }

    pub(crate) fn object(&self, node: NodeId) -> Option<&Object> {
        let cell = self.cell(node)?;
        (cell.tag() == Tag::Object)
            .then(|| self.objects.get(cell.payload as usize))
            .flatten()
    }

    pub(crate) fn object_mut(&mut self, node: NodeId) -> Option<&mut Object> {
        let cell = self.cell(node)?;
        if cell.tag() != Tag::Object {
            return None;
        }
        self.objects.get_mut(cell.payload as usize)
    }

    /// Puts another kind of cell in an old one's place, so that all references follow.
    pub(crate) fn replace_cell(&mut self, node: NodeId, tag: Tag, payload: u32) {
        if let Slot::Cell(index) = node.slot()
            && let Some(cell) = self.cells.get_mut(index as usize)
        {
            *cell = Cell::new(tag, payload);
        }
    }

    /// Number of children in the cell itself: items, or keys and values counted singly.
    pub(crate) fn n_items(&self, node: NodeId) -> usize {
        let Some(cell) = self.cell(node) else {
            return 0;
        };
        if !matches!(
            cell.tag(),
            Tag::List | Tag::Tuple | Tag::Set | Tag::FrozenSet | Tag::Dict
        ) {
            return 0;
        }
        match cell.run_len() {
            Some(len) => len as usize,
            None => self
                .chains
                .get(cell.payload as usize)
                .map_or(0, |chain| chain.len as usize),
        }
    }

    /// The child with this number, as [`Self::n_items`] counts.
    pub(crate) fn item(&self, node: NodeId, number: usize) -> Option<NodeId> {
        self.children.get(self.place_of(node, number)?).copied()
    }

    /// Where the child with this number stands among all children.
    fn place_of(&self, node: NodeId, number: usize) -> Option<usize> {
        if number >= self.n_items(node) {
            return None;
        }
        let cell = self.cell(node)?;
        if cell.run_len().is_some() {
            return Some(cell.payload as usize + number);
        }
        let chain = self.chains.get(cell.payload as usize)?;
        let after = chain
            .runs
            .partition_point(|run| run.first as usize <= number);
        let run = chain.runs.get(after.checked_sub(1)?)?;
        Some(run.start as usize + (number - run.first as usize))
    }

    /// The children of the cell itself, in stored order.
    pub(crate) fn items(&self, node: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        (0..self.n_items(node)).filter_map(move |number| self.item(node, number))
    }

    /// Puts another child in the place of the one with this number; false if there is none.
    pub(crate) fn replace_item(&mut self, node: NodeId, number: usize, with: NodeId) -> bool {
        let at = self.place_of(node, number);
        match at.and_then(|at| self.children.get_mut(at)) {
            Some(child) => {
                *child = with;
                true
            }
            None => false,
        }
    }

    /// A leaf of text that was in no stream.
    pub(crate) fn push_str(&mut self, text: &str) -> Option<NodeId> {
        self.push_counted(0x8d, text.as_bytes())
    }

    /// A leaf of bytes that were in no stream.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> Option<NodeId> {
        self.push_counted(0x8e, bytes)
    }

    fn push_counted(&mut self, opcode: u8, bytes: &[u8]) -> Option<NodeId> {
        let position = u32::try_from(self.text.bytes.len()).ok()?;
        if position >= NodeId::MAX_INDEX {
            return None;
        }
        self.text.bytes.push(opcode);
        self.text.bytes.extend((bytes.len() as u64).to_le_bytes());
        self.text.bytes.extend(bytes);
        Some(NodeId::leaf(position))
    }

    /// Key and value pairs of a dict cell, in stored order.
    pub(crate) fn pairs(&self, node: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
        let n = if self.tag(node) == Some(Tag::Dict) {
            self.n_items(node) / 2
        } else {
            0
        };
        (0..n).filter_map(move |i| Some((self.item(node, 2 * i)?, self.item(node, 2 * i + 1)?)))
    }

    /// The value under a text key of a dict cell; the last one where a key stands twice, as in Python.
    pub(crate) fn attribute(&self, node: NodeId, key: &str) -> Option<NodeId> {
        self.pairs(node)
            .filter(|(k, _)| self.str(*k).is_some_and(|k| k == key))
            .map(|(_, value)| value)
            .last()
    }

    /// Items of a tuple or list, the empty tuple included; `None` for anything else.
    pub(crate) fn sequence(&self, node: NodeId) -> Option<Vec<NodeId>> {
        match node.slot() {
            Slot::Constant(Constant::EmptyTuple) => Some(Vec::new()),
            Slot::Cell(_) if matches!(self.tag(node), Some(Tag::List | Tag::Tuple)) => {
                Some(self.items(node).collect())
            }
            _ => None,
        }
    }

    /// Every cell, whatever it is.
    pub(crate) fn containers(&self) -> impl Iterator<Item = NodeId> + use<> {
        let n = u32::try_from(self.cells.len()).unwrap_or(NodeId::MAX_INDEX);
        (0..n.min(NodeId::MAX_INDEX)).map(NodeId::cell)
    }

    /// The global at `node`.
    pub(crate) fn name(&self, node: NodeId) -> Option<&super::Name> {
        let cell = self.cell(node)?;
        (cell.tag() == Tag::Global)
            .then(|| self.names.get(cell.payload as usize))
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_of_two_lists_interleave_and_keep_their_order() {
        let mut value = Value::empty(KeptText::default());
        let a = value.push_container(Tag::List, &[]).unwrap();
        let b = value.push_container(Tag::List, &[]).unwrap();
        for n in 0..10 {
            let list = if n % 3 == 0 { b } else { a };
            assert!(value.extend(list, &[NodeId::int(n).unwrap()]));
        }
        let ints = |list| -> Vec<i64> { value.items(list).filter_map(|n| value.int(n)).collect() };
        assert_eq!(ints(a), [1, 2, 4, 5, 7, 8]);
        assert_eq!(ints(b), [0, 3, 6, 9]);
        assert_eq!(value.item(a, 6), None);
    }
}
