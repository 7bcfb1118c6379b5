// The console in a browser: a person lets herself in, asks, sees the answer come, and a credential rest.
//
//   node console.mjs GATEWAY PROFILE CHROMIUM SCRATCH [PICTURES]

import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";

const [gateway, profile, chromium, scratch, pictures] = process.argv.slice(2);
const TOKEN = "console-token";
const KEY = "sk-console";
const ANSWER = "Hello from the model, word by word.";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A provider that writes its answer word by word, or refuses while `isBusy` holds. */
let isBusy = false;
const provider = http.createServer(async (request, response) => {
  for await (const _ of request);
  if (isBusy) {
    response.writeHead(429, { "content-type": "application/json", "retry-after": "120" });
    return response.end('{"error":{"type":"rate_limit_error","message":"slow down"}}');
  }
  const say = (choice) => response.write(`data: ${JSON.stringify({ choices: [choice] })}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const word of ANSWER.split(/(?<= )/)) {
    say({ delta: { content: word } });
    await sleep(250);
  }
  say({ delta: {}, finish_reason: "stop" });
  response.end("data: [DONE]\n\n");
});

const listening = (server) =>
  new Promise((done) => server.listen(0, "127.0.0.1", () => done(server.address().port)));

async function freePort() {
  const probe = http.createServer();
  const port = await listening(probe);
  await new Promise((done) => probe.close(done));
  return port;
}

/** Asks until an answer is there, or gives up. */
async function eventually(what, ask, withinMs = 20_000) {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(60)) {
    try {
      const found = await ask();
      if (found) return found;
    } catch {
      // Not yet.
    }
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}

/** A page, driven over the browser's debugging protocol. */
class Page {
  #socket;
  #waiting = new Map();
  #calls = 0;
  messages = [];

  static async open(port) {
    const found = await eventually("the browser's page", async () => {
      const pages = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
      return pages.find((it) => it.type === "page");
    });
    const page = new Page();
    page.#socket = new WebSocket(found.webSocketDebuggerUrl);
    page.#socket.onmessage = ({ data }) => page.#hear(JSON.parse(data));
    await new Promise((done) => (page.#socket.onopen = done));
    for (const domain of ["Page", "Runtime", "Log"]) await page.call(`${domain}.enable`);
    return page;
  }

  #hear({ id, result, error, method, params }) {
    if (id) {
      this.#waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
      this.#waiting.delete(id);
    } else if (["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"].includes(method)) {
      this.messages.push(JSON.stringify(params).slice(0, 400));
    }
  }

  call(method, params = {}) {
    const id = ++this.#calls;
    this.#socket.send(JSON.stringify({ id, method, params }));
    return new Promise((done) => this.#waiting.set(id, done));
  }

  async run(expression) {
    const { result, exceptionDetails } = await this.call("Runtime.evaluate", {
      expression, awaitPromise: true, returnByValue: true,
    });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description}`);
    return result.value;
  }

  async picture(name) {
    if (!pictures) return;
    const { data } = await this.call("Page.captureScreenshot", { format: "png", captureBeyondViewport: true });
    fs.mkdirSync(pictures, { recursive: true });
    fs.writeFileSync(path.join(pictures, `${profile}-${name}.png`), Buffer.from(data, "base64"));
  }
}

let failures = 0;

/** Lists one thing that was looked at. */
function check(what, holds, found = "") {
  failures += holds ? 0 : 1;
  console.log(`${holds ? "ok  " : "FAIL"} ${profile} ${what}${holds || found === "" ? "" : `: found ${JSON.stringify(found)}`}`);
}

async function sees(page, what, expression, withinMs) {
  try {
    await eventually(what, () => page.run(expression), withinMs);
    check(what, true);
  } catch {
    check(what, false, await page.run("document.body.innerText.slice(0, 600)"));
  }
}

const text = (id) => `document.getElementById(${JSON.stringify(id)}).innerText`;
const fill = (id, value) => `document.getElementById("${id}").value = ${JSON.stringify(value)}`;
const submit = (id) => `document.getElementById("${id}").requestSubmit()`;

