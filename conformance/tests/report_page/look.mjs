// A report's page in a browser: from disk, with mouse and keyboard, for eyes and for screen readers.
//
//   node look.mjs PAGE CHROMIUM SCRATCH [PICTURES]

import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

import { Browser, eventually, sleep } from "./browser.mjs";

const [file, chromium, scratch, pictures] = process.argv.slice(2);
const address = pathToFileURL(path.resolve(file)).href;
const name = path.basename(file, ".html");

let failures = 0;

/** Lists one thing that was looked at. */
function check(what, holds, found = "") {
  failures += holds ? 0 : 1;
  const told = holds || found === "" ? "" : `: found ${JSON.stringify(found)}`;
  console.log(`${holds ? "ok  " : "FAIL"} ${name}: ${what}${told}`);
}

async function sees(page, what, expression) {
  try {
    await eventually(what, () => page.run(expression), 20_000);
    check(what, true);
  } catch {
    check(what, false, await page.run("[location.hash, document.getElementById('count').textContent]"));
  }
}

const count = 'document.getElementById("count").textContent';
const shown = (kind) => `[...document.querySelectorAll('[data-card="${kind}"]')].filter((it) => !it.hidden)`;
const choose = (field, value) => `{ const it = document.querySelector('[name="${field}"]'); it.value = ${JSON.stringify(value)}; it.dispatchEvent(new Event("input", { bubbles: true })); }`;
const reset = 'document.querySelector("form.filter [type=reset]").click()';

/** Filters by text, word and area, and what stands in the address. */
async function filter(page) {
  const all = await page.run(`${shown("requirements")}.length`);
  check("it says how much is shown", new RegExp(`${all} of ${all} requirements`).test(await page.run(count)), await page.run(count));
  await page.press("/", "/");
  check("/ goes to the filter", await page.run('document.activeElement.name === "q"'));
  check("and is not written into it", (await page.run("document.activeElement.value")) === "");
  await page.call("Input.insertText", { text: "QUE-001" });
  await sees(page, "a text leaves what holds it", `${shown("requirements")}.length > 0 && ${shown("requirements")}.every((it) => it.textContent.includes("QUE-001"))`);
  await sees(page, "the address keeps it", 'location.hash === "#q=QUE-001"');
  await page.go(address);
  await page.go(`${address}#q=QUE-001`);
  await sees(page, "a link with it shows the same", `document.querySelector("[name=q]").value === "QUE-001" && ${shown("requirements")}.length < ${all}`);
  await page.run(reset);
  await sees(page, "all is shown again", `${shown("requirements")}.length === ${all} && location.hash === ""`);
  const word = (await page.run(`${shown("requirements")}.some((it) => it.dataset.status.split("|").includes("fail"))`)) ? "fail" : "pass";
  await page.run(choose("status", word));
  await sees(page, "a word leaves what came out so", `${shown("requirements")}.length > 0 && ${shown("requirements")}.every((it) => it.dataset.status.split("|").includes("${word}"))`);
  await sees(page, "it is said", `/^\\d+ of/.test(${count}) && !${count}.includes("${all} of ${all} req")`);
  await page.run(choose("area", "queue") + choose("level", "MUST"));
  await sees(page, "filters narrow each other", `${shown("requirements")}.every((it) => it.dataset.area === "queue" && it.dataset.level === "MUST") && location.hash === "#status=${word}&area=queue&level=MUST"`);
  await page.run(choose("q", "no such text anywhere"));
  await sees(page, "where nothing matches that is said", `/^0 of/.test(${count}) && ${count}.includes("0 of ${all} requirements")`);
  await page.run(reset);
}

