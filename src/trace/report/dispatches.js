/* The dispatches as tables: those of each run and, of two, what became of each of them. */

const textColumn = (key, title, width, text) => ({ key, title, width, value: text, text });
const numberColumn = (key, title, width, value, text) => ({ key, title, width, value, is_number: true,
  text: (row) => (value(row) === null || Number.isNaN(value(row)) ? DASH : text(value(row))) });

function opColumn() {
  return { ...textColumn("op", "Op", "8.5rem", (row) => row.op), cell: (row) => {
    const dot = h("span", { class: "op-dot", "aria-hidden": "true" });
    dot.style.background = `var(--${opColour(row.op)})`;
    return [dot, row.op];
  } };
}

/* Columns that have nothing to show in this run are left out. */
function dispatchColumns(run) {
  const has = (test) => run.dispatches.some(test);
  return [
    numberColumn("place", "#", "4rem", (row) => row.place, (place) => countText(place)),
    opColumn(),
    has((row) => row.label) && textColumn("label", "Label", "13rem", (row) => row.label),
    numberColumn("start", "Start", "6.5rem", (row) => row.start_ps, timeText),
    numberColumn("duration", "Time", "6.5rem", (row) => row.duration_ps, timeText),
    numberColumn("share", "Of run", "5.5rem", (row) =>
      (run.makespan_ps > 0 ? row.duration_ps / run.makespan_ps : NaN), percentText),
    has((row) => row.flops) && numberColumn("flops", "Work", "7rem", (row) => row.flops || NaN, flopsText),
    has((row) => row.bytes) && numberColumn("bytes", "Memory", "6.5rem", (row) => row.bytes || NaN, bytesText),
    has((row) => row.flops && row.bytes) && numberColumn("intensity", "FLOP/B", "5.5rem",
      (row) => (row.flops && row.bytes ? row.flops / row.bytes : NaN), (value) => digits(value, 3)),
    has((row) => row.bound) && textColumn("bound", "Bound", "6rem", (row) => row.bound || DASH),
    has((row) => row.bound) && numberColumn("roof", "Of roof", "5.5rem", (row) => row.roof, percentText),
    has((row) => row.stall) && textColumn("stall", "Mostly waits for", "10rem", (row) => row.stall?.name ?? DASH),
  ].filter(Boolean);
}

function compareColumns(runs) {
  const timeOf = (side) => (row) => (row[side] ? row[side].duration_ps : NaN);
  const verdict = (row) => (row.a && row.b ? verdictOf(runs, row.a.duration_ps, row.b.duration_ps) : "");
  const delta = numberColumn("delta", "B \u2212 A", "7rem", (row) => row.delta_ps, signedTimeText);
  const change = numberColumn("change", "Change", "6.5rem",
    (row) => (row.a?.duration_ps ? row.delta_ps / row.a.duration_ps : NaN), String);
  change.text = (row) => {
    if (!row.a || !row.b) return row.a ? "only in A" : "only in B";
    return changeText(row.a.duration_ps, row.b.duration_ps);
  };
  for (const column of [delta, change]) column.cell = (row) => [h("span", { class: verdict(row) }, column.text(row))];
  return [
    opColumn(),
    textColumn("label", "Label", "14rem", (row) => row.label),
    numberColumn("a", "A", "6.5rem", timeOf("a"), timeText),
    numberColumn("b", "B", "6.5rem", timeOf("b"), timeText),
    delta, change,
  ];
}

function tableOfRun(run) {
  return new SortedTable({
    id: run.tag ? `dispatch-table-${run.tag.toLowerCase()}` : "dispatch-table",
    caption: `Dispatches${run.tag ? ` of run ${run.tag}` : ""}, sortable by each column`,
    columns: dispatchColumns(run), rows: run.dispatches,
    pick: (row) => page.select(row), chosen: (row) => page.selected === row,
  });
}

function tableOfBoth(runs) {
  return new SortedTable({
    id: "compare-table", caption: "Dispatches of both runs, matched by op and label, sortable by each column",
    columns: compareColumns(runs), rows: matchRuns(runs[0], runs[1]),
    pick: (row) => page.select(row.b ?? row.a),
    chosen: (row) => page.selected !== null && (page.selected === row.a || page.selected === row.b),
  });
}

/* What the ops of two runs add up to. */
function comparedOps(a, b) {
  const sums = (run) => new Map(run.ops.map((group) => [group.op, group]));
  const left = sums(a), right = sums(b);
  const rows = [...new Set([...left.keys(), ...right.keys()])].map((op) => ({ op, a: left.get(op), b: right.get(op) }));
  const differenceOf = (row) => Math.abs((row.b?.duration_ps ?? 0) - (row.a?.duration_ps ?? 0));
  rows.sort((x, y) => differenceOf(y) - differenceOf(x));
  const cells = (group) => [h("td", { class: "number" }, group ? countText(group.count) : DASH),
    h("td", { class: "number" }, group ? timeText(group.duration_ps) : DASH)];
  return h("div", { class: "plain-box" }, h("table", { id: "compared-ops" },
    h("caption", null, "Each op, those that differ most first"),
    h("thead", null, h("tr", null, h("th", { scope: "col" }, "Op"),
      ["A count", "A time", "B count", "B time", "B \u2212 A", "Change"]
      .map((title) => h("th", { scope: "col", class: "number" }, title)))),
    h("tbody", null, rows.map((row) => {
      const from = row.a?.duration_ps ?? 0, to = row.b?.duration_ps ?? 0;
      const verdict = verdictOf([a, b], from, to);
      return h("tr", null, h("th", { scope: "row" }, row.op), cells(row.a), cells(row.b),
        h("td", { class: `number ${verdict}` }, signedTimeText(to - from)),
        h("td", { class: `number ${verdict}` }, changeText(from, to)));
    }))));
}

function showDispatches(runs) {
  if (runs.every((run) => run.dispatches.length === 0)) return;
  const { element, head } = section("dispatches", "Dispatches");
  const views = runs.filter((run) => run.dispatches.length > 0).map((run) =>
    ({ title: run.tag ? `Run ${run.tag}` : "", table: tableOfRun(run), run }));
  if (views.length === 2) views.unshift({ title: "Compared", table: tableOfBoth(runs), run: null });
  const count = h("p", { class: "note", id: "filter-count", role: "status" });
  let shown = views[0];
  const filter = () => {
    const found = shown.table.keep((row) => page.filter.every((word) => row.search.includes(word)));
    count.textContent = `${countText(found)} of ${countText(shown.table.all.length)} shown`;
  };
  const box = h("div");
  const show = (view) => {
    shown = view;
    box.replaceChildren(view.table.box);
    for (const it of views) it.button?.setAttribute("aria-pressed", it === view);
    filter();
  };
  const input = h("input", { type: "search", id: "filter", placeholder: "Filter: words of op, label, buffer",
    "aria-label": "Filter dispatches by words of op, label and command buffer" });
  input.addEventListener("input", () => page.setFilter(input.value));
  if (views.length > 1) {
    for (const view of views)
      view.button = h("button", { type: "button", "aria-pressed": "false", onclick: () => show(view) }, view.title);
    head.append(h("div", { class: "buttons", role: "group", "aria-label": "Which dispatches" },
      views.map((view) => view.button)));
  }
  head.append(input);
  if (runs.length === 2) element.append(comparedOps(runs[0], runs[1]), h("h3", null, "Each dispatch"));
  element.append(box, count);
  page.on("filter", filter);
  page.on("select", () => {
    const it = page.selected;
    shown.table.revealRow((row) => it !== null && (row === it || row.a === it || row.b === it));
  });
  show(views[0]);
}
