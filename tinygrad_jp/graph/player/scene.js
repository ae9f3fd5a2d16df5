// The picture: pan, zoom, and drawing no more than can be seen.
//
// Near, each box is an element of its own, with its text. Far (many boxes in sight), all boxes of
// one look are one path, so that thousands of them are moved and painted as fast as a few.

const stage = byId("stage");
const canvas = byId("canvas");
const world = byId("world");
const MOST_NEAR = 450; // boxes in sight that are drawn one by one
const ZOOM = { least: 0.02, most: 4, step: 1.25 }; // least: or what shows the whole graph

const layers = Object.fromEntries(
  ["frames", "far", "lines", "flow", "boxes", "labels"].map((name) => {
    const layer = svg("g", { class: name });
    world.append(layer);
    return [name, layer];
  }),
);
byId("defs").append(
  arrow("arrow", ""), arrow("arrow-now", "now"), arrow("arrow-back", "back"));

function arrow(id, kind) {
  return svg("marker", {
    id, class: `arrow ${kind}`, viewBox: "0 0 10 10", refX: 9.5, refY: 5, markerWidth: 8,
    markerHeight: 8, markerUnits: "userSpaceOnUse", orient: "auto-start-reverse",
  }, svg("path", { d: "M0 1L10 5L0 9z" }));
}

let picture = arrange();
let view = { x: 0, y: 0, zoom: 1 }; // pixels on the stage = place * zoom + (x, y)
let selected = null; // a node's or a group's id
let foundIds = new Set();
let isFar = false;
const drawn = { boxes: new Map(), lines: new Map(), frames: new Map() };
let isAsked = false;

/** Draws soon; often asked, once done. */
function ask() {
  if (isAsked) return;
  isAsked = true;
  requestAnimationFrame(() => {
    isAsked = false;
    draw();
  });
}

let room = stage.getBoundingClientRect(); // asked for again only when it changes
new ResizeObserver(() => {
  room = stage.getBoundingClientRect();
  ask();
}).observe(stage);

let isPrinting = false;

function inSight() {
  if (isPrinting) return { left: -Infinity, top: -Infinity, right: Infinity, bottom: Infinity };
  const { width, height } = room;
  const margin = 40 / view.zoom;
  const left = -view.x / view.zoom - margin;
  const top = -view.y / view.zoom - margin;
  return {
    left, top,
    right: left + width / view.zoom + 2 * margin, bottom: top + height / view.zoom + 2 * margin,
  };
}

const boxMeets = (b, s) => b.x - b.w / 2 < s.right && b.x + b.w / 2 > s.left &&
  b.y - b.h / 2 < s.bottom && b.y + b.h / 2 > s.top;
const lineMeets = (b, s) => b.left < s.right && b.right > s.left && b.top < s.bottom &&
  b.bottom > s.top;

