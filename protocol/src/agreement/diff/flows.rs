//! Who may send what to whom: compared by what the clauses cover together, however they are cut.

use std::collections::BTreeMap;

use super::{Change, Effect, roles_of_both};
use crate::agreement::{Agreement, Choice, Flow, words};
use crate::handling::{Kind, Role};
use crate::kinds::KINDS;

/// The roles that a kind reaches: bit n for the nth role of both versions, [`OTHERS`] for members with a
/// role that neither names (it was taken out earlier). An agreement has at most 32 + 300 roles, since each
/// party may bring one, hence a set of words.
type Reach = Vec<u64>;

/// What each role may send: from (its place among the roles) and kind, and whom it reaches.
type Coverage<'a> = BTreeMap<(usize, &'a Kind), Reach>;

pub(super) fn changes(old: &Agreement, new: &Agreement) -> Vec<Change> {
    let roles = roles_of_both(old, new);
    let any: Vec<Kind> =
        KINDS.iter().filter(|k| !k.confidential).filter_map(|k| k.name.parse().ok()).collect();
    let (was, is) = (coverage(old, &roles, &any), coverage(new, &roles, &any));
    let lost = grouped(&less(&was, &is));
    let gained = grouped(&less(&is, &was));
    let lost = lost.iter().map(|group| sentence(group, &roles, Effect::Narrower));
    lost.chain(gained.iter().map(|group| sentence(group, &roles, Effect::Wider))).collect()
}

/// `any` are the kinds that `kinds = "any"` stands for; see [`Flow::covers`].
fn coverage<'a>(agreement: &'a Agreement, roles: &[&Role], any: &'a [Kind]) -> Coverage<'a> {
    let place = |role: &Role| roles.iter().position(|r| *r == role);
    let mut all = Coverage::new();
    for flow in agreement.flows() {
        let kinds = match &flow.kinds {
            Choice::Any => any,
            Choice::These(kinds) => kinds,
        };
        let reach = reach(flow, roles);
        for from in flow.from.iter().filter_map(place) {
            for kind in kinds {
                let reached = all.entry((from, kind)).or_insert_with(|| vec![0; reach.len()]);
                reached.iter_mut().zip(&reach).for_each(|(word, more)| *word |= more);
            }
        }
    }
    all
}

/// Whom a clause reaches; the last place is for members with another role.
fn reach(flow: &Flow, roles: &[&Role]) -> Reach {
    let mut words = vec![0; roles.len() / 64 + 1];
    for place in 0..=roles.len() {
        let reached = match (&flow.to, roles.get(place)) {
            (Choice::Any, _) => true,
            (Choice::These(to), Some(role)) => to.contains(role),
            (Choice::These(_), None) => false,
        };
        if let (true, Some(word)) = (reached, words.get_mut(place / 64)) {
            *word |= 1 << (place % 64);
        }
    }
    words
}

/// What `these` cover and `those` do not.
fn less<'a>(these: &Coverage<'a>, those: &Coverage<'a>) -> Coverage<'a> {
    let mut all = Coverage::new();
    for (key, reach) in these {
        let kept = those.get(key);
        let word =
            |(n, word): (usize, &u64)| word & !kept.and_then(|k| k.get(n)).copied().unwrap_or_default();
        let lost: Reach = reach.iter().enumerate().map(word).collect();
        if lost.iter().any(|word| *word != 0) {
            all.insert(*key, lost);
        }
    }
    all
}

/// Senders with the same kinds to the same readers, in one sentence.
struct Group<'a> {
    from: Vec<usize>,
    kinds: Vec<&'a Kind>,
    to: Reach,
}

fn grouped<'a>(coverage: &Coverage<'a>) -> Vec<Group<'a>> {
    let mut of_sender: BTreeMap<(usize, &Reach), Vec<&Kind>> = BTreeMap::new();
    for ((from, kind), to) in coverage {
        of_sender.entry((*from, to)).or_default().push(kind);
    }
    let mut groups: BTreeMap<(Vec<&Kind>, &Reach), Vec<usize>> = BTreeMap::new();
    for ((from, to), kinds) in of_sender {
        groups.entry((kinds, to)).or_default().push(from);
    }
    let group = |((kinds, to), from): ((Vec<&'a Kind>, &Reach), _)| Group { from, kinds, to: to.clone() };
    let mut groups: Vec<Group<'a>> = groups.into_iter().map(group).collect();
    groups.sort_by(|a, b| (&a.from, &a.kinds).cmp(&(&b.from, &b.kinds)));
    groups
}

fn sentence(group: &Group<'_>, roles: &[&Role], effect: Effect) -> Change {
    let has = |place: usize| group.to.get(place / 64).is_some_and(|word| word >> (place % 64) & 1 == 1);
    let from: Vec<&Role> = group.from.iter().filter_map(|place| roles.get(*place).copied()).collect();
    let to: Vec<&Role> = (0..).zip(roles).filter(|(place, _)| has(*place)).map(|(_, role)| *role).collect();
    let whom = if has(roles.len()) && to.len() == roles.len() {
        "any other member".into()
    } else {
        let mut whom: Vec<String> = to.iter().map(|role| words::role_words(role)).collect();
        whom.extend(has(roles.len()).then(|| "members with a role that is not named".to_owned()));
        words::list(whom, "and")
    };
    let who = words::list(from.iter().map(|role| words::role_words(role)), "and");
    let may = if effect == Effect::Wider { "may newly send" } else { "may no longer send" };
    let what = words::list(group.kinds.iter().map(|kind| words::kind_words(kind)), "and");
    let sentence = words::capitalised(&format!("{who} {may} {what} to {whom}."));
    let mut concerned: Vec<Role> = Vec::new();
    for role in from.into_iter().chain(to) {
        if !concerned.contains(role) {
            concerned.push(role.clone());
        }
    }
    Change::of_records(effect, sentence).concerning(concerned)
}
