//! Cron jobs: begun by the wall clock, in a lane and sessions of their own.

use std::sync::Arc;

use super::{CronSkipped, Effect, Gateway, Note, Timer};
use crate::{
    cron::{Cron, Delivery, Isolated, Job, Work},
    deadlines::Deadlines,
    ids::{AgentId, JobId, RunId},
    message::{Errand, Message, Turn},
    origin::Route,
    owners::Authority,
    session::Session,
    session_key::SessionKey,
    time::{Millis, Now, Timestamp, WallTime},
};

/// How long no look is taken at the wall clock at the most: it may have been set meanwhile.
const LOOK_EVERY: Millis = Millis::from_s(60);

/// What an answer is that tells nobody anything.
const ALL_IS_WELL: &str = "HEARTBEAT_OK";

/// Which jobs are due when.
#[derive(Clone, Debug)]
pub(super) struct Planner {
    jobs: Vec<Planned>,
    /// What the wall clock showed at the first look.
    began: Option<WallTime>,
}

#[derive(Clone, Debug)]
struct Planned {
    job: Arc<Job>,
    /// The session of its own turns.
    key: SessionKey,
    next: Option<WallTime>,
}

impl Planner {
    /// Plans nothing yet: the first look does.
    pub(super) fn new(cron: &Cron) -> Self {
        let planned = |job: &Job| Planned {
            job: Arc::new(job.clone()),
            key: SessionKey::of_cron(&job.agent, &job.id),
            next: None,
        };
        Self { jobs: cron.jobs.iter().map(planned).collect(), began: None }
    }

    /// The jobs that have become due, which are planned anew.
    fn take_due(&mut self, wall: WallTime) -> Vec<Arc<Job>> {
        let is_first = self.began.is_none();
        let began = *self.began.get_or_insert(wall);
        let mut due = Vec::new();
        for planned in &mut self.jobs {
            let is_due = planned.next.is_some_and(|it| it <= wall);
            if is_due {
                due.push(planned.job.clone());
            }
            if is_due || is_first {
                planned.next = planned.job.schedule.next_after(wall, began);
            }
        }
        due
    }

    fn next(&self) -> Option<WallTime> {
        self.jobs.iter().filter_map(|it| it.next).min()
    }
}

/// Deadlines of a gateway in which nothing has happened: if there are jobs, the calendar is looked at.
pub(super) fn first_look(cron: &Cron) -> Deadlines<Timer> {
    let mut deadlines = Deadlines::default();
    if !cron.jobs.is_empty() {
        deadlines.set(&Timer::Cron, Some(Timestamp::from_ms(0)));
    }
    deadlines
}

impl Gateway {
    /// The wall clock may have reached a job's moment.
    pub(super) fn run_due_jobs(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let due = self.cron.take_due(self.wall);
        let until = |next: WallTime| {
            let ms = next.as_unix_ms().saturating_sub(self.wall.as_unix_ms()).max(1);
            Millis::new(ms.unsigned_abs()).min(LOOK_EVERY)
        };
        let next = self.cron.next().map(|it| now + until(it));
        self.deadlines.set(&Timer::Cron, next);
        for job in due {
            self.do_job(now, &job, effects);
        }
    }

    /// Every job that is enabled, and when it is due next.
    pub fn jobs(&self) -> Vec<(Arc<Job>, Option<WallTime>)> {
        self.cron.jobs.iter().map(|it| (it.job.clone(), it.next)).collect()
    }

    /// Does a job now, beside its schedule: false if there is no such job.
    pub fn run_job(&mut self, now: Now, id: &JobId, effects: &mut Vec<Effect>) -> bool {
        self.wall = now.wall;
        let found = self.cron.jobs.iter().find(|it| it.job.id == *id).map(|it| it.job.clone());
        let Some(job) = found else { return false };
        self.do_job(now.monotonic, &job, effects);
        self.wake(now.monotonic, effects);
        true
    }

    fn do_job(&mut self, now: Timestamp, job: &Job, effects: &mut Vec<Effect>) {
        match &job.work {
            Work::Isolated(work) => self.run_isolated(now, job, work, effects),
            Work::Event(text) => self.tell_main(now, job, text, effects),
        }
    }

    /// No job begins any more.
    pub(super) fn end_cron(&mut self) {
        self.deadlines.set(&Timer::Cron, None);
    }

    /// The job whose turns a session is for.
    pub(super) fn job_of(&self, key: &SessionKey) -> Option<&Isolated> {
        let planned = self.cron.jobs.iter().find(|it| it.key == *key)?;
        match &planned.job.work {
            Work::Isolated(work) => Some(work),
            Work::Event(_) => None,
        }
    }

    fn run_isolated(
        &mut self,
        now: Timestamp,
        job: &Job,
        work: &Isolated,
        effects: &mut Vec<Effect>,
    ) {
        let key = SessionKey::of_cron(&job.agent, &job.id);
        let fresh = || Session::new(job.agent.clone());
        let session = self.sessions.entry(key.clone()).or_insert_with(fresh);
        if session.lane.active().is_some() || session.lane.is_waiting() {
            let note = Note::CronSkipped(job.id.clone(), CronSkipped::Busy);
            return effects.push(Effect::Note(note));
        }
        session.renew();
        session.model.clone_from(&work.model);
        let route = self.target_of(&job.agent, &work.delivery);
        if route.is_none() && work.delivery != Delivery::Nowhere {
            effects.push(Effect::Note(Note::CronHasNoChat(job.id.clone())));
        }
        let prompt = format!("[cron:{} {}] {}", job.id, job.name, work.message);
        let authority = Authority::Owner;
        let (errand, prompt) = (Errand::Cron, prompt.as_str().into());
        let turn = Turn { errand, route, authority, prompt, asked: Vec::new() };
        self.start(now, &key, turn, effects);
    }

    fn target_of(&self, agent: &AgentId, delivery: &Delivery) -> Option<Route> {
        match delivery {
            Delivery::Nowhere => None,
            Delivery::To(route) => Some(route.clone()),
            Delivery::Last(channel) => {
                let route = self.sessions.get(&self.settings.keys.main(agent))?.route.clone()?;
                let is_meant = channel.as_ref().is_none_or(|it| *it == route.channel);
                is_meant.then_some(route)
            }
        }
    }

    /// A job's words reach its agent's main session. No person wrote them, so no life is longer for them.
    fn tell_main(&mut self, now: Timestamp, job: &Job, text: &str, effects: &mut Vec<Effect>) {
        let key = self.settings.keys.main(&job.agent);
        let Some(route) = self.sessions.get(&key).and_then(|it| it.route.clone()) else {
            let note = Note::CronSkipped(job.id.clone(), CronSkipped::NoChat);
            return effects.push(Effect::Note(note));
        };
        let text = format!("[cron:{} {}] {text}", job.id, job.name);
        let message = Message::report(route, Authority::Owner, job.id.as_str(), text);
        self.report(now, &key, message, effects);
    }

    /// A run has answered: if it is a cron job's, its chat hears that, unless the run has written there itself.
    pub(super) fn deliver_cron(
        &mut self,
        now: Timestamp,
        id: RunId,
        text: &str,
        effects: &mut Vec<Effect>,
    ) {
        let run = &self.runs[&id];
        let Some(route) = run.route.clone().filter(|_| run.errand == Errand::Cron) else { return };
        let has_written = run.sent.iter().any(|(there, ..)| *there == route);
        let text = text.trim();
        if has_written || text.is_empty() || text == ALL_IS_WELL {
            return;
        }
        self.show_answer(now, id, (&route, text), effects);
    }
}
