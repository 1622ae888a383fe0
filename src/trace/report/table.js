/* A real table of any number of rows. Only those that can be seen are elements; two empty rows keep the place of the
 * others, and aria-rowindex says which ones they are.
 *
 * A column: {key, title, width, value(row), text(row), is_number, cell(row)}. `value` is what is sorted by: numbers
 * before NaN, whichever way; `cell` makes elements where text is not enough. */

const ROW_HEIGHT = 28, ROWS_AROUND = 8;

class SortedTable {
  constructor({ id, caption, columns, rows, pick, chosen }) {
    Object.assign(this, { columns, all: rows, pick, chosen });
    this.rows = [...rows];
    this.sort = { key: null, is_falling: false };
    this.active = 0;
    this.heads = columns.map((column) => h("th", { scope: "col", class: column.is_number ? "number" : null },
      h("button", { type: "button", "data-key": column.key, onclick: () => this.sortBy(column.key) }, column.title)));
    this.body = h("tbody");
    this.table = h("table", { id, class: "fixed", "aria-rowcount": rows.length + 1 },
      h("caption", { class: "unseen" }, caption),
      h("colgroup", null, columns.map((column) => h("col", { style: `width: ${column.width}` }))),
      h("thead", null, h("tr", { "aria-rowindex": 1 }, this.heads)), this.body);
    this.table.style.minWidth = `${columns.reduce((sum, column) => sum + parseFloat(column.width), 0)}rem`;
    this.box = h("div", { class: "table-box" }, this.table);
    this.box.addEventListener("scroll", () => this.fill());
    this.body.addEventListener("keydown", (event) => this.key(event));
    this.body.addEventListener("click", (event) => {
      const row = event.target.closest("tr.row");
      if (row) this.choose(Number(row.dataset.at));
    });
    new ResizeObserver(() => this.fill()).observe(this.box);
  }

  /* Once more the same column: the other way. Numbers begin with the largest. */
  sortBy(key) {
    const column = this.columns.find((it) => it.key === key);
    const is_falling = this.sort.key === key ? !this.sort.is_falling : Boolean(column.is_number);
    this.sort = { key, is_falling };
    this.columns.forEach((it, i) => {
      if (it.key === key) this.heads[i].setAttribute("aria-sort", is_falling ? "descending" : "ascending");
      else this.heads[i].removeAttribute("aria-sort");
    });
    this.arrange();
    say(`Sorted by ${column.title}, ${is_falling ? "descending" : "ascending"}`);
  }

  /* Keeps the rows that the function wants. */
  keep(wanted) {
    this.wanted = wanted;
    this.arrange();
    return this.rows.length;
  }

  arrange() {
    const rows = this.wanted ? this.all.filter(this.wanted) : [...this.all];
    const column = this.columns.find((it) => it.key === this.sort.key);
    if (column) rows.sort(comparison(column.value, this.sort.is_falling));
    this.rows = rows;
    this.active = 0;
    this.box.scrollTop = 0;
    this.table.setAttribute("aria-rowcount", rows.length + 1);
    this.fill();
  }

  fill() {
    const from = Math.max(0, Math.floor(this.box.scrollTop / ROW_HEIGHT) - ROWS_AROUND);
    const seen = Math.ceil((this.box.clientHeight || 480) / ROW_HEIGHT);
    const to = Math.min(this.rows.length, from + seen + 2 * ROWS_AROUND);
    const had_focus = this.body.contains(document.activeElement);
    const space = (count) => {
      const row = h("tr", { class: "space", "aria-hidden": "true" }, h("td", { colspan: this.columns.length }));
      row.style.height = `${count * ROW_HEIGHT}px`;
      return row;
    };
    const elements = [];
    for (let i = from; i < to; i++) elements.push(this.rowElement(i));
    this.body.replaceChildren(space(from), ...elements, space(this.rows.length - to));
    if (had_focus && this.active >= from && this.active < to)
      elements[this.active - from].focus({ preventScroll: true });
  }

  rowElement(i) {
    const row = this.rows[i];
    const element = h("tr", { class: "row", "aria-rowindex": i + 2, "data-at": i,
      tabindex: i === this.active ? "0" : "-1",
      "aria-selected": this.chosen(row) ? "true" : "false" });
    for (const column of this.columns) {
      const cell = h("td", { class: column.is_number ? "number" : null });
      cell.append(...(column.cell ? column.cell(row) : [column.text(row)]));
      if (!column.is_number) cell.title = column.text(row);
      element.append(cell);
    }
    return element;
  }

  choose(i) {
    this.active = i;
    this.pick(this.rows[i]);
    this.fill();
    this.focusActive();
  }

  key(event) {
    const page_rows = Math.max(1, Math.floor(this.box.clientHeight / ROW_HEIGHT) - 2), last = this.rows.length - 1;
    const places = { ArrowDown: this.active + 1, ArrowUp: this.active - 1, PageDown: this.active + page_rows,
      PageUp: this.active - page_rows, Home: 0, End: last };
    if (event.key === "Enter" || event.key === " ") this.choose(this.active);
    else if (event.key in places) this.active = Math.max(0, Math.min(last, places[event.key]));
    else return;
    event.preventDefault();
    this.reveal();
    this.focusActive();
  }

  focusActive() {
    this.body.querySelector(`tr[data-at="${this.active}"]`)?.focus({ preventScroll: true });
  }

  /* Scrolls the box, and nothing else, until the active row can be seen. */
  reveal() {
    const head = this.table.tHead.offsetHeight, top = this.active * ROW_HEIGHT, room = this.box.clientHeight - head;
    if (top < this.box.scrollTop) this.box.scrollTop = top;
    else if (top + ROW_HEIGHT > this.box.scrollTop + room - 14) this.box.scrollTop = top + ROW_HEIGHT - room + 14;
    this.fill();
  }

  /* Makes a row the active one, if it is there, and shows it. */
  revealRow(is_it) {
    const i = this.rows.findIndex(is_it);
    if (i >= 0) {
      this.active = i;
      this.reveal();
    } else this.fill();
  }
}

function comparison(value, is_falling) {
  const sign = is_falling ? -1 : 1;
  return (a, b) => {
    const left = value(a), right = value(b);
    const left_is_none = left === null || Number.isNaN(left), right_is_none = right === null || Number.isNaN(right);
    if (left_is_none || right_is_none) return left_is_none - right_is_none;
    return left < right ? -sign : left > right ? sign : 0;
  };
}