function draw() {
  world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.zoom})`);
  const sight = inSight();
  const boxes = [...picture.boxes].filter(([, b]) => boxMeets(b, sight));
  isFar = boxes.length > MOST_NEAR;
  stage.classList.toggle("is-far", isFar);
  stage.classList.toggle("is-small", view.zoom < 0.3);
  const least = isFar ? 40 / view.zoom : 0; // narrower frames are not to be made out
  const frames = picture.frames.filter((f) => f.w > least && boxMeets(f, sight));
  keep(drawn.frames, frames.map((f) => [f.group.id, f]), layers.frames, drawFrame, () => "");
  if (isFar) {
    keep(drawn.boxes, [], layers.boxes, drawBox, boxClass);
    keep(drawn.lines, [], layers.lines, drawLine, lineClass);
    drawFar();
  } else {
    layers.far.replaceChildren();
    keep(drawn.boxes, boxes, layers.boxes, drawBox, boxClass);
    const lines = [...picture.lines].filter(([, line]) => lineMeets(line.box, sight));
    keep(drawn.lines, lines, layers.lines, drawLine, lineClass);
  }
  drawFlow();
  byId("farther").disabled = view.zoom <= ZOOM.least;
  byId("closer").disabled = view.zoom >= ZOOM.most;
}

/** Keeps as many elements as are wanted: makes those that lack, drops those out of sight. */
function keep(now, wanted, layer, make, classOf) {
  const ids = new Set();
  const fresh = [];
  for (const [id, thing] of wanted) {
    ids.add(id);
    let element = now.get(id);
    if (!element) {
      element = make(id, thing);
      now.set(id, element);
      fresh.push(element);
    }
    const name = classOf(id, thing);
    if (name && element.getAttribute("class") !== name) element.setAttribute("class", name);
  }
  if (now.size > ids.size) {
    for (const [id, element] of now) {
      if (!ids.has(id)) {
        element.remove();
        now.delete(id);
      }
    }
  }
  layer.append(...fresh);
}

/** Forgets what is drawn, as after a fold or a change of language. */
function redraw() {
  for (const part of Object.values(drawn)) {
    for (const element of part.values()) element.remove();
    part.clear();
  }
  picture = arrange();
  ask();
}

// ── the parts ──

const CORNER = { leaf: 5, operation: 14, constant: 3, module: 8 };

function drawBox(id, box) {
  const left = -box.w / 2;
  const made = svg("g", { transform: `translate(${box.x} ${box.y})`, "data-id": id });
  if (groups.has(id)) {
    const group = groups.get(id);
    made.append(
      svg("rect", { x: left + 4, y: -box.h / 2 - 4, width: box.w, height: box.h, rx: 8, class: "behind" }),
      svg("rect", { x: left, y: -box.h / 2, width: box.w, height: box.h, rx: 8 }),
      svg("text", { x: left + 14, y: -4, class: "title" }, `＋ ${groupTitle(group)}`),
      svg("text", { x: left + 14, y: 14, class: "shape" }, word("members", { count: group.every.length })));
    return made;
  }
  if (layout.references[id]) {
    const target = layout.references[id];
    const name = groups.has(target) ? groupTitle(groups.get(target)) : said(nodes.get(target).title);
    made.append(
      svg("rect", { x: left, y: -box.h / 2, width: box.w, height: box.h, rx: box.h / 2 }),
      svg("text", { x: left + 12, y: 4, class: "shape" }, `↑ ${name}`));
    return made;
  }
  const node = nodes.get(id);
  made.append(svg("rect", {
    x: left, y: -box.h / 2, width: box.w, height: box.h, rx: CORNER[node.kind],
  }));
  let y = -box.h / 2 + 6;
  for (const [role, ...texts] of node.card) {
    y += role === "title" ? 20 : 16;
    made.append(svg("text", { x: left + 12, y: y - 5, class: role }, texts[language] ?? texts[0]));
  }
  return made;
}

function boxClass(id) {
  const marks = [];
  if (id === selected) marks.push("selected");
  if (foundIds.has(id)) marks.push("found");
  if (layout.references[id]) return ["reference", ...marks].join(" ");
  if (groups.has(id)) {
    if (isNow(id)) marks.push("now", nowPhase());
    return ["box module", ...marks, ...heatOf(id)].join(" ").trim();
  }
  const node = nodes.get(id);
  marks.unshift("box", node.kind);
  if (node.output) marks.push("output");
  if (!isComputed(id)) marks.push("waiting");
  if (!isArrived(id)) marks.push("no-gradient");
  if (isNow(id)) marks.push("now", nowPhase());
  if (node.mark) marks.push("marked");
  if (node.path) marks.push("path");
  return marks.concat(heatOf(id)).join(" ").trim();
}

function drawFrame(id, frame) {
  const { group, x, y, w, h } = frame;
  const left = x - w / 2;
  const top = y - h / 2;
  return svg("g", { class: "frame", "data-id": id },
    svg("rect", { x: left, y: top, width: w, height: h, rx: 10 }),
    svg("text", { x: left + 12, y: top + 18, class: "title" }, `－ ${groupTitle(group)}`));
}

function drawLine(id, line) {
  const made = svg("g", {}, svg("path", { d: pathOf(line.points), "marker-end": "url(#arrow)" }));
  const edge = line.edges.length === 1 && DATA.edges[line.edges[0]];
  if (edge && edge.name) {
    const { x, y } = along(line.points, 0.8);
    made.append(svg("text", { x, y: y - 5, class: "argument" }, edge.name));
  }
  if (edge && edge.contribution !== null && DATA.nodes.length <= 200) {
    const numbers = numbersOf(edge.contribution);
    if (numbers && numbers.length === 1) {
      const { x, y } = along(line.points, 0.5);
      made.append(svg("text", { x, y: y + 14, class: "contribution" }, number(numbers[0])));
    }
  }
  return made;
}

function lineClass(id, line) {
  const waiting = line.edges.every((i) => !isComputed(DATA.edges[i].to));
  const sent = line.edges.some((i) => DATA.edges[i].contribution !== null && isSent(i));
  const now = nowEdges().some(({ edge }) => line.edges.includes(edge));
  return `line${waiting ? " waiting" : ""}${sent ? " sent" : ""}${now ? " now" : ""}`;
}

function drawFar() {
  const paths = new Map();
  for (const [id, b] of picture.boxes) {
    const name = boxClass(id);
    b.path ??= `M${b.x - b.w / 2} ${b.y - b.h / 2}h${b.w}v${b.h}h${-b.w}z`;
    if (paths.has(name)) paths.get(name).push(b.path);
    else paths.set(name, [b.path]);
  }
  if (!picture.farLines) {
    picture.farLines = [...picture.lines.values()].map((l) => pathOf(l.points)).join("");
  }
  const known = layers.far.firstChild;
  const lines = known && known.picture === picture
    ? known : Object.assign(svg("path", { class: "line far", d: picture.farLines }), { picture });
  layers.far.replaceChildren(lines, ...[...paths].map(([name, pieces]) =>
    svg("path", { class: `${name} far`, d: pieces.join("") })));
}

/** Draws the lines of the step that is being played, over everything else. */
function drawFlow() {
  const shown = [];
  for (const { edge, back } of nowEdges()) {
    const line = lineOf(edge);
    if (!line) continue;
    shown.push(svg("path", {
      class: back ? "flow back" : "flow", d: pathOf(line.points),
      [back ? "marker-start" : "marker-end"]: `url(#arrow-${back ? "back" : "now"})`,
    }));
    if (back && !isFar) shown.push(pill(along(line.points, 0.5), flowText(edge)));
  }
  layers.flow.replaceChildren(...shown.filter((s) => s.tagName === "path"));
  layers.labels.replaceChildren(...shown.filter((s) => s.tagName !== "path"));
}

