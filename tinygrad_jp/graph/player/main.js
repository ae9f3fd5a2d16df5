// The frame: buttons, keys, search, language, theme.

/** Chooses a node, or none, and shows it in the panel. */
function choose(id, closer = false) {
  selected = id;
  if (id && closer) {
    unfoldAround(id);
    reveal([id], true);
  }
  showDetails();
  if (HISTORY) showMoment();
  ask();
  if (id && matchMedia("(max-width: 760px)").matches) {
    byId("details").scrollIntoView({ block: "nearest", behavior: CALM.matches ? "auto" : "smooth" });
  }
}

// ── search ──

const search = byId("search");
const list = byId("found");
const MOST_FOUND = 60;
let option = -1;

function searchable(node) {
  if (node.searched === undefined) {
    const group = node.group ? groups.get(node.group).path : "";
    const texts = [node.id, node.title, node.name, node.operation, node.shape, node.dtype, group];
    node.searched = texts.flat().filter(Boolean).join(" ").toLowerCase();
  }
  return node.searched;
}

function find() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  const hits = words.length
    ? DATA.nodes.filter((n) => words.every((w) => searchable(n).includes(w))) : [];
  foundIds = new Set(hits.map((n) => holder(n.id)));
  option = -1;
  search.removeAttribute("aria-activedescendant");
  list.hidden = !words.length;
  search.setAttribute("aria-expanded", String(!list.hidden));
  replaceChildren(list,
    hits.slice(0, MOST_FOUND).map((node, i) => el("li", {
      role: "option", id: `option-${i}`, "aria-selected": "false",
      onpointerdown: (event) => event.preventDefault(),
      onclick: () => take(node.id),
    }, el("span", { class: `dot ${node.kind}` }), said(node.title),
    el("small", {}, [node.id, node.operation !== said(node.title) && node.operation, node.shape]
      .filter(Boolean).join(" · ")))),
    words.length > 0 && el("li", { class: "note", role: "presentation" },
      hits.length ? word("found", { count: hits.length }) : word("nothing_found")));
  list.ids = hits.slice(0, MOST_FOUND).map((n) => n.id);
  ask();
}

function take(id) {
  closeSearch();
  choose(id, true);
}

function closeSearch() {
  list.hidden = true;
  search.setAttribute("aria-expanded", "false");
}

function moveOption(by) {
  if (!list.ids?.length) return;
  list.children[option]?.setAttribute("aria-selected", "false");
  option = (option + by + list.ids.length) % list.ids.length;
  const chosen = list.children[option];
  chosen.setAttribute("aria-selected", "true");
  chosen.scrollIntoView({ block: "nearest" });
  search.setAttribute("aria-activedescendant", chosen.id);
}

search.addEventListener("input", find);
search.addEventListener("focus", () => search.value && find());
search.addEventListener("blur", closeSearch);
search.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    moveOption(event.key === "ArrowDown" ? 1 : -1);
  } else if (event.key === "Enter" && list.ids?.length) {
    take(list.ids[Math.max(0, option)]);
    stage.focus();
  } else if (event.key === "Escape") {
    search.value = "";
    find();
    stage.focus();
    event.stopPropagation();
  }
});

// ── language, theme, folding ──

function setLanguage(which) {
  language = which;
  document.documentElement.lang = which ? "en" : "ja";
  showFrame();
  redraw();
  showPlace();
  showStep();
  showDetails();
  showTraining();
  if (!list.hidden) find();
}

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
const isDark = () => (
  document.documentElement.dataset.theme || (prefersDark.matches ? "dark" : "light")) === "dark";

function switchTheme() {
  document.documentElement.dataset.theme = isDark() ? "light" : "dark";
  showFrame();
}
prefersDark.addEventListener("change", () => showFrame());

function showFolds() {
  const button = byId("fold");
  button.hidden = groups.size === 0;
  button.textContent = word(folded.size ? "unfold_all" : "fold_all");
  button.title = word("fold_help");
  button.setAttribute("aria-pressed", String(folded.size > 0));
  nowHolders = new Set(nowNodes().map(holder));
  foundIds = new Set([...foundIds].filter((id) => nodes.has(id)).map(holder));
  showDetails();
}

// ── keys ──

const KEYS = [
  ["key_step", ["→", "←"]], ["key_ends", ["Home", "End"]], ["key_play", ["Space"]],
  ["key_move", ["Shift + ← ↑ → ↓"]], ["key_zoom", ["+", "−", "0"]], ["key_search", ["/"]],
  ["key_close", ["Esc"]], ["key_fold", ["G"]], ["key_language", ["L"]], ["key_theme", ["D"]],
  ["key_help", ["?"]],
];

function showHelp() {
  const dialog = byId("shortcuts");
  replaceChildren(dialog,
    el("h2", { id: "shortcuts-title" }, word("help")),
    el("dl", {}, KEYS.map(([key, caps]) => [
      el("dt", {}, caps.map((cap) => el("kbd", {}, cap))), el("dd", {}, word(key)),
    ])),
    el("form", { method: "dialog" }, el("button", { class: "main" }, word("close"))));
  dialog.setAttribute("aria-labelledby", "shortcuts-title");
  dialog.showModal();
}
// the form is sent nowhere: it closes the dialog, also where a policy forbids forms
byId("shortcuts").addEventListener("submit", (event) => {
  event.preventDefault();
  byId("shortcuts").close();
});
byId("shortcuts").addEventListener("click", (event) => {
  if (event.target === byId("shortcuts")) byId("shortcuts").close();
});

