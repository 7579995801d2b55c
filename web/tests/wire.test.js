import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Wire, readAck, refusal } from '../wire.js';

test('acks are read in all the shapes that servers use', () => {
  assert.deepEqual(readAck({ success: true, data: { callId: 'x' } }), { ok: true, data: { callId: 'x' } });
  assert.deepEqual(readAck({ calls: [] }), { ok: true, data: { calls: [] } });
  assert.deepEqual(readAck({ status: 'active', version: 2 }).data.version, 2);
  assert.deepEqual(readAck(undefined), { ok: true, data: {} });
});

test('a refused ack keeps every field of its error', () => {
  const { ok, error } = readAck({ success: false, error: { code: 'CALL_ALREADY_ACTIVE', callId: 'x', initiatorId: 'y' } });
  assert.equal(ok, false);
  assert.deepEqual([error.code, error.callId, error.initiatorId], ['CALL_ALREADY_ACTIVE', 'x', 'y']);
  assert.equal(readAck({ success: false, error: 'no' }).error.message, 'no');
});

test('a refusal names its code in its data or before its words; without one the token was refused', () => {
  assert.equal(refusal({ message: 'no', data: { code: 'RATE_LIMIT_EXCEEDED', retryAfter: 3 } }).retryAfter, 3);
  assert.deepEqual(refusal({ message: 'CONNECTION_FAILED: not now' }), { code: 'CONNECTION_FAILED', message: 'not now', retryAfter: 0 });
  assert.equal(refusal({ message: 'NOT_AUTHENTICATED: expired' }).code, 'NOT_AUTHENTICATED');
  assert.equal(refusal({ message: 'Invalid token' }).code, 'NOT_AUTHENTICATED');
  assert.equal(refusal(undefined).code, 'NOT_AUTHENTICATED');
});

/** The transport under a `Wire`, driven by the test: what it said, and what it is told. */
class Line {
  handlers = {};
  said = [];
  connects = 0;
  active = false;

  on(name, handler) { this.handlers[name] = handler; }
  onAny() {}
  emit(...args) { this.said.push(args); }
  connect() { this.connects += 1; }
  disconnect() {}
}

function wireOnLines() {
  const lines = [];
  const refused = [];
  const wire = new Wire(() => lines[lines.push(new Line()) - 1], {
    state() {}, signedIn() {}, event() {}, refused: (why) => refused.push(why),
  });
  return { wire, lines, refused };
}

test('a hang-up made offline outlives a renewal of the token, and not a sign-out', () => {
  const { wire, lines } = wireOnLines();
  wire.connect('first');
  wire.tell('call:leave', { callId: 'x' }, { late: true });
  wire.connect('second');
  lines[1].handlers.authenticated({ success: true });
  assert.deepEqual(lines[1].said, [['call:leave', { callId: 'x' }]]);
  lines[1].handlers.disconnect('transport close');
  wire.tell('call:leave', { callId: 'y' }, { late: true });
  wire.signOut();
  wire.connect('of somebody else');
  lines[2].handlers.authenticated({ success: true });
  assert.deepEqual(lines[2].said, []);
});

test('a server in trouble is tried again, a refused token is not', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const { wire, lines, refused } = wireOnLines();
  wire.connect('token');
  for (const [tries, message] of ['CONNECTION_FAILED: not now', 'RATE_LIMIT_EXCEEDED: wait'].entries()) {
    lines[0].handlers.connect_error({ message });
    assert.equal(wire.state, 'reconnecting');
    context.mock.timers.tick(7_000);
    assert.equal(lines[0].connects, tries + 1);
  }
  assert.deepEqual(refused, []);
  lines[0].handlers.connect_error({ message: 'NOT_AUTHENTICATED: expired' });
  context.mock.timers.tick(60_000);
  assert.deepEqual(refused, [{ code: 'NOT_AUTHENTICATED', message: 'expired' }]);
  assert.equal(lines[0].connects, 2);
  assert.equal(wire.state, 'signed-out');
});
