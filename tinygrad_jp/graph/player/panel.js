// The words beside the picture: what the step does, and what is known of the chosen node.

let picked = null; // one element that the reader follows: {shape, flat}

const MI = (text) => ["mi", {}, [text]];
const partial = (top, below) => ["math", {}, [["mfrac", {}, [
  ["mrow", {}, [MI("∂"), MI(top)]], ["mrow", {}, [MI("∂"), MI(below)]],
]]]];

const nodeName = (id) => said(nodes.get(id).title);

function chip(id) {
  const node = nodes.get(id);
  return el("button", {
    type: "button", class: `chip ${node.kind}`, onclick: () => choose(id, true),
  }, nodeName(id), el("small", {}, id));
}

/** Gives the flat place that the reader follows in arrays of this shape. */
function pickedIn(shape) {
  if (!picked) return null;
  return sameShape(picked.shape, shape) ? picked.flat : null;
}

function pickIn(place) {
  const shape = shapeOf(place);
  return (flat) => {
    picked = { shape, flat };
    const card = document.activeElement?.closest(".card");
    const which = card ? [...card.querySelectorAll(".array")].indexOf(
      document.activeElement.closest(".array")) : -1;
    showStep();
    showDetails();
    if (which >= 0) { // what had the focus was made anew
      card.querySelectorAll(".array")[which]?.querySelector(".picked button, .index input")
        ?.focus({ preventScroll: true });
    }
  };
}

function shownArray(place, label) {
  return arrayView(place, { picked: pickedIn(shapeOf(place)), pick: pickIn(place), label });
}

