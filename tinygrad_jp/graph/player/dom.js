// Making elements and choosing words. Everything from the data becomes text, never markup.

const byId = (id) => document.getElementById(id);
const DATA = JSON.parse(byId("data").textContent);
const WORDS = JSON.parse(byId("words").textContent);
const NAMESPACES = {
  svg: "http://www.w3.org/2000/svg",
  math: "http://www.w3.org/1998/Math/MathML",
};
const CALM = matchMedia("(prefers-reduced-motion: reduce)");

let language = DATA.language === "en" ? 1 : 0;

/** Gives the word for a key in the language in force, its {fields} filled in. */
function word(key, facts = {}) {
  return WORDS[key][language].replace(/\{(\w+)\}/g, (_, name) => String(facts[name]));
}

/** Gives a text of the data: one for both languages, or [Japanese, English]. */
function said(text) {
  return Array.isArray(text) ? text[language] : text;
}

/** Makes an element: attributes, "on..." listeners, and children (elements or texts). */
function el(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(NAMESPACES.svg, tag), attributes, children);
}

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value);
  }
  for (const child of children.flat(2)) {
    if (child !== null && child !== undefined && child !== false) made.append(child);
  }
  return made;
}

/** Builds a formula from its tree [tag, attributes, children], all made when the page was. */
function math(tree, spoken) {
  const build = ([tag, attributes, children]) => {
    const made = document.createElementNS(NAMESPACES.math, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children.map((c) => (typeof c === "string" ? c : build(c))));
    return made;
  };
  const made = build(tree);
  if (spoken) made.setAttribute("aria-label", spoken);
  return made;
}

function replaceChildren(parent, ...children) {
  parent.replaceChildren(...children.flat(2).filter((c) => c !== null && c !== undefined && c !== false));
}

