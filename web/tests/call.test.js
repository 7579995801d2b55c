import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOB, CAPABILITIES, Page, activeIncoming, activeOutgoing, signal } from './page.js';

test('a call goes from preparing to active, and the caller makes the one offer', () => {
  const page = new Page();
  page.feed({ type: 'place', conversationId: 'c-1', peer: BOB, video: true });
  assert.equal(page.status, 'preparing');
  page.feed({ type: 'media', key: page.call.key, audio: true, video: true });
  assert.equal(page.status, 'calling');
  assert.deepEqual(page.said('call:initiate'), [{
    conversationId: 'c-1', type: 'video', settings: { audioEnabled: true, videoEnabled: true, screenShareEnabled: false },
  }]);
  page.acked().event('call:ringing', { callId: 'call-1', userId: 'u-bob', deviceId: 'd-bob', version: 2 });
  assert.equal(page.status, 'ringing');
  page.bobJoins({ deviceId: 'd-bob' });
  assert.equal(page.status, 'connecting');
  assert.deepEqual(page.did('connect').map(({ offerer }) => offerer), [true]);
  page.connected();
  assert.equal(page.status, 'active');
  assert.equal(page.call.answeredAt, page.now);
});

test('a call without a camera says so when it is placed', () => {
  const page = new Page();
  page.feed({ type: 'place', conversationId: 'c-1', peer: BOB, video: true });
  page.feed({ type: 'media', key: page.call.key, audio: true, video: false });
  assert.equal(page.said('call:initiate')[0].settings.videoEnabled, false);
});

test('events that overtake the ack of the initiate wait for it', () => {
  const page = new Page().place();
  page.event('call:ringing', { callId: 'call-1', userId: 'u-bob', deviceId: 'd-bob', version: 2 }).bobJoins();
  assert.equal(page.status, 'calling');
  page.acked();
  assert.equal(page.status, 'connecting');
  assert.equal(page.did('connect').length, 1);
});

test('a server without acks is understood by its events', () => {
  const page = new Page([]).place();
  page.feed({ type: 'initiated', key: page.call.key, ok: false, silent: true });
  page.event('call:initiated', { callId: 'call-1', conversationId: 'c-1', initiator: { userId: 'u-alice' } });
  assert.equal(page.call.callId, 'call-1');
  assert.equal(page.status, 'ringing', 'without call:ringing the page goes straight on');
});

test('nothing beyond the seed is said to a server that did not announce it', () => {
  const page = new Page([]).rings();
  assert.deepEqual(page.said('call:ringing'), []);
  page.feed({ type: 'accept' });
  assert.equal('deviceId' in page.said('call:join')[0], false);
  page.later(9_000);
  assert.deepEqual(page.said('call:negotiate'), []);
});

test('a ring is told, accepted by a join, and waits for the offer', () => {
  const page = new Page().rings();
  assert.equal(page.status, 'incoming');
  assert.deepEqual(page.said('call:ringing'), [{ callId: 'call-1', deviceId: 'd-alice' }]);
  page.feed({ type: 'accept' });
  assert.deepEqual(page.said('call:join')[0], {
    callId: 'call-1', deviceId: 'd-alice',
    settings: { audioEnabled: true, videoEnabled: true, screenShareEnabled: false },
  });
  assert.equal(page.did('connect')[0].offerer, false);
  page.event('call:signal', signal());
  assert.equal(page.did('signal').length, 1);
});

test('an offer that comes while it rings is kept until the accept', () => {
  const page = new Page().rings().event('call:signal', signal());
  assert.equal(page.did('signal').length, 0);
  page.feed({ type: 'accept' });
  assert.equal(page.did('signal').length, 1);
});

test('the same ring three times is one ring', () => {
  const page = new Page().rings().rings().rings();
  assert.equal(page.said('call:ringing').length, 1);
});

test('a cancel that comes before its ring silences it', () => {
  const page = new Page().event('call:ended', { callId: 'call-1', duration: 0, reason: 'cancelled' }).rings();
  assert.equal(page.status, null);
});

