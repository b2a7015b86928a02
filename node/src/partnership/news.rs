//! An entry of our own that has just landed, for partners that lack nothing before it: encoded while the disk makes it
//! durable, once for all of them, and sent before the index learns of it. Whoever lacks more is sent what the journal
//! has, once the index says where.

use bytes::Bytes;
use entente_protocol::codec;
use entente_protocol::ids::{LogId, NodeId, Seq, SpaceId};
use entente_protocol::log::Batch;
use entente_protocol::sync::{Effect, Event, Message};

use crate::frames::Frame;

use super::courier::{BatchSent, Job};
use super::driver::Driver;

/// A batch of one entry.
pub(super) struct News {
    space: SpaceId,
    log: LogId,
    seq: Seq,
    next: Seq,
    message: Bytes,
}

impl News {
    /// Of frames that were published here, if one of them is an entry and the others change nothing that partners hear
    /// of first.
    pub(super) fn of(frames: &[Frame]) -> Option<News> {
        if !frames.iter().all(Frame::is_among_entries) {
            return None;
        }
        let mut entries = frames.iter().filter_map(Frame::entry);
        let (entry, None) = (entries.next()?, entries.next()) else { return None };
        let message = Message::Batch(Batch::pack(std::slice::from_ref(entry)).ok()?);
        let (space, log, seq) = (entry.header.space, entry.header.log, entry.header.seq);
        Some(News { space, log, seq, next: seq.next()?, message: codec::encode(&message).into() })
    }

    fn is(&self, space: SpaceId, log: LogId, from: Seq) -> bool {
        (self.space, self.log, self.seq) == (space, log, from)
    }

    fn to(&self, to: NodeId) -> Job {
        let sent = BatchSent { to, space: self.space, log: self.log, next: self.next };
        Job::Encoded(self.message.clone(), sent)
    }
}

impl Driver {
    /// Sends an entry of ours that is durable to whom the machine wants it sent, and gives back what else it wants done
    /// once the index has the entry.
    pub(super) fn tell_news(&mut self, news: &News) -> Vec<Effect> {
        let (space, log) = (news.space, news.log);
        let head = self.state.logs.get(&(space, log)).map(|known| known.stored);
        // If it did not continue the log, there is nothing to tell; what others continued it with goes in one batch with it.
        let Some(head) = head.filter(|head| head.next == news.next) else { return Vec::new() };
        let mut later = Vec::new();
        // It hears this again once the index has the entry, and says nothing more then.
        for effect in self.machine.handle(Event::Stored { space, log, head }) {
            match effect {
                Effect::SendBatch { to, space, log, from } if news.is(space, log, from) => {
                    self.send(to, news.to(to));
                }
                effect => later.push(effect),
            }
        }
        later
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::partnership::epochs;
    use crate::partnership::taking::{of_two, published};

    #[test]
    fn news_is_one_entry_where_nothing_else_must_come_first() {
        let mut state = of_two();
        let (with_key, all) = (published(&mut state), state.all());
        assert!(with_key.iter().any(|frame| matches!(frame, Frame::Epoch(_))), "its key was made for it");
        assert!(News::of(&with_key).is_none(), "partners hear of the key first");
        let epoch = epochs::mint(&state, &all, None, clock::now());
        state.ring.add(epoch.id, epoch.epoch);
        let mut frames = published(&mut state);
        let news = News::of(&frames).unwrap();
        let header = frames.iter().find_map(Frame::entry).unwrap().header.clone();
        assert!(matches!(codec::decode(&news.message), Ok(Message::Batch(batch)) if batch.items.len() == 1));
        assert!(news.is(all, header.log, header.seq) && news.next == header.seq.next().unwrap());
        let before = Seq(header.seq.0 - 1);
        assert!(!news.is(all, header.log, before), "who lacks what is before it lacks more than this");
        frames.extend(published(&mut state));
        assert!(News::of(&frames).is_none(), "of several, each partner is sent what it lacks");
    }
}
