// A table of which a page at a time is in the document: sorting, turning pages, and rows that open.
pratique.element = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

pratique.Table = class {
  static size = 100;

  // `columns`: {title, value(item), cell(item) or none, kind or none}; `opened(item)`: what an open row shows, or none.
  constructor(section, { columns, opened, noun, nouns, key }, changed) {
    const { element } = pratique;
    Object.assign(this, { section, columns, opened, noun, nouns, key, changed, items: [], page: 0, sort: null, open: null });
    this.body = section.querySelector("tbody");
    this.status = section.querySelector('[role="status"]');
    this.pager = section.querySelector(".pager");
    this.heads = columns.map((column, index) => {
      const button = element("button", { type: "button", textContent: column.title });
      button.addEventListener("click", () => {
        const down = this.sort && this.sort.index === index && !this.sort.down;
        this.sort = { index, down: Boolean(down) }; this.page = 0; this.draw(); this.changed();
      });
      const head = element("th", { scope: "col" }, button);
      return head;
    });
    const first = opened ? [element("th", { scope: "col" }, element("span", { className: "unseen", textContent: "Why" }))] : [];
    section.querySelector("thead tr").replaceChildren(...first, ...this.heads);
    const [previous, next] = ["previous", "next"].map((name) => this.pager.querySelector("." + name));
    const turn = (by) => () => { this.page += by; this.draw(); this.changed(); section.scrollIntoView(); };
    previous.addEventListener("click", turn(-1)); next.addEventListener("click", turn(1));
    Object.assign(this, { previous, next });
  }

  show(items, all) {
    this.items = items; this.all = all;
    this.draw();
  }

  draw() {
    const { element, Table } = pratique;
    const sorted = this.sorted(), pages = Math.max(1, Math.ceil(sorted.length / Table.size));
    this.page = Math.min(Math.max(0, this.page), pages - 1);
    const first = this.page * Table.size, shown = sorted.slice(first, first + Table.size);
    this.body.replaceChildren(...shown.flatMap((item) => this.row(item)));
    this.heads.forEach((head, index) => {
      head.setAttribute("aria-sort", this.sort && this.sort.index === index ? (this.sort.down ? "descending" : "ascending") : "none");
    });
    const of = this.items.length === this.all ? "" : ` of ${this.all}`;
    this.status.textContent = `${this.items.length}${of} ${this.all === 1 ? this.noun : this.nouns || this.noun + "s"}`;
    this.pager.hidden = pages === 1;
    this.previous.disabled = this.page === 0; this.next.disabled = this.page === pages - 1;
    this.pager.querySelector(".where").textContent =
      `${first + 1} to ${first + shown.length} of ${sorted.length}, page ${this.page + 1} of ${pages}`;
  }

  sorted() {
    if (!this.sort || !this.columns[this.sort.index]) { return this.items; }
    const { value } = this.columns[this.sort.index], sign = this.sort.down ? -1 : 1;
    const compare = new Intl.Collator("en", { numeric: true }).compare;
    const valued = this.items.map((item) => [value(item), item]);
    valued.sort(([a], [b]) => sign * (typeof a === "number" ? a - b : compare(a, b)));
    return valued.map(([, item]) => item);
  }

  row(item) {
    const { element } = pratique;
    const cells = this.columns.map(({ value, cell, kind }) => {
      const content = cell ? cell(item) : String(value(item));
      return element("td", { className: kind || "" }, ...[content].flat());
    });
    if (!this.opened) { return [element("tr", {}, ...cells)]; }
    const key = this.key(item), id = `${this.section.id}-${key}`;
    const button = element("button", { type: "button", textContent: "+" });
    const name = String(this.columns.at(-1).value(item)).slice(0, 80);
    button.setAttribute("aria-label", `Why: ${name}`);
    button.setAttribute("aria-controls", id);
    const row = element("tr", {}, element("td", { className: "open" }, button), ...cells);
    const more = element("tr", { className: "more", id, hidden: true }, element("td", { colSpan: cells.length + 1 }));
    const set = (open) => {
      if (open && !more.firstChild.firstChild) { more.firstChild.append(...this.opened(item)); }
      more.hidden = !open; button.textContent = open ? "\u2212" : "+"; button.setAttribute("aria-expanded", String(open));
    };
    button.addEventListener("click", () => {
      const open = more.hidden;
      set(open);
      this.open = open ? key : null;
      this.changed();
    });
    set(key === this.open);
    return [row, more];
  }
};
