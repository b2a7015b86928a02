//! A SOCKS5 proxy that notes who asked for what: the part of Tor that a node sees.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name and password that it showed (RFC 1929).
    pub login: (String, String),
    /// The host and port.
    pub target: String,
}

/// A proxy on loopback, which knows the names that it was told and loopback addresses, and nothing else.
pub struct Socks {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    names: Arc<Mutex<BTreeMap<String, u16>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Socks {
    /// Opens one. It is cut off when dropped.
    ///
    /// # Panics
    /// If the system gives no port.
    pub async fn open() -> Socks {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let (asked, names) = (Arc::default(), Arc::default());
        let serving = tokio::spawn(serve(listener, Arc::clone(&asked), Arc::clone(&names)));
        Socks { address, asked, names, serving }
    }

    /// How a node is told of it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("socks5h://{}", self.address)
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Lets a name lead to a port of this machine.
    pub fn name(&self, name: &str, port: u16) {
        self.names.lock().unwrap().insert(name.to_owned(), port);
    }

    /// All that was asked for so far.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Ends all connections and listens no more.
    pub async fn close(self) {
        self.serving.abort();
        let _aborted = self.serving.await;
    }
}

async fn serve(
    listener: TcpListener,
    asked: Arc<Mutex<Vec<Asked>>>,
    names: Arc<Mutex<BTreeMap<String, u16>>>,
) {
    let mut calls = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let (asked, names) = (asked.clone(), names.clone());
        calls.spawn(async move {
            let _ended_somehow = call(client, &asked, &names).await;
        });
    }
}

async fn call(
    mut client: TcpStream,
    asked: &Mutex<Vec<Asked>>,
    names: &Mutex<BTreeMap<String, u16>>,
) -> io::Result<()> {
    let mut greeting = [0; 2];
    client.read_exact(&mut greeting).await?;
    let mut methods = vec![0; usize::from(greeting[1])];
    client.read_exact(&mut methods).await?;
    assert!(greeting[0] == 5 && methods.contains(&2), "a client that shows a name: {greeting:?} {methods:?}");
    client.write_all(&[5, 2]).await?;
    assert_eq!(client.read_u8().await?, 1, "the version of RFC 1929");
    let login = (text(&mut client).await?, text(&mut client).await?);
    client.write_all(&[1, 0]).await?;
    let mut request = [0; 4];
    client.read_exact(&mut request).await?;
    assert_eq!(request[..3], [5, 1, 0], "to connect is all that is asked for");
    let host = match request[3] {
        1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
        3 => text(&mut client).await?,
        kind => panic!("an address of kind {kind}"),
    };
    let port = client.read_u16().await?;
    asked.lock().unwrap().push(Asked { login, target: format!("{host}:{port}") });
    let known = names.lock().unwrap().get(&host).copied();
    let to = known.or_else(|| (host == "127.0.0.1").then_some(port));
    let server = match to {
        Some(port) => TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.ok(),
        None => None,
    };
    let code = if server.is_some() { 0 } else { 4 };
    client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
    if let Some(mut server) = server {
        copy_bidirectional(&mut client, &mut server).await?;
    }
    Ok(())
}

async fn text(client: &mut TcpStream) -> io::Result<String> {
    let mut text = vec![0; usize::from(client.read_u8().await?)];
    client.read_exact(&mut text).await?;
    Ok(String::from_utf8(text).expect("names are text"))
}
