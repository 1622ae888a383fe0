/* The tracks of the timeline: spans in lanes, so that no two of a lane overlap, and where each lane stands. */

const AXIS_HEIGHT = 24, RUN_HEIGHT = 24, LABEL_HEIGHT = 18, LANE_HEIGHT = 18, LANE_GAP = 2, TRACK_GAP = 8;
const LANES_MAX = 16;

function makeSpan(kind, data, label, colour, dispatch) {
  return { kind, data, label, colour, dispatch: dispatch ?? null, start_ps: data.start_ps, end_ps: data.end_ps };
}

/* First fit. Past the last lane spans lie on top of each other: the picture is full by then. */
function packLanes(spans) {
  const sorted = [...spans].sort((a, b) => a.start_ps - b.start_ps || b.end_ps - a.end_ps);
  const lanes = [];
  for (const span of sorted) {
    let lane = lanes.find((it) => it.free_ps <= span.start_ps);
    if (!lane && lanes.length < LANES_MAX) lanes.push(lane = { free_ps: 0, spans: [] });
    lane ??= lanes.at(-1);
    lane.spans.push(span);
    lane.free_ps = Math.max(lane.free_ps, span.end_ps);
    span.lane = lane;
  }
  for (const lane of lanes) finishLane(lane);
  return lanes;
}

/* The latest end so far never falls, so it can be searched for the first span that reaches into the window. */
function finishLane(lane) {
  let latest = 0;
  lane.ends = Float64Array.from(lane.spans, (span) => (latest = Math.max(latest, span.end_ps)));
  lane.starts = Float64Array.from(lane.spans, (span) => span.start_ps);
}

/* The first index whose value is at least what is wanted. */
function firstAtLeast(values, wanted) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}

function tracksOf(run) {
  const tracks = [];
  const add = (title, kind, spans) => {
    if (spans.length > 0) tracks.push({ title, kind, run, lanes: packLanes(spans) });
  };
  for (const track of run.data.tracks ?? [])
    add(track.name, "plain", track.spans.map((span) => makeSpan("plain", span, span.label, "slate")));
  add("Command buffers", "buffers", run.buffers.map((buffer) =>
    makeSpan("buffer", buffer, buffer.label || `command buffer ${buffer.sequence}`, "grey")));
  add("Dispatches", "dispatches", run.dispatches.map((dispatch) =>
    makeSpan("dispatch", dispatch, dispatch.label ? `${dispatch.op} ${dispatch.label}` : dispatch.op,
      opColour(dispatch.op), dispatch)));
  add("Hazards", "hazards", (run.hazards ?? []).filter((hazard) => hazard.time_ps !== undefined).map((hazard) =>
    makeSpan("hazard", { start_ps: hazard.time_ps, end_ps: hazard.time_ps, hazard }, hazard.kind, "bad")));
  return tracks;
}

/* Gives every track and lane its place from the top; the last element is the height of all. */
function placeTracks(groups) {
  let y = AXIS_HEIGHT;
  for (const group of groups) {
    group.y = y;
    if (groups.length > 1) y += RUN_HEIGHT;
    for (const track of group.tracks) {
      track.y = y;
      y += LABEL_HEIGHT;
      for (const lane of track.lanes) {
        lane.y = y;
        y += LANE_HEIGHT + LANE_GAP;
      }
      y += TRACK_GAP;
    }
  }
  return y;
}

/* Pairs of spans that a fence joins: who signals a value, and who waits for it. */
function fencesOf(run, tracks) {
  const track = tracks.find((it) => it.kind === "buffers");
  if (!track) return [];
  const spans = track.lanes.flatMap((lane) => lane.spans);
  const keyOf = (buffer, value) => `${buffer.fence ?? 0}:${value}`;
  const signals = new Map(spans.filter((span) => span.data.signal).map((span) =>
    [keyOf(span.data, span.data.signal), span]));
  return spans.filter((span) => span.data.wait).map((to) => ({ from: signals.get(keyOf(to.data, to.data.wait)), to }))
    .filter((fence) => fence.from && fence.from !== fence.to).sort((a, b) => a.to.start_ps - b.to.start_ps);
}
