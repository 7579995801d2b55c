// What is on the screen: one `show(model)` that makes the document say what the model says. Knows no socket and no call
// rules; every tap leaves as an action name and, where there is one, a person.

import { Tile } from './tile.js';
import { clock, endWords, hue, initials, mediaWords, shortName, statusLine } from './words.js';

const $ = (id) => document.getElementById(id);
const LEVELS = ['no connection', 'very weak', 'weak', 'good', 'very good'];

export class View {
  #tile = new Tile($('own-tile'), $('call'));
  #screen = null;
  #status = null;
  #toastTimer = null;
  #pictureTap = null;
  remote = $('remote');
  own = $('own');

  /** `act(action, username)` is called for each tap on something with a `data-action`. */
  constructor(act) {
    document.addEventListener('click', (event) => {
      const button = event.target.closest('[data-action]');
      if (button && !button.disabled) act(button.dataset.action, button.dataset.person ?? null);
      else if (event.target.closest('#remote, .veil, .centre')) act('picture', null);
    });
    this.own.addEventListener('resize', () => this.#shapeTile());
  }

  /** The model: see `app.js`, `model()`. */
  show(model) {
    this.#switchTo(model);
    if (model.screen === 'sign-in') this.#showSignIn(model);
    if (model.screen === 'home') this.#showHome(model);
    if (model.screen === 'after') this.#showAfter(model);
    if (model.call) this.#showCall(model);
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

  #switchTo({ screen, call }) {
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
    const status = call?.status ?? null;
    if (status !== this.#status) {
      if (call) text($('announce'), `${call.peer.displayName}: ${statusLine(call)}`);
      this.#status = status;
    }
  }

  #showSignIn({ choices, note }) {
    list($('sign-in-list'), choices, (person) => {
      const button = element('button', 'choice', avatar(person), names(person), icon('next'));
      button.dataset.action = 'sign-in';
      button.dataset.person = person.username;
      return element('li', '', button);
    });
    text($('sign-in-note'), note ?? '');
    $('sign-in-note').hidden = !note;
  }

  #showHome({ me, people, echo, socket }) {
    const words = { connected: 'Online', connecting: 'Connecting…', reconnecting: 'Reconnecting…' };
    $('socket').dataset.state = socket;
    text($('socket'), words[socket] ?? 'Offline');
    list($('me'), me ? [me] : [], (person) => {
      const who = element('span', 'who');
      who.textContent = person.displayName;
      return element('span', 'me', who, avatar(person, 'small'));
    });
    list($('people-list'), people, (person) => {
      const row = element('li', '', avatar(person), names(person), element('div', 'calls',
        callButton(person, 'call-audio', 'phone', `Call ${person.displayName} without video`),
        callButton(person, 'call-video', 'video', `Video call ${person.displayName}`)));
      row.dataset.person = person.username;
      return row;
    });
    $('people-empty').hidden = people.length > 0;
    $('echo').hidden = !echo;
    for (const button of document.querySelectorAll('#home [data-action^="call-"], #home [data-action="echo-calls-me"]')) {
      button.disabled = socket !== 'connected';
    }
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
    if (!$('call').hidden) $('call').hidden = true;
  }

  #showCall(model) {
    const { call, numbers, quality, mediaProblem, clean, whole, numbersOpen, soundBlocked, canTurn } = model;
    const root = $('call');
    const answered = call.status === 'active' || call.status === 'reconnecting';
    const picture = model.remotePicture && call.remote.videoEnabled && answered;
    const selfFull = model.ownPicture && ['preparing', 'calling', 'ringing'].includes(call.status);
    const before = root.dataset.self;
    root.dataset.status = call.status;
    root.dataset.picture = picture ? 'yes' : 'no';
    root.dataset.self = selfFull ? 'full' : 'tile';
    root.dataset.muted = call.microphone ? 'no' : 'yes';
    root.dataset.clean = clean && picture ? 'yes' : 'no';
    root.dataset.fit = whole ? 'whole' : 'fill';
    root.style.setProperty('--hue', hue(call.peer));
    root.setAttribute('aria-label', `Call with ${call.peer.displayName}`);

    const line = call.status === 'active' ? clock(call.duration) : statusLine(call);
    text($('call-name'), call.peer.displayName);
    text($('call-line'), call.status === 'reconnecting' ? clock(call.duration) : line);
    text($('centre-name'), call.peer.displayName);
    text($('centre-line'), centreLine(call));
    paintAvatar($('call-avatar'), call.peer);

    const tile = $('own-tile');
    const hiddenBefore = tile.hidden;
    tile.hidden = !model.ownPicture || call.status === 'incoming';
    tile.classList.toggle('mirrored', model.mirrored);
    if (hiddenBefore !== tile.hidden || before !== root.dataset.self) {
      this.#shapeTile();
      this.#tile.settle({ atOnce: true });
    }

    $('flag-reconnecting').hidden = call.status !== 'reconnecting';
    $('flag-muted').hidden = !answered || call.remote.audioEnabled;
    text($('flag-muted').querySelector('span'), `${shortName(call.peer)}’s microphone is off`);
    $('flag-sound').hidden = !soundBlocked;
    $('fit').hidden = !picture;
    $('fit').setAttribute('aria-pressed', String(whole));
    $('quality').hidden = !answered;
    $('quality').querySelector('.bars').dataset.bars = String(quality.bars);
    $('quality').setAttribute('aria-label', `Connection: ${LEVELS[quality.bars]}. ${numbersOpen ? 'Hide' : 'Show'} the numbers`);
    $('quality').setAttribute('aria-expanded', String(numbersOpen));
    $('numbers').hidden = !numbersOpen || !answered;
    if (!$('numbers').hidden) this.#showNumbers(numbers);

    const note = call.status === 'incoming' ? '' : mediaWords(mediaProblem);
    text($('media-note'), note);
    $('media-note').hidden = !note;

    toggle('microphone', call.microphone, ['mic', 'mic-off'], ['Mute', 'Unmute'], ['Mute the microphone', 'Switch the microphone on']);
    toggle('camera', call.camera, ['video', 'video-off'], ['Camera', 'Camera off'], ['Switch the camera off', 'Switch the camera on']);
    document.querySelector('[data-action="turn-camera"]').hidden = !canTurn || !call.camera;
    const cancels = ['preparing', 'calling', 'ringing'].includes(call.status);
    const end = document.querySelector('.controls [data-action="hang-up"] .label');
    text(end, cancels ? 'Cancel' : 'Hang up');
    document.querySelector('[data-action="accept-audio"]').hidden = !call.video;
    useIcon(document.querySelector('[data-action="accept"] use'), call.video ? 'video' : 'phone');
  }

  #showNumbers(numbers) {
    list($('numbers'), numbers, ([name, value]) => {
      const fragment = document.createDocumentFragment();
      const dt = document.createElement('dt');
      const dd = document.createElement('dd');
      dt.textContent = name;
      dd.textContent = value;
      fragment.append(dt, dd);
      return fragment;
    });
  }

  /** The tile takes the shape of the picture in it: upright on a phone, wide on a laptop. */
  #shapeTile() {
    const { videoWidth: width, videoHeight: height } = this.own;
    if (!width || !height) return;
    const long = Math.min(216, Math.max(132, window.innerWidth * 0.36));
    const ratio = Math.min(16 / 9, Math.max(9 / 16, width / height));
    const style = $('own-tile').style;
    style.setProperty('--tile-w', `${Math.round(ratio >= 1 ? long : long * ratio)}px`);
    style.setProperty('--tile-h', `${Math.round(ratio >= 1 ? long / ratio : long)}px`);
    this.#tile.settle({ atOnce: true });
  }
}

