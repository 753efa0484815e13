//! A value's tree as lines: branches open one by one, long ones in pages, so that any value can be walked.

use std::collections::BTreeMap;
use std::sync::Arc;

use cachescope_core::model::{Child, ChildKey, NodeId, Value};

/// Children that a branch shows at first, and more at each request.
const PAGE: usize = 100;
/// Characters of a key.
const KEY_CHARS: usize = 80;

/// Way from the root: the numbers of the children taken.
pub(crate) type Path = Vec<usize>;

/// A change to what is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Branch {
    /// Opens the branch, or closes it.
    Toggle(Path),
    /// Shows more of its children.
    More(Path),
}

/// One line of the tree.
#[derive(Debug, Clone)]
pub(crate) struct TreeLine {
    pub(crate) path: Path,
    /// How the parent knows it, ready to show; empty for the root.
    pub(crate) key: String,
    /// Type and size, or the value itself.
    pub(crate) label: String,
    pub(crate) state: LineState,
    /// True if several places refer to this very object.
    pub(crate) is_shared: bool,
}

/// What a line offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineState {
    /// Nothing below it.
    Leaf,
    /// Children that do not show.
    Closed,
    /// Children that show.
    Open,
    /// So many more children of the branch named by `path`.
    More(usize),
}

/// Which branches of a value are open, and the lines that makes.
#[derive(Default)]
pub(crate) struct Tree {
    value: Option<Arc<Value>>,
    /// Open branches, and how many children each shows.
    open: BTreeMap<Path, usize>,
    lines: Vec<TreeLine>,
}

impl Tree {
    /// The tree of a value, its root open.
    pub(crate) fn new(value: Arc<Value>) -> Self {
        let mut tree = Self {
            value: Some(value),
            open: BTreeMap::from([(Path::new(), PAGE)]),
            lines: Vec::new(),
        };
        tree.rebuild();
        tree
    }

    /// The lines from top to bottom.
    pub(crate) fn lines(&self) -> &[TreeLine] {
        &self.lines
    }

    /// The value it belongs to.
    pub(crate) fn value(&self) -> Option<&Arc<Value>> {
        self.value.as_ref()
    }

    /// Opens, closes or lengthens a branch.
    pub(crate) fn change(&mut self, branch: Branch) {
        match branch {
            Branch::Toggle(path) => {
                if self.open.remove(&path).is_none() {
                    self.open.insert(path, PAGE);
                }
            }
            Branch::More(path) => {
                if let Some(shown) = self.open.get_mut(&path) {
                    // Ten pages at a time once somebody goes on reading.
                    *shown += 10 * PAGE;
                }
            }
        }
        self.rebuild();
    }

    fn rebuild(&mut self) {
        self.lines.clear();
        let Some(value) = &self.value else { return };
        let root = Step::Child(Path::new(), String::new(), value.root());
        let mut steps = vec![root];
        while let Some(step) = steps.pop() {
            match step {
                Step::More(path, left) => self.lines.push(TreeLine {
                    path,
                    key: String::new(),
                    label: format!("{left} more"),
                    state: LineState::More(left),
                    is_shared: false,
                }),
                Step::Child(path, key, node) => {
                    let n_children = value.len(node);
                    let shown = self.open.get(&path).copied().filter(|_| n_children > 0);
                    let state = match (n_children, shown) {
                        (0, _) => LineState::Leaf,
                        (_, None) => LineState::Closed,
                        (_, Some(_)) => LineState::Open,
                    };
                    if let Some(shown) = shown {
                        open_branch(value, node, &path, shown, n_children, &mut steps);
                    }
                    self.lines.push(TreeLine {
                        path,
                        key,
                        label: value.label(node),
                        state,
                        is_shared: value.is_shared(node),
                    });
                }
            }
        }
    }
}

enum Step {
    Child(Path, String, NodeId),
    More(Path, usize),
}

/// Puts a branch's children on the stack, last one first.
fn open_branch(
    value: &Value,
    node: NodeId,
    path: &Path,
    shown: usize,
    n_children: usize,
    steps: &mut Vec<Step>,
) {
    if n_children > shown {
        steps.push(Step::More(path.clone(), n_children - shown));
    }
    let children = value.children(node, 0..shown);
    for (number, child) in children.into_iter().enumerate().rev() {
        let mut below = path.clone();
        below.push(number);
        steps.push(Step::Child(below, key_text(value, &child), child.node));
    }
}

fn key_text(value: &Value, child: &Child) -> String {
    let text = |node| value.repr(node, KEY_CHARS).text;
    let name = |node| value.str(node).map_or_else(|| text(node), String::from);
    match child.key {
        ChildKey::Index(number) => number.to_string(),
        ChildKey::Key(node) => text(node),
        ChildKey::Attribute(node) => format!(".{}", name(node)),
        ChildKey::Argument(number) => format!("argument {number}"),
        ChildKey::Keyword(node) => format!("{}=", name(node)),
        ChildKey::State => "state".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cachescope_core::formats::pickle::decode_bytes;

    fn shown(tree: &Tree) -> Vec<String> {
        let line = |l: &TreeLine| format!("{}{}|{}", " ".repeat(l.path.len()), l.key, l.label);
        tree.lines().iter().map(line).collect()
    }

    #[test]
    fn branches_open_and_close_in_place() {
        // pickle.dumps({'a': [1, 2], 'b': 3}, 2)
        let bytes = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01K\x02eX\x01\x00\x00\x00bq\x03K\x03u.";
        let mut tree = Tree::new(Arc::new(decode_bytes(bytes).value));
        assert_eq!(tree.lines().len(), 3);
        tree.change(Branch::Toggle(vec![0]));
        assert_eq!(tree.lines().len(), 5);
        assert_eq!(shown(&tree)[2], "  0|1");
        assert_eq!(tree.lines()[1].state, LineState::Open);
        tree.change(Branch::Toggle(vec![0]));
        assert_eq!(tree.lines().len(), 3);
    }

    #[test]
    fn a_list_that_holds_itself_opens_as_deep_as_one_likes() {
        // l = []; l.append(l); pickle.dumps(l, 2)
        let mut tree = Tree::new(Arc::new(decode_bytes(b"\x80\x02]q\x00h\x00a.").value));
        for depth in 1..50 {
            assert_eq!(tree.lines().len(), depth + 1);
            tree.change(Branch::Toggle(vec![0; depth]));
        }
    }

    #[test]
    fn a_long_branch_shows_its_head_and_offers_the_rest() {
        // list(range(150)) as protocol 2 writes it
        let mut bytes = b"\x80\x02](".to_vec();
        (0..150_u8).for_each(|n| bytes.extend([b'K', n]));
        bytes.extend(b"e.");
        let mut tree = Tree::new(Arc::new(decode_bytes(&bytes).value));
        let last = tree.lines().last().unwrap();
        assert_eq!((tree.lines().len(), last.state), (102, LineState::More(50)));
        tree.change(Branch::More(Path::new()));
        assert_eq!(tree.lines().len(), 151);
    }
}
