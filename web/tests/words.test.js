import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clock, endWords, errorWords, hue, initials, mediaWords } from '../words.js';

const REASONS = ['completed', 'missed', 'rejected', 'busy', 'cancelled', 'failed', 'connectionLost', 'heartbeatTimeout',
  'garbageCollected', 'answeredElsewhere', 'declinedElsewhere', 'something-new'];

test('every end of either direction has a title and a sentence', () => {
  for (const direction of ['incoming', 'outgoing']) {
    for (const reason of REASONS) {
      const words = endWords({ reason, direction, by: null, peer: { displayName: 'Bob Okafor' }, answeredAt: null });
      assert.match(words.title, /^[A-Z].+/);
      assert.match(words.detail, /\.$/);
    }
  }
});

test('an unanswered call reads differently from either side', () => {
  const peer = { displayName: 'Bob Okafor' };
  assert.equal(endWords({ reason: 'missed', direction: 'outgoing', peer }).title, 'No answer');
  assert.equal(endWords({ reason: 'missed', direction: 'incoming', peer }).title, 'Missed call');
  assert.equal(endWords({ reason: 'cancelled', direction: 'incoming', peer }).detail, 'Bob hung up before you answered.');
});

test('a limit says how long to wait', () => {
  assert.match(errorWords({ code: 'RATE_LIMIT_EXCEEDED', retryAfter: 12.2 }), /13 seconds/);
});

test('an unknown error shows its own message', () => {
  assert.equal(errorWords({ code: 'NEW', message: 'The moon is in the way.' }), 'The moon is in the way.');
});

test('an insecure page says which address to open', () => {
  assert.match(mediaWords('insecure'), /https/);
  assert.equal(mediaWords(null), '');
});

test('durations read as a clock', () => {
  assert.deepEqual([0, 9.9, 65, 3_661].map(clock), ['0:00', '0:09', '1:05', '1:01:01']);
});

test('initials come from any name, and a person keeps one colour', () => {
  assert.deepEqual(['Bob Okafor', 'Echo', 'Åsa  von Übel', '😀 Smile', ''].map((displayName) => initials({ displayName })), ['BO', 'E', 'ÅÜ', '😀S', '?']);
  assert.equal(hue({ username: 'bob' }), hue({ username: 'bob', displayName: 'Robert' }));
});
