//! A scenario as its file says it: `tests/scenarios/*.toml`. Times are seconds of virtual time unless named
//! otherwise; nodes are numbers, from 0, in the order in which they were admitted.

use serde::Deserialize;

/// What happens, apart from chance.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Nodes that are members at the beginning, each of an organisation of its own: from and to, by chance.
    pub nodes: (usize, usize),
    /// Further organisations, which may be let in.
    #[serde(default)]
    pub spare: usize,
    /// How many of the first nodes are stewards.
    pub stewards: usize,
    /// How long things happen; then all faults end, and the network has [`Scenario::heal_minutes`].
    pub minutes: u64,
    /// In how many minutes after the last fault all must agree and be silent.
    #[serde(default = "ninety")]
    pub heal_minutes: u64,
    /// Seconds between two records of the whole partnership, on average; 0: none.
    #[serde(default)]
    pub publish_every: f64,
    /// The share of records that go to named readers.
    #[serde(default)]
    pub named: f64,
    /// Whether each node does all its cryptography itself.
    #[serde(default)]
    pub crypto: Crypto,
    /// Sessions that a node strives for; 0: with everybody.
    #[serde(default)]
    pub degree: usize,
    /// With such a number: minutes until a node tries one session more, so that parts grow together again.
    #[serde(default = "ten")]
    pub shuffle_minutes: u64,
    /// The links.
    #[serde(default)]
    pub link: Link,
    /// What goes wrong by chance.
    #[serde(default)]
    pub chance: Chance,
    /// What goes wrong with clocks.
    #[serde(default)]
    pub clocks: Clocks,
    /// When groups cannot reach each other.
    #[serde(default)]
    pub partition: Vec<Partition>,
    /// When single nodes are switched off.
    #[serde(default)]
    pub offline: Vec<Offline>,
    /// Changes of membership, one by one.
    #[serde(default)]
    pub deed: Vec<Planned>,
    /// Seconds between two changes of membership that chance makes, on average; 0: none.
    #[serde(default)]
    pub deed_every: f64,
    /// The share of those changes that is governing: proposals, suspensions, revocations, amendments. With any, the
    /// founder is an NPM, and removing a steward and making one want two signatures.
    #[serde(default)]
    pub governing: f64,
    /// Nodes that do not do what they should.
    #[serde(default)]
    pub adversary: Vec<Adversary>,
}

fn ten() -> u64 {
    10
}

fn ninety() -> u64 {
    90
}

/// How much of the cryptography is done for real.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crypto {
    /// All of it, by every node.
    Full,
    /// Signatures are made for real, and checked once for all nodes together; epoch keys are sealed by a cheap
    /// stand-in of the same size. For many nodes.
    #[default]
    Light,
}

/// What links are like. Chosen for each pair between the bounds.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// One way, in milliseconds: least and most.
    pub latency_ms: (u64, u64),
    /// Kilobits in a second; 0: without limit.
    #[serde(default)]
    pub kbit: u64,
    /// The share of messages that the transport must send again, which delays all behind them.
    #[serde(default)]
    pub loss: f64,
    /// The share of messages that never come, as no transport below would allow.
    #[serde(default)]
    pub drop: f64,
    /// The share that come twice.
    #[serde(default)]
    pub duplicate: f64,
    /// The share that overtake others.
    #[serde(default)]
    pub reorder: f64,
}

impl Default for Link {
    fn default() -> Self {
        Link { latency_ms: (10, 150), kbit: 0, loss: 0.0, drop: 0.0, duplicate: 0.0, reorder: 0.0 }
    }
}

/// What goes wrong by chance: seconds between two of a kind on average; 0: never.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chance {
    /// A node's power goes, and comes back.
    #[serde(default)]
    pub crash_every: f64,
    /// The longest that a node is off then.
    #[serde(default)]
    pub off_at_most: u64,
    /// The network falls into two parts.
    #[serde(default)]
    pub partition_every: f64,
    /// The longest partition.
    #[serde(default)]
    pub partition_at_most: u64,
    /// A single session breaks.
    #[serde(default)]
    pub break_every: f64,
}

/// What goes wrong with clocks. Half of the nodes, by chance, are concerned.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clocks {
    /// A clock is off by up to so many years, either way.
    #[serde(default)]
    pub years: u64,
    /// It gains or loses up to so many seconds in an hour.
    #[serde(default)]
    pub drift: u64,
    /// Seconds between two jumps of some clock, by up to as many years, either way; 0: none.
    #[serde(default)]
    pub jump_every: f64,
}

/// A time in which the network is in parts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// Since when.
    pub from: u64,
    /// Until when.
    pub to: u64,
    /// One part; all others are the other.
    pub nodes: Vec<usize>,
}

/// A time in which a node is switched off.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offline {
    /// Which.
    pub node: usize,
    /// Since when.
    pub from: u64,
    /// Until when.
    pub to: u64,
}

/// A change of membership at a time.
#[derive(Clone, Debug, Deserialize)]
pub struct Planned {
    /// When.
    pub at: u64,
    /// Who does it.
    pub by: usize,
    /// What.
    #[serde(flatten)]
    pub deed: Deed,
}

/// A change of membership. New kinds of act come here, and into `node/govern.rs`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase")]
pub enum Deed {
    /// A steward invites an organisation, which asks to be let in, and is.
    Admit {
        /// Whom.
        who: usize,
        /// Whether it becomes a steward.
        #[serde(default)]
        steward: bool,
    },
    /// A steward puts an organisation out.
    Remove {
        /// Whom.
        who: usize,
    },
    /// A steward makes a member a steward, or takes the stewardship away.
    Steward {
        /// Of whom.
        who: usize,
        /// Is it to be one?
        steward: bool,
    },
    /// An organisation leaves.
    Leave,
    /// A steward, or for amending and renewing any steward, proposes what several have to sign.
    Propose {
        /// What.
        what: Motion,
        /// About whom, where it is about somebody.
        who: usize,
    },
    /// A member signs the first proposal that waits for it.
    Sign,
    /// A member takes its own first proposal back.
    Withdraw,
    /// A member puts the first proposal into effect that enough have signed.
    Enact,
    /// An NPM suspends the partnership.
    Suspend,
    /// It ends its suspension.
    Resume,
    /// A steward revokes a member's node.
    Revoke {
        /// Whose.
        who: usize,
    },
}

/// What is proposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Motion {
    /// To put a member out.
    Remove,
    /// To make a member a steward.
    Promote,
    /// To take a stewardship away.
    Demote,
    /// Another last day.
    Renew,
    /// The next version of the agreement.
    Amend,
}

/// A node that does not do what it should.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Adversary {
    /// Which.
    pub node: usize,
    /// How.
    pub does: Evil,
}

/// Ways to misbehave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evil {
    /// It hears of no membership act that comes after it is put out: goes on dialling and writing.
    Deaf,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Panics
    /// If it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Scenario {
        toml::from_str(text).unwrap_or_else(|error| panic!("not a scenario: {error}"))
    }
}
