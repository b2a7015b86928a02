//! A wiretap: everything that passes to and from a node's front door, recorded on the way.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use entente_tests::{Home, TestNode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// One connection, as the wire saw it.
#[derive(Default, Clone)]
pub struct Call {
    /// From the caller to the node.
    pub said: Vec<u8>,
    /// From the node to the caller.
    pub answered: Vec<u8>,
}

/// A tap on one node's door.
#[derive(Clone)]
pub struct Wiretap {
    pub address: SocketAddr,
    calls: Arc<Mutex<Vec<Arc<Mutex<Call>>>>>,
}

impl Wiretap {
    /// Taps the door at a port of this machine.
    pub async fn on(port: u16) -> Wiretap {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tap = Wiretap { address: listener.local_addr().unwrap(), calls: Arc::default() };
        let calls = tap.calls.clone();
        tokio::spawn(async move {
            while let Ok((caller, _)) = listener.accept().await {
                let call = Arc::new(Mutex::new(Call::default()));
                calls.lock().unwrap().push(call.clone());
                tokio::spawn(async move {
                    let Ok(node) = TcpStream::connect(("127.0.0.1", port)).await else { return };
                    let (from_caller, to_caller) = caller.into_split();
                    let (from_node, to_node) = node.into_split();
                    let said = call.clone();
                    let there = pass(from_caller, to_node, move |b| said.lock().unwrap().said.extend(b));
                    let back = pass(from_node, to_caller, move |b| call.lock().unwrap().answered.extend(b));
                    tokio::join!(there, back);
                });
            }
        });
        tap
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().iter().map(|call| call.lock().unwrap().clone()).collect()
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut note: impl FnMut(&[u8]),
) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count) = from.read(&mut buffer).await {
        let heard = buffer.get(..count).unwrap_or_default();
        note(heard);
        if heard.is_empty() || to.write_all(heard).await.is_err() {
            break;
        }
    }
    let _gone = to.shutdown().await;
}

/// A node whose partners know it by the tap's address only.
pub async fn tapped_node(name: &str, kind: &str) -> (TestNode, Wiretap) {
    let home = Home::init(name, kind).await;
    let tap = Wiretap::on(home.port()).await;
    let folder = entente_node::home::Home::at(&home.path());
    let mut config = folder.config().unwrap();
    config.advertise = vec![tap.address.into()];
    folder.save(&config).unwrap();
    (TestNode::start_in(home).await, tap)
}