function derivativeOf(edge) {
  const formula = DATA.formulas[nodes.get(edge.to).formula];
  return formula?.of[edge.argument.replace(/\[.*/, "")] ?? null;
}

// ── the step ──

function showStep() {
  const step = current();
  const card = byId("step");
  card.dataset.phase = nowPhase();
  if (!hasBegun) replaceChildren(card, introduction());
  else if (!step) {
    replaceChildren(card, el("h2", {}, word("start_title")), el("p", {}, word("start_text")));
  } else {
    const parts = { f: computing, s: seeding, b: sending }[step.phase](step.what);
    replaceChildren(card, el("p", { class: "phase" }, placeText()), parts);
  }
}

function introduction() {
  const isStill = STEPS.every((s) => s.phase === "f");
  return [
    el("h2", {}, word("intro_title")),
    el("p", {}, word("intro")),
    isStill && el("p", { class: "note" }, word("intro_still")),
    el("p", {}, el("button", { type: "button", class: "main", onclick: () => goTo(0) }, word("start"))),
  ];
}

function computing(id) {
  const node = nodes.get(id);
  const formula = DATA.formulas[node.formula];
  const terms = entering.get(id).map((i) => {
    const edge = DATA.edges[i];
    return term("", [el("var", {}, edge.argument), chip(edge.from)], nodes.get(edge.from).value);
  });
  return [
    el("h2", {}, word("computes", { node: node.operation ?? nodeName(id) })),
    formula && el("p", { class: "formula" }, math(formula.y, formula.text)),
    el("div", { class: "chain" }, terms,
      term("=", [el("var", {}, "y"), chip(id)], node.value, { kind: "result" })),
  ];
}

/** Shows one line of a calculation: its sign, what it is, and the array, if there is one. */
function term(sign, captions, place, { kind = "", note = null, label = "" } = {}) {
  const shown = place === null ? el("span", { class: "absent" }, word("unknown"))
    : place === undefined ? null : shownArray(place, label);
  return el("figure", { class: `term ${kind}` },
    el("span", { class: "sign" }, sign),
    el("figcaption", {}, captions.map((c) => (Array.isArray(c) ? math(c) : c))), shown, note);
}

function seeding(id) {
  const place = DATA.seeds[id];
  const numbers = numbersOf(place);
  const isOne = numbers && numbers.length === 1 && numbers[0] === 1;
  return [
    el("h2", {}, word("seed_title")),
    el("p", {}, word(isOne ? "seed_text" : "seed_given")),
    el("div", { class: "chain" }, term("", [partial("L", "L"), chip(id)], place, { kind: "result" })),
  ];
}

function sending(index) {
  const edge = DATA.edges[index];
  const [from, to] = [nodes.get(edge.to), nodes.get(edge.from)]; // the way back goes against the edge
  const derivative = derivativeOf(edge);
  const hasSlope = edge.slope !== null;
  const slopeFormula = derivative && derivative.local
    ? [partial("y", edge.argument), el("span", {}, " = "), derivative.local]
    : [partial("y", edge.argument)];
  const middle = hasSlope
    ? term("×", [word("local"), ...slopeFormula], edge.slope)
    : term("→", [word("pull")], undefined, {
      note: [
        derivative && el("p", { class: "formula" }, math(derivative.pull, derivative.pulltext)),
        el("p", { class: "note" }, word("not_by_element")),
      ],
    });
  return [
    el("h2", {}, word("sends", { from: from.operation ?? said(from.title), to: said(to.title) })),
    el("p", { class: "note" }, chip(from.id), " → ", chip(to.id), " ",
      word("of_argument", { argument: edge.argument })),
    el("div", { class: "chain" },
      term("", [word("arrives"), partial("L", "y")], from.gradient), middle,
      term(hasSlope ? "=" : "→", [word("contribution"), partial("L", edge.argument)],
        edge.contribution, { kind: "result" })),
    elementLine(edge, from),
    broadcastNote(edge),
    gathered(index, edge, to),
  ];
}

/** Writes the chain rule out for the element that the reader follows. */
function elementLine(edge, from) {
  const shape = shapeOf(edge.contribution);
  if (sizeOf(shape) === 1) return null;
  const flat = pickedIn(shape);
  if (flat === null) return el("p", { class: "note" }, word("pick"));
  const sent = numbersOf(edge.contribution);
  const slopes = numbersOf(edge.slope);
  const arrived = numbersOf(from.gradient);
  const isByElement = slopes && arrived && sent && sameShape(shapeOf(edge.slope), shape) &&
    (arrived.length === sent.length || arrived.length === 1);
  if (!isByElement) return productLine(edge, from, flat);
  const g = arrived[arrived.length === 1 ? 0 : flat];
  return el("p", { class: "equation" }, el("b", {}, word("element", { index: indexText(flat, shape) })),
    ` ${number(g)} × ${number(slopes[flat])} = ${number(sent[flat])}`);
}

// Pulls that are products of matrices: left and right factor, and whether each is transposed.
const PRODUCTS = {
  "g bᵀ": ["g", "b", false, true], "aᵀ g": ["a", "g", true, false],
  "g w": ["g", "w", false, false], "gᵀ x": ["g", "x", true, false],
};
const TERMS_SHOWN = 4;

/** Writes one element of a product of matrices out as the sum that it is. */
function productLine(edge, from, flat) {
  const product = PRODUCTS[derivativeOf(edge)?.pulltext];
  if (!product || edge.slope !== null) return null;
  const factor = (name, isTurned) => {
    const place = name === "g" ? from.gradient : nodes.get(
      entering.get(from.id).map((i) => DATA.edges[i]).find((e) => e.argument === name)?.from)?.value;
    const numbers = numbersOf(place);
    const shape = numbers && shapeOf(place);
    if (!numbers || shape.length !== 2) return null;
    return {
      length: shape[isTurned ? 0 : 1],
      at: (i, k) => numbers[isTurned ? k * shape[1] + i : i * shape[1] + k],
    };
  };
  const [left, right] = [factor(product[0], product[2]), factor(product[1], product[3])];
  const shape = shapeOf(edge.contribution);
  if (!left || !right || shape.length !== 2) return null;
  const [i, j] = unravel(flat, shape);
  const terms = [];
  for (let k = 0; k < Math.min(left.length, TERMS_SHOWN); k++) {
    const [a, b] = [number(left.at(i, k)), number(right.at(k, j))];
    terms.push(`${a} × ${b.startsWith("−") ? `(${b})` : b}`);
  }
  const more = left.length > TERMS_SHOWN ? ` + … (${left.length})` : "";
  return el("p", { class: "equation" }, el("b", {}, word("element", { index: indexText(flat, shape) })),
    ` ${terms.join(" + ")}${more} = ${number(numbersOf(edge.contribution)[flat])}`);
}

function broadcastNote(edge) {
  const shape = shapeOf(edge.contribution);
  if (edge.slope === null || sameShape(shapeOf(edge.slope), shape)) return null;
  return el("p", { class: "note" }, word("summed", { shape: shapeText(shape) }));
}

/** Says how the contributions of several paths add up. */
function gathered(index, edge, to) {
  const paths = leaving.get(edge.from).filter((e) => sentAt.has(e));
  if (paths.length === 1 && DATA.seeds[edge.from] === undefined) {
    return el("p", { class: "gathered" }, word("only_path", { to: said(to.title) }));
  }
  paths.sort((a, b) => sentAt.get(a) - sentAt.get(b));
  const place = paths.indexOf(index);
  const before = paths.slice(0, place).map((e) => numbersOf(DATA.edges[e].contribution));
  if (DATA.seeds[edge.from] !== undefined) before.unshift(numbersOf(DATA.seeds[edge.from]));
  const shape = shapeOf(edge.contribution);
  const flat = sizeOf(shape) === 1 ? 0 : pickedIn(shape);
  const now = numbersOf(edge.contribution);
  const isLast = place === paths.length - 1;
  let sum = null;
  if (flat !== null && now && before.every(Boolean)) {
    const old = before.reduce((s, numbers) => s + numbers[flat], 0);
    const total = isLast && to.gradient !== null ? numbersOf(to.gradient)[flat] : old + now[flat];
    sum = el("p", { class: "equation" },
      before.length ? `${word("so_far")} ${number(old)} + ${number(now[flat])} = ` : "",
      el("b", {}, number(total)));
  }
  return el("div", { class: "gathered" },
    el("p", {}, word("path_of", { all: paths.length, here: place + 1 })), sum,
    isLast && to.gradient !== null && flat === null && term(
      "=", [word("sum_of_paths", { to: said(to.title) })], to.gradient, { kind: "result" }));
}

/** One sentence on the current step, to be read out. */
function spokenStep() {
  const step = current();
  if (!step) return `${word("start_title")}。${word("start_text")}`;
  const begin = placeText();
  if (step.phase === "f") {
    const node = nodes.get(step.what);
    const formula = DATA.formulas[node.formula];
    const result = node.value === null ? word("unknown") : spoken(node.value);
    return `${begin}: ${nodeName(step.what)}, ${formula ? formula.text : ""}, ${result}`;
  }
  if (step.phase === "s") return `${begin}: ${word("seed_title")}, ${spoken(DATA.seeds[step.what])}`;
  const edge = DATA.edges[step.what];
  const [from, to] = [nodes.get(edge.to), nodes.get(edge.from)];
  const g = from.gradient === null ? word("unknown") : spoken(from.gradient);
  const derivative = derivativeOf(edge);
  const slope = edge.slope !== null ? spoken(edge.slope) : derivative ? derivative.pulltext : "";
  return `${begin}: ${word("sends", { from: said(from.title), to: said(to.title) })}. ` +
    `${word("arrives")} ${g} × ${word("local")} ${slope} = ${word("contribution")} ` +
    `${spoken(edge.contribution)}`;
}

// ── a node ──

function showDetails() {
  const card = byId("details");
  const node = nodes.get(selected);
  if (!node) {
    replaceChildren(card, el("p", { class: "note" }, word("details_none")));
    return;
  }
  const kind = node.output ? `${word(node.kind)} · ${word("output")}` : word(node.kind);
  replaceChildren(card,
    el("p", { class: `phase ${node.kind}` }, `${kind} · ${node.id}`),
    el("h2", {}, said(node.title)),
    node.operation && node.operation !== said(node.title) && el("p", { class: "mono" }, node.operation),
    node.about && el("p", { class: "note" }, node.about),
    node.mark && el("p", { class: "bad" }, node.mark),
    node.folded && el("p", { class: "note" }, word("folded_block")),
    facts(node),
    formulas(node),
    el("h3", {}, word("value")),
    node.value === null ? absent("unknown") : shownArray(node.value, word("value")),
    gradients(node),
    neighbours("made_of", entering.get(node.id).map((e) => DATA.edges[e].from)),
    neighbours("used_by", leaving.get(node.id).map((e) => DATA.edges[e].to)));
}

const absent = (key) => el("span", { class: "absent" }, word(key));

function facts(node) {
  const rows = [];
  const add = (key, value) => value && rows.push(el("dt", {}, word(key)), el("dd", {}, value));
  add("shape", node.shape && el("code", {}, node.shape));
  add("dtype", node.dtype && el("code", {}, node.dtype));
  add("module_path", node.group && foldButton(node.group));
  add("line", node.line ? el("code", { class: "line" }, node.line)
    : node.kind === "operation" && absent("line_unknown"));
  return rows.length ? el("dl", { class: "facts" }, rows) : null;
}

function foldButton(id) {
  const group = groups.get(id);
  const path = group.path || groupTitle(group);
  return el("button", { type: "button", class: "chip", onclick: () => setFolded(id, !folded.has(id)) },
    word(folded.has(id) ? "unfold_this" : "fold_this", { path }));
}

function formulas(node) {
  const formula = DATA.formulas[node.formula];
  if (!formula) return null;
  const entries = Object.entries(formula.of);
  const lines = entries.map(([argument, d]) => el("p", { class: "formula" },
    math(partial("L", argument)), " = ", math(d.pull, d.pulltext)));
  return [
    el("h3", {}, word("formula")),
    el("p", { class: "formula" }, math(formula.y, formula.text)),
    lines,
    entries.length > 0 && el("p", { class: "note" }, word("g_means")),
    formula.general && el("p", { class: "note" }, word("general_rule")),
  ];
}

function gradients(node) {
  if (node.kind === "constant") return null;
  const symbol = node.kind === "operation" && math(partial("L", "y"));
  const shown = [el("h3", {}, word("gradient"), " ", symbol)];
  if (node.gradient === null) shown.push(absent("not_computed"));
  else if (!isArrived(node.id)) shown.push(absent("not_yet"));
  else shown.push(shownArray(node.gradient, word("gradient")));
  if (node.grad !== null && node.grad !== node.gradient) {
    shown.push(el("h3", {}, word("dot_grad")), shownArray(node.grad, ".grad"));
  }
  return shown;
}

function neighbours(key, ids) {
  if (!ids.length) return null;
  return [el("h3", {}, word(key)),
    el("p", { class: "chips" }, [...new Set(ids)].slice(0, 40).map(chip))];
}

