//! What the rules refuse: attempts that must fail, each with the code that it must get.

use entente_node::api::types::{Exported, Problem, ShareRequest, Shared};

use super::cast::Actor;
use super::sharing::Founded;
use super::stage::{Proof, proof};
use crate::client::route;
use crate::problem::REFUSED;

/// An attempt to share a record so.
pub(super) struct Attempt<'a> {
    /// Who tries.
    pub(super) by: &'a Actor,
    /// The draft's id.
    pub(super) draft: String,
    /// Where.
    pub(super) partnership: &'a Founded,
    /// To whom; all members if absent.
    pub(super) readers: Option<Vec<String>>,
    /// How many readers the author believes there are.
    pub(super) expect_readers: Option<usize>,
}

/// Sharing is refused, with this code among the reasons.
pub(super) async fn refused(attempt: Attempt<'_>, code: &str) -> Proof {
    let request = ShareRequest {
        partnership: attempt.partnership.name.to_owned(),
        readers: attempt.readers,
        expect_readers: attempt.expect_readers,
        keep_metadata: false,
    };
    let route = route(&["records", &attempt.draft, "share"]);
    let answer: Result<Shared, Problem> = attempt.by.client.post(&route, &request).await;
    judge(answer.map(|shared| format!("it was shared with {} readers", shared.readers.len())), code)
}

/// Passing on is refused, with this code among the reasons.
pub(super) async fn not_exported(by: &Actor, record: &str, code: &str) -> Proof {
    let answer: Result<Exported, Problem> = by.client.get(&route(&["records", record, "export"])).await;
    judge(answer.map(|_| "a copy was made".to_owned()), code)
}

fn judge(answer: Result<String, Problem>, code: &str) -> Proof {
    let problem = match answer {
        Ok(done) => return Err(done.into()),
        Err(problem) => problem,
    };
    let reason = problem.refusals.iter().find(|refusal| refusal.code == code);
    let reason = reason.map(|refusal| first_sentence(&refusal.reason));
    let evidence = format!("{code}, exit code {}: {}", problem.exit, reason.unwrap_or_default());
    let objection =
        format!("another answer: {} ({}, exit code {})", problem.what, problem.code, problem.exit);
    proof(reason.is_some() && problem.exit == REFUSED, evidence, objection)
}

/// Reasons go on with advice, which the story leaves out.
fn first_sentence(text: &str) -> &str {
    text.split_once(". ").map_or(text, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use entente_node::api::types::RefusalView;

    use super::*;

    fn problem(exit: u8, code: &str) -> Problem {
        let mut problem = crate::problem::problem(exit, code, "refused", "", "");
        problem.refusals = vec![RefusalView { code: code.to_owned(), reason: "No clause. Ask.".to_owned() }];
        problem
    }

    #[test]
    fn only_the_expected_code_with_exit_code_5_is_the_refusal_meant() {
        assert_eq!(
            judge(Err(problem(5, "E-FLOW")), "E-FLOW").ok().as_deref(),
            Some("E-FLOW, exit code 5: No clause")
        );
        assert!(judge(Err(problem(5, "E-OWN")), "E-FLOW").is_err());
        assert!(judge(Err(problem(1, "E-FLOW")), "E-FLOW").is_err());
        assert!(judge(Ok("shared".to_owned()), "E-FLOW").is_err());
    }
}
