//! Cron jobs: begun by the wall clock, in a lane and sessions of their own.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use super::{CronSkipped, Effect, Gateway, Note, Timer, subagents::Status};
use crate::{
    cron::{Cron, Delivery, Isolated, Job, Work},
    deadlines::Deadlines,
    ids::{AgentId, JobId},
    message::{Errand, Message, Turn},
    origin::Route,
    owners::Authority,
    run::Run,
    session::Session,
    session_key::SessionKey,
    time::{Millis, Now, Timestamp, WallTime},
};

/// How long no look is taken at the wall clock at the most: it may have been set meanwhile.
const LOOK_EVERY: Millis = Millis::from_s(60);

/// How many ends of jobs are remembered; then the oldest are forgotten.
const REMEMBERED_MAX: usize = 1_000;

/// How much of what a job said is remembered.
const SUMMARY_CHARS_MAX: usize = 500;

/// Which jobs are due when, and what became of those that were.
#[derive(Clone, Debug)]
pub(super) struct Planner {
    jobs: Vec<Planned>,
    /// What the wall clock showed at the first look.
    began: Option<WallTime>,
    /// Whose turns are under way, by their session.
    under_way: BTreeMap<SessionKey, JobId>,
    /// The latest last.
    done: VecDeque<JobDone>,
}

/// What became of a job that was due, or that somebody ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobDone {
    /// Which.
    pub job: JobId,
    /// What people call it.
    pub name: String,
    /// When it began.
    pub began: WallTime,
    /// When it ended.
    pub ended: WallTime,
    /// How.
    pub how: JobEnd,
    /// In which session.
    pub session: SessionKey,
    /// Whether somebody was to hear what it says.
    pub announces: bool,
}

/// How a job ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobEnd {
    /// It said this, or told the main session that.
    Answered(String),
    /// It did not answer, and why.
    Failed(String),
    /// It did not begin, and why.
    Skipped(CronSkipped),
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
        let jobs = cron.jobs.iter().map(planned).collect();
        Self { jobs, began: None, under_way: BTreeMap::new(), done: VecDeque::new() }
    }

    /// Takes a job, in the place of the one with its id.
    fn put(&mut self, wall: WallTime, job: Job) {
        let began = *self.began.get_or_insert(wall);
        let key = SessionKey::of_cron(&job.agent, &job.id);
        let next = job.schedule.next_after(wall, began);
        let planned = Planned { job: Arc::new(job), key, next };
        match self.jobs.iter_mut().find(|it| it.job.id == planned.job.id) {
            Some(known) => *known = planned,
            None => self.jobs.push(planned),
        }
    }

    fn remember(&mut self, done: JobDone) {
        if self.done.len() == REMEMBERED_MAX {
            self.done.pop_front();
        }
        self.done.push_back(done);
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
        self.look_again(now);
        for job in due {
            self.do_job(now, &job, effects);
        }
    }

    /// The calendar is looked at when the next job is due.
    fn look_again(&mut self, now: Timestamp) {
        let until = |next: WallTime| {
            let ms = next.as_unix_ms().saturating_sub(self.wall.as_unix_ms()).max(1);
            Millis::new(ms.unsigned_abs()).min(LOOK_EVERY)
        };
        let next = self.cron.next().map(|it| now + until(it));
        self.deadlines.set(&Timer::Cron, next);
    }

    /// Takes a job, in the place of the one with its id, and plans it from now on. A turn of it that is under way goes on.
    pub fn put_job(&mut self, now: Now, job: Job) {
        self.wall = now.wall;
        self.cron.put(now.wall, job);
        self.look_again(now.monotonic);
    }

    /// Begins a job no more: false if there is no such job. A turn of it that is under way goes on.
    pub fn unplan_job(&mut self, now: Now, id: &JobId) -> bool {
        self.wall = now.wall;
        let before = self.cron.jobs.len();
        self.cron.jobs.retain(|it| it.job.id != *id);
        self.look_again(now.monotonic);
        self.cron.jobs.len() < before
    }

    /// The same, and ends its turn if one is under way.
    pub fn remove_job(&mut self, now: Now, id: &JobId, effects: &mut Vec<Effect>) -> bool {
        self.wall = now.wall;
        let under_way = self.cron.under_way.iter().find(|it| it.1 == id).map(|it| it.0.clone());
        let active = under_way.and_then(|it| self.sessions.get(&it)?.lane.active());
        if let Some(run) = active {
            self.abort(now.monotonic, run, effects);
        }
        let was_there = self.unplan_job(now, id);
        self.wake(now.monotonic, effects);
        was_there
    }

    /// What became of jobs, the latest last.
    pub fn jobs_done(&self) -> impl DoubleEndedIterator<Item = &JobDone> {
        self.cron.done.iter()
    }

    /// Since when a turn of a job is under way, if one is.
    pub fn job_under_way_since(&self, id: &JobId) -> Option<WallTime> {
        let key = self.cron.under_way.iter().find(|it| it.1 == id)?.0;
        let run = self.runs.get(&self.sessions.get(key)?.lane.active()?)?;
        Some(run.began.unwrap_or(self.wall))
    }

    /// A run ended: if it was a job's, what became of it is remembered.
    pub(super) fn remember_job(&mut self, run: &Run, status: &Status) {
        if run.errand != Errand::Cron {
            return;
        }
        let Some(id) = self.cron.under_way.remove(&run.session) else { return };
        let planned = self.cron.jobs.iter().find(|it| it.job.id == id);
        let name = planned.map_or_else(|| id.to_string(), |it| it.job.name.clone());
        let how = match status {
            Status::Answered(text) => {
                JobEnd::Answered(text.chars().take(SUMMARY_CHARS_MAX).collect())
            }
            Status::Failed(why) => JobEnd::Failed(why.to_string()),
            Status::Stopped => JobEnd::Failed("stopped".to_owned()),
        };
        self.cron.remember(JobDone {
            job: id,
            name,
            began: run.began.unwrap_or(self.wall),
            ended: self.wall,
            how,
            session: run.session.clone(),
            announces: run.route.is_some(),
        });
    }

    /// What became of a job that had no turn of its own.
    fn remember_at_once(&mut self, job: &Job, session: &SessionKey, how: JobEnd) {
        let done = JobDone {
            job: job.id.clone(),
            name: job.name.clone(),
            began: self.wall,
            ended: self.wall,
            how,
            session: session.clone(),
            announces: false,
        };
        self.cron.remember(done);
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
            effects.push(Effect::Note(note));
            return self.remember_at_once(job, &key, JobEnd::Skipped(CronSkipped::Busy));
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
        self.cron.under_way.insert(key.clone(), job.id.clone());
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
            effects.push(Effect::Note(note));
            return self.remember_at_once(job, &key, JobEnd::Skipped(CronSkipped::NoChat));
        };
        self.remember_at_once(
            job,
            &key,
            JobEnd::Answered(text.chars().take(SUMMARY_CHARS_MAX).collect()),
        );
        let text = format!("[cron:{} {}] {text}", job.id, job.name);
        let message = Message::report(route, Authority::Owner, job.id.as_str(), text);
        self.report(now, &key, message, effects);
    }
}