/** What only the report of one run has. */
async function report(page) {
  check("what is wrong is open", await page.run('[...document.querySelectorAll(\'[data-card="cases"]\')].every((it) => it.querySelector("details").open === ["fail", "stale", "error", "vacuous"].includes(it.dataset.status))'));
  check("what held says by which facts", await page.run('[...document.querySelectorAll(\'[data-card="cases"][data-status="pass"] h4\')].filter((it) => it.textContent === "Held").every((it) => it.nextElementSibling.textContent.includes("facts #"))'));
  const first = 'document.querySelector(\'[data-card="cases"][data-status="fail"]\')';
  if (!(await page.run(`!!${first}`))) return check("nothing failed, and nothing is drawn", await page.run('document.querySelectorAll("svg").length === 0'));
  check("a failure has expected, observed and facts", await page.run(`["expected", "observed", "facts"].every((word) => [...${first}.querySelectorAll("dt")].some((it) => it.textContent === word))`));
  check("and its requirement with the evidence", await page.run(`/^“.+”Evidence [A-D]: /.test(${first}.querySelector("blockquote").textContent)`));
  check("and a diagram with what is marked", await page.run(`${first}.querySelectorAll("svg .marked").length > 0`));
  check("which has a title and a description", await page.run('[...document.querySelectorAll("svg")].every((it) => it.querySelector("title").textContent && it.querySelector("desc").textContent && it.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)))'));
  check("and a table that says the same", await page.run(`${first}.querySelectorAll("tr.marked").length === ${first}.querySelectorAll("svg .marked").length`));
  check("and commands to run it again", await page.run(`${first}.querySelector(".copy pre").textContent.startsWith("creel run ")`));
  await page.run(`${first}.querySelector(".copy button").click()`);
  await sees(page, "which can be copied", `${first}.querySelector(".copy button").textContent === "Copied"`);
  await page.run(`${first}.scrollIntoView({ behavior: "instant" })`);
  await sleep(200);
  await page.picture(pictures, `${name}-2-failure`);
  const link = await page.run(`${first}.querySelector('a[href^="#"]').getAttribute("href")`);
  await page.run(choose("status", "vacuous"));
  await page.run(`location.hash = ${JSON.stringify(link)}`);
  await sees(page, "a link shows and opens what it names, filters or not", `(() => { const it = document.querySelector(${JSON.stringify(link)}); return !it.hidden && it.querySelector("details").open; })()`);
  await sleep(1_000);
  await page.picture(pictures, `${name}-3-requirement`);
  await page.go(address);
  await page.run('document.querySelector("td button.fail").click()');
  await sees(page, "a number of the table shows what it counts", `${shown("requirements")}.length === Number(document.querySelector("td button.fail").textContent)`);
  await page.run(reset);
}

/** What screen readers and keyboards need. */
async function access(page) {
  await page.go(address);
  await page.press("Tab");
  check("the first stop of a keyboard skips the beginning", await page.run('document.activeElement.className === "skip" && document.activeElement.getBoundingClientRect().left >= 0'));
  check("where it is can be seen", await page.run('getComputedStyle(document.activeElement).outlineStyle === "solid"'));
  check("every table has a caption", await page.run('[...document.querySelectorAll("table")].every((it) => it.caption?.textContent)'));
  check("every head of a table says what it heads", await page.run('[...document.querySelectorAll("th")].every((it) => it.scope)'));
  check("no id is given twice", await page.run('(() => { const ids = [...document.querySelectorAll("[id]")].map((it) => it.id); return ids.length === new Set(ids).size; })()'));
  check("headings leave no level out", await page.run('(() => { const levels = [...document.querySelectorAll("h1, h2, h3, h4")].map((it) => Number(it.tagName[1])); return levels[0] === 1 && levels.every((it, at) => at === 0 || it <= levels[at - 1] + 1); })()'));
  check("the count is told", await page.run('document.getElementById("count").getAttribute("aria-live") === "polite"'));
  check("what scrolls can be reached", await page.run('[...document.querySelectorAll(".scroll, .tall")].every((it) => it.tabIndex === 0 && it.getAttribute("role") === "region" && (it.getAttribute("aria-label") || it.getAttribute("aria-labelledby")))'));
  const { nodes } = await page.call("Accessibility.getFullAXTree");
  const roles = ["button", "link", "combobox", "searchbox", "region", "img", "table"];
  const mute = nodes.filter((it) => !it.ignored && roles.includes(it.role?.value) && !it.name?.value);
  check("all that can be used has a name", mute.length === 0, mute.slice(0, 3).map((it) => [it.role.value, it.nodeId]));
}

