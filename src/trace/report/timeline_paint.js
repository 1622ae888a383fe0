/* Painting the timeline. Whatever the number of spans, a lane costs at most a rectangle for each pixel of its width:
 * spans that are narrower than a pixel hide those that begin in the same one. */

const INK_FONT = '11px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif';
const LETTER_WIDTH = 6.1;

/* What a painter knows: the canvas, its size, and the window of time. */
function makeView(context, width, height, from_ps, to_ps) {
  return { context, width, height, from_ps, to_ps, pixels: width / (to_ps - from_ps),
    x(ps) { return (ps - from_ps) * this.pixels; } };
}

function paintAxis(view) {
  const { context, width, height } = view;
  const ticks = timeTicks(view.from_ps, view.to_ps, width / 110);
  context.font = INK_FONT;
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.strokeStyle = colourOf("line");
  context.fillStyle = colourOf("muted");
  context.lineWidth = 1;
  context.beginPath();
  for (const tick of ticks) {
    const x = Math.round(view.x(tick.at)) + 0.5;
    context.moveTo(x, AXIS_HEIGHT - 6);
    context.lineTo(x, height);
  }
  context.stroke();
  for (const tick of ticks) {
    const x = view.x(tick.at) + 4;
    if (x + tick.text.length * LETTER_WIDTH < width) context.fillText(tick.text, x, AXIS_HEIGHT / 2 - 1);
  }
  return ticks;
}

/* The spans of a lane that can be seen, none of them hidden by the one before. */
function* visibleSpans(view, spans, starts, ends) {
  let i = firstAtLeast(ends, view.from_ps);
  while (i < spans.length && starts[i] <= view.to_ps) {
    const span = spans[i];
    const x = view.x(span.start_ps), end = view.x(span.end_ps);
    if (end >= 0) yield { span, x, width: end - x };
    if (end - x >= 1) i++;
    else i = Math.max(i + 1, firstAtLeast(starts, view.from_ps + (Math.max(0, Math.floor(x)) + 1) / view.pixels));
  }
}

function paintSpan(view, { span, x, width }, y) {
  const { context } = view;
  const left = Math.max(x, -2), right = Math.min(x + width, view.width + 2);
  /* A gap of a pixel between neighbours, once there is room for it. */
  const shown = Math.max(1, right - left - (width > 4 ? 1 : 0));
  const colour = colourOf(span.colour);
  context.fillStyle = colour;
  context.fillRect(left, y, shown, LANE_HEIGHT);
  const visible = Math.max(0, left), room = Math.floor((left + shown - visible - 8) / LETTER_WIDTH);
  if (room < 3) return;
  context.fillStyle = inkOn(colour);
  const text = span.label.length > room ? `${span.label.slice(0, room - 1)}\u2026` : span.label;
  context.fillText(text, visible + 4, y + LANE_HEIGHT / 2 + 0.5);
}

function paintHazard(view, { x }, y) {
  const { context } = view, middle = y + LANE_HEIGHT / 2;
  context.fillStyle = colourOf("bad");
  context.beginPath();
  context.moveTo(x, middle - 7);
  context.lineTo(x + 7, middle + 6);
  context.lineTo(x - 7, middle + 6);
  context.fill();
}

/* Before a command buffer starts it has been submitted: a line from there. */
function paintWaiting(view, span, y) {
  const { submitted_ps, start_ps } = span.data;
  if (submitted_ps === undefined || submitted_ps >= start_ps) return;
  const { context } = view, middle = Math.round(y + LANE_HEIGHT / 2) + 0.5;
  const left = Math.max(-2, view.x(submitted_ps)), right = view.x(start_ps);
  if (right - left < 3) return;
  context.strokeStyle = colourOf("edge");
  context.lineWidth = 1;
  context.beginPath();
  context.moveTo(left, middle);
  context.lineTo(right, middle);
  context.moveTo(left + 0.5, middle - 4);
  context.lineTo(left + 0.5, middle + 4);
  context.stroke();
}

/* A barrier before a dispatch: a line that is higher than its lane. */
function paintBarrier(view, shown, y) {
  if (!shown.span.dispatch?.data.barriers || shown.width < 12) return;
  view.context.fillStyle = colourOf("ink");
  view.context.fillRect(Math.round(shown.x) - 1, y - 2, 1, LANE_HEIGHT + 4);
}

