//! A part of the value that is looked at by itself: an array in a dict, a frame in a tuple.

use cachescope_core::formats::Preview;
use cachescope_core::jobs::JobId;
use cachescope_core::model::NodeId;

use super::tree::Tree;

/// A part, from being asked for to being shown.
#[derive(Default)]
pub(crate) struct Insiding {
    /// Which one; `None` while the value itself is on show.
    pub(crate) of: Option<NodeId>,
    /// How Python would reach it: `['weights'][0]`.
    pub(crate) steps: String,
    pub(crate) job: Option<JobId>,
    pub(crate) preview: Option<Box<Preview>>,
    /// Its tree, for parts that turn out to be nothing more.
    pub(crate) tree: Tree,
    /// Why it could not be read.
    pub(crate) failure: Option<String>,
}

impl Insiding {
    /// Begins to look at a part.
    pub(crate) fn new(of: NodeId, steps: String) -> Self {
        Self {
            of: Some(of),
            steps,
            ..Self::default()
        }
    }

    /// Takes over what was found.
    pub(crate) fn show(&mut self, found: Result<Preview, String>) {
        match found {
            Ok(preview) => {
                self.tree = Tree::of_part(preview.value.clone(), preview.node);
                self.preview = Some(Box::new(preview));
            }
            Err(why) => self.failure = Some(why),
        }
    }
}
