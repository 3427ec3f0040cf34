//! The same work on many items, on several threads, with the results in the items' order.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::stop::Stop;
use crate::failure::Failure;

/// Results that may wait for the sink, for each worker; they may hold pictures.
const AHEAD: usize = 2;

/// Opens a worker for each thread that the machine runs at once, of so many items at most one each.
///
/// # Errors
/// The first one that cannot be opened.
pub fn workers<W>(items: usize, open: impl Fn() -> Result<W, Failure>) -> Result<Vec<W>, Failure> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    (0..threads.min(items)).map(|_| open()).collect()
}

/// Gives each of `workers` a thread, lets them `work` through `items`, and hands the results to
/// `sink` on the calling thread in the order of the items, so that what is written does not depend
/// on which thread was faster. Ends early, with what `sink` has seen, once `stop` is set.
///
/// # Errors
/// The first error of `sink`; work in progress is then finished and thrown away.
pub fn for_each_in_order<I, R, W>(
    items: &[I],
    workers: Vec<W>,
    stop: &Stop,
    work: impl Fn(&mut W, &I) -> R + Sync,
    mut sink: impl FnMut(&I, R) -> Result<(), Failure>,
) -> Result<(), Failure>
where
    I: Sync,
    R: Send,
    W: Send,
{
    let next = AtomicUsize::new(0);
    let (results_out, results) = crossbeam_channel::bounded(AHEAD * workers.len());
    thread::scope(|scope| {
        for mut worker in workers {
            let (next, work, results_out) = (&next, &work, results_out.clone());
            scope.spawn(move || {
                while !stop.is_set() {
                    let place = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(place) else { return };
                    if results_out.send((place, work(&mut worker, item))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(results_out);
        let mut early = BTreeMap::new();
        let mut due = 0;
        for (place, result) in results {
            early.insert(place, result);
            while let Some(result) = early.remove(&due) {
                sink(&items[due], result)?;
                due += 1;
            }
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Exit;

    #[test]
    fn results_come_in_order_whatever_each_item_costs() {
        let items: Vec<u64> = (0..500).collect();
        let mut seen = Vec::new();
        let work = |done: &mut usize, item: &u64| {
            *done += 1;
            // Uneven work, so that the threads overtake one another.
            (0..(item * 7919) % 1000).fold(*item, |sum, step| sum ^ std::hint::black_box(step ^ step))
        };
        for_each_in_order(&items, vec![0; 3], &Stop::default(), work, |item, result| {
            assert_eq!(*item, result);
            seen.push(result);
            Ok(())
        })
        .unwrap();
        assert_eq!(seen, items);
    }

    #[test]
    fn the_sinks_error_ends_the_work() {
        let items: Vec<usize> = (0..100_000).collect();
        let mut seen = 0;
        let failed = for_each_in_order(
            &items,
            vec![(); 2],
            &Stop::default(),
            |(), item| *item,
            |_, item| {
                seen += 1;
                if item == 10 { Err(Failure::message(Exit::NoInput, "disk full")) } else { Ok(()) }
            },
        );
        assert_eq!(failed.unwrap_err().exit, Exit::NoInput);
        assert_eq!(seen, 11);
    }
}