function centreLine(call) {
  if (call.status === 'active') {
    return call.video || call.remote.videoEnabled ? `${shortName(call.peer)}’s camera is off` : clock(call.duration);
  }
  if (call.status === 'reconnecting') return '';
  return statusLine(call);
}

function title({ call, screen }) {
  if (call?.status === 'incoming') return `${call.peer.displayName} is calling…`;
  if (call && screen === 'call') return `${call.peer.displayName} · Ringwire`;
  return 'Ringwire';
}

function toggle(action, on, icons, labels, spoken) {
  const button = document.querySelector(`[data-action="${action}"]`);
  const index = on ? 0 : 1;
  button.setAttribute('aria-pressed', String(on));
  button.setAttribute('aria-label', spoken[index]);
  text(button.querySelector('.label'), labels[index]);
  useIcon(button.querySelector('use'), icons[index]);
}

function callButton(person, action, symbol, label) {
  const button = element('button', 'round', icon(symbol));
  button.dataset.action = action;
  button.dataset.person = person.username;
  button.setAttribute('aria-label', label);
  button.title = label;
  return button;
}

function names(person) {
  const strong = document.createElement('strong');
  const span = document.createElement('span');
  strong.textContent = person.displayName;
  span.textContent = `@${person.username}`;
  return element('span', 'names', strong, span);
}

function avatar(person, size = '') {
  const span = element('span', `avatar ${size}`.trim());
  span.setAttribute('aria-hidden', 'true');
  paintAvatar(span, person);
  return span;
}

function paintAvatar(span, person) {
  span.style.setProperty('--hue', hue(person));
  const address = ownOrigin(person.avatar);
  if (!address) return text(span, initials(person));
  if (span.querySelector('img')?.src === address) return;
  const image = document.createElement('img');
  image.alt = '';
  image.src = address;
  span.replaceChildren(image);
}

/** A picture is fetched from the page's own origin or not at all: nobody learns who is being rung. */
function ownOrigin(address) {
  if (!address) return null;
  try {
    const url = new URL(address, location.href);
    return url.origin === location.origin ? url.href : null;
  } catch {
    return null;
  }
}

function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  useIcon(use, name);
  svg.append(use);
  return svg;
}

function useIcon(use, name) {
  if (use.getAttribute('href') !== `#i-${name}`) use.setAttribute('href', `#i-${name}`);
}

function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** Rebuilds a list only when what it shows has changed, so that focus survives. */
function list(parent, items, build) {
  const shape = JSON.stringify(items);
  if (parent.dataset.shape === shape) return;
  parent.dataset.shape = shape;
  parent.replaceChildren(...items.map(build));
}
