//! Bits of a raw byte sequence payload (ITU-T H.264 sections 7.3.1 and 9.1), in and out.

use super::SpsError;

/// Takes the emulation prevention bytes out (7.3.1): the 3 in every 0 0 3.
pub(super) fn unescape(payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len());
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte == 3 {
            zeros = 0;
            continue;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
    out
}

/// Puts them in (7.4.1), behind the NAL unit's `header` and a start code.
pub(super) fn escape(header: u8, payload: &[u8], out: &mut Vec<u8>) {
    out.extend([0, 0, 0, 1, header]);
    let mut zeros = 0;
    for &byte in payload {
        if zeros >= 2 && byte <= 3 {
            out.push(3);
            zeros = 0;
        }
        zeros = if byte == 0 { zeros + 1 } else { 0 };
        out.push(byte);
    }
}

/// Reads bits.
pub(super) struct Bits<'a> {
    bytes: &'a [u8],
    /// The next bit, counted from the first byte's highest.
    at: usize,
}

impl<'a> Bits<'a> {
    /// Reads `bytes`, which are unescaped, from bit `at` on.
    pub(super) const fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    /// The next bit.
    pub(super) const fn at(&self) -> usize {
        self.at
    }

    pub(super) fn flag(&mut self) -> Result<bool, SpsError> {
        let byte = self.bytes.get(self.at / 8).ok_or(SpsError::Truncated)?;
        let bit = byte >> (7 - self.at % 8) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// u(n), at most 32 bits.
    pub(super) fn fixed(&mut self, count: u8) -> Result<u32, SpsError> {
        (0..count).try_fold(0, |value: u32, _| Ok(value << 1 | u32::from(self.flag()?)))
    }

    /// ue(v) of at most `max` (9.1).
    pub(super) fn unsigned(&mut self, what: &'static str, max: u32) -> Result<u32, SpsError> {
        self.exp_golomb()?.try_into().ok().filter(|&v| v <= max).ok_or(SpsError::OutOfRange(what))
    }

    /// se(v) (9.1.1).
    pub(super) fn signed(&mut self) -> Result<i64, SpsError> {
        let code = self.exp_golomb()?;
        let half = i64::try_from(code.div_ceil(2)).map_err(|_| SpsError::OutOfRange("number"))?;
        Ok(if code % 2 == 1 { half } else { -half })
    }

    fn exp_golomb(&mut self) -> Result<u64, SpsError> {
        let mut zeros = 0;
        while !self.flag()? {
            zeros += 1;
            if zeros > 32 {
                return Err(SpsError::OutOfRange("number"));
            }
        }
        let mut value: u64 = 1;
        for _ in 0..zeros {
            value = value << 1 | u64::from(self.flag()?);
        }
        Ok(value - 1)
    }
}

/// Writes bits.
#[derive(Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    used: usize,
}

impl Writer {
    /// u(n): the lowest `count` bits of `value`.
    pub(super) fn fixed(&mut self, value: u32, count: u8) {
        for bit in (0..count).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            if let Some(last) = self.bytes.last_mut() {
                *last |= ((value >> bit & 1) as u8) << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }

    /// ue(v) (9.1).
    pub(super) fn unsigned(&mut self, value: u32) {
        let code = value + 1;
        let bits = (32 - code.leading_zeros()) as u8;
        self.fixed(0, bits - 1);
        self.fixed(code, bits);
    }

    /// The NAL unit with this `header`, closed by rbsp_trailing_bits, behind a start code.
    pub(super) fn nal(mut self, header: u8, out: &mut Vec<u8>) {
        self.fixed(1, 1);
        escape(header, &self.bytes, out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(values in proptest::collection::vec((0u32..100_000, 1u8..32), 0..40)) {
            let mut writer = Writer::default();
            for &(value, bits) in &values {
                writer.unsigned(value);
                writer.fixed(value, bits);
            }
            let mut nal = Vec::new();
            writer.nal(0x65, &mut nal);
            prop_assert_eq!(super::super::nals(&nal).count(), 1);
            let payload = unescape(&nal[5..]);
            let mut bits = Bits::new(&payload, 0);
            for &(value, count) in &values {
                prop_assert_eq!(bits.unsigned("value", u32::MAX), Ok(value));
                let mask = (1_u64 << count) - 1;
                prop_assert_eq!(u64::from(bits.fixed(count).expect("it is there")), u64::from(value) & mask);
            }
        }
    }
}