test('declining ends the call here at once and says so', () => {
  const page = new Page().rings().feed({ type: 'decline' });
  assert.deepEqual(page.said('call:end'), [{ callId: 'call-1', reason: 'rejected' }]);
  assert.equal(page.ended.reason, 'rejected');
  page.rings();
  assert.equal(page.status, null, 'a late ring of the same call stays silent');
});

test('cancelling before the server gave an id ends the call as soon as there is one', () => {
  const page = new Page().place();
  const { key } = page.call;
  page.feed({ type: 'hangUp' });
  assert.equal(page.ended.reason, 'cancelled');
  page.feed({ type: 'initiated', key, ok: true, data: { callId: 'call-1' } });
  assert.deepEqual(page.said('call:end'), [{ callId: 'call-1' }]);
});

test('nobody answers: 30 s, begun again by the first ringing, never over 40 s', () => {
  const silent = new Page().place().acked().later(29_999);
  assert.equal(silent.status, 'calling');
  silent.later(1);
  assert.equal(silent.ended.reason, 'missed');
  assert.deepEqual(silent.said('call:end'), [{ callId: 'call-1', reason: 'missed' }]);

  const rung = new Page().place().acked().later(20_000);
  rung.event('call:ringing', { callId: 'call-1', userId: 'u-bob', version: 2 }).later(19_999);
  assert.equal(rung.status, 'ringing');
  rung.later(1);
  assert.equal(rung.ended.reason, 'missed');
});

test('a ring ends by itself at its deadline', () => {
  const page = new Page();
  page.rings({ ringDeadline: new Date(page.now + 20_000).toISOString() }).later(20_000);
  assert.equal(page.ended.reason, 'missed');
  assert.deepEqual(page.said('call:end'), []);
});

test('answered on another device stops the ring, and my own answer does not', () => {
  const other = new Page().rings().event('call:already-answered', { callId: 'call-1', deviceId: 'd-phone' });
  assert.equal(other.ended.reason, 'answeredElsewhere');
  const own = activeIncoming().event('call:already-answered', { callId: 'call-1', deviceId: 'd-alice' });
  assert.equal(own.status, 'active');
});

test('a decline on my other device is not mistaken for the caller hanging up', () => {
  const page = new Page().rings().event('call:ended', { callId: 'call-1', duration: 0, endedBy: 'u-alice', reason: 'rejected' });
  assert.equal(page.ended.reason, 'declinedElsewhere');
});

test('two who call each other end up in the call of the first', () => {
  const page = new Page().place().rings({ callId: 'call-9' });
  page.feed({
    type: 'initiated', key: page.call.key, ok: false,
    error: { code: 'CALL_ALREADY_ACTIVE', callId: 'call-9', initiatorId: 'u-bob', status: 'ringing', type: 'video' },
  });
  assert.deepEqual(page.said('call:join').map(({ callId }) => callId), ['call-9']);
  assert.equal(page.status, 'connecting');
  assert.equal(page.did('connect')[0].offerer, false);
});

test('a rate limit between two initiates makes no other call of mine this one', () => {
  const page = new Page().place();
  page.feed({ type: 'initiated', key: page.call.key, ok: false, error: { code: 'RATE_LIMIT_EXCEEDED', retryAfter: 1 } });
  page.later(1_000);
  const error = { code: 'CALL_ALREADY_ACTIVE', callId: 'old', initiatorId: 'u-alice', status: 'ringing' };
  page.feed({ type: 'initiated', key: page.call.key, ok: false, error });
  assert.equal(page.status, 'asking');
});

/** The ack of the initiate was lost with the socket, and the second initiate finds a call of mine. */
function askedAgain() {
  const page = new Page().place();
  page.feed({ type: 'initiated', key: page.call.key, ok: false, silent: true });
  page.feed({ type: 'socket', up: false }).feed({ type: 'socket', up: true, capabilities: CAPABILITIES }).later(0);
  assert.equal(page.said('call:initiate').length, 2);
  page.effects = [];
  const error = { code: 'CALL_ALREADY_ACTIVE', callId: 'call-1', initiatorId: 'u-alice', status: 'ringing', type: 'video' };
  return page.feed({ type: 'initiated', key: page.call.key, ok: false, error });
}

