// Filters, kept in the address behind its `#`, so that a view can be linked to; copying; and the way to what a link names.
"use strict";
(() => {
  const form = document.querySelector("form.filter");
  const count = document.getElementById("count");
  const cards = [...document.querySelectorAll("[data-card]")];
  const fields = [...form.querySelectorAll("[name]")];
  const texts = new Map();
  let saving = 0;

  const textOf = (card) => {
    if (!texts.has(card)) texts.set(card, card.textContent.toLowerCase());
    return texts.get(card);
  };

  const has = (list, word) => list.split("|").includes(word);

  function matches(card, wanted) {
    const { status = "", area = "", level = "" } = card.dataset;
    return (!wanted.status || has(status, wanted.status))
      && (!wanted.area || area === wanted.area)
      && (!wanted.level || has(level, wanted.level))
      && wanted.q.every((word) => textOf(card).includes(word));
  }

  function wanted() {
    const values = Object.fromEntries(fields.map((it) => [it.name, it.value]));
    return { ...values, q: (values.q ?? "").toLowerCase().split(/\s+/).filter(Boolean) };
  }

  /** Shows what matches, and says how much that is. */
  function apply() {
    const all = new Map();
    const now = wanted();
    for (const card of cards) {
      const { card: kind } = card.dataset;
      const [shown, of] = all.get(kind) ?? [0, 0];
      const holds = matches(card, now);
      card.hidden = !holds;
      all.set(kind, [shown + (holds ? 1 : 0), of + 1]);
    }
    for (const group of document.querySelectorAll("[data-group]")) {
      group.hidden = !cards.some((it) => !it.hidden && it.dataset.area === group.dataset.group);
    }
    count.textContent = [...all].map(([kind, [shown, of]]) => `${shown} of ${of} ${kind}`).join(", ");
  }

  /** Writes the filters into the address, once nobody has typed for a moment. */
  function save() {
    clearTimeout(saving);
    const before = location.hash;
    saving = setTimeout(() => {
      if (location.hash !== before) return; // Somebody followed a link meanwhile.
      const set = fields.filter((it) => it.value).map((it) => [it.name, it.value]);
      history.replaceState(null, "", set.length ? `#${new URLSearchParams(set)}` : location.pathname + location.search);
    }, 150);
  }

  function changed() {
    apply();
    save();
  }

  function set(values) {
    for (const field of fields) field.value = values[field.name] ?? "";
    apply();
  }

  /** What stands behind the `#`: filters, or the name of something on the page, which is then shown and opened. */
  function follow() {
    const hash = decodeURIComponent(location.hash.slice(1));
    if (hash.includes("=")) return set(Object.fromEntries(new URLSearchParams(location.hash.slice(1))));
    const target = hash && document.getElementById(hash);
    if (!target) return hash ? undefined : set({});
    if (target.hidden) set({});
    const details = target.querySelector("details");
    if (details) details.open = true;
    target.scrollIntoView();
  }

  async function copy(button) {
    const text = button.parentElement.querySelector("pre").textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(button.parentElement.querySelector("pre"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  }

  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", changed);
  form.addEventListener("reset", () => setTimeout(changed));
  for (const button of document.querySelectorAll(".copy button")) {
    button.hidden = false;
    button.addEventListener("click", () => copy(button));
  }
  for (const button of document.querySelectorAll("[data-filter]")) {
    button.addEventListener("click", () => {
      set(Object.fromEntries(new URLSearchParams(button.dataset.filter)));
      save();
      form.scrollIntoView();
    });
  }
  document.addEventListener("keydown", (event) => {
    const isTyping = event.target.closest("input, select, textarea");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      form.querySelector("[name=q]").focus();
    }
  });
  addEventListener("hashchange", follow);
  apply();
  follow();
})();
