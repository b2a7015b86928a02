//! A member that is no node: the keys of one, and a program that says what it likes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use entente_node::door::{Door, DoorKey};
use entente_node::net::{self, Member, NetConfig, NetEvent, NetEvents, NetHandle, Tunables};
use entente_protocol::codec;
use entente_protocol::derive;
use entente_protocol::ids::{PartnershipId, TransportId};
use entente_protocol::sync::{Hello, Message, VERSION};
use tokio::time::timeout;

use crate::insider::Insider;

pub struct Hostile {
    pub net: NetHandle,
    pub events: NetEvents,
    pub target: TransportId,
    _door: Door,
}

impl Hostile {
    /// Dials a member's node with the transport identity and the door keys of another.
    pub async fn with_keys_of(
        insider: &Insider,
        partnership: &PartnershipId,
        (target, address): (TransportId, SocketAddr),
    ) -> Hostile {
        let keys = insider.keys(partnership);
        let all = derive::space_of_all(partnership);
        let door_keys: Vec<DoorKey> = keys
            .epochs
            .iter()
            .rev()
            .filter(|e| e.space == all)
            .map(|e| DoorKey(derive::door_key(&e.key.key())))
            .collect();
        let door = Door::open("127.0.0.1:0".parse().unwrap()).await.unwrap();
        let config = NetConfig {
            way: entente_node::door::Way::new(None).unwrap(),
            door: door.clone(),
            door_keys,
            identity_seed: keys.transport.key(),
            topic: derive::gossip_topic(partnership).to_string(),
            relaying: net::Relaying::new(None),
            punching: entente_node::door::Punching::new(false),
            members: vec![Member::at(target, vec![address.into()])],
            valid_announcement: |_| true,
            tunables: Tunables::default(),
        };
        let (net, events) = net::spawn(config).unwrap();
        Hostile { net, events, target, _door: door }
    }

    /// Waits for a session, for a while.
    pub async fn connected_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while Instant::now() < until {
            match timeout(Duration::from_millis(500), self.events.recv()).await {
                Ok(Some(NetEvent::Connected { .. })) => return true,
                Ok(Some(_)) => {}
                Ok(None) => return false,
                // It knows no patience.
                Err(_) => self.net.dial_now().await.unwrap(),
            }
        }
        false
    }

    pub async fn connect(&mut self) {
        assert!(self.connected_within(Duration::from_secs(30)).await, "a member is let in");
    }

    /// A session of this member's own, and a proper hello.
    pub async fn greet(&mut self) {
        self.connect().await;
        self.say(&hello(VERSION)).await;
    }

    /// Says something; `false` if the other side has hung up.
    pub async fn say(&self, message: &Message) -> bool {
        self.say_bytes(codec::encode(message)).await
    }

    pub async fn say_bytes(&self, bytes: Vec<u8>) -> bool {
        self.net.send(&self.target, Bytes::from(bytes)).await.is_ok()
    }

    /// Waits until the other side hangs up, for a while. What it says meanwhile is passed over.
    pub async fn hung_up_within(&mut self, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        while let Ok(event) =
            timeout(until.saturating_duration_since(Instant::now()), self.events.recv()).await
        {
            match event {
                Some(NetEvent::Disconnected { .. }) | None => return true,
                Some(_) => {}
            }
        }
        false
    }

    /// All messages that come within a time.
    pub async fn hear(&mut self, time: Duration) -> Vec<Bytes> {
        let until = Instant::now() + time;
        let mut heard = Vec::new();
        while let Ok(Some(event)) =
            timeout(until.saturating_duration_since(Instant::now()), self.events.recv()).await
        {
            match event {
                NetEvent::Message { bytes, .. } => heard.push(bytes),
                NetEvent::Announced { data, .. } => heard.push(data),
                _ => {}
            }
        }
        heard
    }
}

pub fn hello(version: u32) -> Message {
    Message::Hello(Hello { version, heads: Vec::new(), addresses: vec!["127.0.0.1:9".into()] })
}

/// The transport identity of an organisation's (first) node, by the acts that an insider holds.
pub fn transport_of(
    insider: &Insider,
    partnership: &PartnershipId,
    org: &entente_protocol::ids::OrgId,
) -> TransportId {
    insider.membership(partnership).members[org].nodes.values().next().unwrap().card.transport
}

/// Where a node listens.
pub fn door_of(node: &entente_tests::TestNode) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], node.home().port()))
}
