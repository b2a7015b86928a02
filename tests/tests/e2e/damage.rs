//! Damaged files and full disks: said clearly, and nothing acknowledged is lost.

use std::path::{Path, PathBuf};

use entente_tests::{Home, PERMISSIVE, Partnership, TestNode, draft, join, wait_until};

pub fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn a_flipped_byte_in_the_vault_is_told_apart_from_a_wrong_passphrase() {
    let home = Home::init("Ombudsman", "npm").await;
    let vault = home.path().join("vault");
    let whole = std::fs::read(&vault).unwrap();
    for at in [0, whole.len() / 2, whole.len() - 1] {
        flip(&vault, at);
        let run = home.cli(&["run"]).await;
        run.failed(1, "vault");
        let doctor = home.cli(&["doctor"]).await;
        assert_eq!(doctor.code, 6, "byte {at}: {doctor:?}");
        std::fs::write(&vault, &whole).unwrap();
    }
    std::fs::write(&vault, &whole[..whole.len() - 1]).unwrap();
    home.cli(&["run"]).await.failed(1, "vault");
    std::fs::write(&vault, &whole).unwrap();
    TestNode::start_in(home).await;
}

/// Two partners with records, the second stopped.
async fn with_records(count: usize) -> Partnership {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    for number in 0..count {
        let readers = (number % 2 == 1).then_some(&["Ombudsman"][..]);
        p[1].publish(draft("training", &format!("Number {number}")), "Prevention", readers).await;
        p[0].publish(draft("training", &format!("Other {number}")), "Prevention", None).await;
    }
    for number in [0, 1] {
        wait_until("both have all", async || p[number].status().await.records == 2 * count as u64).await;
    }
    p[1].stop().await;
    p
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() { files.extend(files_below(&path)) } else { files.push(path) }
    }
    files
}

#[tokio::test]
async fn a_damaged_index_is_built_anew_and_has_all_records() {
    let mut p = with_records(10).await;
    let index = p[1].home().path().join("index");
    for damage in ["zeroed", "cut short", "gone"] {
        let all = p[0].shared_ids().await;
        for file in files_below(&index) {
            let size = std::fs::metadata(&file).unwrap().len();
            let open = || std::fs::File::options().write(true).open(&file).unwrap();
            match damage {
                "zeroed" => std::fs::write(&file, vec![0; usize::try_from(size).unwrap()]).unwrap(),
                "cut short" => open().set_len(size / 2).unwrap(),
                _ => std::fs::remove_file(&file).unwrap(),
            }
        }
        p[1].start().await;
        assert_eq!(p[1].shared_ids().await, all, "with an index that was {damage}");
        let id = p[1].publish(draft("training", damage), "Prevention", None).await;
        wait_until("it goes on", async || p[0].record(id).await.is_ok()).await;
        p[1].restart().await;
        assert_eq!(p[1].shared_ids().await, p[0].shared_ids().await);
        assert_eq!(p[1].status().await.quarantined, 0);
        p[1].stop().await;
    }
}

pub fn last_segment(home: &Path) -> PathBuf {
    let mut segments = files_below(&home.join("journal"));
    segments.sort();
    segments.pop().expect("a journal has a segment")
}

#[tokio::test]
async fn a_journal_cut_short_starts_and_the_doctor_says_what_is_missing() {
    let mut p = with_records(5).await;
    let all = p[0].shared_ids().await;
    let segment = last_segment(&p[1].home().path());
    let size = std::fs::metadata(&segment).unwrap().len();
    std::fs::File::options().write(true).open(&segment).unwrap().set_len(size - 40).unwrap();
    p[1].start().await;
    let doctor = p[1].cli(&["doctor"]).await;
    assert_eq!(doctor.code, 6, "acknowledged frames are gone, and that is said: {doctor:?}");
    let start =
        doctor.json["checks"].as_array().unwrap().iter().find(|check| check["name"] == "start").unwrap();
    assert_eq!(start["ok"], false, "{doctor:?}");
    wait_until("its partner gives back what was lost", async || p[1].shared_ids().await == all).await;
    assert_eq!(p[1].status().await.quarantined, 0);
}

