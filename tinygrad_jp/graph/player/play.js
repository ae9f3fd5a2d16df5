// The play: where it stands, and what each node and edge knows by then.

const STEPS = DATA.steps.map(([phase, what]) => ({ phase, what }));
const FORWARD_STEPS = STEPS.filter((s) => s.phase === "f").length;
const computedAt = new Map(); // step after which a node has its value; absent for the given ones
const sentAt = new Map(); // step after which an edge has carried its contribution
const seededAt = new Map(); // step after which an output has its own gradient
const arrivedAt = new Map(); // step after which a node's gradient is complete

STEPS.forEach(({ phase, what }, i) => {
  if (phase === "f") computedAt.set(what, i + 1);
  else if (phase === "b") sentAt.set(what, i + 1);
  else seededAt.set(what, i + 1);
});
for (const node of DATA.nodes) {
  if (node.gradient === null) continue;
  const times = leaving.get(node.id).map((e) => sentAt.get(e)).filter(Boolean);
  if (seededAt.has(node.id)) times.push(seededAt.get(node.id));
  arrivedAt.set(node.id, times.length ? Math.max(...times) : STEPS.length);
}

let here = STEPS.length; // how many steps have been played; all of them when the page opens
let hasBegun = false;
let timer = null;

const isComputed = (id) => (computedAt.get(id) ?? 0) <= here;
const isArrived = (id) => arrivedAt.has(id) && arrivedAt.get(id) <= here;
const isSent = (edge) => (sentAt.get(edge) ?? Infinity) <= here;
const current = () => (hasBegun && here > 0 ? STEPS[here - 1] : null);

const PHASES = { f: "forwards", s: "backwards", b: "backwards" };
const nowPhase = () => (current() ? PHASES[current().phase] : "");

/** Lists the nodes that the current step is about, the one that changes first. */
function nowNodes() {
  const step = current();
  if (!step) return [];
  if (step.phase !== "b") return [step.what];
  const { from, to } = DATA.edges[step.what];
  return [from, to];
}

let nowHolders = new Set();
const isNow = (id) => nowHolders.has(id);

/** Lists the edges that the current step goes along. */
function nowEdges() {
  const step = current();
  if (!step || step.phase === "s") return [];
  if (step.phase === "b") return [{ edge: step.what, back: true }];
  return entering.get(step.what).map((edge) => ({ edge, back: false }));
}

/** Goes to a place in the play: 0 is before the first step. `closer`: near enough to read. */
function goTo(place, { closer = false } = {}) {
  hasBegun = true;
  here = Math.max(0, Math.min(STEPS.length, place));
  showPlace();
  const about = nowNodes();
  if (about.length) reveal(about, closer);
  showStep();
  showDetails();
  byId("live").textContent = spokenStep();
}

/** Takes one step; the first one on a page just opened starts from the beginning. */
function stepForth() {
  goTo(!hasBegun && here === STEPS.length ? Math.min(1, STEPS.length) : here + 1, { closer: true });
}

const stepBack = () => goTo(here - 1, { closer: true });

function showPlace() {
  nowHolders = new Set(nowNodes().map(holder));
  const slider = byId("slider");
  slider.value = String(here);
  slider.setAttribute("aria-valuetext", placeText());
  byId("count").textContent = `${here} / ${STEPS.length}`;
  byId("first").disabled = byId("back").disabled = here === 0;
  byId("last").disabled = here === STEPS.length;
  byId("forth").disabled = hasBegun && here === STEPS.length;
  ask();
}

function placeText() {
  if (here === 0) return word("start_title");
  const isForward = here <= FORWARD_STEPS;
  return word("step_of", {
    phase: word(isForward ? "forward" : "backward"),
    here: isForward ? here : here - FORWARD_STEPS,
    all: isForward ? FORWARD_STEPS : STEPS.length - FORWARD_STEPS,
  });
}

const isPlaying = () => timer !== null;

function play() {
  if (here === STEPS.length) goTo(0);
  const tick = () => {
    goTo(here + 1, { closer: true });
    if (here === STEPS.length) pause();
    else timer = setTimeout(tick, 1300 / Number(byId("speed").value));
  };
  timer = setTimeout(tick, 500);
  showPlaying();
}

function pause() {
  clearTimeout(timer);
  timer = null;
  showPlaying();
}

function showPlaying() {
  const button = byId("play");
  button.classList.toggle("is-playing", isPlaying());
  button.setAttribute("aria-label", word(isPlaying() ? "pause" : "play"));
  button.title = button.getAttribute("aria-label");
}

