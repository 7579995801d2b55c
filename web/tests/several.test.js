// More than one call, device or page of one person.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { waiting } from '../call.js';
import { CAPABILITIES, Page, activeIncoming, activeOutgoing } from './page.js';

const CAROL = { userId: 'u-carol', username: 'carol', displayName: 'Carol' };
const carolRings = (page) => page.rings({ callId: 'call-2', conversationId: 'c-2', initiator: CAROL, participants: [] });
const statuses = (page) => page.state.calls.map(({ callId, held }) => [callId, held]);

/** Alice's page as the server sees it: another of her devices is in a call with Bob. */
const session = (more = {}) => ({
  id: 'call-7', conversationId: 'c-1', status: 'active', version: 5, initiatorId: 'u-alice', answeredAt: '2026-01-01T10:00:00Z',
  metadata: { type: 'video' },
  participants: [
    { id: 'row-a', userId: 'u-alice', role: 'initiator', deviceId: 'd-tab' },
    { id: 'row-b', userId: 'u-bob', role: 'participant', deviceId: 'd-bob', displayName: 'Bob', capabilities: CAPABILITIES },
  ], ...more,
});
const answerActive = (page, sessions) => page.feed({ type: 'activeCalls', askedFor: [], ok: true, data: { calls: sessions } });
const alreadyActive = (page, more) => page.feed({
  type: 'initiated', key: page.call.key, ok: false, error: { code: 'CALL_ALREADY_ACTIVE', callId: 'old', ...more },
});

test('a second caller waits: the page rings for both and goes on with the first', () => {
  const page = carolRings(activeOutgoing());
  assert.equal(page.status, 'active');
  assert.equal(waiting(page.state).peer.userId, 'u-carol');
  assert.equal(page.said('call:ringing').length, 1);
  assert.deepEqual(page.said('call:end'), []);
});

test('declining the caller who waits says busy, and the call in front goes on', () => {
  const page = carolRings(activeOutgoing()).feed({ type: 'decline' });
  assert.deepEqual(page.said('call:end'), [{ callId: 'call-2', reason: 'busy' }]);
  assert.equal(page.status, 'active');
  assert.equal(waiting(page.state), null);
});

test('accepting with hold holds the first', () => {
  const page = carolRings(activeOutgoing()).feed({ type: 'accept', others: 'hold' });
  assert.deepEqual(page.said('call:hold'), [{ callId: 'call-1', enabled: true }]);
  assert.equal(page.call.callId, 'call-2');
});

test('two calls are changed over and never both unheld, and the held one is taken back after the other ended', () => {
  const page = carolRings(activeOutgoing()).feed({ type: 'accept', others: 'hold' }).connected();
  assert.deepEqual(statuses(page), [['call-1', true], ['call-2', false]]);
  page.feed({ type: 'swap' });
  assert.deepEqual(statuses(page), [['call-1', false], ['call-2', true]]);
  assert.equal(page.call.callId, 'call-1');
  page.feed({ type: 'hangUp' });
  assert.equal(page.call.callId, 'call-2');
  assert.equal(page.status, 'held');
  page.feed({ type: 'setHold', on: false });
  assert.equal(page.status, 'active');
  assert.deepEqual(page.said('call:hold').at(-1), { callId: 'call-2', enabled: false });
});

test('of two that ring the one in front is answered first, or the other by its key', () => {
  const first = carolRings(new Page().rings()).feed({ type: 'decline' });
  assert.deepEqual(first.said('call:end'), [{ callId: 'call-1', reason: 'rejected' }]);
  assert.equal(first.call.callId, 'call-2');
  const second = carolRings(new Page().rings());
  second.feed({ type: 'accept', key: waiting(second.state).key, others: 'end' });
  assert.deepEqual(second.said('call:end'), [{ callId: 'call-1', reason: 'rejected' }]);
  assert.deepEqual(second.said('call:join').map(({ callId }) => callId), ['call-2']);
});

test('accepting with end leaves the first', () => {
  const page = carolRings(activeOutgoing()).feed({ type: 'accept', others: 'end' });
  assert.deepEqual(page.said('call:leave'), [{ callId: 'call-1' }]);
  assert.deepEqual(statuses(page), [['call-2', false]]);
});

