/* The runs: read from the page, and prepared for everything that shows them. */

function readRuns() {
  const elements = [...document.querySelectorAll('script[type="application/json"]')];
  return elements.map((element, index) =>
    prepareRun(JSON.parse(element.textContent), index, element.dataset.name, elements.length));
}

function prepareRun(data, index, file, count) {
  const run = {
    data, index, file,
    tag: count > 1 ? "AB"[index] : "",
    makespan_ps: data.makespan_ps,
    parts: (data.parts ?? []).filter((part) => part.ps > 0),
    buffers: data.command_buffers ?? [],
    hazards: data.hazards ?? null,
    activity: data.activity ?? null,
    peaks: data.peaks ?? null,
  };
  const labels = new Map(run.buffers.map((buffer) => [buffer.sequence, buffer.label ?? ""]));
  run.dispatches = (data.dispatches ?? []).map((dispatch, place) => prepareDispatch(dispatch, place, run, labels));
  run.ops = groupByOp(run.dispatches);
  return run;
}

function prepareDispatch(data, place, run, labels) {
  const duration_ps = data.end_ps - data.start_ps;
  const flops = data.flops ?? 0, bytes = data.bytes ?? 0, label = data.label ?? "";
  const dispatch = {
    data, place, run, duration_ps, flops, bytes, label,
    op: data.op, start_ps: data.start_ps, end_ps: data.end_ps, roof_of: { compute: null, memory: null },
    parts: Object.entries(data.parts ?? {}).map(([name, ps]) => ({ name, ps })).filter((part) => part.ps > 0),
  };
  dispatch.search = `${data.op} ${label} ${labels.get(data.sequence) ?? ""}`.toLowerCase();
  [dispatch.compute_ps, dispatch.memory_ps] = boundsOf(data, run.peaks, flops, bytes);
  const bound_ps = Math.max(dispatch.compute_ps, dispatch.memory_ps);
  dispatch.bound = bound_ps > 0 ? (dispatch.compute_ps >= dispatch.memory_ps ? "compute" : "memory") : "";
  dispatch.roof = bound_ps > 0 && duration_ps > 0 ? bound_ps / duration_ps : NaN;
  const stalls = dispatch.parts.filter((part) => part.name !== "compute");
  dispatch.stall = stalls.length > 0 ? stalls.reduce((a, b) => (b.ps > a.ps ? b : a)) : null;
  return dispatch;
}

/* Whether the peaks are what some dispatch is measured by; else its own bounds are. */
function usesPeaks(run) {
  return run.dispatches.length === 0 ||
    run.dispatches.some(({ data }) => data.compute_bound_ps === undefined || data.memory_bound_ps === undefined);
}

/* How long a dispatch would take if nothing but arithmetic, or nothing but memory, limited it: as the file says, or
 * from the peaks. */
function boundsOf(data, peaks, flops, bytes) {
  return [
    data.compute_bound_ps ?? (peaks?.flops_per_second ? flops / peaks.flops_per_second * 1e12 : 0),
    data.memory_bound_ps ?? (peaks?.bytes_per_second ? bytes / peaks.bytes_per_second * 1e12 : 0),
  ];
}

/* The ops of a run, those that took most time first, with what their dispatches add up to. */
function groupByOp(dispatches) {
  const groups = new Map();
  for (const dispatch of dispatches) {
    const group = groups.get(dispatch.op) ?? { op: dispatch.op, count: 0, duration_ps: 0, bound_ps: 0,
      parts: new Map() };
    group.count++;
    group.duration_ps += dispatch.duration_ps;
    group.bound_ps += Math.max(dispatch.compute_ps, dispatch.memory_ps);
    for (const part of dispatch.parts) group.parts.set(part.name, (group.parts.get(part.name) ?? 0) + part.ps);
    groups.set(dispatch.op, group);
  }
  return [...groups.values()].sort((a, b) => b.duration_ps - a.duration_ps || (a.op < b.op ? -1 : 1));
}

/* One colour for each op in all runs: the eight that take most time have their own, the others share grey. */
function assignOpColours(runs) {
  const total = new Map();
  for (const run of runs)
    for (const group of run.ops) total.set(group.op, (total.get(group.op) ?? 0) + group.duration_ps);
  const sorted = [...total.keys()].sort((a, b) => total.get(b) - total.get(a) || (a < b ? -1 : 1));
  page.op_colours = new Map(sorted.map((op, i) => [op, CATEGORY_COLOURS[i] ?? "grey"]));
}

const opColour = (op) => page.op_colours.get(op) ?? "grey";

/* Dispatches of two runs that do the same: the nth of an op and label in one is the nth of them in the other. */
function matchRuns(a, b) {
  const rows = [], waiting = new Map();
  const keyOf = (dispatch) => `${dispatch.op}\u0000${dispatch.label}`;
  for (const dispatch of a.dispatches) {
    const row = { op: dispatch.op, label: dispatch.label, a: dispatch, b: null, search: dispatch.search };
    rows.push(row);
    if (!waiting.has(keyOf(dispatch))) waiting.set(keyOf(dispatch), []);
    waiting.get(keyOf(dispatch)).push(row);
  }
  for (const list of waiting.values()) list.reverse();
  for (const dispatch of b.dispatches) {
    const row = waiting.get(keyOf(dispatch))?.pop();
    if (row) row.b = dispatch;
    else rows.push({ op: dispatch.op, label: dispatch.label, a: null, b: dispatch, search: dispatch.search });
  }
  for (const row of rows) row.delta_ps = row.a && row.b ? row.b.duration_ps - row.a.duration_ps : NaN;
  return rows;
}
