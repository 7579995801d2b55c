// The machine's state as people see it: the plain snapshot of a call, and everything that the view shows.

import { front, statusOf, waiting } from './call.js';
import { canShareScreen } from './media.js';

/** One call as plain data; instants in epoch ms, `duration` in seconds. Null for none. */
export function snapshot(state, call) {
  if (!call) return null;
  const {
    key, callId, conversationId, direction, peer, video, microphone, camera, screen, held, remote, startedAt, answeredAt,
  } = call;
  return {
    key, callId, conversationId, status: statusOf(state, call), direction, peer, video, microphone, camera, screen, held,
    muted: !microphone, remote: { ...remote }, startedAt, answeredAt,
    duration: answeredAt ? Math.floor((Date.now() - answeredAt) / 1000) : 0,
    endReason: null, asks: call.asks,
  };
}

/** What the view shows. `page` is `{state, account, socket, dismissed, note, studio, playback, meter, ui}`. */
export function model({ state, account, socket, dismissed, note, studio, playback, meter, ui }) {
  const { session, people, choices } = account;
  const inFront = front(state);
  const call = snapshot(state, inFront);
  const ended = state.lastEnded;
  const second = waiting(state);
  const held = state.calls.find((one) => one !== inFront && one.held);
  const screen = !session ? 'sign-in' : call ? 'call' : ended && !dismissed ? 'after' : 'home';
  const theirScreen = Boolean(call?.remote.screenEnabled && playback.screenPicture);
  return {
    screen, call, ended, note, choices, socket,
    me: session?.user ?? null,
    guest: session?.guest ?? false,
    invited: Boolean(account.invitation),
    people: people.filter(({ username }) => username !== 'echo'),
    echo: people.some(({ username }) => username === 'echo'),
    elsewhere: state.elsewhere,
    waiting: second && { peer: second.peer, video: second.video, canHold: Boolean(inFront?.peerJoined) },
    heldOther: held ? { peer: held.peer } : null,
    ownPicture: studio.video != null, mirrored: studio.mirrored, canTurn: studio.cameras > 1, canShare: canShareScreen(),
    remotePicture: playback.picture, theirScreen, soundBlocked: playback.soundBlocked,
    numbers: ui.numbersOpen
      ? meter.rows({ theirPicture: call?.remote.videoEnabled, theirScreen, myPicture: studio.video }) : [],
    quality: meter.quality, mediaProblem: studio.problem, ...ui,
  };
}