test('a third caller is busy, and so is a second where waiting is switched off', () => {
  const third = carolRings(activeOutgoing());
  third.rings({ callId: 'call-3', conversationId: 'c-3', initiator: { userId: 'u-dan' }, participants: [] });
  assert.deepEqual(third.said('call:end'), [{ callId: 'call-3', reason: 'busy' }]);
  const off = carolRings(activeOutgoing().feed({ type: 'callWaiting', on: false }));
  assert.deepEqual(off.said('call:end'), [{ callId: 'call-2', reason: 'busy' }]);
});

test('an end of the call that waits leaves the other alone, and the other way round', () => {
  const page = carolRings(activeOutgoing()).event('call:ended', { callId: 'call-2', duration: 0, reason: 'cancelled', endedBy: 'u-carol' });
  assert.equal(page.status, 'active');
  assert.equal(waiting(page.state), null);
  const other = carolRings(activeOutgoing()).event('call:ended', { callId: 'call-1', duration: 3, reason: 'completed', endedBy: 'u-bob' });
  assert.equal(other.status, 'incoming');
  assert.equal(other.call.callId, 'call-2');
});

test('hold is told and shown; on hold nothing is switched', () => {
  const page = activeOutgoing().feed({ type: 'setHold', on: true });
  assert.equal(page.status, 'held');
  assert.deepEqual(page.said('call:hold'), [{ callId: 'call-1', enabled: true }]);
  assert.equal(page.did('rest').length, 1);
  page.feed({ type: 'setMicrophone', on: false });
  assert.deepEqual(page.said('call:toggle-audio'), []);
  page.event('call:media-toggled', { callId: 'call-1', userId: 'u-bob', mediaType: 'hold', enabled: true });
  assert.equal(page.call.remote.held, true);
});

test('a server that knows no hold hears that sound and picture stop', () => {
  const page = activeOutgoing();
  page.feed({ type: 'socket', up: false }).feed({ type: 'socket', up: true, capabilities: ['ringing'] });
  page.effects = [];
  page.feed({ type: 'setHold', on: true });
  assert.deepEqual(page.said('call:hold'), []);
  assert.deepEqual(page.said('call:toggle-audio'), [{ callId: 'call-1', enabled: false }]);
  assert.deepEqual(page.said('call:toggle-video'), [{ callId: 'call-1', enabled: false }]);
  page.feed({ type: 'setHold', on: false });
  assert.deepEqual(page.said('call:toggle-audio').at(-1), { callId: 'call-1', enabled: true });
});

test('glare is joined without asking only in a direct conversation, while it rings, with the person one called', () => {
  const joins = new Page().place();
  alreadyActive(joins, { initiatorId: 'u-bob', status: 'ringing', conversationType: 'direct' });
  assert.equal(joins.status, 'connecting');
  assert.equal(joins.said('call:join').length, 1);
  const others = [
    { initiatorId: 'u-bob', status: 'ringing', conversationType: 'group' }, { initiatorId: 'u-bob', status: 'active' },
    { initiatorId: 'u-carol', status: 'ringing' }, { initiatorId: 'u-alice', status: 'ringing' }, { initiatorId: 'u-alice', status: 'active' },
  ];
  for (const other of others) {
    const page = alreadyActive(new Page().place(), other);
    assert.equal(page.status, 'asking');
    for (const event of ['call:force-leave', 'call:leave', 'call:end', 'call:join']) assert.deepEqual(page.said(event), []);
  }
});

test('asked, the person joins the call that is there', () => {
  const page = alreadyActive(new Page().place(), { initiatorId: 'u-bob', status: 'active', type: 'video' });
  page.feed({ type: 'joinFound' });
  assert.deepEqual(page.said('call:join').map(({ callId }) => callId), ['old']);
  const callSession = { ...session({ id: 'old', initiatorId: 'u-bob' }) };
  page.feed({ type: 'joined', key: page.call.key, ok: true, data: { callSession, iceServers: [] } });
  assert.deepEqual(page.did('connect').map(({ offerer }) => offerer), [false], 'who began the call offers');
});

