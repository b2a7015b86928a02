#![allow(clippy::unwrap_used)]

use entente_protocol::identity::{OrgKind, introduce};
use entente_protocol::ids::PartnershipId;

use super::*;
use crate::secrets::{PartnershipSecrets, Secret};

const CHEAP: VaultParams = VaultParams { memory_kib: 64, passes: 1, lanes: 1 };
const NOW: Timestamp = Timestamp(1_800_000_000_000);

struct Node {
    folder: tempfile::TempDir,
    secrets: Secrets,
    journal: Journal,
}

impl Node {
    fn new(frames: usize) -> Node {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().join("home");
        let (root, node) = (Secret::random().unwrap(), Secret::random().unwrap());
        let id = NodeId(node.signing_key().verifying_key().to_bytes());
        let introduced = introduce(&root.signing_key(), "Office", OrgKind::Npm, "GE", id, NOW).unwrap();
        let mut secrets = Secrets::new(Secret::random().unwrap(), node, &introduced);
        secrets.partnerships.push(PartnershipSecrets::fresh(PartnershipId([4; 32])).unwrap());
        private_dir(&home).unwrap();
        fs::write(home.join("config.toml"), "version = 1\n").unwrap();
        fs::create_dir_all(home.join("blobs/ab")).unwrap();
        fs::write(home.join("blobs/ab/cdef"), vec![7; 200_000]).unwrap();
        fs::write(home.join("blobs/ab/cdef.list"), [8; 128]).unwrap();
        let key = StoreKey::from_bytes(secrets.store.key());
        let (journal, _) = Journal::open(&home.join("journal"), &key).unwrap();
        let node = Node { folder, secrets, journal };
        node.append(frames);
        node
    }

    fn append(&self, frames: usize) {
        for number in 0..frames {
            let bytes = Zeroizing::new(format!("frame {number} {}", "x".repeat(1000)).into_bytes());
            self.journal.append(vec![bytes]).wait().unwrap();
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn back_up(&self, end: Position) -> PathBuf {
        let file = self.path("backup");
        let home = Home::at(&self.path("home"));
        let secrets = self.secrets.clone();
        let source = Source { home: &home, end, secrets, attachments: true, now: NOW };
        create(&file, b"right", CHEAP, source).unwrap();
        file
    }
}

#[test]
fn a_back_up_holds_what_was_durable_when_it_was_begun_and_comes_back_fenced() {
    let node = Node::new(200);
    let end = node.journal.end();
    node.append(50);
    let file = node.back_up(end);
    let verified = verify(&file, b"right").unwrap();
    assert_eq!((verified.frames, verified.damaged, verified.attachment_files), (200, 0, 1));
    assert_eq!((verified.manifest.made, verified.manifest.partnerships), (NOW, 1));

    let home = node.path("restored/home");
    restore(&file, b"right", CHEAP, &home).unwrap();
    let (_, contents) = Vault::open(&home.join("vault"), b"right").unwrap();
    let secrets = Secrets::from_bytes(&contents).unwrap();
    let fence = secrets.partnerships[0].fenced.clone().unwrap();
    assert_eq!(fence.why, FenceReason::Restored);
    assert_eq!(count_frames(&home, &secrets).unwrap(), (200, 0));
    assert_eq!(fs::read(home.join("blobs/ab/cdef")).unwrap(), vec![7; 200_000]);
    assert!(matches!(restore(&file, b"right", CHEAP, &home), Err(BackupError::Exists(_))));
}

#[test]
fn a_back_up_that_was_touched_or_cut_anywhere_is_refused_and_makes_no_node() {
    let node = Node::new(100);
    let file = node.back_up(node.journal.end());
    let whole = fs::read(&file).unwrap();
    let home = node.path("never");
    let refused = |bytes: &[u8], what: &str| {
        fs::write(&file, bytes).unwrap();
        assert!(verify(&file, b"right").is_err(), "{what}");
        assert!(restore(&file, b"right", CHEAP, &home).is_err(), "{what}");
        assert!(!home.exists(), "{what}");
        assert!(!node.path(".never.restoring").exists(), "{what}");
    };
    for at in (0..whole.len()).step_by(9_973).chain([8, 20, 40, 108, 109, 113, whole.len() - 1]) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        refused(&bytes, &format!("a flipped bit at {at}"));
    }
    let chunk = 109 + 4 + 65_536 + 16;
    for end in [0, 50, 109, chunk, whole.len() - 1] {
        refused(&whole[..end], &format!("cut at {end}"));
    }
    let swapped = [&whole[..109], &whole[chunk..2 * chunk - 109], &whole[109..chunk]].concat();
    refused(&swapped, "chunks in another order");
    fs::write(&file, &whole).unwrap();
    assert!(matches!(verify(&file, b"wrong"), Err(BackupError::Vault(VaultError::WrongPassphrase))));
    assert!(verify(&file, b"right").is_ok());
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let node = Node::new(1);
    let file = node.back_up(node.journal.end());
    let home = Home::at(&node.path("home"));
    let (end, secrets) = (node.journal.end(), node.secrets.clone());
    let source = Source { home: &home, end, secrets, attachments: false, now: NOW };
    assert!(matches!(create(&file, b"right", CHEAP, source), Err(BackupError::Exists(_))));
}

#[test]
fn a_back_up_writes_nowhere_but_where_a_node_has_files() {
    for good in ["config.toml", "journal/00000001.seg", "blobs/ab/cdef01"] {
        assert!(is_ours(good), "{good}");
    }
    for bad in
        ["", "vault", "../x", "journal/../../x.seg", "/etc/passwd", "blobs/ab", "blobs/../x", "journal/x"]
    {
        assert!(!is_ours(bad), "{bad}");
    }
}