const lineOf = (edge) => {
  const direct = picture.lines.get(String(edge));
  if (direct) return direct;
  const { from, to } = DATA.edges[edge];
  return picture.lines.get(`${holder(from)}-${holder(to)}`);
};

function pill({ x, y }, text) {
  const width = textWidth(text, "600 12px") + 16;
  return svg("g", { class: "pill", transform: `translate(${x} ${y})` },
    svg("rect", { x: -width / 2, y: -11, width, height: 22, rx: 11 }),
    svg("text", { x: 0, y: 4 }, text));
}

function flowText(edge) {
  const place = DATA.edges[edge].contribution;
  const numbers = numbersOf(place);
  return numbers && numbers.length === 1 ? number(numbers[0]) : shapeText(shapeOf(place));
}

// ── moving about ──

function bounds() {
  return around([...picture.boxes.values(), ...picture.frames]);
}

function fit() {
  const { width, height } = room;
  const whole = bounds();
  const buttons = 40; // pixels at the bottom, which the buttons lie over
  const zoom = Math.min(1.4, width / (whole.w + 32), Math.max(80, height - buttons) / (whole.h + 32));
  ZOOM.least = Math.min(0.02, zoom);
  const y = (height - buttons) / 2 - whole.y * zoom;
  moveTo({ zoom, x: width / 2 - whole.x * zoom, y }, false);
}

