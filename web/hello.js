// The first thing that a load of the page does, before all else has come: the worker that hangs up for closed pages hears
// that this tab is here again.

import { kept } from './comeback.js';

/** The port of `farewell.js`, or null where the browser has no such worker. */
export const farewell = start();
farewell?.postMessage({ back: kept() });

function start() {
  try {
    return new SharedWorker(new URL('./farewell.js', import.meta.url), { type: 'module', extendedLifetime: true }).port;
  } catch {
    return null;
  }
}