const PAN = { ArrowLeft: [60, 0], ArrowRight: [-60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] };
const ACTIONS = {
  ArrowRight: stepForth, ArrowLeft: stepBack,
  Home: () => goTo(0), End: () => goTo(STEPS.length),
  " ": () => (isPlaying() ? pause() : play()),
  "+": () => zoomBy(ZOOM.step), ";": () => zoomBy(ZOOM.step), "=": () => zoomBy(ZOOM.step),
  "-": () => zoomBy(1 / ZOOM.step), 0: fit,
  "/": () => search.focus(), "?": showHelp,
  g: () => groups.size && foldAll(folded.size === 0),
  l: () => setLanguage(1 - language), d: switchTheme,
  Escape: () => (isPlaying() ? pause() : choose(null)),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("shortcuts").open) return;
  const at = event.target;
  if (at.matches("input:not([type=range]), select, textarea")) return;
  if (event.key === " " && at.matches("button, summary")) return; // it presses the button
  if (at.matches("#moment") && /^(Arrow|Home|End)/.test(event.key)) return; // it moves that slider
  if (event.shiftKey && PAN[event.key]) {
    panBy(...PAN[event.key]);
    event.preventDefault();
    return;
  }
  const action = ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return;
  event.preventDefault();
  if (isPlaying() && event.key !== " " && event.key !== "Escape") pause();
  action();
});

// ── the buttons ──

const BUTTONS = {
  first: ["to_first", () => goTo(0)], back: ["step_back", stepBack],
  play: ["play", () => (isPlaying() ? pause() : play())],
  forth: ["step_forth", stepForth], last: ["to_last", () => goTo(STEPS.length)],
  closer: ["closer", () => zoomBy(ZOOM.step)], farther: ["farther", () => zoomBy(1 / ZOOM.step)],
  fit: ["fit_help", fit], help: ["help", showHelp],
};
for (const [id, [, action]] of Object.entries(BUTTONS)) {
  byId(id).addEventListener("click", () => {
    if (isPlaying() && ["first", "back", "forth", "last"].includes(id)) pause();
    action();
  });
}
byId("fold").addEventListener("click", () => foldAll(folded.size === 0));
byId("language").addEventListener("click", () => setLanguage(1 - language));
byId("theme").addEventListener("click", switchTheme);
byId("slider").addEventListener("input", (event) => {
  if (isPlaying()) pause();
  goTo(Number(event.target.value));
});

/** Writes every word of the frame in the language in force. */
function showFrame() {
  for (const [id, [key]] of Object.entries(BUTTONS)) {
    byId(id).setAttribute("aria-label", word(key));
    byId(id).title = word(key);
  }
  byId("fit").textContent = word("fit");
  byId("language").textContent = word("other_language");
  byId("language").lang = language ? "ja" : "en";
  byId("theme").textContent = word(isDark() ? "light" : "dark");
  search.placeholder = word("search");
  search.setAttribute("aria-label", word("search"));
  list.setAttribute("aria-label", word("search"));
  stage.setAttribute("aria-label", word("stage", { nodes: DATA.nodes.length, edges: DATA.edges.length }));
  byId("slider").setAttribute("aria-label", word("slider"));
  byId("speed").setAttribute("aria-label", word("speed"));
  byId("speed").title = word("speed");
  const forward = FORWARD_STEPS / Math.max(1, STEPS.length);
  replaceChildren(byId("phases"),
    svg("svg", { viewBox: "0 0 100 4", preserveAspectRatio: "none" },
      svg("rect", { class: "forwards", width: forward * 100, height: 4 }),
      svg("rect", { class: "backwards", x: forward * 100, width: 100 - forward * 100, height: 4 })),
    forward > 0 && el("span", {}, word("forward")),
    forward < 1 && el("span", { id: "turn" }, word("backward")));
  if (forward < 1) byId("turn").style.left = `${Math.max(forward > 0 ? 14 : 0, Math.min(80, forward * 100))}%`;
  const kinds = ["leaf", "operation", "constant"].filter((k) => DATA.nodes.some((n) => n.kind === k));
  replaceChildren(byId("legend"), kinds.map((kind) =>
    el("li", {}, el("span", { class: `dot ${kind}` }), word(kind))));
  showPlaying();
  showFolds();
}

for (const speed of [0.5, 1, 2, 4, 16]) {
  byId("speed").append(el("option", { value: speed, selected: speed === 1 }, `${speed}×`));
}
byId("slider").max = String(STEPS.length);

const MANY = 120; // nodes above which a graph of modules opens folded
for (const id of DATA.folded ?? (DATA.nodes.length > MANY ? outermost() : [])) folded.add(id);
if (folded.size) picture = arrange();
let offPaper = null;
addEventListener("beforeprint", () => {
  offPaper ??= onPaper();
});
addEventListener("afterprint", () => {
  offPaper?.();
  offPaper = null;
});
document.documentElement.lang = language ? "en" : "ja";
showFrame();
showPlace();
showStep();
showDetails();
showTraining();
openView();
draw();
document.documentElement.dataset.ready = "true";
