// Training over time: what a Recorder kept, step by step, as lines and as colours on the picture.

const HISTORY = DATA.history ?? null;
const SHADES = 9; // of the colour scale: .heat-0 ... .heat-8
const MEASURES = { gradient: "of_gradient", norm: "of_norm", update: "of_update" };
const CHART = { width: 330, height: 150, left: 44, right: 6, top: 8, bottom: 20 };

let measure = "gradient";
let moment = HISTORY ? HISTORY.steps.length - 1 : 0;
let isPainted = HISTORY !== null;
let scale = null; // {low, high} of the measure's logarithm over all steps

/** Lists [path, numbers] of every module and parameter that has the measure. */
function recorded() {
  if (measure === "update") {
    return Object.entries(HISTORY.parameters).filter(([, c]) => c.update).map(([path, c]) => [
      path, c.update.map((u, i) => (u === null || !c.norm[i] ? null : u / c.norm[i])),
    ]);
  }
  return [...Object.entries(HISTORY.modules), ...Object.entries(HISTORY.parameters)]
    .filter(([, columns]) => columns[measure])
    .map(([path, columns]) => [path, columns[measure]]);
}

const lines = new Map(); // path -> numbers, of the measure that is shown
const pathOfNode = new Map(); // id -> the path that was recorded, if any

function prepare() {
  lines.clear();
  for (const [path, numbers] of recorded()) lines.set(path, numbers);
  const logs = [...lines.values()].flat().filter((v) => v > 0).map(Math.log10);
  const low = logs.reduce((a, b) => Math.min(a, b), Infinity);
  const high = logs.reduce((a, b) => Math.max(a, b), -Infinity);
  scale = Number.isFinite(low) ? { low, high: Math.max(high, low + 0.1) } : { low: -1, high: 0 };
  pathOfNode.clear();
  for (const node of DATA.nodes) {
    const own = node.kind === "leaf" && node.name ? matching(node.name) : null;
    let path = own;
    for (let g = node.group; g && !path && node.kind !== "leaf"; g = groups.get(g).parent) {
      path = matching(groups.get(g).path);
    }
    if (path) pathOfNode.set(node.id, path);
  }
  for (const group of groups.values()) {
    const path = matching(group.path);
    if (path) pathOfNode.set(group.id, path);
  }
}

/** Finds what was recorded of a path; in the picture it may begin with the model's own name. */
function matching(path) {
  for (let rest = path; rest; ) {
    if (lines.has(rest)) return rest;
    const dot = rest.indexOf(".");
    rest = dot < 0 ? "" : rest.slice(dot + 1);
  }
  return null;
}

function shade(value) {
  if (!(value > 0)) return 0;
  const share = (Math.log10(value) - scale.low) / (scale.high - scale.low);
  return Math.max(0, Math.min(SHADES - 1, Math.floor(share * SHADES)));
}

/** Gives the class that paints a box by what was recorded of it. */
function heatOf(id) {
  if (!isPainted) return [];
  const path = pathOfNode.get(id);
  const value = path === undefined ? null : lines.get(path)[moment];
  return value === null || value === undefined ? ["heat-none"] : [`heat heat-${shade(value)}`];
}

function setMoment(place) {
  moment = Math.max(0, Math.min(HISTORY.steps.length - 1, place));
  showMoment();
  ask();
}

function showTraining() {
  if (!HISTORY) return;
  prepare();
  const card = byId("training");
  card.hidden = false;
  const choice = el("select", {
    id: "measure", "aria-label": word("measure"),
    onchange: (event) => {
      measure = event.target.value;
      showTraining();
      byId("measure").focus();
      ask();
    },
  }, Object.entries(MEASURES).map(([m, key]) =>
    el("option", { value: m, selected: m === measure }, word(key))));
  const paint = el("button", {
    type: "button", id: "paint", "aria-pressed": String(isPainted),
    onclick: () => {
      isPainted = !isPainted;
      byId("paint").setAttribute("aria-pressed", String(isPainted));
      ask();
    },
  }, word("paint"));
  const slider = el("input", {
    type: "range", id: "moment", min: 0, max: HISTORY.steps.length - 1, value: moment,
    "aria-label": word("training"), oninput: (event) => setMoment(Number(event.target.value)),
  });
  const shades = Array.from({ length: SHADES }, (_, i) => el("i", { class: `heat-${i}` }));
  replaceChildren(card,
    el("h2", {}, word("training")),
    el("p", { class: "controls" }, choice, paint),
    el("p", { class: "phase", id: "moment-text", role: "status" }),
    slider,
    chart(),
    el("p", { class: "shades" }, tick(10 ** scale.low), el("span", {}, shades),
      tick(10 ** scale.high), el("span", { class: "note" }, word("log_scale"))),
    hasLosses() && [el("h3", {}, word("loss")), lossChart()]);
  showMoment();
}

