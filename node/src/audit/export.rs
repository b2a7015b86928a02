//! `audit export`: what happened, as JSON lines with the signed bytes, so that others can check it without this
//! program. Contents of records are not in it: a header names the hash of its payload.

use data_encoding::BASE64;
use entente_protocol::codec;
use entente_protocol::ids::PartnershipId;
use serde_json::{Value, json};

use crate::frames::Frame;
use crate::node::Node;
use crate::store::{JournalError, Position};

use super::place;
use super::story::{acknowledgement, partnership_of, scan};
use super::view::ExportPage;

/// A page of lines from a place on.
///
/// # Errors
/// [`JournalError`] if the journal cannot be read.
pub fn page(
    node: &Node,
    only: Option<&PartnershipId>,
    after: Option<Position>,
    limit: usize,
) -> Result<ExportPage, JournalError> {
    let mut lines = Vec::new();
    if after.is_none() {
        lines.push(first_line());
    }
    let mut last = None;
    for (at, frame) in scan(node, after)? {
        let Some(id) = partnership_of(&frame).filter(|id| only.is_none_or(|only| only == id)) else {
            continue;
        };
        if lines.len() >= limit {
            return Ok(ExportPage { lines, next: last.map(place) });
        }
        lines.extend(line(node, id, frame));
        last = Some(at);
    }
    Ok(ExportPage { lines, next: None })
}

fn first_line() -> Value {
    json!({
        "kind": "export",
        "version": 1,
        "acts": "base64 of CBOR [statement, signature]; the Ed25519 signature of the author's node is over \
                 'entente v1 act' 0x00 statement",
        "entries": "header: base64 of the CBOR of the entry header; chain: BLAKE3 in key-derivation mode, context \
                    'entente v1 log chain', of its length (8, little-endian) and its bytes; signature: base64, \
                    Ed25519 by the log's key over 'entente v1 log-head' 0x00 chain; the header after names the chain \
                    before",
        "evidence": "base64 of CBOR [[headers, signature], [headers, signature]]: two statements about one position",
        "specification": "docs/spec",
    })
}

fn line(node: &Node, partnership: PartnershipId, frame: Frame) -> Option<Value> {
    match frame {
        Frame::Act(_, act) => Some(json!({
            "kind": "act", "partnership": partnership, "act": BASE64.encode(&codec::encode(&act)),
        })),
        Frame::Entry(_, entry, arrived) => {
            let handle = node.handle(&partnership)?;
            let said = acknowledgement(&handle, &entry).map(|said| BASE64.encode(&codec::encode(&said)));
            Some(json!({
                "kind": "entry",
                "partnership": partnership,
                "log": entry.header.log,
                "entry": entry.header.seq.0,
                "header": BASE64.encode(&codec::encode(&entry.header)),
                "chain": entry.head().map(|head| head.chain.to_string()),
                "signature": entry.signature.map(|signature| BASE64.encode(&signature)),
                "acknowledgement": said,
                "arrived": arrived,
            }))
        }
        Frame::Evidence(_, evidence, arrived) => Some(json!({
            "kind": "evidence",
            "partnership": partnership,
            "evidence": BASE64.encode(&codec::encode(&*evidence)),
            "arrived": arrived,
        })),
        _ => None,
    }
}
