//! Helpers that the replay, fault and device tests share.
