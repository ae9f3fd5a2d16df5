// Numbers and arrays: read from the data, written as a reader expects them.

// How much of an array is shown: all of it up to the first number, else the second.
const ROWS = [12, 8];
const COLUMNS = [5, 4];

/** Gives the numbers of an array in the data, or null where only its statistics are there. */
function numbersOf(place) {
  if (place === null || place === undefined) return null;
  const record = DATA.arrays[place];
  if (record.numbers === undefined) {
    if (record.d) {
      record.numbers = record.d.map((v) => (typeof v === "boolean" ? v : Number(v)));
    } else if (record.b) {
      const bytes = Uint8Array.from(atob(record.b), (c) => c.charCodeAt(0));
      record.numbers = record.w ? new Float64Array(bytes.buffer) : new Float32Array(bytes.buffer);
    } else {
      record.numbers = null;
    }
  }
  return record.numbers;
}

const shapeOf = (place) => DATA.arrays[place].s;
const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
const sameShape = (a, b) => a.length === b.length && a.every((n, i) => n === b[i]);

/** Writes a number with four significant digits, as the pictures do. */
function number(value, digits = 4) {
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size >= 10 ** 6 || size < 10 ** -4) {
    text = value.toExponential(digits - 1).replace(/\.?0+e/, "e").replace("e+", "e");
  } else if (Number.isInteger(value)) {
    text = String(value);
  } else {
    text = value.toPrecision(digits);
    if (text.includes("e")) text = String(Number(text));
    if (text.includes(".")) text = text.replace(/\.?0+$/, "");
  }
  return text.replace("-", "−");
}

function shapeText(shape) {
  return shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
}

/** Turns a flat place into an index of each axis. */
function unravel(flat, shape) {
  const index = [];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return index;
}

function ravel(index, shape) {
  return index.reduce((flat, i, axis) => flat * shape[axis] + i, 0);
}

/** Reads "1, 2" or "[1,2]" as a flat place inside a shape; null where it is none. */
function readIndex(text, shape) {
  const parts = text.replace(/[[\]()（）、，]/g, " ").split(/[\s,]+/).filter(Boolean).map(Number);
  const fits = parts.length === shape.length &&
    parts.every((i, axis) => Number.isInteger(i) && i >= -shape[axis] && i < shape[axis]);
  return fits ? ravel(parts.map((i, axis) => (i < 0 ? i + shape[axis] : i)), shape) : null;
}

const indexText = (flat, shape) => `[${unravel(flat, shape).join(", ")}]`;

/** One line about an array, to be read out. */
function spoken(place) {
  const numbers = numbersOf(place);
  const record = DATA.arrays[place];
  if (numbers && numbers.length <= 6) {
    const texts = Array.from(numbers, (v) => number(v));
    return record.s.length === 0 ? texts[0] : `[${texts.join(", ")}]`;
  }
  const about = record.m === undefined ? "" : ` ${word("mean")} ${number(Number(record.m))}`;
  return `${shapeText(record.s)}${about}`;
}

/**
 * Shows an array: a number, a table of a vector or a matrix, or statistics and a way to ask for one
 * element. `picked` is a flat place to mark, `pick` is called with one that is chosen.
 */
function arrayView(place, { picked = null, pick = null, label = "" } = {}) {
  const record = DATA.arrays[place];
  const numbers = numbersOf(place);
  const size = sizeOf(record.s);
  if (size === 0) return el("p", { class: "note" }, `${word("empty")} ${shapeText(record.s)}`);
  if (record.s.length === 0 && numbers) {
    return el("span", { class: "number", title: String(numbers[0]) }, number(numbers[0]));
  }
  const view = el("div", { class: "array" });
  if (record.z !== undefined) view.append(statistics(record));
  if (numbers) view.append(table(record.s, numbers, { picked, pick, label }));
  if (!numbers) view.append(el("p", { class: "note" }, word("too_big")));
  else if (isCut(record.s)) view.append(indexForm(record.s, numbers, picked, pick));
  return view;
}

const isCut = (shape) => shape.at(-1) > COLUMNS[0] ||
  sizeOf(shape) / Math.max(1, shape.at(-1)) > ROWS[0];

