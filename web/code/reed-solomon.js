/**
 * Reed–Solomon over GF(2^8) with polynomial 0x11D, α = 2 and generator (x − α^0)…(x − α^5): 6 parity bytes correct 3
 * wrong bytes. Bytes are coefficients, highest power of x first.
 */

/** Most wrong bytes that can be corrected. */
export const MAX_MENDED = 3;
const PARITY = 2 * MAX_MENDED;

const EXP = new Uint8Array(512);
const LOG = new Uint8Array(256);
for (let i = 0, x = 1; i < 255; i++) {
  EXP[i] = EXP[i + 255] = x;
  LOG[x] = i;
  x = (x << 1) ^ (x & 0x80 ? 0x11d : 0);
}

/** @param {number} n */
const exp = (n) => EXP[n % 255] ?? 0;
/** @param {number} x Not 0. */
const log = (x) => LOG[x] ?? 0;
/** @param {number} a @param {number} b */
const multiply = (a, b) => (a && b ? exp(log(a) + log(b)) : 0);
/** @param {number} a @param {number} b Not 0. */
const divide = (a, b) => (a ? exp(log(a) + 255 - log(b)) : 0);

/** The generator's coefficients after the leading 1, highest power first. */
const GENERATOR = (() => {
  let product = [1];
  for (let root = 0; root < PARITY; root++) {
    product = [...product, 0].map((c, i) => c ^ multiply(product[i - 1] ?? 0, exp(root)));
  }
  return product.slice(1);
})();

/**
 * Returns the parity bytes of a message.
 * @param {Uint8Array} message
 */
export function parity(message) {
  const rest = new Uint8Array(PARITY);
  for (const byte of message) {
    const lead = byte ^ (rest[0] ?? 0);
    rest.copyWithin(0, 1);
    rest[PARITY - 1] = 0;
    GENERATOR.forEach((c, i) => (rest[i] = (rest[i] ?? 0) ^ multiply(lead, c)));
  }
  return rest;
}

/**
 * Evaluates the word at the generator's roots: all 0 for a codeword.
 * @param {Uint8Array} word
 */
function syndromes(word) {
  return Array.from({ length: PARITY }, (_, root) =>
    word.reduce((sum, byte) => multiply(sum, exp(root)) ^ byte, 0),
  );
}

/**
 * Returns the codeword within {@link MAX_MENDED} bytes of `word` as a new array; `null` if there is none.
 * @param {Uint8Array} word At most 255 bytes.
 * @returns {Uint8Array | null}
 */
export function correct(word) {
  const syndrome = syndromes(word);
  const mended = word.slice();
  if (syndrome.every((s) => s === 0)) return mended;
  const locator = errorLocator(syndrome);
  const errors = locator.length - 1;
  if (errors > MAX_MENDED) return null;
  const powers = rootsAsPowers(locator, word.length);
  if (powers.length !== errors) return null;
  const evaluator = Array.from({ length: errors }, (_, n) =>
    locator.slice(0, n + 1).reduce((sum, c, i) => sum ^ multiply(c, syndrome[n - i] ?? 0), 0),
  );
  for (const power of powers) {
    const inverse = exp(255 - power);
    const slope = value(locator.map((c, n) => (n % 2 ? c : 0)).slice(1), inverse);
    if (slope === 0) return null;
    // Forney's formula for a first root of α^0: X · Ω(X⁻¹) / Λ'(X⁻¹).
    const error = multiply(exp(power), divide(value(evaluator, inverse), slope));
    const at = word.length - 1 - power;
    mended[at] = (mended[at] ?? 0) ^ error;
  }
  return syndromes(mended).every((s) => s === 0) ? mended : null;
}

/**
 * Computes Λ(x), lowest power first, by the Berlekamp–Massey algorithm.
 * @param {number[]} syndrome
 */
function errorLocator(syndrome) {
  let locator = [1];
  let previous = [1];
  let [length, shift, lastDiscrepancy] = [0, 1, 1];
  for (let n = 0; n < syndrome.length; n++) {
    let discrepancy = 0;
    for (let i = 0; i <= length; i++) discrepancy ^= multiply(locator[i] ?? 0, syndrome[n - i] ?? 0);
    if (discrepancy === 0) {
      shift++;
      continue;
    }
    const before = locator;
    const factor = divide(discrepancy, lastDiscrepancy);
    const size = Math.max(locator.length, previous.length + shift);
    locator = Array.from({ length: size }, (_, i) => (before[i] ?? 0) ^ multiply(factor, previous[i - shift] ?? 0));
    if (2 * length <= n) {
      [length, previous, lastDiscrepancy, shift] = [n + 1 - length, before, discrepancy, 1];
    } else {
      shift++;
    }
  }
  while (locator.length > 1 && locator.at(-1) === 0) locator.pop();
  return locator;
}

/**
 * Finds the powers of x with errors: p where Λ(α^−p) = 0.
 * @param {number[]} locator
 * @param {number} length Of the word.
 */
function rootsAsPowers(locator, length) {
  const powers = [];
  for (let power = 0; power < length; power++) {
    if (value(locator, exp(255 - power)) === 0) powers.push(power);
  }
  return powers;
}

/**
 * @param {number[]} polynomial Lowest power first.
 * @param {number} x
 */
function value(polynomial, x) {
  return polynomial.reduceRight((sum, c) => multiply(sum, x) ^ c, 0);
}
