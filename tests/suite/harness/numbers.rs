//! Numbers that look random and are the same in every run.

pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9E37_79B9_7F4A_7C15)
    }

    pub(crate) fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    /// Each of these with a chance of one in so many.
    pub(crate) fn some<T: Copy>(&mut self, of: &[T], one_in: usize) -> Vec<T> {
        of.iter().copied().filter(|_| self.next(one_in) == 0).collect()
    }
}
