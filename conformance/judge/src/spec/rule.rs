//! The rules that a specification can cite, and the requirements of the catalogue that they are.

/// A rule of the contract, as specific as a verdict can be about what decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rule {
    /// A binding for exactly this chat.
    RoutingPeer,
    /// A binding for the chat that the thread is in.
    RoutingParent,
    /// A binding for all chats of a kind.
    RoutingAnyPeer,
    /// A binding for a guild's members of a role.
    RoutingGuildRoles,
    /// A binding for a guild.
    RoutingGuild,
    /// A binding for a team.
    RoutingTeam,
    /// A binding for one account, named or the default one.
    RoutingAccount,
    /// A binding for every account of a channel.
    RoutingChannel,
    /// No binding: the agent that is marked default.
    RoutingMarked,
    /// No binding and no mark: the first agent.
    RoutingFirst,
    /// No agent configured: `main`.
    RoutingMain,
    /// No binding and no mark: the sole agent.
    RoutingSole,
    /// No binding and no owner: nobody.
    RoutingNobody,
    /// A binding to an agent that there is not.
    RoutingUnknownAgent,
    /// Every agent of a broadcast list.
    RoutingBroadcast,
    /// One agent of a broadcast list after another.
    RoutingSequence,
    /// No more agents of a broadcast list than its turns allow.
    RoutingBroadcastTurns,
    /// All direct chats of an agent are one conversation.
    SessionMain,
    /// One conversation a person.
    SessionPeer,
    /// One conversation a person and channel.
    SessionChannelPeer,
    /// One conversation a person, channel and account.
    SessionAccountPeer,
    /// One conversation a group.
    SessionGroup,
    /// One conversation a room.
    SessionRoom,
    /// One conversation a thread.
    SessionThread,
    /// One conversation a topic.
    SessionTopic,
    /// Two agents keep apart what one person says.
    SessionAgents,
    /// What was said before is in each request.
    SessionHistory,
    /// The version's own daily reset.
    LifeDefault,
    /// A daily reset that is configured.
    LifeDaily,
    /// An idle reset.
    LifeIdle,
    /// A reset of a kind of chat.
    LifeType,
    /// A reset of a channel.
    LifeChannel,
    /// `/new` and `/reset`.
    LifeFresh,
    /// Before the hour of a daily reset a session goes on.
    LifeGoesOn,
    /// What was not idle for long enough goes on.
    LifeNotIdle,
    /// Where nothing ends a session, it goes on.
    LifeForever,
    /// An idle session runs a message at once.
    QueueIdle,
    /// The inbound debounce.
    QueueInbound,
    /// Collect, of several messages.
    QueueCollect,
    /// How the prompt of a collected turn reads.
    QueuePrompt,
    /// Collect, of one message.
    QueueCollectOne,
    /// Messages from several rooms run one by one.
    QueueCollectRooms,
    /// Followup.
    QueueFollowup,
    /// Steer, one message a request.
    QueueSteerOne,
    /// Steer, all messages in one request.
    QueueSteerAll,
    /// Steer without a boundary left.
    QueueSteerLate,
    /// Steer-backlog: the turn of its own.
    QueueBacklog,
    /// The message that interrupted runs next.
    QueueInterrupt,
    /// A run that was stopped or interrupted ends at once.
    QueueAbort,
    /// A full queue forgets the oldest.
    QueueDropOld,
    /// A full queue refuses the newest.
    QueueDropNew,
    /// The next turn tells of what a full queue dropped.
    QueueSummary,
    /// First come, first served, and no turn without a message.
    QueueOrder,
    /// With which model and credential a turn begins.
    FailoverFirst,
    /// Whom a failure leads to.
    FailoverNext,
    /// A credential that rests is not asked.
    FailoverRest,
    /// Who rested is asked again when the rest is over, and a failure meanwhile has not lengthened it.
    FailoverBack,
    /// How often and when the same is asked again after a rate limit.
    FailoverAgain,
    /// How often and when the same is asked again after another failure, and for how long.
    FailoverOutage,
    /// A turn without an answer ends when nobody is left to be asked.
    FailoverNobody,
    /// What ends a turn without an answer.
    FailoverEnd,
}

