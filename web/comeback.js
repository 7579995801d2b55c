// The calls that a page leaves when it is reloaded, kept for the next load of the same tab.

const NAME = 'ringwire-calls';
/** As long as a call waits for one who is gone. */
const KEPT_MS = 60_000;

/** Keeps what it takes to come back to the calls of a user; nothing when there are none. */
export function keep(userId, calls, now = Date.now()) {
  const left = calls.map(({ callId, microphone, camera, held }) => ({ callId, microphone, camera, held }));
  try {
    if (left.length) sessionStorage.setItem(NAME, JSON.stringify({ userId, at: now, calls: left }));
    else sessionStorage.removeItem(NAME);
  } catch { /* a browser may refuse; then the call is offered instead */ }
}

/** The ids of the calls that the load before has left, without taking them out. */
export function kept() {
  const calls = read()?.calls;
  return Array.isArray(calls) ? calls.flatMap((call) => call?.callId ?? []) : [];
}

/** Takes out what the load before has left for this user: a copy of the tab must not find it too. */
export function returning(userId, now = Date.now()) {
  const left = read();
  try {
    sessionStorage.removeItem(NAME);
  } catch { /* there is nothing to remove then */ }
  if (left?.userId !== userId || now - left.at > KEPT_MS || !Array.isArray(left.calls)) return [];
  return left.calls.filter((call) => typeof call?.callId === 'string');
}

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(NAME) ?? 'null');
  } catch {
    return null;
  }
}
