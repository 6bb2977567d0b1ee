
"use strict";
(() => {
  const element = (id) => document.getElementById(id);
  const changes = [...document.querySelectorAll("details.change")].map((fold) => ({
    fold,
    item: fold.parentElement,
    summary: fold.querySelector("summary"),
    action: fold.dataset.action,
    text: [".address", ".reason", ".source"].map((part) => fold.querySelector(part).textContent).join("\n").toLowerCase(),
    shown: true,
  }));
  const filters = [...document.querySelectorAll("button[data-filter]")];
  const search = element("search");
  const group = element("unchanged");
  const help = element("help");
  const unfold = element("unfold");
  const pressed = new Set();

  /* An unchanged row counts as shown only where somebody asked for it. */
  const asked = () => pressed.size > 0 || search.value.trim() !== "";
  const shown = () => changes.filter((change) => change.shown && (change.action !== "noop" || group.open));

  function choose() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const change of changes) {
      change.shown = (pressed.size === 0 || pressed.has(change.action)) && words.every((word) => change.text.includes(word));
      change.item.hidden = !change.shown;
    }
    for (const button of filters) button.setAttribute("aria-pressed", String(pressed.has(button.dataset.filter)));
    if (group) {
      group.hidden = !changes.some((change) => change.shown && change.action === "noop");
      group.open = asked() && !group.hidden;
    }
    const list = document.querySelector("#changes > .rows");
    if (list) list.hidden = !changes.some((change) => change.shown && change.action !== "noop");
    element("none").hidden = changes.some((change) => change.shown);
    element("clear").hidden = !asked();
    tell();
  }

  function tell() {
    const visible = shown();
    element("shown").textContent = `${visible.length} of ${changes.length} shown`;
    unfold.textContent = visible.length > 0 && visible.every((change) => change.fold.open) ? "Fold all" : "Unfold all";
  }

  function clear() {
    pressed.clear();
    search.value = "";
    choose();
  }

  function unfoldAll() {
    const visible = shown();
    const open = !visible.every((change) => change.fold.open);
    for (const change of visible) change.fold.open = open;
    tell();
  }

  function move(step) {
    const visible = shown();
    if (visible.length === 0) return;
    const at = visible.findIndex((change) => change.fold.contains(document.activeElement));
    const next = at < 0 ? (step > 0 ? 0 : visible.length - 1) : Math.min(Math.max(at + step, 0), visible.length - 1);
    visible[next].summary.focus();
    visible[next].summary.scrollIntoView({ block: "nearest" });
  }

  function follow() {
    let address = "";
    try {
      address = decodeURIComponent(location.hash.slice(1));
    } catch {
      return;
    }
    const found = changes.find((change) => change.fold.id === address);
    if (!found) return;
    if (!found.shown) clear();
    if (found.action === "noop") group.open = true;
    found.fold.open = true;
    found.summary.focus();
    found.fold.scrollIntoView();
    tell();
  }

  function isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  function nameTheme() {
    element("theme").textContent = isDark() ? "Light" : "Dark";
    element("theme").setAttribute("aria-label", isDark() ? "Light colours" : "Dark colours");
  }

  const keys = {
    "/": () => search.select(),
    j: () => move(1),
    k: () => move(-1),
    e: unfoldAll,
    o: () => {
      const found = changes.find((change) => change.fold.contains(document.activeElement));
      if (found) {
        found.fold.open = !found.fold.open;
        found.summary.focus();
      }
    },
    "?": () => help.showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (event.key === "Escape") {
      clear();
      search.blur();
      return;
    }
    if (event.target === search) {
      if (event.key === "Enter") move(1);
      return;
    }
    if (Object.hasOwn(keys, event.key)) {
      event.preventDefault();
      keys[event.key]();
    }
  });

  for (const button of filters) {
    const action = button.dataset.filter;
    button.disabled = !changes.some((change) => change.action === action);
    button.addEventListener("click", () => {
      if (!pressed.delete(action)) pressed.add(action);
      choose();
    });
  }
  search.addEventListener("input", choose);
  element("clear").addEventListener("click", clear);
  unfold.addEventListener("click", unfoldAll);
  let told = false;
  const tellSoon = () => {
    if (told) return;
    told = true;
    requestAnimationFrame(() => {
      told = false;
      tell();
    });
  };
  element("changes").addEventListener("toggle", tellSoon, true);
  element("help-open").addEventListener("click", () => help.showModal());
  element("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    nameTheme();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", nameTheme);
  addEventListener("hashchange", follow);

  /* Where the print stylesheet cannot open what is folded, this does; afterwards all is as it was. */
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not(.sent):not([open])")];
    for (const fold of opened) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of opened) fold.open = false;
  });

  for (const id of ["tools", "find", "shown-line"]) element(id).hidden = false;
  nameTheme();
  choose();
  /* Once loaded, the browser goes to the fragment by itself, and takes the focus away. */
  addEventListener("load", () => requestAnimationFrame(follow));
})();
