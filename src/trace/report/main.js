/* Puts the page together. */

/* The list of sections marks the one that is being read. */
function followSections() {
  const links = [...document.querySelectorAll("#sections a")];
  const mark = () => {
    const line = 120, last = links.length - 1;
    const is_at_end = innerHeight + scrollY >= document.documentElement.scrollHeight - 4;
    let at = links.findLastIndex((link) => document.querySelector(link.hash).getBoundingClientRect().top <= line);
    if (is_at_end && scrollY > 0) at = last;
    links.forEach((link, i) => {
      if (i === Math.max(0, at)) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    });
    /* On a narrow screen the list itself scrolls. */
    const list = document.getElementById("sections"), current = links[Math.max(0, at)];
    if (current) list.scrollLeft = current.offsetLeft - (list.clientWidth - current.offsetWidth) / 2;
  };
  addEventListener("scroll", mark, { passive: true });
  mark();
}

function titleOf(runs) {
  return runs.map((run) => run.data.title ?? run.data.command).join(" \u2194 ");
}

function start() {
  prepareTheme();
  page.on("colours", inkBars);
  const runs = page.runs = readRuns();
  assignOpColours(runs);
  assignPartStyles(runs);
  document.getElementById("title").replaceChildren(...runs.flatMap((run, i) => [i > 0 ? h("br") : "",
    run.tag ? h("span", null, runTag(run), " ") : "",
      h("span", { class: "mono" }, run.data.title ?? run.data.command)]));
  document.title = `${titleOf(runs)} \u2013 Weft`;
  showSummary(runs);
  const timeline = new Timeline(runs);
  if (!timeline.isEmpty) timeline.build();
  showAttribution(runs);
  showDispatches(runs);
  showRoofline(runs);
  showMachine(runs);
  showHazards(runs, timeline);
  followSections();
  document.documentElement.dataset.ready = "true";
}

start();