function showMoment() {
  const step = HISTORY.steps[moment];
  const loss = HISTORY.losses[moment];
  const path = pathOfNode.get(selected);
  const parts = [word("training_step", { step })];
  if (loss !== null && loss !== undefined) parts.push(`${word("loss")} ${number(loss)}`);
  if (path !== undefined) {
    const value = lines.get(path)[moment];
    parts.push(`${path}: ${value === null ? word("unknown") : number(value)}`);
  }
  byId("moment-text").textContent = parts.join(" · ");
  byId("moment").value = String(moment);
  byId("moment").setAttribute("aria-valuetext", parts[0]);
  for (const line of document.querySelectorAll("#training .cursor")) {
    line.setAttribute("x1", across(moment));
    line.setAttribute("x2", across(moment));
  }
  for (const line of document.querySelectorAll("#training [data-path]")) {
    line.classList.toggle("chosen", line.dataset.path === path);
  }
}

function across(i) {
  const room = CHART.width - CHART.left - CHART.right;
  return CHART.left + (room * i) / Math.max(1, HISTORY.steps.length - 1);
}

function drawnLines(entries, height, toShare) {
  const room = height - CHART.top - CHART.bottom;
  return entries.map(([path, numbers], k) => {
    let d = "";
    let isPen = false;
    numbers.forEach((value, i) => {
      const share = value === null ? NaN : toShare(value);
      if (!Number.isFinite(share)) isPen = false;
      else {
        const y = CHART.top + room * (1 - share);
        d += `${isPen ? "L" : "M"}${across(i).toFixed(1)} ${y.toFixed(1)}`;
        isPen = true;
      }
    });
    const tone = Math.round((k / Math.max(1, entries.length - 1)) * (SHADES - 2));
    return svg("path", { d, class: `trend tone-${tone}`, "data-path": path },
      svg("title", {}, path));
  });
}

/** Writes a number short enough to stand beside an axis. */
function tick(value) {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.01 || size >= 10 ** 4)) {
    return value.toExponential(1).replace(".0e", "e").replace("e+", "e").replaceAll("-", "−");
  }
  return number(value, 3);
}

function axes(height, ticks) {
  const bottom = height - CHART.bottom;
  const first = String(HISTORY.steps[0]);
  const last = String(HISTORY.steps.at(-1));
  return [
    ticks.map(([share, text]) => {
      const y = CHART.top + (bottom - CHART.top) * (1 - share);
      return [svg("line", { class: "grid", x1: CHART.left, x2: CHART.width - CHART.right, y1: y, y2: y }),
        svg("text", { x: CHART.left - 5, y: y + 4, "text-anchor": "end" }, text)];
    }),
    svg("text", { x: CHART.left, y: height - 5 }, first),
    svg("text", { x: CHART.width - CHART.right, y: height - 5, "text-anchor": "end" }, last),
    svg("line", { class: "cursor", y1: CHART.top, y2: bottom }),
  ].flat(2);
}

function plotted(height, name, parts) {
  return svg("svg", {
    class: "plot", viewBox: `0 0 ${CHART.width} ${height}`, role: "img", "aria-label": name,
    onclick: (event) => {
      const box = event.currentTarget.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * CHART.width;
      const room = CHART.width - CHART.left - CHART.right;
      setMoment(Math.round(((x - CHART.left) / room) * (HISTORY.steps.length - 1)));
    },
  }, parts);
}

function chart() {
  const toShare = (v) => (v > 0 ? (Math.log10(v) - scale.low) / (scale.high - scale.low) : NaN);
  const ticks = [0, 0.5, 1].map((s) => [
    s, tick(10 ** (scale.low + s * (scale.high - scale.low))),
  ]);
  return plotted(CHART.height, `${word("training")}: ${word(MEASURES[measure])}`,
    [...axes(CHART.height, ticks), ...drawnLines([...lines], CHART.height, toShare)]);
}

const hasLosses = () => HISTORY.losses.some((v) => v !== null);

function lossChart() {
  const known = HISTORY.losses.filter((v) => v !== null);
  const low = Math.min(...known);
  const high = Math.max(...known);
  const toShare = (v) => (high > low ? (v - low) / (high - low) : 0.5);
  const height = 96;
  return plotted(height, word("loss"), [
    ...axes(height, high > low ? [[0, tick(low)], [1, tick(high)]] : [[0.5, tick(low)]]),
    ...drawnLines([["", HISTORY.losses]], height, toShare),
  ]);
}