/** The smallest contrast between a text and what is behind it. */
const CONTRAST = `(() => {
  const light = (color) => {
    const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((it) => it / 255).map((it) => it <= 0.04045 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const behind = (it) => {
    for (; it; it = it.parentElement) {
      const color = getComputedStyle(it).backgroundColor;
      if (!/, 0\\)$/.test(color) && color !== "transparent") return color;
    }
    return "rgb(255, 255, 255)";
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let worst = [21, ""];
  for (let seen = 0; walker.nextNode() && seen < 20000; seen += 1) {
    const it = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || it.closest("svg, script, style, option, [hidden]")) continue;
    const [a, b] = [light(getComputedStyle(it).color), light(behind(it))];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < worst[0]) worst = [contrast, it.outerHTML.slice(0, 80)];
  }
  return worst;
})()`;

async function eyes(page) {
  for (const scheme of ["light", "dark"]) {
    await page.call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    const worst = await page.run(CONTRAST);
    check(`texts stand out, ${scheme}`, worst[0] >= 4.5, worst);
    await page.run("document.activeElement.blur(); scrollTo({ top: 0, behavior: 'instant' })");
    await sleep(200);
    await page.picture(pictures, `${name}-1-${scheme}`);
  }
  await page.call("Emulation.setEmulatedMedia", { media: "print", features: [] });
  check("on paper there is no filter", await page.run('getComputedStyle(document.querySelector("form.filter")).display === "none"'));
  await page.picture(pictures, `${name}-4-paper`);
  await page.call("Emulation.setEmulatedMedia", { media: "", features: [] });
  await page.call("Emulation.setDeviceMetricsOverride", { width: 390, height: 844, deviceScaleFactor: 2, mobile: true });
  await sleep(300);
  const width = await page.run("document.documentElement.scrollWidth");
  check("a phone needs no scrolling sideways", width <= 390, width);
  await page.picture(pictures, `${name}-5-phone`);
  await page.run("(document.querySelector('[data-card=\"cases\"]') ?? document.getElementById('requirements')).scrollIntoView({ behavior: 'instant' })");
  await sleep(200);
  await page.picture(pictures, `${name}-6-phone`);
  await page.call("Emulation.clearDeviceMetricsOverride");
}

async function withoutScripts(page) {
  await page.call("Emulation.setScriptExecutionDisabled", { value: true });
  await page.call("Page.reload");
  await sleep(300);
  const query = async (selector) => {
    const { root } = await page.call("DOM.getDocument", { depth: 1 });
    return (await page.call("DOM.querySelectorAll", { nodeId: root.nodeId, selector })).nodeIds.length;
  };
  await eventually("the page without scripts", async () => (await query("footer")) > 0 && (await query("form.filter[hidden]")) === 1);
  check("without scripts everything is there", (await query("[data-card]")) > 0 && (await query("[data-card][hidden]")) === 0);
  check("and nothing that needs them", (await query("form.filter[hidden]")) === 1 && (await query(".copy button:not([hidden])")) === 0);
}

async function look(page) {
  await page.go(address);
  const title = await page.run("document.title");
  check("it opens from disk", title.length > 10, title);
  check("what a gateway said does nothing", title !== "broken into" && (await page.run("document.scripts.length")) === 1);
  await filter(page);
  if (await page.run('!!document.querySelector(\'[data-card="cases"]\')')) await report(page);
  await access(page);
  await eyes(page);
  await withoutScripts(page);
  check("the browser has nothing to say", page.messages.length === 0, page.messages);
  const others = page.asked.filter((it) => it.split("#")[0] !== address && !it.startsWith("data:"));
  check("nothing else was loaded", others.length === 0, others);
}

if (!fs.existsSync(file)) {
  console.log(`FAIL ${file} is not there`);
  process.exit(1);
}
const browser = await Browser.start(chromium, scratch);
try {
  await look(browser.page);
} catch (error) {
  check(String(error), false);
} finally {
  await browser.end();
}
process.exit(failures === 0 ? 0 : 1);
