//! Another program or a web page on the same machine, at the local API.

use std::time::Duration;

use entente_tests::{TestNode, draft};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

struct Api<'a> {
    node: &'a TestNode,
    token: String,
}

impl<'a> Api<'a> {
    fn of(node: &'a TestNode) -> Api<'a> {
        Api { node, token: std::fs::read_to_string(node.home().path().join("api.token")).unwrap() }
    }

    /// Sends exact bytes; gives the status, or 0 if the connection was cut without an answer.
    async fn raw(&self, request: &[u8]) -> (u16, String) {
        let mut stream = UnixStream::connect(self.node.home().path().join("node.sock")).await.unwrap();
        // The node may answer and hang up before it has read all.
        let _cut = stream.write_all(request).await;
        let mut answer = Vec::new();
        let _cut = tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut answer)).await;
        let text = String::from_utf8_lossy(&answer).into_owned();
        let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_default();
        (status, text)
    }

    async fn ask(&self, method: &str, path: &str, body: &[u8]) -> (u16, String) {
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            self.token,
            body.len()
        );
        self.raw(&[head.as_bytes(), body].concat()).await
    }
}

async fn goes_on(node: &TestNode) {
    assert!(!node.status().await.locked);
    let log = std::fs::read_to_string(node.home().beside("stderr.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

const ROUTES: [(&str, &str); 30] = [
    ("GET", "/v1/status"),
    ("POST", "/v1/lock"),
    ("POST", "/v1/unlock"),
    ("POST", "/v1/stop"),
    ("GET", "/v1/partnerships"),
    ("POST", "/v1/partnerships"),
    ("POST", "/v1/partnerships/join"),
    ("GET", "/v1/partnerships/x"),
    ("POST", "/v1/partnerships/x/remove"),
    ("POST", "/v1/invitations/look"),
    ("GET", "/v1/records"),
    ("POST", "/v1/records"),
    ("POST", "/v1/records/import"),
    ("POST", "/v1/search"),
    ("GET", "/v1/records/x/export"),
    ("POST", "/v1/attachments?name=x"),
    ("GET", "/v1/sync"),
    ("GET", "/v1/audit/verify"),
    ("GET", "/v1/audit/show"),
    ("GET", "/v1/audit/export"),
    ("POST", "/v1/audit/acknowledge"),
    ("GET", "/v1/doctor"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys/recovery"),
    ("GET", "/v1/events"),
    ("GET", "/v1/staff"),
    ("POST", "/v1/staff"),
    ("GET", "/v1/releases"),
    ("POST", "/v1/releases/x/approve"),
    ("GET", "/nothing"),
];

#[tokio::test]
async fn no_route_answers_who_has_no_token_or_names_another_host() {
    let node = TestNode::start_new("Besieged Office", "npm").await;
    let api = Api::of(&node);
    let right = format!("Authorization: Bearer {}\r\n", api.token);
    let mut short = right.clone();
    short.truncate(right.len() - 3);
    let headers = [
        "Host: localhost\r\n".to_owned(),
        "Host: localhost\r\nAuthorization: Bearer \r\n".to_owned(),
        format!("Host: localhost\r\nAuthorization: Bearer {}\r\n", "0".repeat(64)),
        format!("Host: localhost\r\nAuthorization: Bearer entente-staff-{}\r\n", "0".repeat(64)),
        format!("Host: localhost\r\n{short}\r\n"),
        format!("Host: localhost\r\n{}", right.replace("Bearer", "Basic")),
        format!("Host: localhost\r\nCookie: token={}\r\n", api.token),
        right.clone(),
        format!("Host: evil.example\r\n{right}"),
        format!("Host: localhost.evil.example\r\n{right}"),
        format!("Host: localhost:80\r\n{right}"),
        format!("Host: 127.0.0.1\r\n{right}"),
        format!("Host: [::1]\r\n{right}"),
        format!("Host: LOCALHOST.\r\n{right}"),
        format!("Host: \r\n{right}"),
    ];
    for (method, path) in ROUTES {
        for header in &headers {
            let body = "{}";
            let request = format!(
                "{method} {path} HTTP/1.1\r\n{header}Content-Type: application/json\r\n\
                 Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
                body.len()
            );
            let (status, text) = api.raw(request.as_bytes()).await;
            assert!([400, 401].contains(&status), "{method} {path} with {header}: {status}");
            assert!(!text.contains("Besieged"), "{text}");
            assert!(!text.to_ascii_lowercase().contains("access-control-allow"), "{text}");
        }
    }
    goes_on(&node).await;
}

#[tokio::test]
async fn malformed_requests_are_refused_in_words_and_the_node_goes_on() {
    let node = TestNode::start_new("Besieged Office", "npm").await;
    node.keep(draft("material", "a draft")).await.unwrap();
    let api = Api::of(&node);
    let deep = ["[".repeat(10_000), "]".repeat(10_000)].concat();
    let deep_object = ["{\"a\":".repeat(10_000), "1".into(), "}".repeat(10_000)].concat();
    let nested =
        format!(r#"{{"kind":"material","fields":{{"title":{}1{}}}}}"#, "[".repeat(60), "]".repeat(60));
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe\x00",
        deep.as_bytes(),
        deep_object.as_bytes(),
        nested.as_bytes(),
        br#"{"kind":"material","fields":{"title":1e999}}"#,
        br#"{"kind":"material","fields":{"title":null}}"#,
        br#"{"kind":"material","fields":{},"unknown":1}"#,
    ];
    let routes = [
        "/v1/partnerships",
        "/v1/partnerships/join",
        "/v1/records",
        "/v1/unlock",
        "/v1/invitations/look",
        "/v1/partnerships/x/remove",
    ];
    for path in routes {
        for body in bodies {
            let (status, text) = api.ask("POST", path, body).await;
            let words = String::from_utf8_lossy(&body[..body.len().min(60)]);
            // A second unlock of an open node is no fault of the body.
            assert!((400..500).contains(&status), "{path} with {words}: {status} {text}");
        }
    }
    goes_on(&node).await;
}

#[tokio::test]
async fn what_is_too_large_or_nowhere_is_refused_and_the_node_goes_on() {
    let node = TestNode::start_new("Besieged Office", "npm").await;
    let api = Api::of(&node);
    let huge = vec![b' '; 9 * 1024 * 1024];
    for path in ["/v1/records", "/v1/search", "/v1/records/import"] {
        // Refused at its head; the answer may be lost while the rest is still being pushed in.
        assert!([413, 0].contains(&api.ask("POST", path, &huge).await.0), "{path}");
    }
    // Who has no token is answered before the first byte of the body.
    let claimed = b"POST /v1/records HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
        Content-Length: 9223372036854775807\r\nConnection: close\r\n\r\n{";
    assert_eq!(api.raw(claimed).await.0, 401);
    let long = format!("GET /{} HTTP/1.1\r\nHost: localhost\r\n\r\n", "a".repeat(1_000_000));
    assert!([400, 414, 431, 0].contains(&api.raw(long.as_bytes()).await.0));
    let many = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n", "X-A: b\r\n".repeat(10_000));
    assert!([400, 431, 0].contains(&api.raw(many.as_bytes()).await.0));
    let nowhere = [
        "/",
        "/v1",
        "/v1/../../etc/passwd",
        "/v1/records/../../vault",
        "/v1/records/%2e%2e%2f%2e%2e%2fvault",
        "/../vault",
        "/vault",
        "/api.token",
        "/v1/records/%00",
        "/v1/records/..%5c..%5cvault",
        "//etc/passwd",
        "/v1/records/x/attachments/-1",
        "/v1/records/x/attachments/99999999999999999999",
        "/v1/sync/explain/%ff/%ff",
        "/v2/status",
    ];
    for path in nowhere {
        let (status, text) = api.ask("GET", path, b"").await;
        assert!((400..500).contains(&status), "{path}: {status} {text}");
        assert!(!text.contains("ENTVAULT") && !text.contains("root:"), "{path}");
    }
    for (method, path) in [("DELETE", "/v1/records"), ("PUT", "/v1/status"), ("TRACE", "/v1/status")] {
        assert!((400..500).contains(&api.ask(method, path, b"").await.0), "{method} {path}");
    }
    for junk in [b"\x16\x03\x01\x02\x00".as_slice(), b"\0\0\0\0", b"GET / HTTP/9.9\r\n\r\n", b"\r\n\r\n\r\n"]
    {
        assert!((400..500).contains(&api.raw(junk).await.0) || api.raw(junk).await.0 == 0);
    }
    goes_on(&node).await;
}

#[tokio::test]
async fn idle_connections_do_not_keep_the_owner_out() {
    let node = TestNode::start_new("Besieged Office", "npm").await;
    let socket = node.home().path().join("node.sock");
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(UnixStream::connect(&socket).await.unwrap());
    }
    // Those who say nothing are dropped, so that those who wait are served.
    let api = Api::of(&node);
    let served = tokio::time::timeout(Duration::from_secs(30), api.ask("GET", "/v1/status", b"")).await;
    assert_eq!(served.expect("served").0, 200);
    goes_on(&node).await;
}
