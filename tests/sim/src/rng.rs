//! The only source of chance: SplitMix64 (Steele, Lea, Flood 2014), small and the same on every machine.

use core::convert::Infallible;

/// A stream of chance. Streams of one seed with different names are independent.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The stream `name` of a seed.
    #[must_use]
    pub fn new(seed: u64, name: &str) -> Rng {
        let mut state = Rng(seed);
        for byte in name.bytes() {
            state.0 ^= u64::from(byte);
            state.word();
        }
        state
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `n`; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        self.word().checked_rem(n).unwrap_or(0)
    }

    /// A place in a list of `n`.
    pub fn index(&mut self, n: usize) -> usize {
        self.below(n as u64) as usize
    }

    /// One of these, if there are any.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        of.get(self.index(of.len())).cloned()
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high.saturating_sub(low) + 1)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability > 0.0 && (self.word() >> 11) as f64 / (1_u64 << 53) as f64 <= probability
    }

    /// An interval with this mean, exponentially distributed, as of independent events.
    pub fn interval(&mut self, mean: u64) -> u64 {
        let unit = ((self.word() >> 11) as f64 + 1.0) / (1_u64 << 53) as f64;
        (-unit.ln() * mean as f64) as u64
    }
}

impl rand_core::TryRng for Rng {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.word() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, to: &mut [u8]) -> Result<(), Infallible> {
        for chunk in to.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

impl rand_core::TryCryptoRng for Rng {}
