// What the browser does to the page: another network, hidden and shown again, reloaded or closed.

import { keep } from './comeback.js';
import { farewell } from './hello.js';

/** `page` is `{machine(), account, wire, feed}`. */
export function watchPage({ machine, account, wire, feed }) {
  const answered = () => machine().calls.filter(({ callId, peerJoined }) => callId && peerJoined);
  const tell = (event, { callId, myParticipantId }, more) => (
    wire.tell(event, { callId, participantId: myParticipantId ?? machine().me.userId, ...more }));

  addEventListener('online', () => {
    wire.hurry();
    feed({ type: 'network' });
  });

  document.addEventListener('visibilitychange', () => {
    const event = document.hidden ? 'call:backgrounded' : 'call:foregrounded';
    for (const call of answered()) if (call.everConnected) tell(event, call);
  });

  addEventListener('beforeunload', (event) => { if (answered().length) event.preventDefault(); });

  // A page cannot tell a reload from its end. What is answered waits for the next load of this tab; what only rings at the
  // other end is cancelled. A ring here goes on: another device of mine may take it.
  addEventListener('pagehide', () => {
    const calls = answered();
    keep(machine().me.userId, calls);
    const { token, guest } = account.session ?? {};
    farewell?.postMessage({ gone: { callIds: calls.map(({ callId }) => callId), deviceId: wire.deviceId, token, guest } });
    for (const call of machine().calls) {
      if (call.peerJoined) tell('call:reconnecting', call, { attempt: 1 });
      else if (call.direction === 'outgoing') feed({ type: 'hangUp', key: call.key });
    }
    wire.close();
  });

  addEventListener('pageshow', ({ persisted }) => {
    if (persisted && account.session) wire.connect(account.session.token, { guest: account.session.guest });
  });
}
