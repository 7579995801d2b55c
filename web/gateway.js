// The gateway's plain HTTP questions. Each resolves with the body or rejects with a sentence that can be shown.

export const demoPeople = () => ask('GET', '/api/demo/people');
export const demoLogin = (username) => ask('POST', '/api/demo/login', { body: { username } });
export const fetchConversations = (token) => ask('GET', '/api/conversations', { token });
/** A guest comes in by a link, under a name: `{sessionToken, guest: {id, displayName}, conversationId}`. */
export const enterByLink = (invite, name) => ask('POST', '/api/guests', { body: { invite, name } });
export const echoCalls = (token, conversationId) => ask('POST', '/api/demo/echo/call', { token, body: { conversationId } });

const WORDS = {
  401: 'You are no longer signed in.',
  403: 'You are not allowed to do this.',
  404: 'This server has no demo people: start it with --demo.',
  429: 'Too many requests. Try again in a moment.',
};

async function ask(method, path, { token, body } = {}) {
  const headers = { accept: 'application/json' };
  if (token) headers.authorization = `Bearer ${token}`;
  if (body) headers['content-type'] = 'application/json';
  let answer;
  try {
    answer = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  } catch {
    throw new Error('The server cannot be reached.');
  }
  if (!answer.ok) {
    const words = WORDS[answer.status] ?? `The server answered with an error (${answer.status}).`;
    throw Object.assign(new Error(words), { status: answer.status });
  }
  return answer.status === 204 ? null : answer.json().catch(() => null);
}
