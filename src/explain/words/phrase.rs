//! Every phrase that whyport says about a packet, by name; a language is a table of them.
//!
//! A phrase has places in braces, which [`say`] fills. What fills them (names, addresses, rule texts) belongs to no
//! language.

use super::english;

/// A phrase, whatever the language. The places that each has are those of the English table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Phrase {
    // Who.
    Nobody,
    Unknown,
    Kernel,
    NamelessSocket,
    InNamespace,
    There,
    OneOfMany,
    OneOfThese,
    SomeAddress,
    WhoAsked,
    WhereItGoes,
    Or,
    And,
    AndMore,
    ChanceEven,
    ChanceUneven,
    ChanceAlike,
    // From where.
    Outside,
    OutsideBy,
    OnBridge,
    OwnAddress,
    OwnSomeAddress,
    Localhost,
    // Conditions.
    IsIn,
    IsNotIn,
    Is,
    IsNot,
    IsNone,
    Has,
    HasNot,
    Above,
    Below,
    Except,
    Unless,
    NotIf,
    // What a rule asks.
    All,
    Everything,
    Packets,
    ForLocal,
    For,
    NotFor,
    ForBut,
    Source,
    NotSource,
    ArrivingBy,
    NotArrivingBy,
    // Where a rule is, and what it does.
    RuleOf,
    PolicyOf,
    Sends,
    To,
    ThroughTo,
    Led,
    SendsPick,
    Picks,
    It,
    Turns,
    HandsTo,
    Drops,
    Rejects,
    Queues,
    SendsAside,
    LastWord,
    UnknownPlace,
    PortOfThisHost,
    // Sentences.
    NeverGets,
    NoSocketOn,
    BeforeSocket,
    Redirected,
    Gets,
    GetsUnread,
    GetsAccepted,
    FitsBetter,
    KernelAnswers,
    EchoIgnored,
    ElsewhereTcp,
    ElsewhereOther,
    ListensOnly,
    HeardHereOnly,
    OnDevice,
    KernelAnswersUnread,
    UnreadMay,
    NotRead,
    NotAsked,
    Needs,
    TornParts,
    // While it is read.
    Reading,
    ReadingHost,
    ReadingAnew,
    ReadingChains,
    AtNamespace,
    RulesInChains,
    OneRule,
    ManyRules,
    ChainsOf,
    SetElements,
    PortsOf,
    PortsOfMore,
    ReadingElements,
    NobodyTcp,
    NobodyOther,
    NobodyOfMany,
    UnheardInVrf,
    NobodyAfter,
    NobodyThere,
    Then,
    ThenTurns,
    ThisHost,
    ThenTurnsToo,
    At,
    AndThen,
    DroppedByPolicy,
    Forwarded,
    SentOn,
    ByDevice,
    ByRouter,
    AsHashed,
    SomeDevice,
    Queued,
    SentAside,
    ArrivesUnread,
    AcceptedUnread,
    LetThroughUnread,
    LetThrough,
    LetThroughPorts,
    LetThroughOthers,
    PortsThrough,
    AllPorts,
    AllPortsBut,
    SomeOf,
    SomeOfAll,
    AllButSome,
    NoPort,
    NoGhost,
    NoSocket,
    PortsUnread,
    NoPorts,
    Blocked,
    OneIf,
    OneElse,
    OneBut,
    NoWalk,
    // It depends.
    Depends,
    Case,
    Always,
    ButCases,
    SomeCases,
    InOthers,
    CaseGets,
    ButIf,
    OneOfAddresses,
    RulesDrop,
    RulesReject,
    RulesRefuse,
    CaseGoes,
    CaseNobody,
    CaseUnknown,
    CaseThrough,
    NobodyGets,
    OtherCase,
    OtherCases,
    OtherSources,
    Unexplored,
    // The kernel's own reasons.
    IpForward,
    RpFilter,
    RpFilterLoose,
    RouteLocalnet,
    RouteLocalnetOut,
    LocalSource,
    ImpossibleSource,
    ImpossibleDestination,
    Ttl,
    Hairpin,
    NoRoute,
    NoRouteBack,
    NoRouteThere,
    Blackhole,
    Unreachable,
    Prohibit,
    Broadcast,
    Loop,
    OfSocket,
    OfOthers,
    Private,
    Synproxy,
    Unread,
    // Assumptions.
    MatchHolds,
    MatchFails,
    BriefHolds,
    BriefFails,
    TargetContinues,
    TargetStops,
    GivesPort,
    RunsBefore,
    TracksBefore,
    TracksAfter,
    LeavesBy,
    LeavesNotBy,
    LeavesNowhere,
    LeavesSomewhere,
    IsLocal,
    IsNotLocal,
    Forwards,
    ForwardsNot,
    MarkFits,
    MarkFitsNot,
    ReverseAccepts,
    ReverseRefuses,
    DeviceDown,
    NoCarrier,
    NoCarrierOut,
    VlansPass,
    VlansStop,
    NoTranslation,
    Translation,
    Established,
    EstablishedNot,
    AnswerHas,
    AnswerLost,
    AnswersLost,
    AnswersLostIf,
    AnswerAstray,
    AnswerArrives,
    AnswerElsewhere,
    AnswersElsewhere,
    AnswersElsewhereIf,
    LeavesElsewhere,
    AnswerGoesOn,
    NoAnswer,
    ChosenFits,
    ChosenFitsNot,
    ChosenAmong,
    ChosenNotAmong,
    Drawn,
    DrawnNot,
    SocketAnswers,
    SocketSilent,
    UnreadRulesPass,
    UnreadRulesStop,
    AsRead,
    NotAsRead,
    WhyOrder,
    WhyRate,
    WhyState,
    WhyHash,
    WhyRandom,
    WhyUndecoded,
    WhyUnread,
    WhyTorn,
    // What became of a rule.
    ForOthers,
    Matches,
    MatchesAll,
    MatchesNot,
    DependsOn,
    DependsOpen,
    Taken,
    TakenNot,
    HasNothing,
    NotSeen,
    NotTracked,
    IsOpen,
    ThePacket,
    ComesFrom,
    GoesTo,
    FromPort,
    ToPort,
    PacketIs,
    ComesBy,
    LeavesByOne,
    ThingIs,
    ThingFits,
    ThingIsAnother,
    FlagsAre,
    Ipv4,
    Ipv6,
    NotReached,
    NotCalled,
    LedElsewhere,
    EndedBefore,
    NotAtHook,
    NatUntracked,
    NatTranslated,
    NatBound,
    DidAccept,
    DidDrop,
    DidReject,
    DidReturn,
    WentTo,
    EndedIn,
    DidQueue,
    DidTranslate,
    DidDecide,
    TheSource,
    TheDestination,
    TheSport,
    TheDport,
    FlowSource,
    FlowDestination,
    FlowSport,
    FlowDport,
    ReplySource,
    ReplyDestination,
    ReplySport,
    ReplyDport,
    TheFamily,
    TheProtocol,
    TheIif,
    TheOif,
    TheMark,
    TheFlowMark,
    TheFlow,
    TheCtState,
    TheTos,
    TheTtl,
    ThePkttype,
    TheMac,
    TheUid,
    TheGid,
    TheFlags,
    TheIcmpType,
    TheIcmpCode,
    TheLength,
    TheTime,
}