#[tokio::test]
async fn a_node_whose_journal_lost_its_end_never_signs_a_position_twice() {
    let mut p = Partnership::of(&[("Ombudsman", "npm"), ("Rights", "cso")]).await;
    let first = p[1].publish(draft("training", "First"), "Prevention", None).await;
    let before = std::fs::metadata(last_segment(&p[1].home().path())).unwrap().len();
    let second = p[1].publish(draft("training", "Second"), "Prevention", None).await;
    for id in [first, second] {
        wait_until("both arrive", async || p[0].record(id).await.is_ok()).await;
    }
    p[0].stop().await;
    p[1].stop().await;
    let segment = last_segment(&p[1].home().path());
    std::fs::File::options().write(true).open(&segment).unwrap().set_len(before).unwrap();

    // Its partner is away: whatever it signs now would stand where the second record stood.
    p[1].start().await;
    let kept = p[1].keep(draft("training", "Signed too early?")).await.unwrap();
    let early = p[1].share(kept, "Prevention", None).await.unwrap_err();
    assert_eq!((early.code.as_str(), early.exit), ("E-FENCED", 5), "{early:?}");
    assert!(early.next.contains("renew-log"), "{early:?}");
    p[1].cli(&["key", "renew-log", "Prevention"]).await.failed(7, "alone");
    p[1].kill();
    p[1].start().await;
    assert_eq!(p[1].share(kept, "Prevention", None).await.unwrap_err().code, "E-FENCED", "after a crash too");
    p[0].start().await;
    wait_until("its partner gives back what was lost", async || p[1].record(second).await.is_ok()).await;
    assert_eq!(p[1].share(kept, "Prevention", None).await.unwrap_err().code, "E-FENCED", "caught up or not");
    wait_until("it goes on in a new log", async || {
        p[1].cli(&["key", "renew-log", "Prevention"]).await.code == 0
    })
    .await;
    p[1].share(kept, "Prevention", None).await.unwrap();
    let id = p[1].publish(draft("training", "After"), "Prevention", None).await;
    wait_until("it is read by its partner", async || p[0].record(id).await.is_ok()).await;
    assert_eq!(p[0].shared_ids().await, p[1].shared_ids().await);
}

#[tokio::test]
async fn a_byte_flipped_inside_the_journal_is_found_and_the_rest_is_read() {
    let mut p = with_records(5).await;
    let segment = last_segment(&p[1].home().path());
    let size = usize::try_from(std::fs::metadata(&segment).unwrap().len()).unwrap();
    flip(&segment, size * 3 / 4);
    p[1].start().await;
    let doctor = p[1].cli(&["doctor"]).await;
    assert_eq!(doctor.code, 6, "{doctor:?}");
    assert!(doctor.stdout.contains("1 damaged") || doctor.stdout.contains("acknowledged"), "{doctor:?}");
    assert!(p[1].shared_ids().await.len() >= 5, "what is whole can be read");
}

/// A file system of a few MiB, unmounted when dropped.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// None where this user may not mount.
    fn mount(size: &str) -> Option<SmallDisk> {
        let folder = tempfile::tempdir().unwrap();
        let mount = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "entente-test"])
            .arg(folder.path())
            .output();
        mount.is_ok_and(|done| done.status.success()).then_some(SmallDisk(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: the node's process may hold it for a moment more.
        let _ = std::process::Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_disk_is_said_and_nothing_acknowledged_is_lost() {
    let Some(disk) = SmallDisk::mount("24m") else {
        eprintln!("SKIPPED: this user may not mount a small file system to fill");
        return;
    };
    let home = Home::empty_in(disk.0.path(), "Rights");
    let listen = format!("/ip4/127.0.0.1/tcp/{}", home.port());
    home.cli(&["init", "--name", "Rights", "--kind", "cso", "--country", "XA", "--listen", &listen])
        .await
        .ok();
    let mut author = TestNode::start_in(home).await;
    let founder = TestNode::start_new("Ombudsman", "npm").await;
    let p = Partnership::among(vec![founder], "Prevention", PERMISSIVE).await;
    join(&p[0], &author, "Prevention").await;

    let mut acknowledged = Vec::new();
    let text = "x".repeat(20_000);
    let long = |n: usize| draft("training", &format!("Number {n}")).field("text", text.clone());
    for number in 0..5 {
        acknowledged.push(author.publish(long(number), "Prevention", None).await);
    }
    let ready: Vec<_> = author.import((0..30).map(|n| long(100 + n))).await;
    let filler = author.home().beside("filler");
    fill(&filler);
    let mut refused = 0;
    for kept in ready.iter().chain(&ready) {
        match author.share(*kept, "Prevention", None).await {
            Ok(shared) => acknowledged.push(shared.record),
            Err(problem) => {
                assert_eq!((problem.code.as_str(), problem.exit), ("disk-full", 1), "{problem:?}");
                refused += 1;
            }
        }
        if refused > 3 {
            break;
        }
    }
    assert!(refused > 3, "the disk was full");
    author.status().await;

    std::fs::remove_file(&filler).unwrap();
    let after = author.keep(draft("training", "After")).await;
    let after = author.share(after.unwrap(), "Prevention", None).await;
    acknowledged.push(after.unwrap_or_else(|e| panic!("it goes on by itself: {e:?}")).record);
    for restarted in [false, true] {
        if restarted {
            author.kill();
            author.start().await;
        }
        for id in &acknowledged {
            assert!(author.record(id).await.is_ok(), "acknowledged and lost: {id}");
        }
    }
    for id in &acknowledged {
        wait_until("the partner has it", async || p[0].record(id).await.is_ok()).await;
    }
    assert_eq!(p[0].status().await.quarantined, 0);
    let last = author.publish(draft("training", "Last"), "Prevention", None).await;
    wait_until("the log goes on", async || p[0].record(last).await.is_ok()).await;
    drop(author);
}

/// Writes until there is no room for a byte more.
fn fill(path: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(path).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    let _ = file.sync_all();
}
