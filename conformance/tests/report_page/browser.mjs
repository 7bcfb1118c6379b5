// A page in headless Chromium, driven over the browser's debugging protocol.

import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Asks until an answer is there, or gives up. */
export async function eventually(what, ask, withinMs = 60_000) {
  for (const end = Date.now() + withinMs; Date.now() < end; await sleep(50)) {
    try {
      const found = await ask();
      if (found) return found;
    } catch {
      // Not yet.
    }
  }
  throw new Error(`${what}: not within ${withinMs} ms`);
}

export class Browser {
  #process;

  /** Starts a browser whose profile is in this folder, and opens a page. */
  static async start(chromium, folder) {
    const browser = new Browser();
    browser.#process = spawn(chromium, [
      "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1280,900",
      "--remote-debugging-port=0", `--user-data-dir=${folder}`, "about:blank",
    ], { stdio: "ignore" });
    try {
      const port = await eventually("the browser", () => fs.readFileSync(path.join(folder, "DevToolsActivePort"), "utf8").split("\n")[0]);
      const found = await eventually("the browser's page", async () => {
        const pages = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
        return pages.find((it) => it.type === "page");
      });
      browser.page = await Page.open(found.webSocketDebuggerUrl);
    } catch (error) {
      await browser.end();
      throw error;
    }
    return browser;
  }

  async end() {
    if (this.#process.exitCode !== null) return;
    const ended = new Promise((done) => this.#process.once("exit", done));
    this.#process.kill("SIGTERM");
    const late = setTimeout(() => this.#process.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  }
}

export class Page {
  #socket;
  #waiting = new Map();
  #calls = 0;
  /** What the browser had to say: errors, warnings, logs. */
  messages = [];
  /** What was asked of any network or disk. */
  asked = [];

  static async open(address) {
    const page = new Page();
    page.#socket = new WebSocket(address);
    page.#socket.onmessage = ({ data }) => page.#hear(JSON.parse(data));
    await new Promise((done) => (page.#socket.onopen = done));
    for (const domain of ["Page", "Runtime", "Log", "Network", "Accessibility"]) await page.call(`${domain}.enable`);
    return page;
  }

  #hear({ id, result, error, method, params }) {
    if (id) {
      this.#waiting.get(id)(error ? Promise.reject(new Error(error.message)) : result);
      this.#waiting.delete(id);
    } else if (["Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"].includes(method)) {
      this.messages.push(JSON.stringify(params).slice(0, 400));
    } else if (method === "Network.requestWillBeSent") {
      this.asked.push(params.request.url);
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

  /** Goes somewhere, and waits until it is there. */
  async go(address) {
    await this.call("Page.navigate", { url: address });
    await eventually(address, () => this.run('document.readyState === "complete"'));
    await sleep(200);
  }

  /** Presses a key, as a person does. */
  async press(key, text) {
    const codes = { Tab: 9, Enter: 13, " ": 32 };
    const it = { key, code: key, windowsVirtualKeyCode: codes[key] ?? key.charCodeAt(0), text };
    await this.call("Input.dispatchKeyEvent", { type: "keyDown", ...it });
    await this.call("Input.dispatchKeyEvent", { type: "keyUp", ...it, text: undefined });
    await sleep(60);
  }

  async picture(folder, name) {
    if (!folder) return;
    const { data } = await this.call("Page.captureScreenshot", { format: "png" });
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(path.join(folder, `${name}.png`), Buffer.from(data, "base64"));
  }
}
