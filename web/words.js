// What the page says about a call, in plain words. Pure: reasons, codes and states in, sentences out.

/** The first name or word of a display name. */
export function shortName(person) {
  return (person?.displayName || person?.username || 'The other side').split(/\s+/)[0];
}

/** One or two letters that stand for a person in the avatar. */
export function initials(person) {
  const words = (person?.displayName || person?.username || '?').trim().split(/\s+/);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]] : [words[0]];
  return letters.map((word) => [...word][0] ?? '').join('').toUpperCase() || '?';
}

/** Hues on which white letters read well. */
const HUES = [164, 196, 232, 256, 286, 318, 350, 24, 42];

/** A hue in degrees that always belongs to the same person. */
export function hue(person) {
  let sum = 7;
  for (const char of person?.username || person?.id || '') sum = (sum * 31 + char.codePointAt(0)) % 9973;
  return HUES[sum % HUES.length];
}

/** Seconds as `m:ss` or `h:mm:ss`. */
export function clock(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The line under the name while a call lives. `status` is one of those that `call.js` derives. */
export function statusLine(call) {
  const kind = call.video ? 'video' : 'voice';
  switch (call.status) {
    case 'preparing': return 'Getting camera and microphone ready…';
    case 'calling': return 'Calling…';
    case 'ringing': return 'Ringing…';
    case 'incoming': return `Incoming ${kind} call`;
    case 'connecting': return 'Connecting…';
    case 'reconnecting': return 'Reconnecting…';
    case 'held': return 'On hold';
    case 'asking': return 'There is a call here already';
    default: return `In a ${kind} call`;
  }
}

/** What the screen after a call says: `{title, detail}`. `ended` is `lastEnded` of `call.js`. */
export function endWords(ended) {
  const who = shortName(ended.peer);
  const outgoing = ended.direction === 'outgoing';
  const talked = ended.answeredAt != null;
  switch (ended.reason) {
    case 'completed':
      if (ended.by === 'elsewhere') return { title: 'Call ended', detail: 'You ended this call on another device.' };
      return { title: 'Call ended', detail: ended.by === 'them' ? `${who} hung up.` : 'You hung up.' };
    case 'missed':
      return outgoing
        ? { title: 'No answer', detail: `${who} did not pick up.` }
        : { title: 'Missed call', detail: `${who} tried to reach you.` };
    case 'rejected':
      return outgoing
        ? { title: 'Call declined', detail: `${who} cannot talk right now.` }
        : { title: 'Call declined', detail: `You declined ${who}’s call.` };
    case 'busy':
      return { title: 'Busy', detail: `${who} is in another call.` };
    case 'cancelled':
      return outgoing
        ? { title: 'Call cancelled', detail: 'You hung up before it was answered.' }
        : { title: 'Missed call', detail: `${who} hung up before you answered.` };
    case 'answeredElsewhere':
      return { title: talked ? 'Moved elsewhere' : 'Answered elsewhere', detail: 'You took this call on another device.' };
    case 'declinedElsewhere':
      return { title: 'Declined elsewhere', detail: 'You declined this call on another device.' };
    case 'connectionLost':
      return { title: 'Connection lost', detail: 'The network did not come back in time.' };
    case 'heartbeatTimeout':
      return { title: 'Connection lost', detail: `The call was closed after a long silence from one side.` };
    case 'garbageCollected':
      return { title: 'Call closed', detail: 'The call had been idle for too long.' };
    default:
      return { title: talked ? 'Call ended' : 'Call failed', detail: errorWords(ended.error, who) };
  }
}

/** What is asked when the conversation has a call already: `{title, detail, join, free}`. */
export function askWords(call) {
  const who = shortName(call.peer);
  if (call.asks.mine) {
    return {
      title: `You are already calling ${who}`, detail: 'The call goes on in another tab or on another device, or was left behind by one.',
      join: 'Move it here', free: 'End it and call anew',
    };
  }
  return {
    title: `A call with ${who} goes on`, detail: 'It was begun before yours.',
    join: 'Join it', free: 'Leave it and call anew',
  };
}

/** An error of the contract `{code, message, retryAfter?}` as a sentence. */
export function errorWords(error, who = 'the other side') {
  switch (error?.code) {
    case undefined: return 'Something went wrong. Please try again.';
    case 'NO_REPLY': return 'The server did not answer. Please try again.';
    case 'OFFLINE': return 'There is no connection to the server.';
    case 'NO_PATH': return `No path to ${who} was found through the network.`;
    case 'CALL_ALREADY_ACTIVE': return 'There is already a call in this conversation, perhaps on another of your devices.';
    case 'ALREADY_IN_CALL': return 'You are already in a call.';
    case 'CALL_ENDED':
    case 'CALL_NOT_FOUND': return 'This call is already over.';
    case 'MAX_PARTICIPANTS_REACHED': return 'This call is full.';
    case 'NOT_A_PARTICIPANT':
    case 'PERMISSION_DENIED': return 'You are not allowed to do this.';
    case 'CONVERSATION_NOT_FOUND':
    case 'CONVERSATION_CLOSED': return 'This conversation no longer exists.';
    case 'VIDEO_CALLS_NOT_SUPPORTED':
    case 'UNSUPPORTED_CALL_TYPE': return `${who} cannot take this kind of call.`;
    case 'RATE_LIMIT_EXCEEDED':
      return error.retryAfter > 0
        ? `Too many calls in a short time. Try again in ${Math.ceil(error.retryAfter)} seconds.`
        : 'Too many calls in a short time. Try again in a moment.';
    case 'NOT_AUTHENTICATED': return 'You are no longer signed in.';
    default: return error.message || 'Something went wrong. Please try again.';
  }
}

/** Why there is no (full) picture or sound from here. `problem` comes from `media.js`. */
export function mediaWords(problem) {
  switch (problem) {
    case null:
    case undefined: return '';
    case 'insecure':
      return 'Browsers give camera and microphone only to secure pages. Open the https address of this page.';
    case 'denied':
      return 'Camera and microphone are blocked for this page. Allow them in the address bar to be seen and heard.';
    case 'camera-denied': return 'The camera is blocked for this page: the other side hears you but does not see you.';
    case 'no-camera': return 'No camera was found: the other side hears you but does not see you.';
    case 'camera-busy': return 'Another program is using the camera: the other side hears you but does not see you.';
    case 'no-microphone': return 'No microphone was found: the other side sees you but does not hear you.';
    case 'no-devices': return 'No camera or microphone was found: you can see and hear, but not be seen or heard.';
    default: return 'Camera and microphone could not be started: you can see and hear, but not be seen or heard.';
  }
}