impl Rule {
    /// Its name, as verdicts print it.
    pub fn name(self) -> &'static str {
        self.row().0
    }

    /// The requirements that it is, by id, whatever the version.
    pub fn requirements(self) -> &'static [&'static str] {
        self.row().1
    }

    fn row(self) -> (&'static str, &'static [&'static str]) {
        match self {
            Self::RoutingPeer => ("routing-peer", &["RTE-005"]),
            Self::RoutingParent => ("routing-parent", &["RTE-008"]),
            Self::RoutingAnyPeer => ("routing-any-peer", &["RTE-020"]),
            Self::RoutingGuildRoles => ("routing-guild-roles", &["RTE-009"]),
            Self::RoutingGuild => ("routing-guild", &["RTE-010"]),
            Self::RoutingTeam => ("routing-team", &["RTE-011"]),
            Self::RoutingAccount => ("routing-account", &["RTE-012"]),
            Self::RoutingChannel => ("routing-channel", &["RTE-013"]),
            Self::RoutingMarked => ("routing-marked", &["RTE-014"]),
            Self::RoutingFirst => ("routing-first", &["RTE-015"]),
            Self::RoutingMain => ("routing-main", &["RTE-016"]),
            Self::RoutingSole => ("routing-sole", &["RTE-017"]),
            Self::RoutingNobody => ("routing-nobody", &["RTE-018"]),
            Self::RoutingUnknownAgent => ("routing-unknown-agent", &["RTE-026"]),
            Self::RoutingBroadcast => ("routing-broadcast", &["RTE-030"]),
            Self::RoutingSequence => ("routing-sequence", &["RTE-035"]),
            Self::RoutingBroadcastTurns => ("routing-broadcast-turns", &["RTE-032"]),
            Self::SessionMain => ("session-main", &["SES-001"]),
            Self::SessionPeer => ("session-peer", &["SES-003"]),
            Self::SessionChannelPeer => ("session-channel-peer", &["SES-004"]),
            Self::SessionAccountPeer => ("session-account-peer", &["SES-005"]),
            Self::SessionGroup => ("session-group", &["SES-013"]),
            Self::SessionRoom => ("session-room", &["SES-014"]),
            Self::SessionThread => ("session-thread", &["SES-015"]),
            Self::SessionTopic => ("session-topic", &["SES-016"]),
            Self::SessionAgents => ("session-agents", &["SES-021"]),
            Self::SessionHistory => ("session-history", &["RUN-005"]),
            Self::LifeDefault => ("life-default", &["SES-022"]),
            Self::LifeDaily => ("life-daily", &["SES-023"]),
            Self::LifeIdle => ("life-idle", &["SES-027"]),
            Self::LifeType => ("life-type", &["SES-031"]),
            Self::LifeChannel => ("life-channel", &["SES-032"]),
            Self::LifeFresh => ("life-fresh", &["SES-033", "SES-034"]),
            Self::LifeGoesOn => ("life-goes-on", &["SES-022", "SES-023"]),
            Self::LifeNotIdle => ("life-not-idle", &["SES-027"]),
            Self::LifeForever => ("life-forever", &["SES-025"]),
            Self::QueueIdle => ("queue-idle", &["QUE-013"]),
            Self::QueueInbound => ("queue-inbound", &["QUE-014", "QUE-016"]),
            Self::QueueCollect => ("queue-collect", &["QUE-003", "QUE-004"]),
            Self::QueuePrompt => ("queue-prompt", &["QUE-020"]),
            Self::QueueCollectOne => ("queue-collect-one", &["QUE-004"]),
            Self::QueueCollectRooms => ("queue-collect-rooms", &["QUE-021"]),
            Self::QueueFollowup => ("queue-followup", &["QUE-023", "QUE-024"]),
            Self::QueueSteerOne => ("queue-steer-one", &["QUE-025", "QUE-028", "QUE-034"]),
            Self::QueueSteerAll => ("queue-steer-all", &["QUE-025", "QUE-028", "QUE-035"]),
            Self::QueueSteerLate => ("queue-steer-late", &["QUE-031"]),
            Self::QueueBacklog => ("queue-backlog", &["QUE-036"]),
            Self::QueueInterrupt => ("queue-interrupt", &["QUE-040"]),
            Self::QueueAbort => ("queue-abort", &["QUE-061"]),
            Self::QueueDropOld => ("queue-drop-old", &["QUE-044"]),
            Self::QueueDropNew => ("queue-drop-new", &["QUE-045"]),
            Self::QueueSummary => ("queue-summary", &["QUE-046"]),
            Self::QueueOrder => ("queue-order", &["QUE-009"]),
            Self::FailoverFirst => ("failover-first", &["FLO-011", "FLO-014", "FLO-016"]),
            Self::FailoverNext => ("failover-next", &["FLO-010", "FLO-020"]),
            Self::FailoverRest => ("failover-rest", &["FLO-015", "FLO-036"]),
            Self::FailoverBack => ("failover-back", &["FLO-030", "FLO-031", "FLO-036", "FLO-055"]),
            Self::FailoverAgain => ("failover-again", &["FLO-040"]),
            Self::FailoverOutage => ("failover-outage", &["FLO-041"]),
            Self::FailoverNobody => ("failover-nobody", &["FLO-010", "FLO-055"]),
            Self::FailoverEnd => ("failover-end", &["FLO-050", "FLO-058"]),
        }
    }
}
