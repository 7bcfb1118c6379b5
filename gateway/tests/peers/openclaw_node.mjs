// Speaks with a gateway through openclaw-node, as its manual shows, and prints what became of each call as a JSON line.
//
//   node openclaw_node.mjs PACKAGE-FOLDER URL TOKEN IDENTITY-FILE WORD

import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, url, token, deviceIdentityPath, word] = process.argv.slice(2);
const { OpenClawClient } = await import(pathToFileURL(join(folder, "dist", "index.mjs")).href);

const PATIENCE_MS = 30_000;
const KEY = "agent:main:peer";

class Late extends Error {}

const within = (promise) => {
  let timer;
  const late = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Late(`nothing within ${PATIENCE_MS} ms`)), PATIENCE_MS);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

const call = async (name, act) => {
  const begun = performance.now();
  const report = (more) =>
    console.log(JSON.stringify({ call: name, seconds: (performance.now() - begun) / 1000, ...more }));
  try {
    report({ answer: (await within(act())) ?? null });
  } catch (error) {
    report({ became: error instanceof Late ? "no end" : "refused", error: error.message });
  }
};

const open = (secret, identity = deviceIdentityPath) => {
  const client = new OpenClawClient({ url, token: secret, deviceIdentityPath: identity, autoReconnect: false });
  // Without a listener, an error would end the process.
  client.on("error", () => {});
  return client;
};

// The older release does not say so itself when its connection is closed before it was greeted.
const connect = (client) => {
  const closed = new Promise((_, refuse) => {
    client.on("disconnected", () => refuse(new Error("closed before it was greeted")));
  });
  closed.catch(() => {});
  return Promise.race([client.connect(), closed]);
};

const client = open(token);
await call("connect", () => connect(client));
await call("chat", async () => {
  const chunks = [];
  for await (const chunk of client.chat(`${word} in pieces`, { sessionKey: KEY })) chunks.push(chunk);
  return chunks;
});
await call("chatSync", () => client.chatSync(`${word} at once`, { agentId: "main" }));
await call("health", () => client.health());
await call("sessions.list", () => client.sessions.list({ limit: 10 }));
await call("sessions.history", () => client.sessions.history(KEY, { limit: 20 }));
await call("sessions.send", () => client.sessions.send(KEY, `${word} without a key`));
await call("chatAbort", () => client.chatAbort(KEY));
if (client.sessions.reset) await call("sessions.reset", () => client.sessions.reset(KEY));
if (client.agents) await call("agents.list", () => client.agents.list());
if (client.channels) await call("channels.status", () => client.channels.status());
if (client.config) await call("config.get", () => client.config.get());
await call("request status", async () => (await client.request("status", {})).payload);
await call("request of no method", async () => (await client.request("no.such.method", {})).payload);
await client.disconnect();

// With the token that the gateway gave this device, if it gave one.
const again = open(token);
await call("connect again", () => connect(again));
await again.disconnect();

const stranger = open("not the token", `${deviceIdentityPath}.stranger`);
await call("connect with a wrong token", () => connect(stranger));
await stranger.disconnect();