const found = (deviceId) => ({
  id: 'call-1', status: 'ringing', version: 2,
  participants: [{ id: 'row', userId: 'u-alice', role: 'initiator', deviceId }],
});

test('a call whose ack was lost is found again, without a second ring', () => {
  const page = askedAgain();
  assert.equal(page.call.callId, 'call-1');
  assert.equal(page.status, 'ringing');
  assert.equal(page.said('call:check-active').length, 1);
  assert.deepEqual(page.said('call:request-ice-servers'), [{ callId: 'call-1' }]);
  page.feed({ type: 'activeCalls', askedFor: 'call-1', ok: true, data: { calls: [found('d-alice')] } });
  page.bobJoins().connected();
  assert.equal(page.status, 'active');
  assert.deepEqual(page.said('call:initiate'), []);
});

test('a call that turns out to be of my other device is left to it', () => {
  const page = askedAgain();
  page.feed({ type: 'activeCalls', askedFor: 'call-1', ok: true, data: { calls: [found('d-phone')] } });
  assert.equal(page.ended.error.code, 'CALL_ALREADY_ACTIVE');
  for (const event of ['call:force-leave', 'call:leave', 'call:end', 'call:join']) assert.deepEqual(page.said(event), []);
});

test('events and errors of another call never touch this one', () => {
  const page = activeOutgoing();
  page.event('call:ended', { callId: 'call-2', duration: 1, reason: 'failed' });
  page.event('call:error', { code: 'CALL_NOT_FOUND', callId: 'call-2' });
  page.event('call:force-leave', { callId: 'call-2' });
  page.event('call:media-toggled', { callId: 'call-2', userId: 'u-bob', mediaType: 'audio', enabled: false });
  page.event('call:signal', { ...signal(), callId: 'call-2' });
  assert.equal(page.status, 'active');
  assert.equal(page.call.remote.audioEnabled, true);
  assert.equal(page.did('signal').length, 0);
});

test('a rate limit is never fatal', () => {
  const page = activeOutgoing().event('call:error', { code: 'RATE_LIMIT_EXCEEDED', callId: 'call-1', retryAfter: 5 });
  assert.equal(page.status, 'active');
  const placing = new Page().place();
  placing.feed({ type: 'initiated', key: placing.call.key, ok: false, error: { code: 'RATE_LIMIT_EXCEEDED', retryAfter: 2 } });
  placing.later(2_000);
  assert.equal(placing.said('call:initiate').length, 2);
});

test('an event older than what was seen is dropped', () => {
  const page = activeOutgoing();
  page.event('call:media-toggled', { callId: 'call-1', userId: 'u-bob', mediaType: 'audio', enabled: false, version: 7 });
  page.event('call:media-toggled', { callId: 'call-1', userId: 'u-bob', mediaType: 'audio', enabled: true, version: 6 });
  assert.equal(page.call.remote.audioEnabled, false);
});

test('an end is told once and is idempotent; only its duration is corrected', () => {
  const page = activeOutgoing();
  page.now += 65_000;
  page.feed({ type: 'hangUp' });
  assert.equal(page.ended.duration, 65);
  page.event('call:ended', { callId: 'call-1', duration: 64, endedBy: 'u-bob', reason: 'connectionLost' });
  assert.equal(page.ended.reason, 'completed');
  assert.equal(page.ended.by, 'me');
  assert.equal(page.ended.duration, 64);
  assert.equal(page.did('close').length, 1);
});

