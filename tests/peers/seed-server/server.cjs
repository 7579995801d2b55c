// A call server of the day of the first design: its events and nothing else. No acks, no versions, no ringing, no
// heartbeats, no timers; `active` as soon as somebody joins; ids of 24 hex digits.
//
// environment: RINGWIRE_NODE_MODULES, where socket.io lies; SEED_PEOPLE `[{id, username, displayName}]`;
//   SEED_CONVERSATIONS `[{id, members: [id, …]}]`; SEED_DATABASE, a file that keeps calls over a restart; PORT, 0 for any.
// stdout: `{"port": …}`, then a line for each event of a client. Ends with its stdin.
const { randomBytes } = require("node:crypto");
const fs = require("node:fs");
const { createServer } = require("node:http");
const { createRequire } = require("node:module");
const path = require("node:path");
const { Server } = createRequire(path.join(process.env.RINGWIRE_NODE_MODULES, "/"))("socket.io");

const { SEED_DATABASE, PORT = "0" } = process.env;
const people = new Map(JSON.parse(process.env.SEED_PEOPLE).map((person) => [person.id, person]));
const conversations = new Map(JSON.parse(process.env.SEED_CONVERSATIONS).map((one) => [one.id, one.members]));
const calls = new Map();

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");
const id = () => randomBytes(12).toString("hex");
const instant = () => new Date().toISOString();
const room = (callId) => `call_${callId}`;
const present = (call) => call.participants.filter(({ leftAt }) => !leftAt);
const inCall = (call, userId) => present(call).find((one) => one.userId === userId);

function load() {
  if (!fs.existsSync(SEED_DATABASE)) return;
  for (const call of JSON.parse(fs.readFileSync(SEED_DATABASE, "utf8"))) calls.set(call.id, call);
}

function save() {
  fs.writeFileSync(`${SEED_DATABASE}.new`, JSON.stringify([...calls.values()]));
  fs.renameSync(`${SEED_DATABASE}.new`, SEED_DATABASE);
}

class Refused extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

function participant(call, userId, role, settings) {
  const { username, displayName } = people.get(userId);
  return {
    id: id(), callSessionId: call.id, userId, role, joinedAt: instant(),
    isAudioEnabled: settings?.audioEnabled ?? true,
    isVideoEnabled: settings?.videoEnabled ?? call.metadata.type === "video",
    username, displayName,
  };
}

const http = createServer();
const io = new Server(http);

io.use((socket, next) => {
  const { authToken, tokenType } = socket.handshake.auth;
  try {
    // Who may come in is not what this server is for: the signature is not looked at.
    const { sub } = JSON.parse(Buffer.from(authToken.split(".")[1], "base64url"));
    if (tokenType !== "jwt" || !people.has(sub)) throw new Error("nobody");
    socket.data.userId = sub;
    next();
  } catch {
    const error = new Error("jwt malformed");
    error.data = { code: "NOT_AUTHENTICATED" };
    next(error);
  }
});

io.on("connection", (socket) => {
  const { userId } = socket.data;
  for (const [conversationId, members] of conversations) {
    if (members.includes(userId)) socket.join(conversationId);
  }
  socket.emit("authenticated", { success: true, user: { id: userId, isAnonymous: false } });

  const on = (event, handle) => socket.on(event, (payload) => {
    say({ event, from: userId });
    try {
      handle(payload);
      save();
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      socket.emit("call:error", { code: error.code, message: error.message });
    }
  });
  const known = (callId) => {
    const call = calls.get(callId);
    if (!call) throw new Refused("CALL_NOT_FOUND", "Call session not found");
    if (!conversations.get(call.conversationId).includes(userId)) throw new Refused("NOT_A_PARTICIPANT", "Not a member of the conversation");
    return call;
  };
  const mine = (callId) => {
    const call = known(callId);
    const row = inCall(call, userId);
    if (!row) throw new Refused("NOT_A_PARTICIPANT", "Not in the call");
    return [call, row];
  };

  on("call:initiate", ({ conversationId, type, settings }) => {
    const members = conversations.get(conversationId);
    if (!members) throw new Refused("CONVERSATION_NOT_FOUND", "Conversation not found");
    if (!members.includes(userId)) throw new Refused("NOT_A_PARTICIPANT", "Not a member of the conversation");
    if ([...calls.values()].some((call) => call.conversationId === conversationId && call.status !== "ended")) {
      throw new Refused("CALL_ALREADY_ACTIVE", "A call is already active in this conversation");
    }
    const call = {
      id: id(), conversationId, mode: "p2p", status: "initiated", initiatorId: userId, startedAt: instant(),
      participants: [], metadata: { type },
    };
    call.participants.push(participant(call, userId, "initiator", settings));
    calls.set(call.id, call);
    socket.join(room(call.id));
    const { username, displayName } = people.get(userId);
    io.to(conversationId).emit("call:initiated", {
      callId: call.id, conversationId, mode: call.mode, type, initiator: { userId, username, displayName },
      participants: call.participants,
    });
  });

  on("call:join", ({ callId, settings }) => {
    const call = known(callId);
    if (call.status === "ended") throw new Refused("CALL_ENDED", "Call has already ended");
    let row = inCall(call, userId);
    if (!row) {
      row = participant(call, userId, "participant", settings);
      call.participants.push(row);
      call.status = "active";
      call.answeredAt ??= instant();
    }
    socket.join(room(callId));
    io.to(room(callId)).emit("call:participant-joined", { callId, participant: row, mode: call.mode, iceServers: [] });
  });

  on("call:leave", ({ callId }) => leave(...mine(callId)));

  on("call:force-leave", ({ conversationId }) => {
    for (const call of calls.values()) {
      const row = call.conversationId === conversationId && call.status !== "ended" && inCall(call, userId);
      if (row) leave(call, row);
    }
  });

  function leave(call, row) {
    row.leftAt = instant();
    io.to(room(call.id)).emit("call:participant-left", { callId: call.id, participantId: row.id, userId, mode: call.mode });
    // In a call between two, one who leaves is the end; it silences the ring of who has not joined.
    if (conversations.get(call.conversationId).length === 2 || present(call).length === 0) {
      call.status = "ended";
      call.endedAt = instant();
      call.duration = call.answeredAt ? Math.floor((Date.parse(call.endedAt) - Date.parse(call.answeredAt)) / 1000) : 0;
      io.to(call.conversationId).emit("call:ended", { callId: call.id, duration: call.duration, endedBy: userId });
      io.in(room(call.id)).socketsLeave(room(call.id));
    } else {
      socket.leave(room(call.id));
    }
  }

  on("call:signal", ({ callId, signal }) => {
    mine(callId);
    if (signal.from !== userId) throw new Refused("SIGNAL_SENDER_MISMATCH", "Not the sender of the signal");
    socket.to(room(callId)).emit("call:signal", { callId, signal });
  });

  const toggle = (mediaType, field) => ({ callId, enabled }) => {
    const [, row] = mine(callId);
    row[field] = enabled;
    io.to(room(callId)).emit("call:media-toggled", { callId, participantId: userId, mediaType, enabled });
  };
  on("call:toggle-audio", toggle("audio", "isAudioEnabled"));
  on("call:toggle-video", toggle("video", "isVideoEnabled"));
});

load();
http.listen(Number(PORT), "127.0.0.1", () => say({ port: http.address().port }));
process.stdin.on("end", () => process.exit(0)).resume();
