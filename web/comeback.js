// The calls that a page leaves when it is reloaded, kept for the next load of the same tab.

const NAME = 'ringwire-calls';
/** As long as a call waits for one who is gone. */
const KEPT_MS = 60_000;

/** Keeps what it takes to come back to the calls of a user; nothing when there are none. */
export function leave(userId, calls, now = Date.now()) {
  const kept = calls.map(({ callId, microphone, camera, held }) => ({ callId, microphone, camera, held }));
  try {
    if (kept.length) sessionStorage.setItem(NAME, JSON.stringify({ userId, at: now, calls: kept }));
    else sessionStorage.removeItem(NAME);
  } catch { /* a browser may refuse; then the call is offered instead */ }
}

/** Takes out what the load before has left for this user: a copy of the tab must not find it too. */
export function returning(userId, now = Date.now()) {
  try {
    const kept = JSON.parse(sessionStorage.getItem(NAME) ?? 'null');
    sessionStorage.removeItem(NAME);
    if (kept?.userId !== userId || now - kept.at > KEPT_MS || !Array.isArray(kept.calls)) return [];
    return kept.calls.filter((call) => typeof call?.callId === 'string');
  } catch {
    return [];
  }
}
