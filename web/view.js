// What is on the screen: one `show(model)` that makes the document say what the model says. Knows no socket and no call
// rules; every tap leaves as an action name and, where there is one, what it is about: a username or the id of a call.

import { CallView } from './callview.js';
import { $, avatar, button, element, icon, list, names, paintAvatar, text, useIcon } from './dom.js';
import { clock, endWords, statusLine } from './words.js';

export class View {
  #call = new CallView();
  #screen = null;
  #status = null;
  #waiting = null;
  #toastTimer = null;
  sound = $('sound');
  remote = $('remote');
  screen = $('screen');
  own = $('own');

  /** `act(action, about)` is called for each tap on something with a `data-action`. */
  constructor(act) {
    document.addEventListener('click', (event) => {
      const tapped = event.target.closest('[data-action]');
      if (tapped && !tapped.disabled) act(tapped.dataset.action, tapped.dataset.about ?? null);
      else if (event.target.closest('#remote, #screen, .veil, .centre')) act('picture', null);
    });
    $('guest').addEventListener('submit', (event) => {
      event.preventDefault();
      act('come-in', $('guest-name').value.trim());
    });
  }

  /** The model: see `model.js`. */
  show(model) {
    this.#switchTo(model);
    if (model.screen === 'sign-in') this.#showSignIn(model);
    if (model.screen === 'home') this.#showHome(model);
    if (model.screen === 'after') this.#showAfter(model);
    if (model.call) this.#call.show(model);
    document.title = title(model);
  }

  /** A sentence that goes away by itself. */
  toast(sentence) {
    if (!sentence) return;
    text($('toast'), sentence);
    $('toast').hidden = false;
    clearTimeout(this.#toastTimer);
    this.#toastTimer = setTimeout(() => { $('toast').hidden = true; }, 5_000);
  }

  #switchTo({ screen, call, waiting }) {
    if (screen !== this.#screen) {
      const inCall = screen === 'call';
      const modal = inCall || screen === 'after';
      $('sign-in').hidden = screen !== 'sign-in';
      $('home').hidden = screen === 'sign-in';
      $('home').inert = modal;
      $('after').hidden = screen !== 'after';
      $('call').hidden = !inCall;
      if (inCall) $('call').focus({ preventScroll: true });
      if (screen === 'after') $('after').focus({ preventScroll: true });
      this.#screen = screen;
    }
    const status = call && `${call.key} ${call.status} ${call.remote.held} ${call.remote.screenEnabled}`;
    if (status !== this.#status) {
      if (call) text($('announce'), spoken(call));
      if (call?.status === 'asking') $('ask').focus({ preventScroll: true });
      this.#status = status;
    }
    const second = waiting?.peer.userId ?? null;
    if (second !== this.#waiting) {
      if (second) text($('announce-now'), `${waiting.peer.displayName} is calling. The buttons to answer follow the picture.`);
      else text($('announce-now'), '');
      this.#waiting = second;
    }
  }

  #showSignIn({ choices, note, invited }) {
    $('guest').hidden = !invited;
    $('sign-in-list').hidden = invited;
    text($('sign-in-lead'), invited ? 'You are invited to a call. What is your name?'
      : 'Video calls, straight from one device to the other. Who are you today?');
    list($('sign-in-list'), choices, (person) => {
      const choice = element('button', 'choice', avatar(person), names(person), icon('next'));
      choice.dataset.action = 'sign-in';
      choice.dataset.about = person.username;
      return element('li', '', choice);
    });
    text($('sign-in-note'), note ?? '');
    $('sign-in-note').hidden = !note;
  }

  #showHome({ me, guest, people, echo, elsewhere, socket }) {
    const words = { connected: 'Online', connecting: 'Connecting…', reconnecting: 'Reconnecting…' };
    $('socket').dataset.state = socket;
    text($('socket'), words[socket] ?? 'Offline');
    list($('me'), me ? [me] : [], (person) => {
      const who = element('span', 'who', person.displayName);
      return element('span', 'me', who, avatar(person, 'small'));
    });
    text($('people-title'), guest ? 'You are invited' : 'People');
    list($('people-list'), people, (person) => {
      const { displayName, username } = person;
      const row = element('li', '', avatar(person), names(person, guest ? 'Call without an account' : `@${username}`), element('div', 'calls',
        button('round', 'call-audio', username, 'phone', `Call ${displayName} without video`, { wordless: true }),
        button('round', 'call-video', username, 'video', `Video call ${displayName}`, { wordless: true })));
      row.dataset.person = username;
      return row;
    });
    $('people-empty').hidden = people.length > 0;
    $('echo').hidden = !echo;
    $('home').dataset.alone = echo ? 'no' : 'yes';
    this.#showElsewhere(elsewhere);
    for (const call of document.querySelectorAll('#home [data-action^="call-"], #home [data-action="echo-calls-me"]')) {
      call.disabled = socket !== 'connected';
    }
  }

  #showElsewhere(elsewhere) {
    $('elsewhere').hidden = elsewhere.length === 0;
    list($('elsewhere-list'), elsewhere.map(({ callId, conversationId, peer }) => ({ callId, conversationId, peer })), (one) => {
      const words = names(one.peer, 'In a call on another of your devices');
      return element('li', '', avatar(one.peer), words, element('div', 'elsewhere-actions',
        button('primary', 'take-over', one.callId, 'in', 'Move it here'),
        button('soft', 'end-elsewhere', one.conversationId, 'hang-up', 'End it')));
    });
  }

  #showAfter({ ended }) {
    const { title: heading, detail } = endWords(ended);
    paintAvatar($('after-avatar'), ended.peer);
    text($('after-name'), ended.peer.displayName);
    text($('after-title'), heading);
    text($('after-detail'), detail);
    $('after-duration').hidden = !ended.answeredAt;
    text($('after-duration'), clock(ended.duration));
    text($('after-again'), ended.direction === 'incoming' ? 'Call back' : 'Call again');
    useIcon($('after').querySelector('[data-action="call-again"] use'), ended.video ? 'video' : 'phone');
  }
}

function spoken(call) {
  const who = call.peer.displayName;
  if (call.status === 'active' && call.remote.held) return `${who} put you on hold`;
  if (call.status === 'active' && call.remote.screenEnabled) return `${who} shares a screen`;
  return `${who}: ${statusLine(call)}`;
}

function title({ call, screen, waiting }) {
  const calls = waiting ?? (call?.status === 'incoming' ? call : null);
  if (calls) return `${calls.peer.displayName} is calling…`;
  if (call && screen === 'call') return `${call.peer.displayName} · Ringwire`;
  return 'Ringwire';
}
