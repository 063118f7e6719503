//! Histograms as text: HdrHistogram's V2 encoding, deflated, in Base64, as an interval log carries it.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Deserializer, Serializer, V2DeflateSerializer};

use super::{Distribution, MAX_US, SIGNIFICANT_DIGITS};

/// First word of a deflated V2 encoding, and of the one inside.
const DEFLATED_COOKIE: u32 = 0x1c84_9314;
const COOKIE: u32 = 0x1c84_9313;

/// Cookie and length before the deflated bytes.
const DEFLATED_HEADER: usize = 8;

/// Cookie, length, normalizing offset, digits, lowest and highest value, ratio.
const HEADER: usize = 40;

/// Bytes of a payload at most: our histograms have some 24,000 counts, of at most [`MAX_VARINT`] bytes each.
const MAX_PAYLOAD: usize = 128 << 10;

/// Bytes of a 32-bit count as a ZigZag LEB128 number at most.
const MAX_VARINT: usize = 5;

/// A text that is no histogram of ours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not Base64.
    #[error("the histogram is not Base64")]
    Base64,
    /// Not deflated, cut, or of another version.
    #[error("the histogram is cut, or not of HdrHistogram's deflated V2 encoding")]
    Encoding,
    /// With another range or precision than framelag's.
    #[error("the histogram is not one of framelag's: those have {SIGNIFICANT_DIGITS} digits, from 1 to {MAX_US} us")]
    Shape,
}

impl Distribution {
    /// The values from zero up as HdrHistogram's V2 encoding, deflated, in Base64: what an interval log carries.
    /// Values below zero and above `MAX_US` are not in it. `None` where there are no others.
    pub fn encoded(&self) -> Option<String> {
        let above = self.above.as_ref().filter(|above| !above.is_empty())?;
        let mut bytes = Vec::new();
        V2DeflateSerializer::new().serialize(above, &mut bytes).expect("writing to memory does not fail");
        Some(STANDARD.encode(bytes))
    }

    /// Reads what [`Distribution::encoded`] gives. Its extremes and moments are those of the buckets: within 0.1 %.
    ///
    /// # Errors
    /// [`DecodeError`]. No text takes more memory than a histogram of ours has.
    pub fn decoded(text: &str) -> Result<Self, DecodeError> {
        let bytes = STANDARD.decode(text).map_err(|_| DecodeError::Base64)?;
        let plain = inflated(&bytes).ok_or(DecodeError::Encoding)?;
        if !has_our_shape(&plain) {
            return Err(DecodeError::Shape);
        }
        let histogram: Histogram<u32> =
            Deserializer::new().deserialize(&mut plain.as_slice()).map_err(|_| DecodeError::Encoding)?;
        let mut distribution = Self::default();
        distribution.add(&Self { above: Some(histogram), ..Self::default() });
        Ok(distribution)
    }
}

/// The V2 encoding inside, whole, and with nothing in it that the decoder trips over: it sizes its buffer by the length that is
/// stated, and negates numbers that no count has.
fn inflated(bytes: &[u8]) -> Option<Vec<u8>> {
    if word(bytes, 0)? != DEFLATED_COOKIE {
        return None;
    }
    let mut plain = Vec::new();
    let limit = (HEADER + MAX_PAYLOAD) as u64;
    ZlibDecoder::new(bytes.get(DEFLATED_HEADER..)?).take(limit).read_to_end(&mut plain).ok()?;
    let payload = plain.get(HEADER..)?;
    let whole = word(&plain, 0)? == COOKIE && word(&plain, 4)? as usize == payload.len();
    let counts = !payload.windows(MAX_VARINT).any(|bytes| bytes.iter().all(|byte| byte & 0x80 != 0));
    (whole && counts).then_some(plain)
}

fn has_our_shape(plain: &[u8]) -> bool {
    let range = [word(plain, 16), word(plain, 20), word(plain, 24), word(plain, 28)];
    let (lowest, highest) = (1, u32::try_from(MAX_US).unwrap_or(u32::MAX));
    word(plain, 12) == Some(u32::from(SIGNIFICANT_DIGITS)) && range == [Some(0), Some(lowest), Some(0), Some(highest)]
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;

    use super::*;

    fn of(values: impl IntoIterator<Item = i64>) -> Distribution {
        let mut distribution = Distribution::default();
        values.into_iter().for_each(|value| distribution.record(value));
        distribution
    }

    /// A V2 encoding with this payload, its length as it is stated.
    fn text(stated: usize, digits: u8, highest: u64, payload: &[u8]) -> String {
        let mut plain = Vec::new();
        plain.extend(COOKIE.to_be_bytes());
        plain.extend((stated as u32).to_be_bytes());
        plain.extend(0_u32.to_be_bytes());
        plain.extend(u32::from(digits).to_be_bytes());
        plain.extend(1_u64.to_be_bytes());
        plain.extend(highest.to_be_bytes());
        plain.extend(1_f64.to_be_bytes());
        plain.extend(payload);
        let mut deflated = ZlibEncoder::new(Vec::new(), Compression::fast());
        deflated.write_all(&plain).expect("memory");
        let deflated = deflated.finish().expect("memory");
        let mut bytes = DEFLATED_COOKIE.to_be_bytes().to_vec();
        bytes.extend((deflated.len() as u32).to_be_bytes());
        bytes.extend(deflated);
        STANDARD.encode(bytes)
    }

    #[test]
    fn what_was_encoded_is_decoded() {
        let values = of([5, 5, 70_000, MAX_US as i64]);
        let back = Distribution::decoded(&values.encoded().expect("four values")).expect("ours");
        assert_eq!((back.count(), back.min_us(), back.quantile_us(0.5)), (4, Some(5), Some(5)));
        assert_eq!(back.quantile_us(0.75), values.quantile_us(0.75));
        assert_eq!(back.encoded(), values.encoded());
    }

    #[test]
    fn a_cut_text_is_refused_wherever_it_is_cut() {
        let text = of((0..500).map(|n| n * n)).encoded().expect("500 values");
        for end in 0..text.len() {
            assert!(Distribution::decoded(&text[..end]).is_err(), "cut at {end}");
        }
    }

    #[test]
    fn hostile_encodings_are_refused_by_what_is_wrong() {
        assert!(Distribution::decoded(&text(1, SIGNIFICANT_DIGITS, MAX_US, &[2])).is_ok(), "one value");
        let refused = |text: String| Distribution::decoded(&text).expect_err("hostile");
        assert_eq!(refused("no base64!".to_owned()), DecodeError::Base64);
        // A length that would be allocated, a bomb, the number that cannot be negated, and more counts than there are.
        assert_eq!(refused(text(u32::MAX as usize, SIGNIFICANT_DIGITS, MAX_US, &[2])), DecodeError::Encoding);
        assert_eq!(refused(text(1 << 28, SIGNIFICANT_DIGITS, MAX_US, &vec![2; 1 << 20])), DecodeError::Encoding);
        assert_eq!(refused(text(9, SIGNIFICANT_DIGITS, MAX_US, &[0xff; 9])), DecodeError::Encoding);
        assert_eq!(refused(text(60_000, SIGNIFICANT_DIGITS, MAX_US, &[2; 60_000])), DecodeError::Encoding);
        // Histograms that take a hundred megabytes each.
        assert_eq!(refused(text(1, 5, MAX_US, &[2])), DecodeError::Shape);
        assert_eq!(refused(text(1, SIGNIFICANT_DIGITS, u64::MAX, &[2])), DecodeError::Shape);
    }
}