test('asked, the person frees a conversation that a crash left busy, and the call is made', () => {
  const page = alreadyActive(new Page().place(), { initiatorId: 'u-alice', status: 'active' });
  page.feed({ type: 'freeFound' });
  assert.deepEqual(page.said('call:force-leave'), [{ conversationId: 'c-1' }]);
  page.feed({ type: 'freed', key: page.call.key, ok: true, data: {} });
  assert.equal(page.said('call:initiate').length, 2);
  assert.equal(page.status, 'calling');
});

test('asked, the person may let it be; and the question ends with the call that it is about', () => {
  const page = alreadyActive(new Page().place(), { initiatorId: 'u-alice', status: 'active' }).feed({ type: 'hangUp' });
  assert.equal(page.status, null);
  for (const event of ['call:leave', 'call:end']) assert.deepEqual(page.said(event), []);
  const over = alreadyActive(new Page().place(), { initiatorId: 'u-alice', status: 'active' });
  over.event('call:ended', { callId: 'old', duration: 2 });
  assert.equal(over.ended.error.code, 'CALL_ENDED');
});

test('a call of mine on another device is offered, moved here, and its own offers are made anew', () => {
  const page = answerActive(new Page(), [session()]);
  assert.deepEqual(page.state.elsewhere.map(({ callId, peer }) => [callId, peer.displayName]), [['call-7', 'Bob']]);
  assert.equal(page.status, null);
  page.feed({ type: 'takeOver', callId: 'call-7' });
  assert.equal(page.status, 'connecting');
  assert.deepEqual(page.did('connect'), [], 'not before the server has let this device in');
  page.feed({ type: 'joined', key: page.call.key, ok: true, data: { callSession: session({ version: 6 }), iceServers: [] } });
  assert.deepEqual(page.did('connect').map(({ offerer, screen }) => [offerer, screen]), [[true, true]]);
  page.connected();
  assert.equal(page.status, 'active');
  assert.equal(page.call.answeredAt, Date.parse('2026-01-01T10:00:00Z'), 'the duration goes on');
});

test('a page that was reloaded comes back by itself, with what was on and held before', () => {
  const page = new Page().feed({ type: 'comeback', calls: [{ callId: 'call-7', microphone: false, camera: true, held: true }] });
  answerActive(page, [session()]);
  assert.equal(page.said('call:join')[0].settings.audioEnabled, false);
  page.feed({ type: 'joined', key: page.call.key, ok: true, data: { callSession: session(), iceServers: [] } }).connected();
  assert.equal(page.status, 'held');
  assert.deepEqual(page.said('call:hold'), [{ callId: 'call-7', enabled: true }]);
});

test('a call that is over meanwhile is not come back to, nor offered any more', () => {
  const page = new Page().feed({ type: 'comeback', calls: [{ callId: 'call-7' }] });
  answerActive(page, []);
  assert.equal(page.status, null);
  const offered = answerActive(new Page(), [session()]).event('call:ended', { callId: 'call-7', duration: 9 });
  assert.deepEqual(offered.state.elsewhere, []);
});

test('a call that was taken over by another page ends here, and says so', () => {
  const page = activeOutgoing().event('call:force-leave', { callId: 'call-1', code: 'answeredElsewhere', reason: 'words' });
  assert.equal(page.ended.reason, 'answeredElsewhere');
  for (const event of ['call:leave', 'call:end']) assert.deepEqual(page.said(event), []);
  const ended = activeOutgoing().event('call:force-leave', { callId: 'call-1', code: 'completed' });
  assert.equal(ended.ended.reason, 'completed');
  assert.equal(ended.ended.by, 'elsewhere');
});

test('a ring that was answered elsewhere has the page look what goes on there', () => {
  const page = new Page().rings().event('call:already-answered', { callId: 'call-1', deviceId: 'd-phone' });
  assert.equal(page.ended.reason, 'answeredElsewhere');
  assert.equal(page.said('call:check-active').length, 1);
  answerActive(page, [session({ id: 'call-1' })]);
  assert.deepEqual(page.state.elsewhere.map(({ callId }) => callId), ['call-1']);
});