/** Shows the whole graph, or where it begins, if the whole would be a thread of tiny boxes. */
function openView() {
  fit();
  const { width, height } = room;
  const whole = bounds();
  const share = Math.min((whole.w * view.zoom) / width, (whole.h * view.zoom) / height);
  if (view.zoom >= 0.25 || share > 0.3) return;
  const zoom = 0.7;
  const isWide = whole.w > whole.h;
  const edge = isWide ? (b) => b.x - b.w / 2 : (b) => b.y - b.h / 2;
  const first = [...picture.boxes.values()].reduce((a, b) => (edge(b) < edge(a) ? b : a));
  moveTo({
    zoom,
    x: isWide ? 32 - edge(first) * zoom : width / 2 - first.x * zoom,
    y: isWide ? height / 2 - first.y * zoom : 48 - edge(first) * zoom,
  }, false);
}

function zoomBy(factor, at = null) {
  const { left, top, width, height } = room;
  const px = at ? at.x - left : width / 2;
  const py = at ? at.y - top : height / 2;
  const zoom = Math.max(ZOOM.least, Math.min(ZOOM.most, view.zoom * factor));
  const ratio = zoom / view.zoom;
  moveTo({ zoom, x: px - (px - view.x) * ratio, y: py - (py - view.y) * ratio }, false);
}

function panBy(dx, dy) {
  moveTo({ ...view, x: view.x + dx, y: view.y + dy }, false);
}

/** Shows the whole graph on paper, in the colours for paper, and gives back what undoes that. */
function onPaper() {
  const [shown, root, theme] = [view, document.documentElement, document.documentElement.dataset.theme];
  const whole = bounds();
  isPrinting = true;
  root.dataset.theme = "light";
  view = { x: 0, y: 0, zoom: 1 };
  const corner = [whole.x - whole.w / 2 - 8, whole.y - whole.h / 2 - 8];
  canvas.setAttribute("viewBox", `${corner.join(" ")} ${whole.w + 16} ${whole.h + 16}`);
  draw();
  return () => {
    isPrinting = false;
    root.dataset.theme = theme;
    canvas.removeAttribute("viewBox");
    view = shown;
    draw();
  };
}

let gliding = 0;

/** Moves the view, gliding where that helps the eye and the reader has not asked for calm. */
function moveTo(goal, glide = true) {
  cancelAnimationFrame(gliding);
  if (!glide || CALM.matches || isFar) {
    view = goal;
    ask();
    return;
  }
  const start = { ...view };
  const begun = performance.now();
  const frame = (now) => {
    const t = Math.min(1, (now - begun) / 220);
    const ease = 1 - (1 - t) ** 3;
    for (const key of ["x", "y", "zoom"]) view[key] = start[key] + (goal[key] - start[key]) * ease;
    draw();
    if (t < 1) gliding = requestAnimationFrame(frame);
  };
  gliding = requestAnimationFrame(frame);
}

/** Brings boxes into sight, moving only as far as that takes. */
function reveal(ids, closer = false) {
  const boxes = ids.map((id) => picture.boxes.get(holder(id))).filter(Boolean);
  if (!boxes.length) return;
  const { width, height } = room;
  const all = around(boxes);
  const near = Math.min(1, width / (all.w + 60), height / (all.h + 60));
  const zoom = closer && view.zoom < 0.5 ? Math.max(view.zoom, near) : view.zoom;
  const [x, y] = [all.x * view.zoom + view.x, all.y * view.zoom + view.y];
  const [w, h] = [(all.w * view.zoom) / 2, (all.h * view.zoom) / 2];
  const fits = x - w > 10 && x + w < width - 10 && y - h > 10 && y + h < height - 10;
  if (fits && zoom === view.zoom) return;
  const target = w * 2 > width || h * 2 > height ? around(boxes.slice(0, 1)) : all;
  moveTo({ zoom, x: width / 2 - target.x * zoom, y: height / 2 - target.y * zoom });
}

/** Finds what is at a point of the window: {id} of a box, or {frame} where its title is. */
function hit(clientX, clientY) {
  const { left, top } = room;
  const x = (clientX - left - view.x) / view.zoom;
  const y = (clientY - top - view.y) / view.zoom;
  for (const [id, b] of picture.boxes) {
    if (Math.abs(x - b.x) <= b.w / 2 && Math.abs(y - b.y) <= b.h / 2) return { id };
  }
  for (const f of [...picture.frames].reverse()) {
    const width = Math.min(f.w, textWidth(groupTitle(f.group), "600 12px") + 44);
    const inTitle = x >= f.x - f.w / 2 && x <= f.x - f.w / 2 + width &&
      y >= f.y - f.h / 2 && y <= f.y - f.h / 2 + FRAME.top;
    if (inTitle) return { frame: f.group.id };
  }
  return {};
}

