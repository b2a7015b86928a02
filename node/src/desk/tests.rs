//! The store's side of the desk: what is kept of accounts and releases, and that it is the same after a crash.

use entente_protocol::audience::Audience;
use entente_protocol::derive;
use entente_protocol::ids::{Hash, OrgId, PartnershipId, RecordId, Timestamp};
use zeroize::Zeroizing;

use crate::frames::Frame;
use crate::rows::Batch;
use crate::store::{Store, StoreKey};

use super::accounts::{self, Token};
use super::journal::{self, Account, Asked, Closed, DeskFrame, How, Mark};
use super::{AccountId, Person, ReleaseId, StaffRole};

fn store(home: &std::path::Path) -> Store {
    Store::open(home, &StoreKey::from_bytes(Zeroizing::new([7; 32]))).unwrap().0
}

fn write(store: &Store, frames: &[DeskFrame]) {
    let mut changes = Batch::default();
    frames.iter().for_each(|frame| journal::apply(&store.index, &mut changes, frame));
    let mut batch = store.index.batch();
    changes.write_into(&mut batch).unwrap();
    store.index.apply(batch, store.index.cursor()).unwrap();
}

fn account(n: u8, name: &str, role: StaffRole, token: &Token) -> Account {
    let hash = derive::staff_token_hash(&token_bytes(token));
    Account { id: AccountId([n; 16]), name: name.into(), role, token: Some(hash), made: Timestamp(1) }
}

fn token_bytes(token: &Token) -> derive::Key {
    let text = token.text();
    let digits = text.strip_prefix("entente-staff-").unwrap();
    let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).unwrap();
    Zeroizing::new(bytes.try_into().unwrap())
}

fn kept(account: &Account) -> DeskFrame {
    DeskFrame::Account(account.clone(), Person::Keeper, Timestamp(2))
}

#[test]
fn of_a_token_only_a_hash_is_kept_and_it_opens_until_the_account_is_removed() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let (nino, maka) = (Token::random().unwrap(), Token::random().unwrap());
    let of_nino = account(1, "Nino", StaffRole::Writer, &nino);
    let frame = Frame::Desk(kept(&of_nino)).to_bytes();
    let holds = |part: &[u8]| frame.windows(part.len()).any(|window| window == part);
    assert!(!holds(&*token_bytes(&nino)) && !holds(nino.text().as_bytes()));
    assert!(holds(&of_nino.token.unwrap().0), "the frame is what is written");
    write(&store, &[kept(&of_nino)]);
    let caller = accounts::authenticate(&store.index, &nino).unwrap();
    assert_eq!((caller.name.as_str(), caller.role), ("Nino", StaffRole::Writer));
    assert!(accounts::authenticate(&store.index, &maka).is_none());
    assert!(Token::parse(&nino.text()).is_some() && Token::parse(&nino.text()[1..]).is_none());
    assert!(Token::parse(&nino.text().to_uppercase()).is_none());
    write(&store, &[kept(&Account { role: StaffRole::Releaser, ..of_nino.clone() })]);
    assert_eq!(accounts::authenticate(&store.index, &nino).unwrap().role, StaffRole::Releaser);
    write(&store, &[kept(&Account { token: None, ..of_nino })]);
    assert!(accounts::authenticate(&store.index, &nino).is_none());
    assert_eq!(accounts::role_of(&store.index, &caller.person), None);
    assert_eq!(accounts::name_of(&store.index, &caller.person), "Nino", "the story still names them");
    assert!(accounts::live(&store.index).is_empty());
}

fn asked() -> Asked {
    Asked {
        id: ReleaseId([1; 16]),
        draft: RecordId([2; 32]),
        partnership: PartnershipId([3; 32]),
        content: Hash([4; 32]),
        agreement: Hash([5; 32]),
        audience: Audience::Everyone,
        readers: vec![OrgId([6; 32])],
        keep_metadata: false,
        wanted: 2,
        by: Person::Keeper,
        when: Timestamp(10),
    }
}

#[test]
fn a_release_reads_the_same_whether_its_frames_were_applied_one_by_one_or_at_once() {
    let mark = Mark {
        release: ReleaseId([1; 16]),
        by: Person::Account(AccountId([9; 16])),
        when: Timestamp(11),
        draft: asked().draft,
        partnership: asked().partnership,
    };
    let closed = Closed {
        asked: asked(),
        marks: vec![mark.clone()],
        how: How::Shared(RecordId([8; 32])),
        by: mark.by,
        when: Timestamp(12),
    };
    let frames =
        [DeskFrame::Asked(asked()), DeskFrame::Marked(mark.clone()), DeskFrame::Closed(closed.clone())];
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (by_one, at_once) = (store(one.path()), store(other.path()));
    write(&by_one, &frames[..1]);
    assert_eq!(journal::waiting(&by_one.index), [asked()]);
    assert!(journal::marks(&by_one.index, &asked().id).is_empty());
    write(&by_one, &frames[1..2]);
    write(&by_one, &frames[1..2]);
    assert_eq!(journal::marks(&by_one.index, &asked().id), [mark], "a mark counts once");
    write(&by_one, &frames[2..]);
    write(&at_once, &frames);
    for store in [by_one, at_once] {
        assert!(journal::waiting(&store.index).is_empty());
        assert!(journal::marks(&store.index, &asked().id).is_empty());
        assert_eq!(journal::ended(&store.index, 10), std::slice::from_ref(&closed));
    }
}

#[test]
fn desk_frames_are_read_as_they_were_written() {
    let frames = [
        DeskFrame::Asked(asked()),
        DeskFrame::Closed(Closed {
            asked: asked(),
            marks: Vec::new(),
            how: How::Declined("no".into()),
            by: Person::Account(AccountId([9; 16])),
            when: Timestamp(12),
        }),
    ];
    for frame in frames {
        let bytes = Frame::Desk(frame.clone()).to_bytes();
        assert!(matches!(Frame::from_bytes(&bytes), Ok(Frame::Desk(back)) if back == frame));
    }
}

#[test]
fn a_role_may_what_those_before_it_may() {
    let sorted = StaffRole::ALL;
    assert!(sorted.is_sorted() && sorted.iter().all(|role| role.as_str().parse() == Ok(*role)));
    assert!("root".parse::<StaffRole>().is_err());
}
