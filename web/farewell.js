// A SharedWorker that outlives the page where the browser lets it (`extendedLifetime`): it hangs up for a page that was
// closed in a call, and not for one that was only reloaded. Without it such a call ends when its 60 s are over.

import { Wire } from './wire.js';

/** As long as a reload may take. */
const RELOAD_MS = 10_000;

const leaving = new Map(); // callId → timer

/** A page says `{gone: {callIds, deviceId, token, guest}}` when it goes, and `{back: callIds}` when it is here again. */
self.onconnect = ({ ports: [port] }) => {
  port.onmessage = ({ data: { gone, back = [] } }) => {
    for (const callId of back) {
      clearTimeout(leaving.get(callId));
      leaving.delete(callId);
    }
    for (const callId of gone?.callIds ?? []) leaving.set(callId, setTimeout(() => void leave(callId, gone), RELOAD_MS));
  };
};

/** As the device that went: should another one be in the call by now, this changes nothing. */
async function leave(callId, { deviceId, token, guest }) {
  leaving.delete(callId);
  const { io } = await import('/vendor/socket.io.esm.min.js');
  const wire = new Wire(io, {
    state() {}, event() {}, refused() {},
    async signedIn() {
      await wire.ask('call:leave', { callId });
      wire.signOut();
    },
  });
  wire.deviceId = deviceId;
  wire.connect(token, { guest });
}
