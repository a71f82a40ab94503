// The page: views, filters, and the address that remembers them (#results?result=fail&text=etcd).
(() => {
  const { state, element, views, Table } = pratique;
  const get = (id) => document.getElementById(id);
  const names = [...document.querySelectorAll(".tabs a")].map((link) => link.hash.slice(1));
  const all = { results: state.rows.length, images: state.images.length, signatures: state.signatures.length, policies: state.policies.length };
  const boxes = [...document.querySelectorAll('.filters input[type="checkbox"]')];
  const filters = document.querySelector(".filters");
  let current = names[0], drawn = new Set(), kept = null;

  const tables = Object.fromEntries(Object.keys(all).map((name) => [name, new Table(get(name), views[name], remember)]));

  function option(value, text) { return element("option", { value, textContent: text }); }
  const order = new Intl.Collator("en", { numeric: true }).compare;
  const numbered = state.policies.map((policy, number) => [policy.name, number]).sort(([a], [b]) => order(a, b));
  get("policy").append(...numbered.map(([name, number]) => option(number, name)));
  const spaces = [...new Set(state.rows.map((row) => row.namespace || ""))].sort(order);
  get("namespace").append(...spaces.map((name) => option("=" + name, name || "(none: whole cluster)")));

  function chosen() {
    return {
      results: new Set(boxes.filter((box) => box.checked).map((box) => box.value)),
      policy: get("policy").value === "" ? null : Number(get("policy").value),
      namespace: get("namespace").value === "" ? null : get("namespace").value.slice(1),
      text: get("text").value,
    };
  }

  // Only the view that is seen is drawn; the others when they are turned to.
  function draw() {
    const table = tables[current];
    if (!table || drawn.has(current)) { return; }
    if (!kept) { kept = pratique.rows(chosen()); }
    const items = current === "results" ? kept : pratique[current](kept);
    table.show(items, all[current]);
    drawn.add(current);
  }

  function refilter() {
    kept = null; drawn = new Set();
    for (const table of Object.values(tables)) { table.page = 0; table.open = null; }
    draw(); remember();
  }

  function turn(name) {
    current = names.includes(name) ? name : names[0];
    for (const view of document.querySelectorAll(".view")) { view.hidden = view.id !== current; }
    for (const link of document.querySelectorAll(".tabs a")) {
      if (link.hash === "#" + current) { link.setAttribute("aria-current", "page"); } else { link.removeAttribute("aria-current"); }
    }
    filters.hidden = !tables[current];
    draw();
  }

  function remember() {
    const { results, policy, namespace, text } = chosen(), table = tables[current], told = new URLSearchParams();
    if (results.size) { told.set("result", [...results].join(",")); }
    if (policy !== null) { told.set("policy", state.policies[policy].name); }
    if (namespace !== null) { told.set("namespace", namespace); }
    if (text) { told.set("text", text); }
    if (table && table.page) { told.set("page", table.page + 1); }
    if (table && table.sort && (table.sort.index || table.sort.down)) { told.set("sort", (table.sort.down ? "-" : "") + table.columns[table.sort.index].title); }
    if (table && table.open !== null) { told.set("open", table.open); }
    const query = told.toString();
    history.replaceState(null, "", `#${current}${query ? "?" + query : ""}`);
  }

  function open() {
    const [name, query] = location.hash.slice(1).split("?"), told = new URLSearchParams(query || "");
    if (/^(rules|rule-\d+|question-\d+)$/.test(name)) { turn("plan"); return; }
    const results = (told.get("result") || "").split(",");
    boxes.forEach((box) => { box.checked = results.includes(box.value); });
    const policy = state.policies.findIndex((each) => each.name === told.get("policy"));
    get("policy").value = policy < 0 ? "" : String(policy);
    get("namespace").value = told.has("namespace") && spaces.includes(told.get("namespace")) ? "=" + told.get("namespace") : "";
    get("text").value = told.get("text") || "";
    kept = null; drawn = new Set();
    const table = tables[name];
    if (table) {
      const [, down, title] = /^(-?)(.*)$/.exec(told.get("sort") || "");
      const index = table.columns.findIndex((column) => column.title === title);
      table.sort = index < 0 ? table.sort : { index, down: Boolean(down) };
      table.page = (Number.parseInt(told.get("page") || "1", 10) || 1) - 1;
      table.open = told.has("open") ? Number(told.get("open")) : null;
    }
    turn(name);
  }

  for (const link of document.querySelectorAll(".tabs a")) {
    link.addEventListener("click", (event) => { event.preventDefault(); turn(link.hash.slice(1)); remember(); });
  }
  for (const input of filters.querySelectorAll("input, select")) { input.addEventListener("input", refilter); }
  get("clear").addEventListener("click", () => {
    boxes.forEach((box) => { box.checked = false; });
    for (const id of ["policy", "namespace", "text"]) { get(id).value = ""; }
    refilter();
  });
  tables.results.sort = { index: 0, down: false };
  tables.images.sort = { index: 0, down: false };
  window.addEventListener("hashchange", open);
  open();
})();
