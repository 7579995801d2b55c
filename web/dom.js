// Small pieces of the document: elements, icons, avatars, lists that are rebuilt only when they change.

import { hue, initials } from './words.js';

export const $ = (id) => document.getElementById(id);

export function element(tag, className, ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  node.append(...children);
  return node;
}

export function text(node, value) {
  if (node.textContent !== value) node.textContent = value;
}

/** A button with an icon, and words beside it or for screen readers only. */
export function button(className, action, about, symbol, label, { wordless = false } = {}) {
  const node = element('button', className, icon(symbol), wordless ? '' : label);
  node.dataset.action = action;
  if (about) node.dataset.about = about;
  if (wordless) {
    node.setAttribute('aria-label', label);
    node.title = label;
  }
  return node;
}

export function names(person, second = `@${person.username}`) {
  const strong = document.createElement('strong');
  const span = document.createElement('span');
  strong.textContent = person.displayName;
  span.textContent = second;
  return element('span', 'names', strong, span);
}

export function avatar(person, size = '') {
  const span = element('span', `avatar ${size}`.trim());
  span.setAttribute('aria-hidden', 'true');
  paintAvatar(span, person);
  return span;
}

export function paintAvatar(span, person) {
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

export function icon(name) {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
  svg.setAttribute('aria-hidden', 'true');
  useIcon(use, name);
  svg.append(use);
  return svg;
}

export function useIcon(use, name) {
  if (use.getAttribute('href') !== `#i-${name}`) use.setAttribute('href', `#i-${name}`);
}

/** Rebuilds a list only when what it shows has changed, so that focus survives. */
export function list(parent, items, build) {
  const shape = JSON.stringify(items);
  if (parent.dataset.shape === shape) return;
  parent.dataset.shape = shape;
  parent.replaceChildren(...items.map(build));
}
