//! An insider who has the passphrase, and wants a record to have never been.

use std::path::Path;

use entente_node::frames::Frame;
use entente_protocol::audience::Audience;
use entente_protocol::ids::{LogId, PartnershipId, Timestamp};
use entente_protocol::log::Entry;
use entente_tests::{Partnership, draft, wait_until};

use crate::insider::{Forge, Insider, content, head_after};

type Tamper = fn(&Insider, &PartnershipId, Vec<Frame>) -> Vec<Frame>;

fn own_log(insider: &Insider, id: &PartnershipId) -> LogId {
    Forge::new(insider, *id).log()
}

fn is_own(frame: &Frame, log: LogId, seq: impl Fn(u64) -> bool) -> bool {
    matches!(frame, Frame::Entry(_, entry, _) if entry.header.log == log && seq(entry.header.seq.0))
}

fn own_entry(frames: &mut [Frame], log: LogId, seq: u64) -> &mut Entry {
    let found = frames.iter_mut().find(|frame| is_own(frame, log, |n| n == seq)).unwrap();
    match found {
        Frame::Entry(_, entry, _) => entry,
        _ => unreachable!(),
    }
}

fn nothing(_: &Insider, _: &PartnershipId, frames: Vec<Frame>) -> Vec<Frame> {
    frames
}

fn delete(insider: &Insider, id: &PartnershipId, mut frames: Vec<Frame>) -> Vec<Frame> {
    let log = own_log(insider, id);
    frames.retain(|frame| !is_own(frame, log, |n| n == 1));
    frames
}

fn change_the_date(insider: &Insider, id: &PartnershipId, mut frames: Vec<Frame>) -> Vec<Frame> {
    own_entry(&mut frames, own_log(insider, id), 1).header.time = Timestamp(1);
    frames
}

fn change_the_content(insider: &Insider, id: &PartnershipId, mut frames: Vec<Frame>) -> Vec<Frame> {
    let entry = own_entry(&mut frames, own_log(insider, id), 1);
    entry.payload.as_mut().unwrap()[40] ^= 1;
    frames
}

fn cut_the_end(insider: &Insider, id: &PartnershipId, mut frames: Vec<Frame>) -> Vec<Frame> {
    let log = own_log(insider, id);
    frames.retain(|frame| !is_own(frame, log, |n| n >= 2));
    frames
}

/// All from the second entry on signed anew, with the right keys.
fn sign_it_all_anew(insider: &Insider, id: &PartnershipId, mut frames: Vec<Frame>) -> Vec<Frame> {
    let mut forge = Forge::new(insider, *id);
    let log = forge.log();
    forge.head = head_after(own_entry(&mut frames, log, 0));
    for _ in 1..4 {
        let parts = forge.sign(&content("material", "Something harmless"), Audience::Everyone);
        forge.put(&parts);
    }
    for (seq, new) in (1..).zip(forge.frames()) {
        if let Frame::Entry(_, entry, _) = new {
            *own_entry(&mut frames, log, seq) = entry.clone();
        }
    }
    frames
}

fn copy(from: &Path, to: &Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}

#[tokio::test]
async fn what_an_insider_deletes_edits_or_cuts_off_is_found_though_partners_are_away() {
    let mut p = Partnership::of(&[("Preventive Office", "npm"), ("Rights", "cso")]).await;
    let mut records = Vec::new();
    for number in 0..4 {
        records.push(p[1].publish(draft("material", &format!("Number {number}")), &p.name, None).await);
    }
    wait_until("the partner holds all", async || p[0].record(records[3]).await.is_ok()).await;
    p[0].cli(&["audit", "acknowledge"]).await.ok();
    wait_until("the receipt came", async || {
        let seen = p[1].cli(&["audit", "verify"]).await;
        seen.json["logs"].as_array().unwrap().iter().any(|log| {
            log["ours"] == true && log["acknowledged"].as_array().is_some_and(|all| !all.is_empty())
        })
    })
    .await;
    p[0].stop().await;
    p[1].stop().await;
    let (home, id) = (p[1].home().path(), p.id);
    let aside = p[1].home().beside("aside");
    copy(&home, &aside);

    let cases: [(Tamper, &str); 6] = [
        (nothing, ""),
        (delete, "deleted"),
        (change_the_date, "edited"),
        (change_the_content, "edited"),
        (cut_the_end, "truncated"),
        (sign_it_all_anew, "edited"),
    ];
    for (n, (tamper, code)) in cases.into_iter().enumerate() {
        std::fs::remove_dir_all(&home).unwrap();
        copy(&aside, &home);
        let insider = Insider::open(p[1].home());
        let frames = tamper(&insider, &id, insider.frames());
        insider.rewrite(&home, &frames);
        p[1].start().await;
        let verified = p[1].cli(&["audit", "verify", &p.name]).await;
        let findings = verified.json["findings"].as_array().unwrap().clone();
        if code.is_empty() {
            assert_eq!((verified.code, findings.len()), (0, 0), "{verified:?}");
        } else {
            assert_eq!(verified.code, 6, "case {n}: {verified:?}");
            let found = findings.iter().find(|finding| finding["code"] == code);
            let found = found.unwrap_or_else(|| panic!("case {n}: no `{code}` in {findings:?}"));
            assert!(found["words"].as_str().unwrap().contains("your own log"), "{found}");
            assert!(!found["next"].as_str().unwrap().is_empty());
            // What only the partner's word can show names the partner.
            let by_word = code == "truncated" || n == 5;
            assert_eq!(found["witnesses"][0] == "Preventive Office", by_word || n == 1 || n == 2, "{found}");
        }
        p[1].stop().await;
    }
}