const fingers = new Map();
let dragged = 0;

canvas.addEventListener("pointerdown", (event) => {
  canvas.setPointerCapture(event.pointerId);
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (fingers.size === 1) dragged = 0;
});

canvas.addEventListener("pointermove", (event) => {
  const old = fingers.get(event.pointerId);
  if (!old) {
    const { id, frame } = hit(event.clientX, event.clientY);
    canvas.classList.toggle("points", Boolean(id || frame));
    return;
  }
  const now = { x: event.clientX, y: event.clientY };
  if (fingers.size === 1) {
    panBy(now.x - old.x, now.y - old.y);
  } else {
    const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
    const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
    zoomBy(apart(now, other) / apart(old, other), {
      x: (now.x + other.x) / 2, y: (now.y + other.y) / 2,
    });
    panBy((now.x - old.x) / 2, (now.y - old.y) / 2);
  }
  dragged += Math.abs(now.x - old.x) + Math.abs(now.y - old.y);
  fingers.set(event.pointerId, now);
});

function lift(event) {
  const was = fingers.delete(event.pointerId);
  if (!was || event.type === "pointercancel" || fingers.size || dragged > 6) return;
  const { id, frame } = hit(event.clientX, event.clientY);
  if (frame) setFolded(frame, true);
  else if (groups.has(id)) setFolded(id, false);
  else if (groups.has(layout.references[id])) reveal([layout.references[id]], true);
  else if (layout.references[id]) choose(layout.references[id], true);
  else choose(id ?? null);
}
canvas.addEventListener("pointerup", lift);
canvas.addEventListener("pointercancel", lift);

stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
  zoomBy(Math.exp(-Math.max(-120, Math.min(120, pixels)) * 0.0022), { x: event.clientX, y: event.clientY });
}, { passive: false });

/** Folds a module into one box, or opens it; the rest of the picture stays where the eye is. */
function setFolded(id, isFolded) {
  const before = picture.boxes.get(id) ?? picture.frames.find((f) => f.group.id === id);
  if (isFolded) folded.add(id);
  else folded.delete(id);
  redraw();
  const after = picture.boxes.get(id) ?? picture.frames.find((f) => f.group.id === id);
  if (before && after) {
    panBy((before.x - after.x) * view.zoom, (before.y - after.y) * view.zoom);
    bringInside(after);
  }
  showFolds();
}

/** Moves the picture just so far, and away if need be, that a box is wholly in sight. */
function bringInside(box) {
  const { width, height } = room;
  const margin = 14;
  const fitting = Math.min((width - 2 * margin) / box.w, (height - 2 * margin) / box.h);
  if (fitting < view.zoom) zoomBy(fitting / view.zoom);
  const shift = (at, size, whole) => Math.min(
    whole - margin - (at + size / 2), Math.max(0, margin - (at - size / 2)));
  const [x, y] = [box.x * view.zoom + view.x, box.y * view.zoom + view.y];
  panBy(shift(x, box.w * view.zoom, width), shift(y, box.h * view.zoom, height));
}

/** Lists the modules to fold: the outermost ones, but those inside where one holds all others. */
function outermost() {
  let level = [...groups.values()].filter((g) => !g.parent && g.every.length);
  for (;;) {
    const inner = level.length === 1
      ? level[0].inner.map((id) => groups.get(id)).filter((g) => g.every.length) : [];
    if (!inner.length) break;
    level = inner;
  }
  return level.map((g) => g.id);
}

function foldAll(isFolded) {
  folded.clear();
  if (isFolded) for (const id of outermost()) folded.add(id);
  redraw();
  openView();
  showFolds();
}

/** Opens every folded module around a node. */
function unfoldAround(id) {
  let isChanged = false;
  for (let g = nodes.get(id).group; g; g = groups.get(g).parent) {
    isChanged = folded.delete(g) || isChanged;
  }
  if (isChanged) {
    redraw();
    showFolds();
  }
}

