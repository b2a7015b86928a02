//! Paths and queries of the local API, with names in any script inside them.

use std::fmt::Write as _;

use serde::Serialize;

/// `/v1/a/b` from its parts, each percent-encoded (RFC 3986).
#[must_use]
pub fn route(parts: &[&str]) -> String {
    let mut path = String::from("/v1");
    for part in parts {
        path.push('/');
        push_encoded(&mut path, part);
    }
    path
}

/// `?a=b&c=d` from the fields of an object that are set; empty if none is.
#[must_use]
pub fn query(fields: &impl Serialize) -> String {
    let Ok(serde_json::Value::Object(fields)) = serde_json::to_value(fields) else {
        return String::new();
    };
    let mut text = String::new();
    for (name, value) in &fields {
        let value = match value {
            serde_json::Value::Null => continue,
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        text.push(if text.is_empty() { '?' } else { '&' });
        push_encoded(&mut text, name);
        text.push('=');
        push_encoded(&mut text, &value);
    }
    text
}

fn push_encoded(text: &mut String, part: &str) {
    for byte in part.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_any_script_travel_in_paths_and_queries() {
        assert_eq!(route(&["partnerships", "a/b ç", "leave"]), "/v1/partnerships/a%2Fb%20%C3%A7/leave");
        let query = query(&serde_json::json!({ "name": "a&b.pdf", "size": 3, "not": null }));
        assert_eq!(query, "?name=a%26b.pdf&size=3");
    }
}
