//! Search over every record that can be read here, in any script. Nothing of it can be read on a disk.
//!
//! [`fold`] makes one form of what people read as the same, [`words`] cuts it into terms, `inverted` finds the records
//! that hold them: the newest terms are in memory, the others in files without names, whose keys are in memory only.
//! The index is filled in the background soon after a node starts, the newest records first, and kept up from what the
//! ledger says has changed ([`Touched`]): a record is in it exactly as long as it is in the lists. A search first takes
//! in what waits, for `PATIENCE` at most, and says how much it left.

mod bits;
mod blocks;
mod docs;
pub mod facets;
pub mod fold;
mod fresh;
mod inverted;
mod postings;
mod reading;
mod sealed;
mod touched;
pub mod words;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, Weak};
use std::time::{Duration, Instant};

use crate::node::Node;
use crate::rows::{self, Table};
use crate::store::Position;

pub use docs::Place;
use inverted::Inverted;
pub use inverted::{Found, Wanted};
pub use reading::MAX_TEXT;
pub use touched::Touched;
pub use words::Clause;

/// How long a search takes in what waits before it says that it is not complete.
const PATIENCE: Duration = Duration::from_millis(300);
/// Records that are taken in before the next has its turn.
const STEP: usize = 64;
/// The indexing leaves the processor to the exchange: after a start, partners are connected and compared with first, ...
const SETTLING: Duration = Duration::from_secs(2);
/// ... then it begins once nothing has come for so long ...
const QUIET: Duration = Duration::from_millis(250);
/// ... or has been coming for so long.
const BUSY: Duration = Duration::from_secs(5);
/// As long as more comes, it rests for so many times as long as it works.
const REST: u32 = 3;
/// Words of forgotten records leave the index after about so long.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// The index of one node.
pub struct Search {
    index: RwLock<Inverted>,
    filling: Mutex<Filling>,
}

#[derive(Default)]
struct Filling {
    /// Does [`Touched`] hold what was here when the node started?
    begun: bool,
    /// Records in the lists that could not be opened, because their partnership was not started yet.
    unread: Vec<Position>,
}

/// How much of what can be read was searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Coverage {
    /// Records in the index.
    pub indexed: usize,
    /// Records that are still to be taken in.
    pub waiting: usize,
    /// Records of which only the first [`MAX_TEXT`] bytes are in the index.
    pub cut: usize,
}

impl Search {
    /// An empty index, whose files will be in a folder.
    #[must_use]
    pub fn in_folder(folder: PathBuf) -> Search {
        Search { index: RwLock::new(Inverted::in_folder(folder)), filling: Mutex::default() }
    }

    /// Finds records, the newest first, at most so many.
    pub fn find(&self, node: &Node, wanted: &Wanted, most: usize) -> (Found, Coverage) {
        let began = Instant::now();
        while self.take_in(node) && began.elapsed() < PATIENCE {}
        loop {
            let index = self.read();
            match index.find(wanted, most) {
                Ok(found) => {
                    let waiting = node.shared.ledger.touched().len();
                    return (found, Coverage { indexed: index.documents(), waiting, cut: index.cut() });
                }
                Err(unreadable) => {
                    drop(index);
                    tracing::warn!(error = ?unreadable, "a part of the index of search is made anew");
                    let places = self.change(|index| index.give_up(&unreadable));
                    node.shared.ledger.touched().add(places.into_iter().map(Position::from_bytes));
                }
            }
        }
    }

    /// Records that could not be opened are tried again: a partnership was started.
    pub fn try_again(&self, node: &Node) {
        let unread = std::mem::take(&mut self.filling().unread);
        node.shared.ledger.touched().add(unread);
    }

    /// Takes in some of what waits, the newest first; false if nothing waits any more.
    fn take_in(&self, node: &Node) -> bool {
        let touched = node.shared.ledger.touched();
        let mut filling = self.filling();
        if !filling.begun {
            filling.begun = true;
            let index = &node.shared.ledger.store().index;
            touched.add(rows::keys(index, Table::Order as u8, &[]).filter_map(|key| rows::position(&key)));
        }
        let step = touched.take(STEP);
        for position in &step {
            let text = match reading::read(node, *position) {
                reading::Read::Text(text) => text,
                reading::Read::Gone => {
                    self.change(|index| index.forget(&position.to_bytes()));
                    continue;
                }
                reading::Read::NotYet => {
                    filling.unread.push(*position);
                    continue;
                }
            };
            self.change(|index| index.add(position.to_bytes(), text));
        }
        !touched.is_empty()
    }

    /// Takes the words of forgotten records out of the index.
    fn sweep(&self) {
        let parts = self.read().count_parts();
        for part in (0..parts).rev() {
            self.change(|index| index.sweep(part));
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Inverted> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Inverted) -> T) -> T {
        change(&mut self.index.write().unwrap_or_else(PoisonError::into_inner))
    }

    fn filling(&self) -> MutexGuard<'_, Filling> {
        self.filling.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the index up for as long as the node is unlocked.
pub async fn run(node: Weak<Node>) {
    let Some(touched) = node.upgrade().map(|node| node.shared.ledger.touched().clone()) else { return };
    let mut swept = Instant::now();
    tokio::time::sleep(SETTLING).await;
    loop {
        touched.quiet(QUIET, BUSY).await;
        let step = |work: fn(&Node) -> bool| {
            let node = node.upgrade();
            async move {
                let node: Arc<Node> = node?;
                tokio::task::spawn_blocking(move || work(&node)).await.ok()
            }
        };
        loop {
            let began = Instant::now();
            match step(|node| node.search.take_in(node)).await {
                Some(true) if !touched.is_quiet(QUIET) => tokio::time::sleep(began.elapsed() * REST).await,
                Some(true) => tokio::task::yield_now().await,
                Some(false) => break,
                None => return,
            }
        }
        if swept.elapsed() >= FORGOTTEN {
            swept = Instant::now();
            let done = step(|node| {
                node.search.sweep();
                true
            });
            if done.await.is_none() {
                return;
            }
        }
        let _nothing_came = tokio::time::timeout(FORGOTTEN, touched.some()).await;
    }
}