function paintLane(view, track, lane, is_filtered) {
  const paint = track.kind === "hazards" ? paintHazard : paintSpan;
  view.context.font = INK_FONT;
  view.context.textAlign = "left";
  view.context.textBaseline = "middle";
  const is_dimmed = is_filtered && track.kind === "dispatches";
  view.context.globalAlpha = is_dimmed ? 0.16 : 1;
  for (const shown of visibleSpans(view, lane.spans, lane.starts, lane.ends)) {
    if (track.kind === "buffers") paintWaiting(view, shown.span, lane.y);
    paint(view, shown, lane.y);
    if (track.kind === "dispatches") paintBarrier(view, shown, lane.y);
  }
  view.context.globalAlpha = 1;
  if (!is_dimmed) return;
  const { spans, starts, ends } = lane.passing;
  for (const shown of visibleSpans(view, spans, starts, ends)) paint(view, shown, lane.y);
}

/* From the end of the one to the start of the other: a bow below them where they are of one lane. */
function paintFence(context, x0, y0, x1, y1) {
  const is_beside = y0 === y1, deep = is_beside ? Math.min(9, 4 + (x1 - x0) / 3) : 0;
  const bend = is_beside ? 0 : Math.max(8, (x1 - x0) / 2);
  context.beginPath();
  context.moveTo(x0, y0);
  context.bezierCurveTo(x0 + bend, y0 + deep, x1 - bend, y1 + deep, x1, y1 + (is_beside ? 3 : -6));
  context.stroke();
  const tip = is_beside ? -1 : 1, at = is_beside ? y1 : y1 - LANE_HEIGHT;
  context.beginPath();
  context.moveTo(x1, at);
  context.lineTo(x1 + 3.5, at - 5 * tip);
  context.lineTo(x1 - 3.5, at - 5 * tip);
  context.fill();
}

function paintFences(view, fences) {
  const { context } = view;
  context.strokeStyle = context.fillStyle = colourOf("ink");
  context.lineWidth = 1.25;
  let last = -Infinity;
  for (const { from, to } of fences) {
    const x0 = view.x(from.end_ps), x1 = view.x(to.start_ps);
    if (Math.max(x0, x1) < 0 || Math.min(x0, x1) > view.width || x1 - last < 14) continue;
    last = x1;
    paintFence(context, x0, from.lane.y + LANE_HEIGHT, x1, to.lane.y + LANE_HEIGHT);
  }
}

function paintSelected(view, span) {
  const { context } = view, x = view.x(span.start_ps), width = Math.max(2, view.x(span.end_ps) - x);
  if (x > view.width || x + width < 0) return;
  const left = Math.max(-4, x), right = Math.min(view.width + 4, x + width);
  context.lineWidth = 2;
  context.strokeStyle = colourOf("surface");
  context.strokeRect(left - 2.5, span.lane.y - 2.5, right - left + 5, LANE_HEIGHT + 5);
  context.strokeStyle = colourOf("ink");
  context.strokeRect(left - 1, span.lane.y - 1, right - left + 2, LANE_HEIGHT + 2);
}

function paintGroup(view, group, has_many) {
  const { context } = view;
  if (has_many) {
    context.fillStyle = colourOf("sunken");
    context.fillRect(0, group.y, view.width, RUN_HEIGHT - 4);
    context.fillStyle = colourOf("ink");
    context.font = `600 ${INK_FONT}`;
    context.fillText(`Run ${group.run.tag}: ${timeText(group.run.makespan_ps)}`, 6, group.y + (RUN_HEIGHT - 4) / 2);
  }
  for (const track of group.tracks) {
    context.font = INK_FONT;
    context.fillStyle = colourOf("surface");
    const is_full = track.lanes.length === LANES_MAX;
    const title = is_full ? `${track.title} (more at a time than there are lanes)` : track.title;
    context.fillRect(0, track.y, context.measureText(title).width + 6, LABEL_HEIGHT - 2);
    context.fillStyle = colourOf("muted");
    context.fillText(title, 2, track.y + LABEL_HEIGHT / 2 - 1);
    for (const lane of track.lanes) paintLane(view, track, lane, page.filter.length > 0);
  }
  paintFences(view, group.fences);
}

/* What the slider of the machine shows, as a line through all tracks. */
function paintMoment(view, time_ps) {
  if (time_ps === null) return;
  const x = view.x(time_ps);
  view.context.fillStyle = colourOf("accent");
  view.context.fillRect(x - 0.75, AXIS_HEIGHT - 8, 1.5, view.height);
}

/* How much of each pixel's time is covered by spans of a run, 0 to 1. */
function coverage(run, extent_ps, width) {
  const covered = new Float64Array(width + 1);
  const spans = run.dispatches.length > 0 ? run.dispatches : run.buffers.length > 0 ? run.buffers
    : (run.data.tracks ?? []).flatMap((track) => track.spans);
  for (const span of spans) {
    const from = span.start_ps / extent_ps * width, to = Math.min(width, span.end_ps / extent_ps * width);
    for (let i = Math.floor(from); i <= Math.min(width - 1, Math.floor(to)); i++)
      covered[i] += Math.max(0, Math.min(to, i + 1) - Math.max(from, i));
  }
  return covered;
}
