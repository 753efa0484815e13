//! Decodes one pickle file whole and says what that gave: the program that `benches/pickles.py` measures.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;

use cachescope_core::formats::{Content, pickle};
use cachescope_core::model::Limits;
use cachescope_core::source::MemoryReader;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args_os().nth(1).ok_or("usage: decode FILE")?;
    let bytes = std::fs::read(path)?;
    let n_bytes = bytes.len();
    let content = Content::plain(Arc::new(MemoryReader::new(bytes)));
    let limits = Limits {
        nodes: u32::MAX,
        ..Limits::DEEP
    };
    let decoded = pickle::decode(&content, &limits);
    writeln!(
        std::io::stdout(),
        "{{\"file\": {n_bytes}, \"value\": {}, \"nodes\": {}, \"is_complete\": {}}}",
        decoded.value.size_bytes(),
        decoded.value.n_nodes(),
        decoded.is_complete
    )?;
    Ok(())
}