test('signals for another device of mine, or from another device of theirs, are not taken', () => {
  const page = new Page().place().acked().bobJoins({ deviceId: 'd-bob' });
  page.event('call:signal', signal({ toDevice: 'd-other' }));
  page.event('call:signal', signal({ fromDevice: 'd-intruder' }));
  page.event('call:signal', signal({ from: 'u-carol' }));
  assert.equal(page.did('signal').length, 0);
  page.event('call:signal', signal({ fromDevice: 'd-bob', toDevice: 'd-alice' }));
  assert.equal(page.did('signal').length, 1);
});

test('toggles are told, and those of the other side shown, matched by user first', () => {
  const page = activeOutgoing();
  page.feed({ type: 'setMicrophone', on: false }).feed({ type: 'setCamera', on: false });
  assert.deepEqual(page.said('call:toggle-audio'), [{ callId: 'call-1', enabled: false }]);
  assert.deepEqual(page.said('call:toggle-video'), [{ callId: 'call-1', enabled: false }]);
  page.event('call:media-toggled', { callId: 'call-1', participantId: 'p-x', userId: 'u-alice', mediaType: 'video', enabled: false });
  assert.equal(page.call.remote.videoEnabled, true);
  page.event('call:media-toggled', { callId: 'call-1', participantId: 'p-bob', mediaType: 'video', enabled: false });
  assert.equal(page.call.remote.videoEnabled, false);
});

test('a lost socket is shown, not fatal, and followed by a join and what was switched meanwhile', () => {
  const page = activeOutgoing().feed({ type: 'socket', up: false });
  assert.equal(page.status, 'reconnecting');
  page.feed({ type: 'setMicrophone', on: false });
  assert.deepEqual(page.said('call:toggle-audio'), []);
  page.feed({ type: 'socket', up: true, capabilities: CAPABILITIES });
  assert.equal(page.status, 'active');
  assert.equal(page.said('call:join').length, 1);
  assert.deepEqual(page.said('call:toggle-audio'), [{ callId: 'call-1', enabled: false }]);
  assert.equal(page.said('call:check-active').length, 1);
});

test('a call that ended while the socket was away is over when it is back', () => {
  const page = activeOutgoing().feed({ type: 'socket', up: false }).feed({ type: 'socket', up: true });
  page.feed({ type: 'activeCalls', askedFor: 'call-1', ok: true, data: { calls: [] } });
  assert.equal(page.ended.reason, 'connectionLost');
  const ring = new Page().rings();
  ring.feed({ type: 'activeCalls', askedFor: 'call-1', ok: true, data: { calls: [] } });
  assert.equal(ring.ended.reason, 'missed');
});

test('a participant who joined while the socket was away is found in the session', () => {
  const page = new Page().place().acked().feed({ type: 'socket', up: false }).feed({ type: 'socket', up: true });
  page.feed({
    type: 'joined', key: page.call.key, ok: true,
    data: {
      callSession: {
        id: 'call-1', status: 'active', version: 4,
        participants: [{ id: 'row', userId: 'u-bob', role: 'participant', isAudioEnabled: false, isVideoEnabled: true }],
      },
    },
  });
  assert.equal(page.did('connect').length, 1);
  assert.equal(page.call.remote.audioEnabled, false);
});

test('a disturbed path heals unseen within 2 s; a lost one is restarted by the offerer', () => {
  const page = activeOutgoing();
  const { key } = page.call;
  page.feed({ type: 'ice', key, state: 'disconnected' }).later(1_900).feed({ type: 'ice', key, state: 'connected' });
  assert.deepEqual(page.said('call:reconnecting'), []);
  page.feed({ type: 'ice', key, state: 'disconnected' }).later(2_000);
  assert.equal(page.status, 'reconnecting');
  assert.deepEqual(page.said('call:reconnecting'), [{ callId: 'call-1', participantId: 'p-alice', attempt: 1 }]);
  assert.equal(page.did('restart').length, 1);
  page.later(8_000);
  assert.equal(page.did('restart').length, 2);
  page.feed({ type: 'ice', key, state: 'connected' });
  assert.equal(page.status, 'active');
  assert.equal(page.said('call:reconnected').length, 1);
});

