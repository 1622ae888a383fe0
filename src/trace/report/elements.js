/* Elements of the page. */

/* h("p", {class: "note"}, "text", child): an element. A property that begins with "on" is a listener, false or null
 * leaves an attribute out. Text never becomes markup. */
function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && (value ?? null) !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/* A section of the page with its place in the list of sections. */
function section(id, title, ...children) {
  document.getElementById("sections").append(h("li", null, h("a", { href: `#${id}` }, title)));
  const head = h("div", { class: "card-head" }, h("h2", { id: `${id}-title` }, title));
  const element = h("section", { id, class: "card", "aria-labelledby": `${id}-title` }, head, ...children);
  document.getElementById("main").append(element);
  return { element, head };
}

function runTag(run) {
  return h("span", { class: run.index === 0 ? "run-tag" : "run-tag b", "aria-hidden": "true" }, run.tag);
}

function describe(pairs) {
  return h("dl", { class: "facts" }, pairs.filter(([, value]) => (value ?? "") !== "" && value !== false)
    .flatMap(([name, value]) => [h("dt", null, name), h("dd", null, value)]));
}

function button(text, label, onclick, more) {
  return h("button", { type: "button", "aria-label": label, title: label, onclick, ...more }, text);
}

/* What a screen reader says next. */
function say(text) {
  document.getElementById("said").textContent = text;
}

/* The one tooltip. Lines are texts, the first of them bold. */
const tip = {
  show(lines, x, y) {
    const element = document.getElementById("tip");
    element.replaceChildren(...lines.filter(Boolean).flatMap((line, i) =>
      i === 0 ? [h("b", null, line)] : [h("br"), line]));
    element.hidden = false;
    const box = element.getBoundingClientRect();
    element.style.left = `${Math.max(8, Math.min(x + 14, innerWidth - box.width - 8))}px`;
    element.style.top = `${y + 18 + box.height > innerHeight ? Math.max(8, y - box.height - 12) : y + 18}px`;
  },
  hide() {
    document.getElementById("tip").hidden = true;
  },
};

/* A canvas that is drawn again, once per frame at most, when it was resized, when the colours changed, and when its
 * draw() is asked for. `paint(context, width, height)` works in CSS pixels. */
function makeCanvas(attributes, paint) {
  const element = h("canvas", attributes);
  let width = 0, height = 0, is_asked = false;
  const frame = () => {
    is_asked = false;
    const ratio = Math.min(devicePixelRatio || 1, 3);
    width = element.clientWidth;
    height = element.clientHeight;
    if (width === 0 || height === 0) return;
    const pixels = [Math.round(width * ratio), Math.round(height * ratio)];
    if (element.width !== pixels[0] || element.height !== pixels[1]) [element.width, element.height] = pixels;
    const context = element.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    paint(context, width, height);
  };
  const draw = () => {
    if (!is_asked) requestAnimationFrame(frame);
    is_asked = true;
  };
  new ResizeObserver(draw).observe(element);
  page.on("colours", draw);
  return { element, draw };
}

/* Text on a canvas that can be read over lines and dots. */
function writeOver(context, text, x, y, colour = "ink") {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = colourOf("surface");
  context.strokeText(text, x, y);
  context.fillStyle = colourOf(colour);
  context.fillText(text, x, y);
}

/* Pointers on a canvas, one or two of them: press(x, y), drag(dx, dy, x, y), pinch(factor, x, y), tap(x, y),
 * hover(x, y, event), leave(). Coordinates are those of the element. */
function followPointers(element, act) {
  const down = new Map();
  let moved = 0;
  const at = (event) => {
    const box = element.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  };
  const spread = () => {
    const [a, b] = [...down.values()];
    return { size: Math.hypot(a.x - b.x, a.y - b.y) || 1, x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  const release = (event) => {
    if (!down.delete(event.pointerId)) return;
    element.classList.remove("dragging");
    if (event.type === "pointerup" && moved < 5 && down.size === 0) act.tap?.(at(event).x, at(event).y);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    element.setPointerCapture(event.pointerId);
    if (down.size === 0) moved = 0;
    act.press?.(at(event).x, at(event).y);
    down.set(event.pointerId, at(event));
  });
  element.addEventListener("pointermove", (event) => {
    const place = at(event), last = down.get(event.pointerId);
    if (!last) return void act.hover?.(place.x, place.y, event);
    const before = down.size === 2 ? spread() : null;
    down.set(event.pointerId, place);
    moved += Math.abs(place.x - last.x) + Math.abs(place.y - last.y);
    if (before) {
      const after = spread();
      act.pinch?.(after.size / before.size, after.x, after.y);
      act.drag?.(after.x - before.x, after.y - before.y, after.x, after.y);
    } else if (moved >= 5) {
      element.classList.add("dragging");
      tip.hide();
      act.drag?.(place.x - last.x, place.y - last.y, place.x, place.y);
    }
  });
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", () => act.leave?.());
}
