//! The least role that each request needs. What is not in [`TABLE`] only a keeper may; a test walks the routes, so
//! that none is forgotten.

use axum::http::Method;

use crate::desk::StaffRole;
use crate::desk::StaffRole::{Keeper, Reader, Releaser, Writer};

use super::problem::refused;
use super::types::Problem;
use crate::desk::Caller;

/// Method, path and the least role.
///
/// Who reads sees everything that the node can read. What leaves the node, or takes back what left, is for
/// releasers; but to lock the node, and to tell partners that a consent has ended, must be possible at once for
/// whoever is there.
const TABLE: &[(&str, &str, StaffRole)] = &[
    ("GET", "/v1/status", Reader),
    ("POST", "/v1/lock", Reader),
    ("POST", "/v1/unlock", Keeper),
    ("POST", "/v1/stop", Keeper),
    ("GET", "/v1/doctor", Reader),
    ("GET", "/v1/events", Reader),
    // Staff, and what waits for them.
    ("GET", "/v1/staff", Reader),
    ("POST", "/v1/staff", Keeper),
    ("POST", "/v1/staff/{name}/role", Keeper),
    ("POST", "/v1/staff/{name}/token", Keeper),
    ("POST", "/v1/staff/{name}/remove", Keeper),
    ("GET", "/v1/releases", Reader),
    ("GET", "/v1/releases/{id}", Reader),
    ("POST", "/v1/releases/{id}/approve", Releaser),
    ("POST", "/v1/releases/{id}/decline", Releaser),
    // Who asked for it, or a keeper.
    ("POST", "/v1/releases/{id}/withdraw", Writer),
    // Records.
    ("GET", "/v1/records", Reader),
    ("POST", "/v1/records", Writer),
    ("POST", "/v1/records/import", Writer),
    ("POST", "/v1/search", Reader),
    ("GET", "/v1/records/{id}", Reader),
    ("POST", "/v1/records/{id}/preview", Reader),
    // A writer's waits for a releaser.
    ("POST", "/v1/records/{id}/share", Writer),
    ("GET", "/v1/records/{id}/export", Releaser),
    ("POST", "/v1/records/{id}/redact", Releaser),
    ("POST", "/v1/records/{id}/withdraw", Releaser),
    ("GET", "/v1/records/{id}/receipts", Reader),
    ("POST", "/v1/records/{id}/correct", Writer),
    ("GET", "/v1/records/{id}/versions", Reader),
    ("POST", "/v1/records/{id}/ask", Releaser),
    ("POST", "/v1/records/{id}/answer", Releaser),
    ("POST", "/v1/consents/end", Writer),
    ("GET", "/v1/records/{id}/attachments/{n}", Reader),
    ("GET", "/v1/records/{id}/attachments/{n}/original", Reader),
    ("GET", "/v1/records/{id}/attachments/{n}/fetch", Reader),
    ("POST", "/v1/records/{id}/attachments/{n}/fetch", Reader),
    ("POST", "/v1/attachments", Writer),
    // The field.
    ("POST", "/v1/recommendations/list", Reader),
    ("POST", "/v1/recommendations/stats", Reader),
    ("POST", "/v1/recommendations/export", Reader),
    ("POST", "/v1/recommendations/import", Writer),
    ("GET", "/v1/recommendations/{id}", Reader),
    ("GET", "/v1/due", Reader),
    ("POST", "/v1/due/{record}/drop", Writer),
    ("GET", "/v1/visits", Reader),
    ("GET", "/v1/experts", Reader),
    ("GET", "/v1/activities", Reader),
    ("GET", "/v1/activities/{p}", Reader),
    ("GET", "/v1/advice", Reader),
    ("GET", "/v1/advice/{p}", Reader),
    ("GET", "/v1/places", Reader),
    ("GET", "/v1/places/duplicates", Reader),
    ("GET", "/v1/places/{place}", Reader),
    // Partnerships.
    ("GET", "/v1/partnerships", Reader),
    ("POST", "/v1/partnerships", Keeper),
    ("POST", "/v1/partnerships/join", Keeper),
    ("POST", "/v1/invitations/look", Keeper),
    ("GET", "/v1/partnerships/{p}", Reader),
    ("POST", "/v1/partnerships/{p}/invitations", Keeper),
    ("POST", "/v1/partnerships/{p}/office", Keeper),
    ("POST", "/v1/partnerships/{p}/approve", Keeper),
    ("POST", "/v1/partnerships/{p}/remove", Keeper),
    ("POST", "/v1/partnerships/{p}/leave", Keeper),
    ("POST", "/v1/partnerships/{p}/decide", Keeper),
    ("GET", "/v1/partnerships/{p}/acts", Keeper),
    ("POST", "/v1/partnerships/{p}/acts", Keeper),
    ("GET", "/v1/partnerships/{p}/settings", Reader),
    ("POST", "/v1/partnerships/{p}/settings", Keeper),
    ("GET", "/v1/partnerships/{p}/verify/{org}", Reader),
    ("POST", "/v1/partnerships/{p}/verify/begin", Keeper),
    ("POST", "/v1/partnerships/{p}/verify/enter", Keeper),
    ("POST", "/v1/partnerships/{p}/verify/stop", Keeper),
    ("POST", "/v1/partnerships/{p}/rotate", Keeper),
    ("POST", "/v1/partnerships/{p}/next-log", Keeper),
    ("POST", "/v1/partnerships/{p}/renew-log", Keeper),
    ("POST", "/v1/partnerships/{p}/bundle", Releaser),
    ("POST", "/v1/bundle/import", Writer),
    ("GET", "/v1/sync", Reader),
    ("POST", "/v1/sync/now", Reader),
    ("GET", "/v1/sync/explain/{record}/{org}", Reader),
    // The node and its keys.
    ("GET", "/v1/nodes", Reader),
    ("POST", "/v1/nodes/certify", Keeper),
    ("POST", "/v1/nodes/{node}/revoke", Keeper),
    ("GET", "/v1/nodes/{node}/exposed", Reader),
    ("GET", "/v1/keys", Keeper),
    ("POST", "/v1/keys/recovery", Keeper),
    ("POST", "/v1/backup", Keeper),
    ("GET", "/v1/network", Keeper),
    ("POST", "/v1/network", Keeper),
    ("GET", "/v1/mailboxes", Reader),
    ("POST", "/v1/mailboxes", Keeper),
    ("POST", "/v1/partnerships/{p}/mailboxes", Keeper),
    ("POST", "/v1/partnerships/{p}/mailboxes/{mailbox}/dismiss", Keeper),
    // What happened.
    ("GET", "/v1/audit/verify", Reader),
    ("GET", "/v1/audit/show", Reader),
    ("GET", "/v1/audit/export", Keeper),
    ("POST", "/v1/audit/acknowledge", Keeper),
];

