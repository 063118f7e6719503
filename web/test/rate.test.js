import assert from "node:assert/strict";
import { test } from "node:test";

import { Parking } from "../players/parking.js";
import { RateController } from "../players/rate.js";
import { random } from "./support/picture.js";

const FPS = 30;

/**
 * Plays a stream in simulated time: one-frame fragments arrive with jitter, and the player obeys the controller.
 * @param {object} setting
 * @param {number} setting.leadS To begin with.
 * @param {number} [setting.targetS]
 * @param {number} [setting.jitterS]
 * @param {number} [setting.drift] Of the source's clock against the player's.
 * @param {number} [setting.seconds]
 */
function play({ leadS, targetS = 0.06, jitterS = 0, drift = 0, seconds = 30 }) {
  const controller = new RateController({ targetS });
  const noise = random(3);
  let [now, position, end, rate] = [0, -leadS, 0, 1];
  const result = { stalls: 0, seeks: 0, leads: /** @type {number[]} */ ([]), rates: /** @type {number[]} */ ([]) };
  for (let frame = 1; frame <= seconds * FPS; frame++) {
    const arrival = (frame / FPS) * (1 + drift) + noise() * jitterS;
    const step = Math.max(arrival - now, 0);
    now += step;
    if (position + step * rate > end) result.stalls++;
    position = Math.min(position + step * rate, end);
    end += 1 / FPS;
    const decision = controller.sample(now, end - position);
    rate = decision.rate;
    position += decision.seekByS;
    if (decision.seekByS > 0) result.seeks++;
    result.leads.push(end - position);
    result.rates.push(rate);
  }
  return result;
}

/** @param {number[]} values */
const late = (values) => values.slice(values.length / 2);

/** From the target, 60 ms, to the end of the band. @param {number} lead */
const inBand = (lead) => lead > 0.06 - 0.002 && lead < 0.11 + 0.002;

test("a lead that is a little off is brought into the band without a stall, and then left alone", () => {
  for (const leadS of [0.04, 0.06, 0.08, 0.1, 0.14]) {
    const { stalls, seeks, leads, rates } = play({ leadS });
    assert.deepEqual([stalls, seeks], [0, 0], `${leadS}`);
    for (const lead of late(leads)) assert.ok(inBand(lead), `${leadS}: ${lead}`);
    assert.ok(late(rates).every((rate) => rate === 1), `${leadS}`);
  }
});

test("what a stall adds to the lead is not steered away, though more than that is", () => {
  const samples = (/** @type {RateController} */ controller, /** @type {number} */ leadS) => {
    const rates = [...Array(FPS).keys()].map((frame) => controller.sample(frame / FPS, leadS).rate);
    controller.reset();
    return rates;
  };
  const controller = new RateController({ targetS: 0.055 });
  assert.ok(samples(controller, 0.13).some((rate) => rate > 1), "before a stall");
  controller.stalled();
  assert.ok(samples(controller, 0.15).every((rate) => rate === 1));
  assert.ok(samples(controller, 0.17).some((rate) => rate > 1));
  assert.ok(samples(controller, 0.05).some((rate) => rate < 1));
});

test("playback that begins in the band is left alone", () => {
  const { leads, rates } = play({ leadS: 0.095 });
  for (const lead of leads) assert.ok(inBand(lead), `${lead}`);
  assert.ok(rates.every((rate) => rate === 1));
});

test("steering is over soon", () => {
  const { rates } = play({ leadS: 0.14 });
  const steered = rates.filter((rate) => rate !== 1);
  assert.ok(steered.length < 3 * FPS, `${steered.length} frames`);
  assert.ok(steered.every((rate) => Math.abs(rate - 1) >= 0.01 - 1e-9));
});

test("a lead that has grown by more than was wanted is not made to grow again by what it was before", () => {
  const controller = new RateController({ targetS: 0.06 });
  const leads = [...Array(30).fill(0.05), ...Array(60).fill(0.13)];
  const rates = leads.map((leadS, n) => controller.sample(n / FPS, leadS).rate);
  const after = rates.slice(38);
  assert.ok(after.every((rate) => rate > 1), `${after.map((rate) => rate.toFixed(3))}`);
});

