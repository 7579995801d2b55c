// The page's face for tests and the headless demo, `window.ringwire`: what a person can see and do, as functions.

import { front, waiting } from './call.js';
import { readStats } from './quality.js';

/**
 * `page` is what `app.js` lends: `{machine(), snapshot(state, call), session(), socket(), current(), connection(),
 * mediaProblem(), people(), login, place, feed, video}`.
 */
export function face(page) {
  return {
    /** A plain snapshot; every instant is in epoch ms, null while it has not come. `calls` lists all, `call` is in front. */
    state() {
      const machine = page.machine();
      const inFront = front(machine);
      const { initiate = null, ringing = null, accepted = null, iceConnected = null, ended = null } = inFront?.timeline ?? machine.timeline;
      const shown = (call) => page.snapshot(machine, call);
      return structuredClone({
        signedInAs: page.session()?.user.username ?? null,
        socket: page.socket(),
        call: shown(inFront),
        calls: machine.calls.map(shown),
        waiting: shown(waiting(machine)),
        elsewhere: machine.elsewhere,
        lastEnded: machine.lastEnded,
        timeline: { initiate, ringing, accepted, iceConnected, firstFrame: page.current().seen, ended },
        quality: page.current().meter.quality,
        mediaProblem: page.mediaProblem(),
      });
    },

    /** Figures of this moment of the call in front, or the last ones of a call that is over; see `NOTHING` in `quality.js`. */
    async stats() {
      const connection = page.connection();
      const report = await connection?.stats().catch(() => null);
      return report ? readStats(report, Date.now(), connection.screenMid) : { ...page.current().meter.last };
    },

    people: () => page.people().map(({ username, displayName, conversationId }) => ({ username, displayName, conversationId })),
    /** Resolves when the socket is connected and signed in. */
    login: page.login,
    call: (username, { video = true } = {}) => page.place(username, video),
    /** `others` says what becomes of the call in front when one that waits is accepted: `hold` or `end`. */
    accept: ({ video, others } = {}) => page.feed({ type: 'accept', video, others }),
    decline: () => page.feed({ type: 'decline' }),
    hangUp: () => page.feed({ type: 'hangUp' }),
    setHold: (on) => page.feed({ type: 'setHold', on: Boolean(on) }),
    swap: () => page.feed({ type: 'swap' }),
    joinFound: () => page.feed({ type: 'joinFound' }),
    freeFound: () => page.feed({ type: 'freeFound' }),
    takeOver: (callId) => page.feed({ type: 'takeOver', callId }),
    setMicrophone: (on) => page.feed({ type: 'setMicrophone', on: Boolean(on) }),
    setCamera: (on) => page.feed({ type: 'setCamera', on: Boolean(on) }),
    /** On only within a tap: browsers ask for a screen at no other time. */
    setScreen: (on) => page.feed({ type: 'setScreen', on: Boolean(on) }),

    /** The remote picture of this moment as a PNG data address, or null. */
    snapshotRemote() {
      const { videoWidth, videoHeight } = page.video;
      if (!videoWidth || !videoHeight) return null;
      const canvas = document.createElement('canvas');
      canvas.width = videoWidth;
      canvas.height = videoHeight;
      canvas.getContext('2d').drawImage(page.video, 0, 0);
      return canvas.toDataURL('image/png');
    },
  };
}
