//! What is told of calls that wait for a decision, and who waits for one.

use creel_core::{
    approval::{Approval, Decision, Ended},
    ids::ApprovalId,
};
use tokio::sync::oneshot;

use super::{Hub, WAITED_FOR_MAX};
use crate::{
    control::{approvals, scope::Scope},
    secret::Masks,
};

impl Hub {
    /// Tells those who may decide, and says how many they are and in which words they were told.
    pub fn ask(&self, approval: &Approval) -> (usize, String) {
        self.publish("exec.approval.requested", approvals::requested(approval, &self.masks));
        let inner = self.inner();
        let may =
            inner.watchers.values().filter(|it| it.listener().may_hear(Some(Scope::Approvals)));
        (may.count(), approvals::words(approval, &self.masks))
    }

    /// Tells them that there is nothing to decide any more, and whoever waits what was.
    pub fn decided(&self, ended: &Ended) {
        let payload = approvals::resolved(ended, &self.masks, self.now_ms());
        self.publish("exec.approval.resolved", payload);
        let waiting = self.inner().deciders.remove(&ended.approval.id);
        for waiter in waiting.into_iter().flatten() {
            // Who waited may have gone.
            _ = waiter.send(ended.how.decision());
        }
    }

    /// Returns what is decided. Ask whether it waits still afterwards, or a decision in between is missed.
    pub fn decision_of(&self, id: &ApprovalId) -> oneshot::Receiver<Option<Decision>> {
        let (decided, decision) = oneshot::channel();
        let mut inner = self.inner();
        if inner.deciders.len() >= WAITED_FOR_MAX {
            inner.deciders.retain(|_, all| all.iter().any(|it| !it.is_closed()));
        }
        let all = inner.deciders.entry(id.clone()).or_default();
        all.retain(|it| !it.is_closed());
        all.push(decided);
        decision
    }

    /// What nobody is to see in somebody else's words.
    pub const fn masks(&self) -> &Masks {
        &self.masks
    }
}