/** Lays an array out as rows of its last axis; one of many axes as the rows one after another. */
function table(shape, numbers, { picked, pick, label }) {
  const columns = shape.at(-1);
  const rows = numbers.length / columns;
  const shownRows = rows <= ROWS[0] ? rows : ROWS[1];
  const shownColumns = columns <= COLUMNS[0] ? columns : COLUMNS[1];
  const digits = isCut(shape) ? 3 : 4;
  const body = el("tbody");
  const line = (i) => {
    const row = el("tr");
    for (let j = 0; j < shownColumns; j++) row.append(cell(i * columns + j));
    if (shownColumns < columns) row.append(el("td", { class: "more" }, "…"));
    const far = picked === null ? -1 : picked - i * columns;
    if (far >= shownColumns && far < columns) row.append(cell(picked));
    return row;
  };
  const cell = (flat) => {
    const title = `${indexText(flat, shape)} = ${numbers[flat]}`;
    const text = number(numbers[flat], digits);
    return el("td", { class: flat === picked ? "picked" : null, title }, pick
      ? el("button", {
        type: "button", "aria-pressed": String(flat === picked), onclick: () => pick(flat),
      }, text)
      : text);
  };
  for (let i = 0; i < shownRows; i++) body.append(line(i));
  if (shownRows < rows) {
    body.append(el("tr", {}, el("td", { class: "more", colspan: shownColumns }, "⋮")));
    const chosen = picked === null ? -1 : Math.floor(picked / columns);
    if (chosen >= shownRows) body.append(line(chosen));
  }
  const all = shapeText(shape);
  const shown = shape.length === 1 ? shownColumns : `${shownRows} × ${shownColumns}`;
  return el("div", {},
    el("div", { class: "scroll" }, el("table", { class: "matrix", "aria-label": label || null }, body)),
    isCut(shape) && el("p", { class: "note" }, word("rows_shown", { all, shown })));
}

function statistics(record) {
  const row = (key, value) => [el("dt", {}, word(key)), el("dd", {}, value)];
  const figures = [];
  if (record.m !== undefined) {
    figures.push(
      row("mean", number(Number(record.m))), row("deviation", number(Number(record.v))),
      row("lowest", number(Number(record.l))), row("highest", number(Number(record.h))));
  }
  if (record.z) figures.push(row("zeros", String(record.z)));
  if (record.n) figures.push([
    el("dt", { class: "bad" }, word("not_finite")), el("dd", { class: "bad" }, String(record.n)),
  ]);
  return el("div", { class: "statistics" },
    el("dl", {}, figures), record.g && record.g.length > 1 && histogram(record));
}

function histogram(record) {
  const most = Math.max(...record.g);
  const bars = record.g.map((count, i) => {
    const height = count ? Math.max(1, (36 * count) / most) : 0;
    return svg("rect", { x: i * 6, y: 38 - height, width: 5, height });
  });
  const name = `${word("histogram")}: ${number(Number(record.l))} – ${number(Number(record.h))}`;
  return svg("svg", {
    class: "histogram", viewBox: `0 0 ${record.g.length * 6} 39`, role: "img", "aria-label": name,
  }, bars, svg("line", { x1: 0, x2: record.g.length * 6, y1: 38.5, y2: 38.5 }));
}

function indexForm(shape, numbers, picked, pick) {
  const answer = el("output", { class: "answer" });
  const input = el("input", {
    type: "text", inputmode: "numeric", "aria-label": word("index"), size: 10,
    placeholder: word("index_example", { example: shape.map(() => 0).join(", ") }),
    value: picked === null ? "" : unravel(picked, shape).join(", "),
  });
  const look = (flat) => {
    answer.textContent = flat === null
      ? word("index_wrong", { shape: shapeText(shape) })
      : `${indexText(flat, shape)} = ${number(numbers[flat], 7)}`;
  };
  input.addEventListener("change", () => {
    const flat = readIndex(input.value, shape);
    look(flat);
    if (flat !== null && pick) pick(flat);
  });
  if (picked !== null && picked < numbers.length) look(picked);
  return el("p", { class: "index" }, el("label", {}, word("index"), " ", input), " ", answer);
}

