//! A value's tree as lines: branches open one by one, long ones in pages, so that any value can be walked.

use std::collections::BTreeMap;
use std::sync::Arc;

use cachescope_core::model::{Child, ChildKey, Leaf, NodeId, Value};

use super::Json;

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
    /// What shows more of it than the tree does.
    pub(crate) opens: Option<Opens>,
}

/// A view of a part of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opens {
    /// Text or bytes, looked into.
    Body(NodeId),
    /// An array, a table or a sparse matrix.
    Inside(NodeId),
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

/// What a tree is of.
#[derive(Clone)]
enum Source {
    /// A value from this node down.
    Value(Arc<Value>, NodeId),
    Json(Arc<Json>),
}

/// A place in it.
#[derive(Clone, Copy)]
enum Node {
    Value(NodeId),
    Json(usize),
}

/// Which branches of a value are open, and the lines that makes.
#[derive(Default)]
pub(crate) struct Tree {
    source: Option<Source>,
    /// Open branches, and how many children each shows.
    open: BTreeMap<Path, usize>,
    lines: Vec<TreeLine>,
}

impl Tree {
    /// The tree of a value, its root open.
    pub(crate) fn new(value: Arc<Value>) -> Self {
        let root = value.root();
        Self::of(Source::Value(value, root))
    }

    /// The tree of a part of a value.
    pub(crate) fn of_part(value: Arc<Value>, root: NodeId) -> Self {
        Self::of(Source::Value(value, root))
    }

    /// The tree of a JSON document, its root open.
    pub(crate) fn of_json(json: Arc<Json>) -> Self {
        Self::of(Source::Json(json))
    }

    fn of(source: Source) -> Self {
        let mut tree = Self {
            source: Some(source),
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

    /// The value it belongs to; `None` if it is no Python value's.
    pub(crate) fn value(&self) -> Option<&Arc<Value>> {
        match &self.source {
            Some(Source::Value(value, _)) => Some(value),
            Some(Source::Json(_)) | None => None,
        }
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

    /// How Python would reach the place of a line, from the value on: `['weights'][0]`.
    pub(crate) fn steps(&self, path: &[usize]) -> String {
        let mut steps = String::new();
        let Some(Source::Value(value, root)) = &self.source else {
            return steps;
        };
        let mut node = *root;
        for number in path {
            let children = value.children(node, *number..number + 1);
            let Some(child) = children.first() else {
                break;
            };
            steps.push_str(&value.step(child));
            node = child.node;
        }
        steps
    }

    fn rebuild(&mut self) {
        self.lines.clear();
        let Some(source) = &self.source else { return };
        let root = Step::Child(Path::new(), String::new(), source.root());
        let mut steps = vec![root];
        while let Some(step) = steps.pop() {
            match step {
                Step::More(path, left) => self.lines.push(TreeLine {
                    path,
                    key: String::new(),
                    label: format!("{left} more"),
                    state: LineState::More(left),
                    is_shared: false,
                    opens: None,
                }),
                Step::Child(path, key, node) => {
                    // Where a better view opens, what the array or table is made of is not listed.
                    let opens = source
                        .opens(node)
                        .filter(|opens| !path.is_empty() || matches!(opens, Opens::Body(_)));
                    let n_children = match opens {
                        Some(Opens::Inside(_)) => 0,
                        _ => source.len(node),
                    };
                    let shown = self.open.get(&path).copied().filter(|_| n_children > 0);
                    let state = match (n_children, shown) {
                        (0, _) => LineState::Leaf,
                        (_, None) => LineState::Closed,
                        (_, Some(_)) => LineState::Open,
                    };
                    if let Some(shown) = shown {
                        open_branch(source, node, &path, shown, n_children, &mut steps);
                    }
                    self.lines.push(TreeLine {
                        path,
                        key,
                        label: source.label(node),
                        state,
                        is_shared: source.is_shared(node),
                        opens,
                    });
                }
            }
        }
    }
}

/// Text and bytes shorter than this show whole in their line.
const SHORT: u64 = 60;

impl Source {
    fn root(&self) -> Node {
        match self {
            Self::Value(_, root) => Node::Value(*root),
            Self::Json(_) => Node::Json(0),
        }
    }

    fn len(&self, node: Node) -> usize {
        match (self, node) {
            (Self::Value(value, _), Node::Value(node)) => value.len(node),
            (Self::Json(json), Node::Json(node)) => json.n_children(node),
            _ => 0,
        }
    }

    fn label(&self, node: Node) -> String {
        match (self, node) {
            (Self::Value(value, _), Node::Value(node)) => value.label(node),
            (Self::Json(json), Node::Json(node)) => json.label(node).to_owned(),
            _ => String::new(),
        }
    }

    fn is_shared(&self, node: Node) -> bool {
        match (self, node) {
            (Self::Value(value, _), Node::Value(node)) => value.is_shared(node),
            _ => false,
        }
    }

    fn opens(&self, node: Node) -> Option<Opens> {
        let (Self::Value(value, _), Node::Value(node)) = (self, node) else {
            return None;
        };
        if value.has_inside(node) {
            return Some(Opens::Inside(node));
        }
        let is_long = match value.leaf(node)? {
            Leaf::Str(blob)
            | Leaf::Python2Str(blob)
            | Leaf::Bytes(blob)
            | Leaf::ByteArray(blob) => blob.len > SHORT,
            Leaf::Int(_) | Leaf::Float(_) => false,
        };
        is_long.then_some(Opens::Body(node))
    }

    fn children(&self, node: Node, shown: usize) -> Vec<(String, Node)> {
        match (self, node) {
            (Self::Value(value, _), Node::Value(node)) => {
                let children = value.children(node, 0..shown).into_iter();
                let named =
                    children.map(|child| (key_text(value, &child), Node::Value(child.node)));
                named.collect()
            }
            (Self::Json(json), Node::Json(node)) => {
                let children = (0..shown).map_while(|number| json.child(node, number));
                let named = children.map(|child| (json.key(child).to_owned(), Node::Json(child)));
                named.collect()
            }
            _ => Vec::new(),
        }
    }
}

enum Step {
    Child(Path, String, Node),
    More(Path, usize),
}

/// Puts a branch's children on the stack, last one first.
fn open_branch(
    source: &Source,
    node: Node,
    path: &Path,
    shown: usize,
    n_children: usize,
    steps: &mut Vec<Step>,
) {
    if n_children > shown {
        steps.push(Step::More(path.clone(), n_children - shown));
    }
    let children = source.children(node, shown);
    for (number, (key, child)) in children.into_iter().enumerate().rev() {
        let mut below = path.clone();
        below.push(number);
        steps.push(Step::Child(below, key, child));
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
