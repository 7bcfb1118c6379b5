//! What each invariant says of short traces.

mod bounded;
mod fencing;
mod generated;
mod isolation;
mod liveness;
mod order;
mod protocol;
mod sums;

use super::*;

#[test]
fn every_invariant_has_an_answer_to_an_empty_trace() {
    let empty = crate::tests::trace("");
    let verdicts =
        judge_all(&empty, &Turns::of(&empty, &crate::tests::context()), &crate::tests::context());
    let words: Vec<_> = verdicts.iter().map(|(id, verdict)| format!("{id} {verdict}")).collect();
    assert_eq!(
        words.join(", "),
        "I1 vacuous, I2 vacuous, I3 vacuous, I4 vacuous, I5 vacuous, I9 vacuous, I10 vacuous, I11 vacuous, I12 vacuous, I14 vacuous"
    );
}
