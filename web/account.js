// Who is signed in and whom they can call: demo people without a password, guests with an invitation.

import { demoLogin, demoPeople, echoCalls, enterByLink, fetchConversations } from './gateway.js';

/** A token that ran out is renewed once in this time at most. */
const RENEW_MS = 60_000;
/** Where this tab keeps a guest's session, so that a reload is the same guest. */
const GUEST = 'ringwire-guest';

export class Account {
  /** `{token, user: {id, username, displayName, avatar?}, guest}`, or null. */
  session = null;
  /** `[{id, userId, username, displayName, avatar?, conversationId}]`; a guest's may be a whole conversation, without userId. */
  people = [];
  /** The link of the address that lets a guest in, or null. */
  invitation = null;
  /** The demo people to choose from. */
  choices = [];
  /** My ParticipantId by ConversationId. */
  memberships = {};
  #renewedAt = 0;

  /** Signs a demo person in; rejects with a sentence that can be shown. */
  async login(username) {
    this.session = { ...(await demoLogin(username)), guest: false };
    this.people = [];
  }

  /** Comes in by the link under a name; rejects with a sentence that can be shown. */
  async comeIn(name) {
    const invite = this.invitation;
    try {
      const { sessionToken, guest } = await enterByLink(invite, name);
      this.session = { token: sessionToken, guest: true, user: { id: guest.id, username: 'guest', displayName: guest.displayName } };
    } catch (error) {
      throw error.status === 400 ? new Error('This invitation is not valid any more.') : error;
    }
    this.people = [];
    try {
      sessionStorage.setItem(GUEST, JSON.stringify({ invite, session: this.session }));
    } catch { /* then a reload comes in anew */ }
  }

  /** The guest that this tab was before it was reloaded; false when it was none of this link. */
  resume() {
    try {
      const { invite, session } = JSON.parse(sessionStorage.getItem(GUEST) ?? '{}');
      if (invite !== this.invitation || !session?.guest || !session.token) return false;
      this.session = session;
      return true;
    } catch {
      return false;
    }
  }

  signOut() {
    if (this.session?.guest) sessionStorage.removeItem(GUEST);
    this.session = null;
    this.invitation = null;
    this.people = [];
  }

  /** A fresh token after one that ran out, or false when there is none to be had. */
  async renew() {
    if (!this.session || this.session.guest || Date.now() - this.#renewedAt < RENEW_MS) return false;
    try {
      this.session = { ...(await demoLogin(this.session.user.username)), guest: false };
      this.#renewedAt = Date.now();
      return true;
    } catch {
      return false;
    }
  }

  /** Has the demo's Echo ring this person. */
  letEchoCall() {
    const echo = this.people.find(({ username }) => username === 'echo');
    return echoCalls(this.session.token, echo.conversationId);
  }

  async loadChoices() {
    if (!this.choices.length) this.choices = (await demoPeople()).people.filter(({ username }) => username !== 'echo');
  }

  /** Fetches whom this person can call. */
  async loadPeople() {
    const { token, user, guest } = this.session;
    const { conversations } = await fetchConversations(token);
    if (this.session?.token !== token) return;
    const mine = ({ userId }) => userId === user.id;
    for (const { members } of conversations) {
      const me = members.find(mine);
      if (guest && me) Object.assign(user, { username: me.username, displayName: me.displayName ?? 'Guest' });
    }
    this.memberships = Object.fromEntries(conversations.map(({ id, members }) => (
      [id, members.find(mine)?.participantId ?? null])));
    const reachable = conversations.filter(({ closed, type }) => !closed && (guest || type === 'direct'));
    this.people = reachable.flatMap((conversation) => {
      const others = conversation.members.filter((member) => !mine(member));
      const other = guest && others.length > 1
        ? { userId: null, username: conversation.id, displayName: conversation.title ?? names(others) }
        : others.find(({ isAnonymous }) => !isAnonymous) ?? others[0];
      return other ? [{ ...other, id: other.userId ?? conversation.id, conversationId: conversation.id }] : [];
    });
  }
}

function names(people) {
  const all = people.map(({ displayName, username }) => displayName ?? username);
  return all.length < 2 ? all.join('') : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}
