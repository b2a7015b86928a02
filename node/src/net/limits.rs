//! All limits of the network layer behind the door, with their reasons. What a peer can feed is bounded here.

use std::time::Duration;

/// The longest message of a session, bytes. A batch of entries fits well; attachments travel in chunks.
pub const MAX_MESSAGE: u32 = 4 * 1024 * 1024;

/// What may wait for one peer to be sent, bytes. One message of [`MAX_MESSAGE`] must fit.
pub const OUTBOX_BYTES: u32 = MAX_MESSAGE + MESSAGE_COST;

/// Messages that may wait for one peer, so that many empty ones are bounded too.
pub const OUTBOX_MESSAGES: usize = 1024;

/// What a message in a queue costs beside its bytes (structures and allocation), bytes.
pub const MESSAGE_COST: u32 = 128;

/// What all peers of a partnership together may have delivered and the node not yet taken, bytes. Beyond,
/// readers wait their turn, the windows fill, and the peers wait.
pub const INBOX_BYTES: u32 = 16 * 1024 * 1024;

/// Events that may wait for the node, of all peers of a partnership.
pub const INBOX_EVENTS: usize = 256;

/// Commands from the node to the driver that may wait.
pub const COMMANDS: usize = 64;

/// Messages are gathered up to this many bytes before they are handed to the multiplexer.
pub const BATCH_BYTES: usize = 64 * 1024;

/// The longest frame of the multiplexer, bytes: a chunk and what is around it. Other streams of the connection wait for so
/// much, which at 64 kbit/s is the 8 s that a chunk takes.
pub const FRAME_BYTES: usize = 65 * 1024;

/// What all streams of a connection together may have received and nobody read, bytes. Each may have 256 KiB
/// (yamux), more on a long and fast way.
pub const RECEIVE_WINDOWS: usize = 32 * 1024 * 1024;

/// The read buffer of a session, bytes: small messages cost no wake-up each.
pub const READ_BUFFER: usize = 16 * 1024;

/// The longest hello of a session, bytes: a version and room for what later versions add.
pub const MAX_HELLO: u32 = 64;

/// How long a hello, and the opening of its stream, may take.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(5);

/// So often the opener tries before the connection is given up: the acceptor drops a stream while it is
/// busy with another.
pub const OPEN_ATTEMPTS: u32 = 3;

/// The acceptor gives up a connection on which no session was opened in this time.
pub const SESSION_TIMEOUT: Duration = Duration::from_secs(20);

/// Knock and libp2p's own handshakes together, each way.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// A second connection, left over when both sides dialled at once, is closed after this.
pub const IDLE_CONNECTION: Duration = Duration::from_secs(20);

/// Connections with one peer: both sides may dial at the same moment.
pub const CONNECTIONS_PER_PEER: u32 = 2;

/// Members of one partnership that this node will connect with; further ones are ignored. Beyond some
/// dozens, entries spread by gossip and fetching.
pub const MAX_MEMBERS: usize = 256;

/// Addresses tried for one member.
pub const MAX_ADDRESSES: usize = 8;

/// Inbound connections between the door and the identity check.
pub const PENDING_INBOUND: u32 = 32;

/// Dials under way at once in one partnership.
pub const PENDING_DIALS: usize = 16;

/// Streams of one connection, both ways: a session, gossip in and out, circuits that are relayed
/// ([`CIRCUITS_PER_MEMBER`]), and what is being negotiated.
pub const STREAMS: usize = 48;

/// The shortest time between the beginnings of two sessions with a former member's node: reading its acts costs.
pub const PARLEY_GAP: Duration = Duration::from_secs(5);

/// Session streams that a peer opened on one connection and the driver has not taken yet.
pub const WAITING_STREAMS: usize = 4;

/// The shortest time between two beginnings of a session that a peer opens: each costs the node a
/// comparison of what both hold. Sooner ones are dropped, and the peer tries again.
pub const SESSION_GAP: Duration = Duration::from_millis(100);

