// The console in a browser: a person lets herself in, asks, sees the answer come, over lines that break, and a credential rest.
//
//   node console.mjs GATEWAY PROFILE CHROMIUM SCRATCH [PICTURES]

import { spawn } from "node:child_process";
import fs from "node:fs";
import http from "node:http";
import path from "node:path";

import { Line } from "./line.mjs";

const [gateway, profile, chromium, scratch, pictures] = process.argv.slice(2);
const TOKEN = "console-token";
const NEXT_TOKEN = "console-next-token";
const KEY = "sk-console";
const ANSWER = "Hello from the model, word by word.";
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** A provider that writes its answer word by word, or refuses while `isBusy` holds. */
let isBusy = false;
let asks = 0;
const provider = http.createServer(async (request, response) => {
  for await (const _ of request);
  asks += 1;
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

const connected = `${text("state")} === "connected"`;
const tries = `${text("state")}.includes("trying again")`;

/** How often the page shows this message, and how often the answer after it. */
const shown = (message) => `(() => {
  const lines = [...document.querySelectorAll("#talk p")].map((it) => it.innerText.trim());
  const isMessage = (it) => /^(you|people): /.test(it);
  const mine = lines.filter((it) => isMessage(it) && it.endsWith(${JSON.stringify(`: ${message}`)}));
  const rest = lines.slice(lines.indexOf(mine[0]) + 1);
  const next = rest.findIndex(isMessage);
  const answers = (next < 0 ? rest : rest.slice(0, next)).filter((it) => it === ${JSON.stringify(`agent: ${ANSWER}`)});
  return [mine.length, mine.length && answers.length];
})()`;

/** The gateway at its port: it can be stopped and started again. */
class Gateway {
  #running;
  #arguments;
  #log;

  constructor(port, config) {
    this.address = `http://127.0.0.1:${port}/`;
    this.config = config;
    this.#arguments = ["serve", "--config", config, "--state-dir", path.join(scratch, "state"), "--profile", profile];
    this.#log = fs.openSync(path.join(scratch, "gateway.log"), "w");
  }

  async start() {
    this.#running = spawn(gateway, this.#arguments, { stdio: ["ignore", this.#log, this.#log] });
    await eventually("the gateway", async () => (await fetch(`${this.address}ready`)).ok);
  }

  async stop(signal) {
    await end(this.#running, signal);
  }

  /** What the gateway answers to a call from the command line. */
  async call(method, params) {
    const [, ...files] = this.#arguments;
    const asks = spawn(gateway, ["call", method, "--params", JSON.stringify(params), "--timeout", "60", ...files]);
    let said = "";
    for (const stream of [asks.stdout, asks.stderr]) stream.on("data", (data) => { said += data; });
    await new Promise((done) => asks.once("close", done));
    try { return JSON.parse(said); } catch { return said; }
  }
}

/** Ends a process, at last without asking. */
async function end(it, signal) {
  if (!it || it.exitCode !== null || it.signalCode !== null) return;
  const ended = new Promise((done) => it.once("exit", done));
  it.kill(signal);
  const late = setTimeout(() => it.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(late);
}

/** Says something, and looks whether it is answered once. */
async function isAnsweredOnce(page, what, message) {
  const asked = asks;
  await page.run(`${fill("said", message)}; ${submit("send")}`);
  await isOnce(page, what, message, asked);
}

/** Looks whether there was one question since, and one answer. */
async function isOnce(page, what, message, asked) {
  await sees(page, `${what} is answered`, `${shown(message)}[1] > 0`);
  await sleep(1_500);
  const found = [asks - asked, ...(await page.run(shown(message)))];
  check(`${what} ran once, is shown once and answered once`, String(found) === "1,1,1", found);
}

/** The gateway goes and comes, and the line breaks where it hurts most. */
async function breakLines(page, served, line) {
  let opened = line.opened;
  await page.run("window.same = true");
  await served.stop("SIGTERM");
  await sees(page, "a gateway that stopped is said", tries);
  check("what was shown stays", await page.run('document.getElementById("entry").hidden'));
  await page.run(`${fill("said", "too early")}; ${submit("send")}`);
  await sees(page, "words without a line stay in the box", `document.getElementById("said").value === "too early" && ${text("talk")}.includes("not connected")`);
  await sleep(2_500);
  line.break(2);
  await served.start();
  await sees(page, "the page is back by itself, though two greetings broke", connected);
  check("it took more than one try", line.opened > opened + 2, line.opened - opened);
  check("it is the same page", await page.run("window.same === true"));
  await isAnsweredOnce(page, "a message after a restart", "after the restart");
  await page.picture("5-reconnected");

  const asked = asks;
  line.deafen();
  await page.run(`${fill("said", "only once")}; ${submit("send")}`);
  await eventually("the message arrives", () => asks > asked);
  line.break();
  await sees(page, "a message without an acknowledgement stays in the box", `${connected} && document.getElementById("said").value === "only once" && !document.getElementById("said").readOnly`);
  await page.run(submit("send"));
  await sees(page, "said again it is taken", 'document.getElementById("said").value === ""');
  await isOnce(page, "it", "only once", asked);
  await isAnsweredOnce(page, "what is said anew", "something else");

  opened = line.opened;
  line.deafen();
  await page.run("window.clock = Date.now; Date.now = () => window.clock() + 50000");
  await sleep(2_500);
  check("a line may be silent for some time", line.opened === opened && await page.run(connected));
  await page.run("Date.now = () => window.clock() + 120000");
  await sees(page, "a line that is silent for longer is left", tries, 5_000);
  await page.run("Date.now = window.clock");
  line.break();
  await sees(page, "and opened again", connected);
  await isAnsweredOnce(page, "a message after a silence", "after the silence");
}

/** A program wants to know whether something may happen, and a person at the page decides. */
async function decide(page, served) {
  for (const [button, decision] of [["Allow once", "allow-once"], ["Deny", "deny"]]) {
    const command = `rm -r <b>${decision}</b>`;
    const asked = served.call("exec.approval.request", { command, timeoutMs: 60_000 });
    await sees(page, `what waits for a decision is shown, and how long: ${decision}`, `!document.getElementById("waiting").hidden && ${text("approvals")}.includes(${JSON.stringify(command)}) && /\\d:\\d\\d/.test(${text("approvals")})`);
    await page.picture(`7-${decision}`);
    await page.run(`[...document.querySelectorAll("#approvals button")].find((it) => it.textContent === ${JSON.stringify(button)}).click()`);
    const heard = await asked;
    check(`whoever asked hears of it: ${decision}`, heard.decision === decision, heard);
    await sees(page, "and nothing waits any more", 'document.getElementById("waiting").hidden');
  }
}

/** The gateway comes back and does not let the page in: a person has to know, and to be able to do something. */
async function changeToken(page, served) {
  await served.stop("SIGKILL");
  fs.writeFileSync(served.config, fs.readFileSync(served.config, "utf8").replace(TOKEN, NEXT_TOKEN));
  await served.start();
  await sees(page, "a token that is wrong now is said, and another asked for",
    `!document.getElementById("entry").hidden && ${text("trouble")}.includes("refuses") && document.querySelectorAll("[data-live]:not([hidden])").length === 0`);
  await page.picture("6-refused");
  await page.run(`${fill("token", NEXT_TOKEN)}; ${submit("login")}`);
  await sees(page, "the new one lets in", connected);
  await page.run('document.getElementById("leave").click()');
  await sees(page, "who leaves is asked for a token", `!document.getElementById("entry").hidden && ${text("state")} === "not connected"`);
}

async function look(page, address, served, line) {
  await page.call("Page.navigate", { url: address });
  await sees(page, "the page asks for a token", 'document.readyState === "complete" && !!document.getElementById("login")');
  await page.picture("1-entry");
  await page.run(`${fill("token", "wrong")}; ${submit("login")}`);
  await sees(page, "a wrong token is refused in words", `${text("trouble")}.includes("refuses")`);
  await page.run(`${fill("token", TOKEN)}; ${submit("login")}`);
  await sees(page, "the right token lets in", connected);

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
  await decide(page, served);

  check("the browser has nothing to say", page.messages.length === 0, page.messages);
  await breakLines(page, served, line);

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
  const hidden = await page.run("[...document.querySelectorAll('.scroll')].filter((it) => it.scrollWidth > it.clientWidth).map((it) => it.querySelector('table').getAttribute('aria-labelledby')).join(' ')");
  check("nor does any of its tables", hidden === "", hidden);
  await page.picture("4-phone");
  const shown = await page.run("document.documentElement.outerHTML");
  check("no secret is shown", !shown.includes(TOKEN) && !shown.includes(KEY));
  await changeToken(page, served);
  const others = page.messages.filter((it) => !/WebSocket connection to [^ ]+ failed/.test(it));
  check("the browser speaks of broken lines alone", others.length === 0, others);
}

async function main() {
  const [port, debugging, providing] = [await freePort(), await freePort(), await listening(provider)];
  const config = path.join(scratch, "openclaw.json");
  fs.writeFileSync(config, JSON.stringify({
    gateway: { port, auth: { token: TOKEN } },
    agents: { defaults: { model: "p/m" } },
    models: { providers: { p: { baseUrl: `http://127.0.0.1:${providing}/v1`, apiKey: KEY, models: [{ id: "m" }] } } },
  }));
  const [served, line] = [new Gateway(port, config), new Line(port)];
  let browser;
  try {
    await served.start();
    browser = spawn(chromium, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,1400",
      `--remote-debugging-port=${debugging}`, `--user-data-dir=${path.join(scratch, "browser")}`, "about:blank",
    ], { stdio: "ignore" });
    await look(await Page.open(debugging), `http://127.0.0.1:${await line.listen()}/`, served, line);
    const written = fs.readFileSync(path.join(scratch, "gateway.log"), "utf8");
    check("no secret is in the gateway's log", ![TOKEN, NEXT_TOKEN, KEY].some((it) => written.includes(it)));
  } finally {
    line.close();
    await Promise.all([served.stop("SIGTERM"), end(browser, "SIGTERM")]);
    provider.close();
    provider.closeAllConnections();
  }
}

await main().catch((error) => check(String(error), false));
process.exit(failures === 0 ? 0 : 1);
