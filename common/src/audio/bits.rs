//! Reads bit fields, most significant bit first.

/// A bit reader over a byte slice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Returns the next `count` bits, at most 32; `None` if fewer remain.
    pub(crate) fn take(&mut self, count: u8) -> Option<u32> {
        let mut value = 0;
        for at in self.at..self.at + usize::from(count) {
            let byte = self.bytes.get(at / 8)?;
            value = value << 1 | u32::from(byte >> (7 - at % 8) & 1);
        }
        self.at += usize::from(count);
        Some(value)
    }
}
