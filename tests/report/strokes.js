/* Notes what is drawn on the canvas of this id from now on, for report_case.py: in window.drawn, in order. */
(id) => {
  const prototype = CanvasRenderingContext2D.prototype;
  let path = [];
  window.drawn = [];
  const hook = (name, note) => {
    const original = prototype[name];
    prototype[name] = function (...given) {
      if (this.canvas.id === id) note(this, given);
      return original.apply(this, given);
    };
  };
  hook("clearRect", () => (window.drawn = []));
  hook("beginPath", () => (path = []));
  hook("moveTo", (context, [x, y]) => path.push([x, y]));
  hook("lineTo", (context, [x, y]) => path.push([x, y]));
  hook("stroke", (context) => window.drawn.push({ kind: "line", path, colour: context.strokeStyle,
    width: context.lineWidth }));
  hook("fillText", (context, [text, x, y]) => {
    const { a, b, c, d, e, f } = context.getTransform(), ratio = devicePixelRatio;
    window.drawn.push({ kind: "text", text, x: (a * x + c * y + e) / ratio, y: (b * x + d * y + f) / ratio,
      width: context.measureText(text).width, align: context.textAlign });
  });
}
