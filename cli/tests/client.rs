//! The client by itself, as tests and benchmarks use it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod mock;

use entente_cli::client::{Client, route};
use entente_node::api::types::Event;
use mock::*;
use serde_json::{Value, json};

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn one_client_asks_many_times_and_from_many_tasks() {
    let mock = Mock::new(|seen| ok(json!(seen.line)));
    wait(async {
        let client = Client::connect(mock.home()).await.unwrap();
        let asked = (0..20).map(|n| {
            let client = &client;
            async move {
                let path = route(&["records", &n.to_string()]);
                assert_eq!(client.get::<String>(&path).await.unwrap(), format!("GET {path}"));
            }
        });
        let mut tasks: Vec<_> = asked.map(Box::pin).collect();
        std::future::poll_fn(|cx| {
            tasks.retain_mut(|task| task.as_mut().poll(cx).is_pending());
            if tasks.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
        assert_eq!(client.delete::<String>("/v1/x").await.unwrap(), "DELETE /v1/x");
    });
    assert_eq!(mock.lines().len(), 21);
}

#[test]
fn events_arrive_as_values() {
    let mock = Mock::new(|seen| {
        assert_eq!(seen.line, "GET /v1/events");
        octets(
            "event: quarantined\ndata: {\"event\":\"quarantined\",\"code\":\"E-1\",\"reason\":\"r\"}\n\n: still here\n\n",
        )
    });
    wait(async {
        let client = Client::connect(mock.home()).await.unwrap();
        let mut events = client.events().await.unwrap();
        let Some(Event::Quarantined { code, .. }) = events.next().await.unwrap() else { panic!() };
        assert_eq!(code, "E-1");
        assert!(events.next().await.unwrap().is_none());
    });
}

#[test]
fn a_file_that_shrinks_while_it_is_sent_is_an_error() {
    let mock = Mock::new(|_| ok(json!({})));
    let path = mock.file("short", "abc");
    wait(async {
        let client = Client::connect(mock.home()).await.unwrap();
        let file = tokio::fs::File::open(&path).await.unwrap();
        let failed = client.upload::<Value>("/v1/attachments", file, 10).await.unwrap_err();
        assert_eq!(failed.code, "broken-off");
        // And the client goes on, on a new connection.
        assert_eq!(client.get::<Value>("/v1/x").await.unwrap(), json!({}));
    });
}
