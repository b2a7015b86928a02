//! Server-sent events (WHATWG HTML, section 9.2), as far as the node uses them.

use std::collections::VecDeque;

use bytes::Bytes;
use entente_node::api::types::{Event, Problem};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;

use super::{Body, bad_answer, broken_off};

/// Bytes of the longest event; real ones have a few hundred.
const MAX_EVENT: usize = 64 * 1024;

/// What happens in the node, as it happens.
pub struct Events {
    body: Incoming,
    parser: EventParser,
    /// The connection lives as long as this.
    _sender: SendRequest<Body>,
}

impl Events {
    pub(super) fn new(body: Incoming, sender: SendRequest<Body>) -> Self {
        Events { body, parser: EventParser::default(), _sender: sender }
    }

    /// Waits for the next event; `None` when the node has gone. Kinds that this version does not know are
    /// passed over.
    ///
    /// # Errors
    /// If the connection breaks or the node talks nonsense.
    pub async fn next(&mut self) -> Result<Option<Event>, Problem> {
        loop {
            if let Some(event) = self.parser.pop() {
                return Ok(Some(event));
            }
            match self.body.frame().await {
                None => return Ok(None),
                Some(frame) => {
                    if let Ok(piece) = frame.map_err(|e| broken_off(&e))?.into_data() {
                        self.feed(&piece)?;
                    }
                }
            }
        }
    }

    fn feed(&mut self, piece: &Bytes) -> Result<(), Problem> {
        self.parser.push(piece)
    }
}

/// Bytes in any pieces → events.
#[derive(Default)]
pub struct EventParser {
    line: Vec<u8>,
    name: String,
    data: String,
    ready: VecDeque<Event>,
}

impl EventParser {
    /// Takes the next bytes of the stream.
    ///
    /// # Errors
    /// If an event is larger than any real one.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        for byte in bytes {
            match byte {
                b'\n' => self.end_line(),
                b'\r' => {}
                other => self.line.push(*other),
            }
            if self.line.len() + self.data.len() + self.name.len() > MAX_EVENT {
                return Err(bad_answer("an event is too large"));
            }
        }
        Ok(())
    }

    /// The next whole event.
    pub fn pop(&mut self) -> Option<Event> {
        self.ready.pop_front()
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => self.name = value.to_owned(),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Comments keep the connection alive; other fields are not used.
            _ => {}
        }
    }

    fn end_event(&mut self) {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        let Ok(mut value) = serde_json::from_str::<Value>(&data) else { return };
        if let Some(object) = value.as_object_mut() {
            object.entry("event").or_insert_with(|| name.into());
        }
        if let Ok(event) = serde_json::from_value(value) {
            self.ready.push_back(event);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use super::*;

    const STREAM: &str = ": hello\n\nevent: quarantined\ndata: {\"code\":\"E-FLOW\",\ndata: \"reason\":\"no\"}\n\n\
        event: of-the-future\ndata: {\"x\":1}\n\n\
        data: {\"event\":\"quarantined\",\"code\":\"E-2\",\"reason\":\"ž\"}\r\n\r\n";

    #[test]
    fn events_survive_being_cut_anywhere() {
        for size in 1..STREAM.len() {
            let mut parser = EventParser::default();
            for piece in STREAM.as_bytes().chunks(size) {
                parser.push(piece).unwrap();
            }
            let mut codes = Vec::new();
            while let Some(event) = parser.pop() {
                let Event::Quarantined { code, .. } = event else { panic!("{event:?}") };
                codes.push(code);
            }
            assert_eq!(codes, ["E-FLOW", "E-2"]);
        }
    }

    #[test]
    fn an_endless_line_is_refused() {
        assert!(EventParser::default().push(&[b'x'; MAX_EVENT + 1]).is_err());
    }
}
