# What the page of reports is made of, in this order. Styles go to the mark @@STYLES@@ of page.html, scripts to
# @@SCRIPTS@@.
set(WEFT_REPORT_STYLES theme.css layout.css parts.css)
set(WEFT_REPORT_SCRIPTS
  numbers.js elements.js page_state.js runs.js part_styles.js summary.js attribution.js timeline_tracks.js
  timeline_paint.js timeline.js table.js dispatches.js roofs.js roofline.js machine.js machine_player.js
  hazards.js main.js)