/// The phrase with its places filled. A place that nothing fills stays empty; what fills one is not looked into again.
pub(super) fn say(phrase: Phrase, fills: &[(&str, &str)]) -> String {
    let mut rest = english::phrase(phrase);
    let mut said = String::with_capacity(rest.len() + 64);
    while let Some(open) = rest.find('{') {
        let Some(close) = rest[open..].find('}') else { break };
        said.push_str(&rest[..open]);
        let place = &rest[open + 1..open + close];
        if let Some((_, fill)) = fills.iter().find(|(name, _)| *name == place) {
            said.push_str(fill);
        }
        rest = &rest[open + close + 1..];
    }
    said.push_str(rest);
    said
}

/// The sentence with a capital letter at its beginning, and a full stop at its end.
pub(super) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first: String = chars.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", chars.as_str())
}

/// The sentence as it begins, with a full stop at its end: names keep their letters.
pub(super) fn sentence_of_name(text: &str) -> String {
    format!("{text}.")
}

/// `a`, `a and b`, `a, b and c`; with more than `most`, the first of them and how many more.
pub(super) fn list(last: Phrase, items: &[String], most: usize) -> String {
    if items.len() > most + 1 {
        let more = (items.len() - most).to_string();
        return say(Phrase::AndMore, &[("items", &items[..most].join(", ")), ("count", &more)]);
    }
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [start @ .., end] => say(last, &[("items", &start.join(", ")), ("last", end)]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_are_not_looked_into_again() {
        let said = say(Phrase::InNamespace, &[("who", "{namespace}"), ("namespace", "a{b}")]);
        assert_eq!(said, "{namespace} in a{b}");
    }

    #[test]
    fn lists_read_as_people_write_them() {
        let items: Vec<String> = ["80", "81", "443", "8080"].map(str::to_owned).to_vec();
        assert_eq!(list(Phrase::And, &items[..1], 5), "80");
        assert_eq!(list(Phrase::And, &items[..2], 5), "80 and 81");
        assert_eq!(list(Phrase::Or, &items[..3], 5), "80, 81 or 443");
        assert_eq!(list(Phrase::And, &items, 2), "80, 81 and 2 more");
    }

    #[test]
    fn sentences_begin_with_a_capital() {
        assert_eq!(sentence("rule 3 drops it"), "Rule 3 drops it.");
        assert_eq!(sentence("10.0.0.1 is away"), "10.0.0.1 is away.");
    }
}
