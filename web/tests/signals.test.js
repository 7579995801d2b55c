import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SignalOrder } from '../signals.js';

test('candidates wait for their description and then come in order', () => {
  const order = new SignalOrder();
  assert.deepEqual(order.candidate(1, 'a'), []);
  assert.deepEqual(order.candidate(undefined, 'b'), []);
  assert.equal(order.admitOffer(1), true);
  assert.deepEqual(order.described(), ['a', 'b']);
  assert.deepEqual(order.candidate(1, 'c'), ['c']);
});

test('an offer that was seen or is older is not taken again', () => {
  const order = new SignalOrder();
  assert.equal(order.admitOffer(2), true);
  assert.equal(order.admitOffer(2), false);
  assert.equal(order.admitOffer('1'), false);
  assert.equal(order.admitOffer(3), true);
});

test('only the answer to the offer that is out is taken, and once', () => {
  const order = new SignalOrder();
  assert.equal(order.admitAnswer(1), false, 'nothing was offered');
  order.begin();
  order.begin();
  assert.equal(order.admitAnswer(1), false);
  assert.equal(order.admitAnswer(2), true);
  order.described();
  assert.equal(order.admitAnswer(2), false);
});

test('candidates of an earlier negotiation are dropped, those of a later one kept', () => {
  const order = new SignalOrder();
  order.admitOffer(2);
  order.described();
  assert.deepEqual(order.candidate(1, 'late'), []);
  assert.deepEqual(order.candidate(3, 'early'), []);
  assert.equal(order.admitOffer(3), true);
  assert.deepEqual(order.described(), ['early']);
});

test('a peer that numbers nothing is understood', () => {
  const order = new SignalOrder();
  assert.equal(order.admitOffer(undefined), true);
  order.described();
  assert.deepEqual(order.candidate(undefined, 'a'), ['a']);
  assert.equal(order.admitOffer(null), true);
});

test('a flood of candidates without an offer is bounded', () => {
  const order = new SignalOrder();
  for (let i = 0; i < 10_000; i += 1) order.candidate(1, i);
  order.admitOffer(1);
  assert.equal(order.described().length, 200);
});

test('an offer of the other side is admitted after the own one was taken back', () => {
  const order = new SignalOrder();
  order.begin();
  assert.equal(order.admitAnswer(1), true);
  order.described();
  order.begin();
  assert.equal(order.admitOffer(2), false, 'not while the own one stands');
  order.withdraw();
  assert.equal(order.admitOffer(2), true);
  assert.equal(order.current, 2);
  assert.equal(order.admitOffer(2), false);
});
