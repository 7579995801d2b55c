//! What is still to happen, in the order of time; at the same instant, in the order of asking.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Milliseconds since the beginning of a story.
pub(crate) type Time = u64;

/// Things with their time.
#[derive(Debug)]
pub(crate) struct Queue<T> {
    order: BinaryHeap<Reverse<(Time, u64, usize)>>,
    /// The things themselves stay in place while the heap moves.
    things: Vec<Option<T>>,
    free: Vec<usize>,
    asked: u64,
}

impl<T> Queue<T> {
    pub(crate) fn new() -> Self {
        Self {
            order: BinaryHeap::new(),
            things: Vec::new(),
            free: Vec::new(),
            asked: 0,
        }
    }

    pub(crate) fn put(&mut self, at: Time, thing: T) {
        let place = match self.free.pop() {
            Some(place) => {
                self.things[place] = Some(thing);
                place
            }
            None => {
                self.things.push(Some(thing));
                self.things.len() - 1
            }
        };
        self.asked += 1;
        self.order.push(Reverse((at, self.asked, place)));
    }

    pub(crate) fn next_at(&self) -> Option<Time> {
        self.order.peek().map(|Reverse((at, ..))| *at)
    }

    pub(crate) fn take(&mut self) -> Option<T> {
        let Reverse((_, _, place)) = self.order.pop()?;
        self.free.push(place);
        self.things[place].take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_come_in_the_order_of_time_and_then_of_asking() {
        let mut queue = Queue::new();
        for (at, thing) in [(5, 'd'), (1, 'a'), (3, 'b'), (3, 'c')] {
            queue.put(at, thing);
        }
        assert_eq!(queue.next_at(), Some(1));
        let all: String = std::iter::from_fn(|| queue.take()).collect();
        assert_eq!(all, "abcd");
    }
}
