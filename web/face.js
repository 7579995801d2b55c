// The page's face for tests and the headless demo, `window.ringwire`: what a person can see and do, as functions.

import { readStats } from './quality.js';

/**
 * `page` is what `app.js` lends:
 * `{machine(), call(), session(), socket(), firstFrame(), meter(), connection(), mediaProblem(), people(), login, place, feed, video}`.
 */
export function face(page) {
  return {
    /** A plain snapshot; every instant is in epoch ms, null while it has not come. */
    state() {
      const { timeline, lastEnded } = page.machine();
      const { initiate = null, ringing = null, accepted = null, iceConnected = null, ended = null } = timeline;
      return structuredClone({
        signedInAs: page.session()?.user.username ?? null,
        socket: page.socket(),
        call: page.call(),
        lastEnded,
        timeline: { initiate, ringing, accepted, iceConnected, firstFrame: page.firstFrame(), ended },
        quality: page.meter().quality,
        mediaProblem: page.mediaProblem(),
      });
    },

    /** Figures of this moment, or the last ones of a call that is over; see `NOTHING` in `quality.js`. */
    async stats() {
      const report = await page.connection()?.stats().catch(() => null);
      return report ? readStats(report, Date.now()) : { ...page.meter().last };
    },

    people: () => page.people().map(({ username, displayName, conversationId }) => ({ username, displayName, conversationId })),
    /** Resolves when the socket is connected and signed in. */
    login: page.login,
    call: (username, { video = true } = {}) => page.place(username, video),
    accept: () => page.feed({ type: 'accept' }),
    decline: () => page.feed({ type: 'decline' }),
    hangUp: () => page.feed({ type: 'hangUp' }),
    setMicrophone: (on) => page.feed({ type: 'setMicrophone', on: Boolean(on) }),
    setCamera: (on) => page.feed({ type: 'setCamera', on: Boolean(on) }),

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
