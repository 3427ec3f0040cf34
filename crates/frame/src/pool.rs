//! Reused byte buffers, so that a camera at a steady rate stops allocating.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

/// Buffers kept for reuse at most; more in flight than this are simply freed.
const KEPT_BUFFERS: usize = 16;

/// A source of byte buffers that takes them back when they are dropped. Clones share the buffers.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Pool {
    /// An empty pool.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `len` bytes; its content is whatever its last user left.
    #[must_use]
    pub fn take(&self, len: usize) -> Buffer {
        let mut bytes = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        bytes.resize(len, 0);
        Buffer { bytes, home: Some(self.clone()) }
    }

    fn give_back(&self, bytes: Vec<u8>) {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT_BUFFERS {
            free.push(bytes);
        }
    }
}

/// A byte buffer that goes back to its pool when it is dropped.
#[derive(Debug)]
pub struct Buffer {
    bytes: Vec<u8>,
    home: Option<Pool>,
}

impl From<Vec<u8>> for Buffer {
    /// A buffer of its own that no pool waits for.
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes, home: None }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give_back(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dropped_buffer_is_used_again() {
        let pool = Pool::new();
        let first = pool.take(100);
        let place = first.as_ptr();
        drop(first);
        assert_eq!(pool.take(80).as_ptr(), place);
    }

    #[test]
    fn the_pool_keeps_no_more_than_its_limit() {
        let pool = Pool::new();
        drop((0..2 * KEPT_BUFFERS).map(|_| pool.take(1)).collect::<Vec<_>>());
        assert_eq!(pool.free.lock().unwrap().len(), KEPT_BUFFERS);
    }
}