test("pieces that come seldom are steered too", () => {
  const controller = new RateController({ targetS: 0.22 });
  let [leadS, rate] = [0.15, 1];
  for (let piece = 1; piece < 100; piece++) {
    leadS += 0.2 * (1 - rate);
    ({ rate } = controller.sample(piece * 0.2, leadS));
  }
  assert.ok(leadS > 0.22 && leadS < 0.26, `${leadS}`);
});

test("a lead that is far too large is seeked over, once", () => {
  const { stalls, seeks, leads } = play({ leadS: 1.5 });
  assert.deepEqual([stalls, seeks], [0, 1]);
  for (const lead of late(leads)) assert.ok(inBand(lead), `${lead}`);
});

test("what is shown moves by whole frames: the band is wide enough to rest in", () => {
  // The steps that a browser takes from each phase if the rate is not 1.
  for (let phase = 0; phase < 1 / FPS; phase += 0.003) {
    const controller = new RateController({ targetS: 0.06 });
    let [shown, clock, changes, rate] = [0.12 + phase, 0.12 + phase, 0, 1];
    for (let frame = 1; frame < 60 * FPS; frame++) {
      const decision = controller.sample(frame / FPS, shown);
      if (decision.rate !== rate && frame > 30 * FPS) changes++;
      rate = decision.rate;
      clock -= (rate - 1) / FPS;
      while (Math.abs(clock - shown) > 0.75 / FPS) shown += Math.sign(clock - shown) / FPS;
    }
    assert.equal(changes, 0, `${phase}`);
    assert.ok(inBand(shown), `${phase}: ${shown}`);
  }
});

test("jitter is kept out of stalls: its low end is what is steered", () => {
  const { stalls, leads } = play({ leadS: 0.1, jitterS: 0.02, seconds: 60 });
  assert.equal(stalls, 0);
  const low = late(leads).sort((a, b) => a - b)[Math.floor(leads.length / 20)] ?? 0;
  assert.ok(inBand(low), `${low}`);
});

test("a source whose clock drifts is followed", () => {
  for (const drift of [0.001, -0.001]) {
    const { stalls, seeks, leads } = play({ leadS: 0.07, drift, seconds: 120 });
    assert.deepEqual([stalls, seeks], [0, 0]);
    for (const lead of late(leads)) assert.ok(inBand(lead), `${drift}: ${lead}`);
  }
});

test("the rate stays in its bounds and rests in the band", () => {
  const controller = new RateController({ targetS: 1, bandS: 0.01, seekBeyondS: 10, maxChange: 0.1 });
  const rates = [0, 0.5, 1, 1.005, 1.009, 5].map((lead, n) => {
    for (let i = 0; i < 5; i++) controller.sample(n * 10 + i * 0.01, lead);
    return controller.sample(n * 10 + 0.1, lead).rate;
  });
  assert.deepEqual(rates.map((rate) => Math.round(rate * 100) / 100), [0.9, 0.9, 0.99, 1, 1, 1.1]);
});

test("a clock that is about to catch up with the picture is held back, once", () => {
  const parking = new Parking();
  let aheadS = 0.002;
  /** @type {boolean[]} */
  const slow = [];
  for (let frame = 0; frame < 90; frame++) {
    slow.push(parking.sample(aheadS));
    if (slow.at(-1)) aheadS += 0.01 / FPS;
  }
  assert.deepEqual([slow.indexOf(true), slow.lastIndexOf(true)], [7, 31]);
  assert.ok(aheadS >= 0.01 && aheadS < 0.011, `${aheadS}`);
});

test("a clock that is far enough behind, is read in coarse steps or does not obey is left alone", () => {
  const slow = (/** @type {(frame: number) => number} */ aheadS) => {
    const parking = new Parking();
    return Array.from({ length: 600 }, (_, frame) => parking.sample(aheadS(frame))).filter(Boolean).length;
  };
  assert.equal(slow(() => 0.012), 0);
  assert.equal(slow((frame) => (frame % 3) * 0.01), 0);
  assert.ok(slow(() => 0.001) <= 151);
});