async function look(page, address) {
  await page.call("Page.navigate", { url: address });
  await sees(page, "the page asks for a token", 'document.readyState === "complete" && !!document.getElementById("login")');
  await page.picture("1-entry");
  await page.run(`${fill("token", "wrong")}; ${submit("login")}`);
  await sees(page, "a wrong token is refused in words", `${text("trouble")}.includes("refuses")`);
  await page.run(`${fill("token", TOKEN)}; ${submit("login")}`);
  await sees(page, "the right token lets in", `${text("state")} === "connected"`);

  await page.run(`window.seen = new Set(); new MutationObserver(() => {
    const last = document.querySelector("#talk p:last-child span");
    if (last) window.seen.add(last.textContent);
  }).observe(document.getElementById("talk"), { childList: true, subtree: true, characterData: true })`);
  await page.run(`${fill("said", "Hi <b>there</b>")}; ${submit("send")}`);
  await sees(page, "the answer is there", `${text("talk")}.includes(${JSON.stringify(ANSWER)})`);
  const parts = await page.run("[...window.seen]");
  check("the answer came in parts", parts.length > 3, parts);
  check("what was said is text, not markup", (await page.run('document.querySelectorAll("#talk b").length')) === 0);
  await sees(page, "the session is listed", `${text("sessions")}.includes("agent:main:main")`);
  await page.picture("2-answered");

  isBusy = true;
  await page.run(`${fill("said", "again")}; ${submit("send")}`);
  await sees(page, "a credential rests", `/cooling|disabled/.test(${text("credentials")})`, 150_000);
  const before = await page.run(text("credentials"));
  await sleep(2_100);
  const after = await page.run(text("credentials"));
  check("its rest is counted down", before !== after && /\d/.test(after), [before, after]);
  await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: "dark" }] });
  await page.picture("3-rests-dark");

  await page.call("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  await sleep(300);
  const width = await page.run("document.documentElement.scrollWidth");
  check("a phone needs no scrolling sideways", width <= 390, width);
  await page.picture("4-phone");
  const shown = await page.run("document.documentElement.outerHTML");
  check("no secret is shown", !shown.includes(TOKEN) && !shown.includes(KEY));
  check("the browser has nothing to say", page.messages.length === 0, page.messages);
}

async function main() {
  const [port, debugging, providing] = [await freePort(), await freePort(), await listening(provider)];
  const config = path.join(scratch, "openclaw.json");
  fs.writeFileSync(config, JSON.stringify({
    gateway: { port, auth: { token: TOKEN } },
    agents: { defaults: { model: "p/m" } },
    models: { providers: { p: { baseUrl: `http://127.0.0.1:${providing}/v1`, apiKey: KEY, models: [{ id: "m" }] } } },
  }));
  const log = fs.openSync(path.join(scratch, "gateway.log"), "w");
  const serve = ["serve", "--config", config, "--state-dir", path.join(scratch, "state"), "--profile", profile];
  const started = [
    spawn(gateway, serve, { stdio: ["ignore", log, log] }),
    spawn(chromium, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1400",
      `--remote-debugging-port=${debugging}`, `--user-data-dir=${path.join(scratch, "browser")}`, "about:blank",
    ], { stdio: "ignore" }),
  ];
  const address = `http://127.0.0.1:${port}/`;
  try {
    await eventually("the gateway", async () => (await fetch(`${address}ready`)).ok);
    await look(await Page.open(debugging), address);
    const written = fs.readFileSync(path.join(scratch, "gateway.log"), "utf8");
    check("no secret is in the gateway's log", !written.includes(TOKEN) && !written.includes(KEY));
  } finally {
    const ends = started.map((it) => new Promise((done) => (it.exitCode === null ? it.once("exit", done) : done())));
    started.forEach((it) => it.kill("SIGTERM"));
    provider.close();
    provider.closeAllConnections();
    await Promise.race([Promise.all(ends), sleep(10_000)]);
    started.forEach((it) => it.kill("SIGKILL"));
  }
}

await main().catch((error) => check(String(error), false));
process.exit(failures === 0 ? 0 : 1);