/// The least role for a route, as it is written in the router; of none that is not in the table.
#[must_use]
pub(super) fn least(method: &Method, path: Option<&str>) -> StaffRole {
    // The router answers HEAD as it answers GET.
    let method = if method == Method::HEAD { "GET" } else { method.as_str() };
    let found = TABLE.iter().find(|(m, p, _)| *m == method && Some(*p) == path);
    found.map_or(Keeper, |(.., role)| *role)
}

/// The refusal of who has too small a role. `holders` are those who may.
#[must_use]
pub(super) fn too_small(caller: &Caller, least: StaffRole, holders: &[String]) -> Problem {
    let reason = format!("this needs the role {least}, and {} is a {}", caller.name, caller.role);
    let next = format!("Ask one of: {}.", holders.join(", "));
    refused(&[("E-ROLE".into(), reason)], "Nothing was done.", &next)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Every method and path in the sources of this folder.
    fn routes() -> BTreeSet<(String, String)> {
        let mut found = BTreeSet::new();
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/api");
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_none_or(|ext| ext != "rs") || path.ends_with("roles.rs") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for call in text.split(".route(").skip(1) {
                let (route, rest) = call.trim_start().split_once(',').unwrap();
                let route = route.trim_matches('"').to_owned();
                assert!(route.starts_with('/'), "{}: write the path out: {route}", path.display());
                let end = rest.find(".route(").unwrap_or(rest.len());
                let methods = rest[..end].lines().next().unwrap();
                let before = found.len();
                for (word, method) in
                    [("get(", "GET"), ("post(", "POST"), ("put(", "PUT"), ("delete(", "DELETE")]
                {
                    if methods.contains(word) {
                        found.insert((method.to_owned(), route.clone()));
                    }
                }
                assert!(found.len() > before, "{}: no method in {methods}", path.display());
            }
        }
        found
    }

    #[test]
    fn every_route_has_a_least_role_and_every_role_a_route() {
        let named: BTreeSet<_> = TABLE.iter().map(|(m, p, _)| ((*m).to_owned(), (*p).to_owned())).collect();
        assert_eq!(named.len(), TABLE.len(), "a route stands twice in the table");
        let routes = routes();
        let without: Vec<_> = routes.difference(&named).collect();
        assert!(without.is_empty(), "no role is settled for {without:?}");
        let gone: Vec<_> = named.difference(&routes).collect();
        assert!(gone.is_empty(), "no route answers {gone:?}");
    }

    #[test]
    fn what_is_in_no_table_only_a_keeper_may() {
        assert_eq!(least(&Method::GET, Some("/v1/status")), Reader);
        assert_eq!(least(&Method::HEAD, Some("/v1/status")), Reader);
        assert_eq!(least(&Method::DELETE, Some("/v1/status")), Keeper);
        assert_eq!(least(&Method::GET, Some("/v1/something-new")), Keeper);
        assert_eq!(least(&Method::GET, None), Keeper);
    }

    #[test]
    fn nobody_below_keeper_touches_keys_members_or_staff() {
        for (method, path, role) in TABLE {
            let asks = *method == "GET" || path.ends_with("/bundle");
            let sensitive = ["/v1/keys", "/v1/backup", "/v1/staff", "/v1/nodes", "/v1/partnerships"];
            if sensitive.iter().any(|p| path.starts_with(p)) && !asks {
                assert_eq!(*role, Keeper, "{method} {path}");
            }
        }
    }
}