test('a peer who reloads gets a new connection, and the call is no longer reconnecting', () => {
  const page = activeIncoming().event('call:reconnecting', { callId: 'call-1', userId: 'u-bob', participantId: 'p', attempt: 1 });
  assert.equal(page.status, 'reconnecting');
  page.event('call:participant-left', { callId: 'call-1', participantId: 'row-bob', userId: 'u-bob' });
  page.bobJoins({ role: 'initiator', deviceId: 'd-first' }).bobJoins({ role: 'initiator', deviceId: 'd-second' });
  assert.equal(page.did('connect').length, 2);
  assert.equal(page.connected().status, 'active');
});

test('a toggle that a limit refused is told again when the limit allows, as it is then', () => {
  const page = activeOutgoing().feed({ type: 'setMicrophone', on: false });
  const { key } = page.call;
  page.feed({ type: 'toggled', key, event: 'call:toggle-audio', ok: false, error: { code: 'RATE_LIMIT_EXCEEDED', retryAfter: 20 } });
  page.feed({ type: 'setMicrophone', on: true }).feed({ type: 'setMicrophone', on: false });
  page.effects = [];
  page.later(19_000);
  assert.deepEqual(page.said('call:toggle-audio'), []);
  page.later(1_000);
  assert.deepEqual(page.said('call:toggle-audio'), [{ callId: 'call-1', enabled: false }]);
  assert.equal(page.status, 'active');
});

test('a screen is told, goes beside the camera or in its place, and stops with hold', () => {
  const page = activeOutgoing();
  const { key } = page.call;
  page.feed({ type: 'setScreen', on: true });
  assert.deepEqual(page.did('screen').map(({ on }) => on), [true]);
  page.feed({ type: 'screen', key, on: true, beside: true });
  assert.deepEqual(page.said('call:toggle-screen'), [{ callId: 'call-1', enabled: true }]);
  assert.deepEqual(page.said('call:toggle-video'), []);
  page.feed({ type: 'setHold', on: true });
  assert.deepEqual(page.said('call:toggle-screen').at(-1), { callId: 'call-1', enabled: false });

  const instead = activeOutgoing().feed({ type: 'setCamera', on: false });
  instead.effects = [];
  instead.feed({ type: 'screen', key: instead.call.key, on: true, beside: false });
  assert.deepEqual(instead.said('call:toggle-video'), [{ callId: 'call-1', enabled: true }], 'it is a picture to the other end');
});

test('a second video section is offered only to an end that knows the screen', () => {
  const knows = new Page().place().acked().bobJoins({ deviceId: 'd', capabilities: ['negotiate', 'screen'] });
  assert.equal(knows.did('connect')[0].screen, true);
  const older = new Page().place().acked().bobJoins();
  assert.equal(older.did('connect')[0].screen, false);
});

test('another network restarts ICE at once, by whoever offers', () => {
  const offers = activeOutgoing().feed({ type: 'network' }).later(0);
  assert.equal(offers.did('restart').length, 1);
  offers.later(20_000);
  assert.equal(offers.did('restart').length, 1, 'a path that holds is left alone');
  const asks = activeIncoming().feed({ type: 'network' }).later(0);
  assert.equal(asks.said('call:negotiate').length, 1);
});

test('a peer that cannot be asked for an offer is offered to', () => {
  const page = new Page().rings({ participants: [] }).feed({ type: 'accept' }).connected();
  page.feed({ type: 'ice', key: page.call.key, state: 'failed' }).later(0);
  assert.deepEqual(page.said('call:negotiate'), []);
  assert.equal(page.did('restart').length, 1);
});

test('a guest calls a conversation, and whoever answers is the other side', () => {
  const page = new Page();
  page.feed({ type: 'place', conversationId: 'c-1', video: true, peer: { userId: null, username: 'c-1', displayName: 'Alice and Bob' } });
  page.feed({ type: 'media', key: page.call.key, audio: true, video: true }).acked().bobJoins({ displayName: 'Bob' });
  assert.equal(page.call.peer.userId, 'u-bob');
  assert.equal(page.call.peer.displayName, 'Bob');
  assert.equal(page.did('connect').length, 1);
});
