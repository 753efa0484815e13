//! Reading pickles to their end without keeping them: what is wrong with them, what they name and call.

use super::decode::{MAX_TRACED, budget};
use super::input::{Input, Keeping, Lack};
use super::machine::{Budget, Dialect, Machine, Stop};
use super::sequence::{Outcome, Sequence};
use super::trace::Trace;
use crate::formats::{Content, Problem, ProblemKind};
use crate::model::Limits;
use crate::model::value::{Call, CallClass, Name};

/// What was found in reading to the end.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// What is wrong, and limits reached. What stands behind the first pickle never makes it damaged.
    pub problems: Vec<Problem>,
    /// Every global named, `module.name`, in order of appearance, further pickles included.
    pub globals: Vec<String>,
    /// Every call that decoding in Python would make.
    pub calls: Vec<Call>,
    /// Pickles that stand one after the other.
    pub n_pickles: usize,
    /// False if a limit ended the reading, or damage.
    pub is_read_to_end: bool,
}

/// Reads all of `content`: one pickle, whatever follows it, and the compression's own checksums.
pub fn check(content: &Content, limits: &Limits) -> Checked {
    // Nothing of the values is kept, so mostly time is limited.
    check_from(content, 0, 0, &budget(limits))
}

/// The same from `offset` on, behind `n_before` pickles.
pub(super) fn check_from(
    content: &Content,
    offset: u64,
    n_before: usize,
    budget: &Budget,
) -> Checked {
    let mut input = Input::new(content, Keeping::Window, u64::MAX, budget.deadline);
    input.jump(offset, u64::MAX);
    let budget = Budget {
        slots: MAX_SLOTS,
        nodes: MAX_TRACED,
        ..*budget
    };
    let mut sequence = Sequence::new(Machine::new(input, Trace::default(), budget), n_before);
    let mut checked = Checked::default();
    while sequence.begin() {
        let outcome = loop {
            let stop = sequence.machine.run();
            match sequence.end(stop) {
                Outcome::Again => {}
                outcome => break outcome,
            }
        };
        let is_first = checked.n_pickles + n_before == 0;
        let stop = match outcome {
            Outcome::Done(part) => part.stop,
            Outcome::Foreign { start } => {
                let note = "bytes that are no pickle stand behind the value";
                checked
                    .problems
                    .push(Problem::new(ProblemKind::Note, start, note));
                break;
            }
            Outcome::Again => break,
        };
        checked.n_pickles += 1;
        let mut problems = std::mem::take(&mut sequence.machine.problems);
        let is_finished = matches!(stop, Stop::Finished(_));
        if let Stop::Broken(problem) | Stop::Limit(problem) = stop {
            checked.is_read_to_end = false;
            problems.push(problem);
        }
        if !is_first {
            // Python stops at the first STOP, so nothing behind it can damage the value.
            for problem in &mut problems {
                if problem.kind == ProblemKind::Damaged {
                    problem.kind = ProblemKind::Note;
                }
            }
        }
        checked.problems.append(&mut problems);
        if !is_finished {
            break;
        }
        checked.is_read_to_end = true;
    }
    checked.globals = sequence.machine.findings.globals();
    checked.calls = sequence.machine.findings.calls();
    if n_before == 0 {
        let dialect = sequence.machine.dialect;
        add_calls(
            &mut checked.calls,
            beside_arrays(content, offset, dialect, &budget),
        );
    }
    let is_damaged = checked.problems.iter().any(Problem::is_damage);
    if !content.is_plain() && !is_damaged {
        drain(&mut sequence.machine.input, &mut checked);
    }
    checked
}

/// Calls of code that a plain `pickle.load` would make where joblib finds the data of an array.
pub(super) fn beside_arrays(
    content: &Content,
    offset: u64,
    dialect: Dialect,
    budget: &Budget,
) -> Vec<Call> {
    if dialect != (Dialect::Joblib { has_arrays: true }) {
        return Vec::new();
    }
    let mut input = Input::new(content, Keeping::Window, u64::MAX, budget.deadline);
    input.jump(offset, u64::MAX);
    let mut machine = Machine::new(input, Trace::default(), *budget);
    machine.dialect = Dialect::Plain;
    machine.run();
    // Numbers read as opcodes may call anything, but hardly what runs code and has a name; the pickle in an array of
    // objects numbers its memo anew, so that names from there are not what they seem.
    let is_told = |name: &Name, class| class == CallClass::Code && !name.module.is_empty();
    machine.findings.calls_where(is_told)
}

/// Adds calls by names that are not called already.
pub(super) fn add_calls(calls: &mut Vec<Call>, more: Vec<Call>) {
    for call in more {
        if !calls
            .iter()
            .any(|known| known.name == call.name && known.class == call.class)
        {
            calls.push(call);
        }
    }
}

/// Reads what is left of a packed stream, for the checksum at its end.
fn drain(input: &mut Input<'_>, checked: &mut Checked) {
    loop {
        match input.skip(DRAIN_STEP) {
            Ok(()) => {}
            Err(Lack::Failed(why)) => {
                let message = format!("expected sound compression to the end, found: {why}");
                let offset = input.offset();
                checked
                    .problems
                    .push(Problem::new(ProblemKind::Damaged, offset, message));
                return;
            }
            Err(Lack::Budget(why)) => {
                let offset = input.offset();
                checked
                    .problems
                    .push(Problem::new(ProblemKind::Limit, offset, why));
                checked.is_read_to_end = false;
                return;
            }
            Err(Lack::End | Lack::Negative(_)) => return,
        }
    }
}

/// Eight bytes each; more than any sound pickle of a few gigabytes needs.
const MAX_SLOTS: usize = 24 << 20;

const DRAIN_STEP: u64 = 1 << 20;
