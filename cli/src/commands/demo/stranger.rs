//! A stranger that dials: it knows the address and nothing else, and must not hear a byte.

use std::time::Duration;

use entente_node::clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::cast::Cast;
use super::stage::{Proof, proof};

/// How long a stranger listens for an answer.
const LISTENS: Duration = Duration::from_millis(2500);
/// Random bytes that it tries: more than any first message has.
const RANDOM: usize = 4096;

/// What strangers say to find out what listens.
fn words() -> Vec<(&'static str, Vec<u8>)> {
    let random: Vec<u8> = (0..RANDOM / 16).flat_map(|_| clock::nonce()).collect();
    vec![
        ("TLS", client_hello()),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".to_vec()),
        ("libp2p", b"\x13/multistream/1.0.0\n".to_vec()),
        ("SSH", b"SSH-2.0-OpenSSH_9.9\r\n".to_vec()),
        ("random bytes", random),
        ("silence", Vec::new()),
    ]
}

/// A ClientHello of TLS 1.3 (RFC 8446, section 4.1.2) that any server would answer, with an alert at least.
fn client_hello() -> Vec<u8> {
    let mut body = vec![0x03, 0x03];
    body.extend(clock::nonce());
    body.extend(clock::nonce());
    // No session id; TLS_AES_128_GCM_SHA256; no compression.
    body.extend([0, 0, 2, 0x13, 0x01, 1, 0]);
    // supported_versions: TLS 1.3; supported_groups: x25519; signature_algorithms: ed25519.
    let extensions = [
        [0x00, 0x2b, 0x00, 0x03, 0x02, 0x03, 0x04].as_slice(),
        &[0x00, 0x0a, 0x00, 0x04, 0x00, 0x02, 0x00, 0x1d],
        &[0x00, 0x0d, 0x00, 0x04, 0x00, 0x02, 0x08, 0x07],
    ]
    .concat();
    body.extend(length(extensions.len()));
    body.extend(extensions);
    let mut message = vec![0x01, 0];
    message.extend(length(body.len()));
    message.extend(body);
    let mut record = vec![0x16, 0x03, 0x01];
    record.extend(length(message.len()));
    record.extend(message);
    record
}

/// Two bytes; what is said here is far shorter than they can count.
fn length(bytes: usize) -> [u8; 2] {
    u16::try_from(bytes).unwrap_or(u16::MAX).to_be_bytes()
}

/// Every node is dialled with every kind of words, and answers none.
pub(super) async fn hears_nothing(cast: &Cast) -> Proof {
    let mut dials = JoinSet::new();
    for actor in cast.all() {
        for (name, words) in words() {
            let (address, who) = (actor.address().to_owned(), actor.who);
            dials.spawn(async move { (who, name, dial(&address, &words).await) });
        }
    }
    let tried = dials.len();
    let mut answered = Vec::new();
    while let Some(dialled) = dials.join_next().await {
        match dialled {
            Ok((_, _, Ok(0))) => {}
            Ok((who, name, Ok(bytes))) => {
                answered.push(format!("{} answered {name} with {bytes} bytes", who.the()))
            }
            Ok((who, name, Err(e))) => {
                answered.push(format!("{} could not be dialled ({name}): {e}", who.the()))
            }
            Err(e) => answered.push(e.to_string()),
        }
    }
    let names: Vec<&str> = words().iter().map(|(name, _)| *name).collect();
    let evidence = format!(
        "{tried} connections ({} to each of the three), {:.1} s each: 0 bytes came back",
        names.join(", "),
        LISTENS.as_secs_f64()
    );
    proof(answered.is_empty() && tried > 0, evidence, answered.join("; "))
}

/// Says something, and counts the bytes that come back.
async fn dial(address: &str, words: &[u8]) -> std::io::Result<usize> {
    let mut stream = timeout(LISTENS, TcpStream::connect(address)).await??;
    // A node may hang up while it is spoken to: that is no answer.
    let _hung_up = stream.write_all(words).await;
    let mut heard = 0;
    let mut buffer = [0; 1024];
    let listening = async {
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            heard += count;
        }
    };
    let _time_is_over = timeout(LISTENS, listening).await;
    Ok(heard)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_stranger_notices_an_answer() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let answering = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut first = [0; 3];
            stream.read_exact(&mut first).await.unwrap();
            stream.write_all(b"no").await.unwrap();
            first
        });
        assert_eq!(dial(&address, &client_hello()).await.unwrap(), 2);
        assert_eq!(answering.await.unwrap(), [0x16, 0x03, 0x01]);
    }

    #[test]
    fn the_lengths_in_the_client_hello_are_right() {
        let hello = client_hello();
        assert_eq!(usize::from(u16::from_be_bytes([hello[3], hello[4]])), hello.len() - 5);
        assert_eq!(usize::from(u16::from_be_bytes([hello[7], hello[8]])), hello.len() - 9);
    }
}
