//! What we say: plain data without I/O that both sides of the boundary speak.

mod cancel;
mod chunk;
mod condition;
mod entry;
mod issue;
mod limits;
mod live;
mod overlay;
mod progress;
mod snapshot;
mod store;
pub mod text;
mod time;
pub mod value;

pub use cancel::Cancel;
pub use chunk::{CHUNK_ROWS, Chunk, ChunkBuilder, PackedArgs};
pub use condition::{Condition, Finding, Verdict};
pub use entry::{Args, EntryId, EntryKey, Fingerprint, Group, GroupWord, Record, Role, Version};
pub use issue::{Issue, Severity};
pub use limits::Limits;
pub use live::{Delta, Live, Merged};
pub use overlay::Overlay;
pub use progress::Progress;
pub use snapshot::{Row, Snapshot, Totals};
pub use store::{StoreId, StoreInfo};
pub use time::Time;
pub use value::{Call, CallClass, Child, ChildKey, Kind, Leaf, NodeId, Value};
