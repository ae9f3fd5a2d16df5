// Where boxes and lines lie: as laid out, and closer together where modules are folded.

// What says nothing is left out of the data. A gradient of null was not computed; it is not 0.
const NODE = {
  name: null, operation: null, about: "", shape: null, dtype: null, value: null, gradient: null,
  grad: null, formula: null, line: null, output: false, folded: false, group: null, mark: null, path: false,
};
const EDGE = { name: "", slope: null, contribution: null };
DATA.nodes = DATA.nodes.map((n) => ({ ...NODE, ...n }));
DATA.edges = DATA.edges.map((e) => ({ ...EDGE, ...e }));

let layout = DATA.layout; // or one of DATA.layouts, each for a set of folded modules
const nodes = new Map(DATA.nodes.map((n) => [n.id, n]));
const groups = new Map(DATA.groups.map((g) => [g.id, { ...g, members: [], inner: [] }]));
const leaving = new Map(DATA.nodes.map((n) => [n.id, []])); // places of edges, by their source
const entering = new Map(DATA.nodes.map((n) => [n.id, []])); // and by their target
const users = new Map(); // the nodes that a reference leads to, by its id
const folded = new Set(); // ids of groups

const FRAME = { side: 14, top: 30, bottom: 14 };
const FOLDED_HEIGHT = 48;
const SLACK = 30; // pixels kept around a box where the space of folded modules is taken out
const LEFT_OVER = 0.08; // of the space that is taken out

DATA.edges.forEach((edge, i) => {
  leaving.get(edge.from).push(i);
  entering.get(edge.to).push(i);
});
for (const [from, to] of DATA.layout.links) {
  if (DATA.layout.references[from]) users.set(from, [...(users.get(from) ?? []), to]);
}
for (const node of DATA.nodes) if (node.group) groups.get(node.group).members.push(node.id);
for (const group of groups.values()) if (group.parent) groups.get(group.parent).inner.push(group.id);

const ruler = document.createElement("canvas").getContext("2d");
const FONT = getComputedStyle(document.body).fontFamily;

function textWidth(text, font) {
  ruler.font = `${font} ${FONT}`;
  return ruler.measureText(text).width;
}

/** Lists a group's nodes, those of the groups inside it too. */
function everyMember(id) {
  const group = groups.get(id);
  return [...group.members, ...group.inner.flatMap(everyMember)];
}
for (const group of groups.values()) group.every = everyMember(group.id);

const groupTitle = (group) => said(group.title) || word("module");

/** Gives the id of what stands for a node in the picture: a folded module around it, or itself. */
function holder(id) {
  let found = id;
  for (let g = nodes.get(id)?.group; g; g = groups.get(g).parent) if (folded.has(g)) found = g;
  return found;
}

/** Tells whether a group is inside a folded one. */
function hiddenGroup(id) {
  for (let g = groups.get(id).parent; g; g = groups.get(g).parent) if (folded.has(g)) return true;
  return false;
}

const boxOf = ([x, y, w, h]) => ({ x, y, w, h });

function around(boxes) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const b of boxes) {
    left = Math.min(left, b.x - b.w / 2);
    right = Math.max(right, b.x + b.w / 2);
    top = Math.min(top, b.y - b.h / 2);
    bottom = Math.max(bottom, b.y + b.h / 2);
  }
  return { x: (left + right) / 2, y: (top + bottom) / 2, w: right - left, h: bottom - top };
}

function framed(box) {
  const h = box.h + FRAME.top + FRAME.bottom;
  return { x: box.x, y: box.y - (FRAME.top - FRAME.bottom) / 2, w: box.w + 2 * FRAME.side, h };
}

