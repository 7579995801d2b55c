import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preferred } from '../codecs.js';

const vp8 = { mimeType: 'video/VP8' };
const rtx = { mimeType: 'video/rtx' };
const h264 = (profile, mode) => ({
  mimeType: 'video/H264', sdpFmtpLine: `level-asymmetry-allowed=1;packetization-mode=${mode};profile-level-id=${profile}`,
});
const [high, plain, single, constrained] = [h264('64001f', 1), h264('42001f', 1), h264('42e01f', 0), h264('42e01f', 1)];

test('the codec asked for comes first, all others stay in their order', () => {
  assert.deepEqual(preferred([constrained, vp8, rtx], 'vp8'), [vp8, constrained, rtx]);
});

test('of H.264 the form that every phone takes comes first', () => {
  assert.deepEqual(preferred([vp8, rtx, high, single, plain, constrained], 'h264'), [constrained, high, plain, single, vp8, rtx]);
});

test('a codec that is not there changes nothing', () => {
  assert.equal(preferred([vp8, rtx], 'h264'), null);
});