/// Streams of one connection whose protocol is being negotiated.
pub const NEGOTIATING_STREAMS: usize = 8;

/// The longest gossip message, bytes. Announcements are some dozens; several may be gathered in one.
pub const MAX_ANNOUNCEMENT: usize = 2 * 1024;

/// What libp2p adds to an announcement in one RPC (topic, framing), bytes.
pub const ANNOUNCEMENT_OVERHEAD: usize = 512;

/// Gossip messages that may wait for one peer (the default is 5,000, floods reached 1.1 GiB).
pub const GOSSIP_QUEUE: usize = 128;

/// How long gossip remembers what it saw: an echo takes some seconds at most. Entries are delivered by
/// reconciliation, so forgetting is cheap.
pub const GOSSIP_MEMORY: Duration = Duration::from_secs(20);

/// Announcements that one peer may pass on in a second, its own and others'; the rest is not passed on
/// further. Authors gather theirs, so that honest peers stay far below.
pub const ANNOUNCEMENTS_PER_SECOND: u32 = 1_000;

/// The first wait after a failed dial; it doubles with each failure.
pub const BACKOFF_MIN: Duration = Duration::from_millis(500);

/// The longest wait between two dials.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);

/// A session that lived as long as this ends the back-off.
pub const STEADY: Duration = Duration::from_secs(10);

/// By how much a node that runs waits before it dials a member that it hears of. Whoever starts, or has just joined, dials
/// the others at once: it alone knows when it can be reached, and dials that fail make the others wait.
pub const COURTESY: Duration = Duration::from_millis(400);

/// The driver wakes as often as this at least: gossipsub's heartbeat stops in a swarm that nobody polls.
pub const TICK: Duration = Duration::from_secs(1);

/// How long a shutdown waits for sessions to say goodbye.
pub const GOODBYE: Duration = Duration::from_millis(500);

/// Circuits that a node relays at once, in all partnerships. Each costs two buffers of [`CIRCUIT_BUFFER`] and the
/// windows of two streams.
pub const CIRCUITS: usize = 64;

/// Circuits of one member at once. More would take the streams that its own connection needs.
pub const CIRCUITS_PER_MEMBER: usize = 16;

/// Bytes that a relay reads at once, each way.
pub const CIRCUIT_BUFFER: usize = 16 * 1024;

/// A circuit on which nothing moves ends after this, or twice as long at most. Sessions say every 15 s that
/// they are alive.
pub const CIRCUIT_IDLE: Duration = Duration::from_secs(60);

/// How long a relay waits for who is called, and everybody for a message about a circuit.
pub const RING_TIMEOUT: Duration = Duration::from_secs(8);

/// Calls through relays that a node answers at once in one partnership, and that wait to be taken.
pub const RINGING: usize = 16;

/// Relays that are tried for one member, one after the other.
pub const RELAYS_TRIED: usize = 4;

/// The shortest time between two dials of all who are missing because somebody says that it relays.
pub const RELAY_NEWS_GAP: Duration = Duration::from_secs(5);

/// Meetings (hole punching) that are tried while one circuit stands; each dials [`crate::door::PUNCH_DIALS`] times at most.
pub const MEETINGS: u32 = 5;

/// From one of them to the next.
pub const MEET_AGAIN: Duration = Duration::from_secs(120);

/// The shortest time between two meetings with one member, whatever circuits come and go.
pub const MEET_GAP: Duration = Duration::from_secs(60);

/// Meetings under way at once in one partnership.
pub const MEETINGS_AT_ONCE: usize = 4;

/// How often a member that is reached through a relay is tried directly.
pub const DIRECT_AGAIN: Duration = Duration::from_secs(300);

/// The shortest time between two dials of a member because its beacon was heard on the local network.
pub const NEAR_GAP: Duration = Duration::from_secs(8);