/** Gives the box of everything in a group, from the boxes of what is inside. */
function groupBox(id, boxes) {
  const group = groups.get(id);
  const inside = group.members.filter((m) => boxes.has(m)).map((m) => boxes.get(m));
  for (const inner of group.inner) {
    if (!groups.get(inner).every.length) continue;
    if (boxes.has(inner)) inside.push(boxes.get(inner));
    else if (!folded.has(inner)) inside.push(groupBox(inner, boxes));
  }
  const box = framed(around(inside));
  const title = textWidth(groupTitle(group), "600 12px") + 60;
  return title > box.w ? { ...box, w: title, x: box.x + (title - box.w) / 2 } : box;
}

/** Arranges the picture for the groups that are folded now. */
function arrange() {
  const isMade = ({ folded: set }) => set.length === folded.size && set.every((g) => folded.has(g));
  const made = DATA.layouts.find(isMade);
  layout = made ?? DATA.layout;
  const { boxes, lines } = made ? laidOut(made) : squeezed();
  const frames = [];
  for (const group of groups.values()) {
    if (folded.has(group.id) || hiddenGroup(group.id)) continue;
    if (group.every.length) frames.push({ group, ...groupBox(group.id, boxes) });
  }
  return { boxes, frames, lines };
}

/** Takes boxes and lines from a layout made for just this set of folded modules. */
function laidOut(made) {
  const boxes = new Map(Object.entries(made.boxes).map(([id, box]) => [id, boxOf(box)]));
  const edges = new Map(); // of each pair that is joined
  DATA.edges.forEach(({ from, to }, i) => {
    const pair = `${holder(from)}-${holder(to)}`;
    if (edges.has(pair)) edges.get(pair).push(i);
    else edges.set(pair, [i]);
  });
  const lines = new Map();
  made.links.forEach(([from, to], k) => {
    const source = made.references[from] ?? from;
    const pair = `${source}-${to}`;
    const isAround = groups.has(source) || groups.has(to);
    const all = edges.get(pair);
    const mine = isAround ? all : all.splice(0, 1); // lines side by side are one for each edge
    const id = isAround ? pair : String(mine[0]);
    const points = made.lines[k];
    lines.set(id, { id, from, to, points, edges: mine, box: extent(points) });
  });
  return { boxes, lines };
}

/** Takes the space of folded modules out of the layout of the whole graph. */
function squeezed() {
  const boxes = new Map();
  for (const node of DATA.nodes) {
    if (holder(node.id) === node.id) boxes.set(node.id, boxOf(layout.boxes[node.id]));
  }
  const emptied = [];
  for (const group of groups.values()) {
    if (!folded.has(group.id) || hiddenGroup(group.id) || !group.every.length) continue;
    const whole = framed(around(group.every.map((m) => boxOf(layout.boxes[m]))));
    const w = Math.max(110, Math.max(
      textWidth(groupTitle(group), "600 14px") + 56,
      textWidth(word("members", { count: group.every.length }), "12px") + 40));
    boxes.set(group.id, { x: whole.x, y: whole.y, w, h: FOLDED_HEIGHT });
    emptied.push(whole);
  }
  for (const [id, target] of Object.entries(layout.references)) {
    const isUsed = users.get(id)?.some((to) => boxes.has(to));
    if (isUsed && boxes.has(target)) boxes.set(id, boxOf(layout.boxes[id]));
  }
  const squeeze = { x: squeezer(boxes, emptied, "x", "w"), y: squeezer(boxes, emptied, "y", "h") };
  for (const box of boxes.values()) {
    box.x = squeeze.x(box.x);
    box.y = squeeze.y(box.y);
  }
  return { boxes, lines: joined(boxes, squeeze) };
}

/** Joins intervals that meet; gives them in order. */
function union(intervals) {
  const joint = [];
  for (const [from, to] of intervals.sort((a, b) => a[0] - b[0])) {
    const last = joint.at(-1);
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else joint.push([from, to]);
  }
  return joint;
}