test('the side that did not offer asks for the restart', () => {
  const page = activeIncoming();
  page.feed({ type: 'ice', key: page.call.key, state: 'failed' }).later(0);
  assert.deepEqual(page.said('call:negotiate'), [{ callId: 'call-1', to: 'u-bob', reason: 'restart' }]);
  assert.equal(page.did('restart').length, 0);
});

test('being asked to negotiate restarts only where this page offers', () => {
  assert.equal(activeOutgoing().event('call:negotiate', { callId: 'call-1', from: 'u-bob', reason: 'restart' }).did('restart').length, 1);
  assert.equal(activeIncoming().event('call:negotiate', { callId: 'call-1', from: 'u-bob', reason: 'restart' }).did('restart').length, 0);
});

test('without a path an answered call ends after 60 s, one that never had any after 30 s', () => {
  const page = activeOutgoing();
  page.feed({ type: 'ice', key: page.call.key, state: 'failed' }).later(59_999);
  assert.equal(page.status, 'reconnecting');
  page.later(1);
  assert.equal(page.ended.reason, 'connectionLost');
  assert.deepEqual(page.said('call:end'), [{ callId: 'call-1', reason: 'connectionLost' }]);

  const never = new Page().place().acked().bobJoins().later(30_000);
  assert.equal(never.ended.reason, 'failed');
});

test('a heartbeat every 10 s; another version than mine has the session fetched', () => {
  const page = activeOutgoing().later(10_000);
  assert.equal(page.said('call:heartbeat').length, 1);
  page.feed({ type: 'heartbeat', key: page.call.key, ok: true, data: { status: 'active', version: page.call.version } });
  assert.equal(page.said('call:check-active').length, 0);
  page.feed({ type: 'heartbeat', key: page.call.key, ok: true, data: { status: 'active', version: 99 } });
  assert.equal(page.said('call:check-active').length, 1);
});

test('a peer that leaves ends the call unless it comes straight back', () => {
  const left = activeOutgoing().event('call:participant-left', { callId: 'call-1', participantId: 'row-bob', userId: 'u-bob' });
  left.later(2_000);
  assert.equal(left.ended.reason, 'completed');
  const back = activeOutgoing().event('call:participant-left', { callId: 'call-1', participantId: 'row-bob', userId: 'u-bob' });
  back.bobJoins({ deviceId: 'd-bob-2' }).later(2_000);
  assert.equal(back.status, 'active');
});

test('another device of the peer gets a connection of its own', () => {
  const page = new Page().place().acked().bobJoins({ deviceId: 'd-1' }).connected().bobJoins({ deviceId: 'd-2' });
  assert.equal(page.did('connect').length, 2);
  assert.equal(page.status, 'connecting');
});

test('a result of a call that is over changes nothing of the next', () => {
  const page = activeOutgoing();
  const { key } = page.call;
  page.feed({ type: 'hangUp' }).place();
  page.feed({ type: 'ice', key, state: 'connected' }).feed({ type: 'joined', key, ok: false, error: { code: 'CALL_ENDED' } });
  assert.equal(page.status, 'calling');
});

test('malformed events are ignored', () => {
  const page = activeOutgoing();
  const names = ['call:initiated', 'call:signal', 'call:participant-joined', 'call:participant-left', 'call:media-toggled',
    'call:error', 'call:ice-servers-refreshed', 'call:negotiate', 'call:join', 'call:ringing', 'call:whatever', 'constructor'];
  const payloads = [null, undefined, 'text', 7, [], {}, { callId: 5 }, { callId: 'call-1' },
    { callId: 'call-1', signal: null, participant: null, iceServers: 'x', mediaType: 9, version: 'new' },
    { callId: 'call-1', callSession: { id: 'call-1', participants: 'nobody' } }];
  for (const payload of payloads) for (const name of names) page.event(name, payload);
  for (const payload of payloads.slice(0, 7)) page.event('call:ended', payload);
  assert.equal(page.status, 'active');
  assert.equal(page.call.remote.audioEnabled, true);
});