/** Finds the place of the first interval that ends after v. */
function firstAfter(intervals, v) {
  let [low, high] = [0, intervals.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (intervals[middle][1] > v) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Makes the function that takes the space of folded modules out along one axis. */
function squeezer(boxes, emptied, at, length) {
  if (!emptied.length) return (v) => v;
  const span = (b, slack) => [b[at] - b[length] / 2 - slack, b[at] + b[length] / 2 + slack];
  const kept = union([...boxes.values()].map((b) => span(b, SLACK)));
  const gaps = [];
  for (let [from, end] of union(emptied.map((b) => span(b, 0)))) {
    for (let k = firstAfter(kept, from); from < end; k++) {
      const [low, high] = kept[k] ?? [end, end];
      if (low > from) gaps.push([from, Math.min(low, end)]);
      from = Math.max(high, from);
    }
  }
  const taken = [0]; // by all gaps before
  for (const [from, to] of gaps) taken.push(taken.at(-1) + (to - from) * (1 - LEFT_OVER));
  return (v) => {
    const k = firstAfter(gaps, v);
    const inside = k < gaps.length ? Math.max(0, v - gaps[k][0]) * (1 - LEFT_OVER) : 0;
    return v - taken[k] - inside;
  };
}

/** Lists the lines to draw: {id, from, to, points, edges}; one for each pair around a fold. */
function joined(boxes, squeeze) {
  const lines = new Map();
  layout.links.forEach(([source, target], i) => {
    const from = nodes.has(source) ? holder(source) : source;
    const to = holder(target);
    if (from === to || !boxes.has(from) || !boxes.has(to)) return;
    const straight = groups.has(from) || groups.has(to);
    const id = straight ? `${from}-${to}` : String(i);
    if (!lines.has(id)) {
      const points = straight || layout.lines[i].length < 8
        ? between(boxes.get(from), boxes.get(to))
        : layout.lines[i].map((v, k) => (k % 2 ? squeeze.y(v) : squeeze.x(v)));
      lines.set(id, { id, from, to, points, edges: [], box: extent(points) });
    }
    lines.get(id).edges.push(i);
  });
  return lines;
}

/** Joins two boxes by one curve, along the flow if the second lies ahead, else across it. */
function between(a, b) {
  const isDown = DATA.direction === "TB" || DATA.direction === "BT";
  const gap = { x: Math.abs(b.x - a.x) - (a.w + b.w) / 2, y: Math.abs(b.y - a.y) - (a.h + b.h) / 2 };
  const byY = isDown ? gap.y > 8 || gap.y > gap.x : gap.x <= 8 && gap.y > gap.x;
  if (byY) {
    const sign = b.y > a.y ? 1 : -1;
    const [y, z] = [a.y + (sign * a.h) / 2, b.y - (sign * b.h) / 2];
    const bend = (z - y) / 2;
    return [a.x, y, a.x, y + bend, b.x, z - bend, b.x, z];
  }
  const sign = b.x > a.x ? 1 : -1;
  const [x, z] = [a.x + (sign * a.w) / 2, b.x - (sign * b.w) / 2];
  const bend = (z - x) / 2;
  return [x, a.y, x + bend, a.y, z - bend, b.y, z, b.y];
}

function extent(points) {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < points.length; k += 2) {
    left = Math.min(left, points[k]);
    right = Math.max(right, points[k]);
    top = Math.min(top, points[k + 1]);
    bottom = Math.max(bottom, points[k + 1]);
  }
  return { left, top, right, bottom };
}

function pathOf(points) {
  return `M${points[0]} ${points[1]}C${points.slice(2).join(" ")}`;
}

/** Gives the point a share of the way along a line of Bézier curves. */
function along(points, share) {
  const curves = (points.length - 2) / 6;
  const place = Math.min(share * curves, curves - 1e-9);
  const k = Math.floor(place) * 6;
  const t = place - Math.floor(place);
  const weight = [(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t ** 3];
  const sum = (offset) => weight.reduce((s, w, j) => s + w * points[k + 2 * j + offset], 0);
  return { x: sum(0), y: sum(1) };
}

