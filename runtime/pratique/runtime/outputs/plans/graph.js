"use strict";
(() => {
  const data = JSON.parse(document.getElementById("plan-data").textContent);
  const work = document.querySelector(".work");
  const canvas = work.querySelector(".canvas");
  const svg = canvas.querySelector("svg");
  const detail = work.querySelector(".detail");
  const status = document.getElementById("plan-status");
  const boxes = new Map([...canvas.querySelectorAll(".box")].map((box) => [Number(box.dataset.number), box]));
  const paths = [...svg.querySelectorAll("path")];
  const inputs = new Map(), users = new Map();
  for (const number of boxes.keys()) { inputs.set(number, []); users.set(number, []); }
  data.lines.forEach(([source, user], index) => {
    inputs.get(user).push([source, paths[index]]);
    users.get(source).push([user, paths[index]]);
  });
  const stages = [...canvas.querySelectorAll(".stage")];
  const home = new Map(data.boxes.map(([number, left, top, height]) => [number, { left, top, height }]));
  const homePaths = paths.map((path) => path.getAttribute("d"));
  const width = data.width, step = data.step;

  // --- one rule, or all ---------------------------------------------------------------------------------

  function below(root) {
    const found = new Set(), waiting = [root];
    while (waiting.length) {
      const number = waiting.pop();
      if (!found.has(number)) { found.add(number); inputs.get(number).forEach(([source]) => waiting.push(source)); }
    }
    return found;
  }

  function showAll() {
    boxes.forEach((box, number) => {
      box.hidden = false;
      box.style.left = home.get(number).left + "px"; box.style.top = home.get(number).top + "px";
    });
    stages.forEach((stage, index) => { stage.hidden = false; stage.style.left = data.stages[index] + "px"; });
    paths.forEach((path, index) => { path.classList.remove("hidden"); path.setAttribute("d", homePaths[index]); });
    canvas.style.width = data.size[0] + "px"; canvas.style.height = data.size[1] + "px";
  }

  // Columns without a question close up; lines that pass columns run above all questions.
  function showRule(root) {
    const shown = below(root), gap = 18, lane = 12;
    const used = [...new Set([...shown].map((number) => home.get(number).left))].sort((a, b) => a - b);
    const column = new Map([...boxes.keys()].map((number) => [number, used.indexOf(home.get(number).left)]));
    const long = data.lines.filter(([source, user]) =>
      shown.has(source) && shown.has(user) && column.get(user) - column.get(source) > 1);
    const above = long.length * lane;
    const heights = used.map((left) => [...shown].filter((number) => home.get(number).left === left)
      .reduce((sum, number) => sum + home.get(number).height + gap, -gap));
    const tallest = Math.max(...heights);
    used.forEach((left, index) => {
      let top = above + (tallest - heights[index]) / 2;
      const numbers = [...shown].filter((number) => home.get(number).left === left);
      numbers.sort((a, b) => home.get(a).top - home.get(b).top);
      for (const number of numbers) {
        boxes.get(number).style.top = top + "px"; boxes.get(number).style.left = index * step + "px";
        top += home.get(number).height + gap;
      }
    });
    boxes.forEach((box, number) => { box.hidden = !shown.has(number); });
    stages.forEach((stage) => {
      const there = [...shown].filter((number) => boxes.get(number).classList.contains(stage.dataset.stage));
      stage.hidden = !there.length;
      stage.style.left = Math.min(...there.map((number) => column.get(number))) * step + "px";
    });
    canvas.style.width = (used.length - 1) * step + width + "px"; canvas.style.height = above + tallest + "px";
    let passing = 0;
    data.lines.forEach(([source, user], index) => {
      const visible = shown.has(source) && shown.has(user);
      paths[index].classList.toggle("hidden", !visible);
      if (visible) {
        const far = column.get(user) - column.get(source) > 1;
        paths[index].setAttribute("d", line(source, user, far ? passing++ * lane : null));
      }
    });
  }

  function line(source, user, height) {
    const from = boxes.get(source).style, to = boxes.get(user).style, bend = (step - width) / 2;
    const x = parseFloat(from.left) + width, y = parseFloat(from.top) + home.get(source).height / 2;
    const end = parseFloat(to.left), bottom = parseFloat(to.top) + home.get(user).height / 2;
    if (height === null) { return `M${x},${y} C${x + bend},${y} ${end - bend},${bottom} ${end},${bottom}`; }
    const turn = x + 2 * bend, back = end - 2 * bend;
    return `M${x},${y} C${x + bend},${y} ${turn - bend},${height} ${turn},${height} L${back},${height}`
      + ` C${back + bend},${height} ${end - bend},${bottom} ${end},${bottom}`;
  }

  const graph = work.querySelector(".graph"), fit = document.getElementById("plan-fit");
  function zoom() {
    const room = graph.clientWidth - 48, wanted = parseFloat(canvas.style.width);
    canvas.style.zoom = fit.getAttribute("aria-pressed") === "true" ? Math.min(1, room / wanted) : 1;
  }
  fit.addEventListener("click", () => {
    fit.setAttribute("aria-pressed", String(fit.getAttribute("aria-pressed") !== "true"));
    zoom();
  });

  const ruleButtons = [...work.querySelectorAll("nav button")];
  function chooseRule(button) {
    ruleButtons.forEach((other) => other.setAttribute("aria-pressed", String(other === button)));
    clear();
    if (button.dataset.root) { showRule(Number(button.dataset.root)); } else { showAll(); }
    zoom();
    const shown = [...boxes.values()].filter((box) => !box.hidden).length;
    status.textContent = `${button.firstChild.textContent}: ${shown} questions shown`;
    graph.scrollTo(0, 0);
  }
  ruleButtons.forEach((button, index) => button.addEventListener("click", () => {
    chooseRule(button);
    remember(index ? `#rule-${index}` : "#rules");
  }));

  const filter = document.getElementById("plan-filter");
  filter.addEventListener("input", () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const button of ruleButtons) {
      const text = button.textContent.toLowerCase();
      const fits = !button.dataset.root || words.every((word) => text.includes(word));
      button.parentElement.hidden = !fits;
      left += fits && button.dataset.root ? 1 : 0;
    }
    status.textContent = `${left} rules listed`;
  });

  // --- one question -------------------------------------------------------------------------------------

  function clear() {
    boxes.forEach((box) => { box.classList.remove("near", "chosen"); box.setAttribute("aria-pressed", "false"); });
    paths.forEach((path) => path.classList.remove("near"));
    detail.replaceChildren(Object.assign(document.createElement("p"), { textContent: detail.dataset.empty }));
  }

  function mark(number, table) {
    const waiting = [number], seen = new Set();
    while (waiting.length) {
      for (const [next, path] of table.get(waiting.pop())) {
        path.classList.add("near");
        if (!seen.has(next)) { seen.add(next); boxes.get(next).classList.add("near"); waiting.push(next); }
      }
    }
  }

  function choose(number) {
    clear();
    const box = boxes.get(number);
    box.classList.add("chosen"); box.setAttribute("aria-pressed", "true");
    mark(number, inputs); mark(number, users);
    const lines = [...box.children].map((child) => child.textContent);
    const related = (words, table) => {
      const numbers = table.get(number).map(([other]) => `#${other}`);
      return numbers.length ? [`${words} ${numbers.slice(0, 40).join(", ")}${numbers.length > 40 ? " …" : ""}`] : [];
    };
    const said = [...lines, ...related("needs the answers of", inputs), ...related("needed by", users)];
    detail.replaceChildren(...said.map((text) => Object.assign(document.createElement("p"), { textContent: text })));
  }

  function go(number, key) {
    const table = { ArrowLeft: inputs, ArrowRight: users }[key];
    if (table) { return table.get(number).map(([other]) => other).find((other) => !boxes.get(other).hidden); }
    const left = boxes.get(number).style.left, top = parseFloat(boxes.get(number).style.top);
    const column = [...boxes].filter(([, box]) => !box.hidden && box.style.left === left);
    const ahead = column.map(([other, box]) => [parseFloat(box.style.top) - top, other])
      .filter(([distance]) => (key === "ArrowDown" ? distance > 0 : distance < 0))
      .sort((a, b) => Math.abs(a[0]) - Math.abs(b[0]));
    return ahead.length ? ahead[0][1] : undefined;
  }

  boxes.forEach((box, number) => {
    box.addEventListener("click", () => { choose(number); remember(`#question-${number}`); });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { clear(); }
      if (!event.key.startsWith("Arrow")) { return; }
      const next = go(number, event.key);
      if (next !== undefined) { event.preventDefault(); boxes.get(next).focus(); choose(next); }
    });
  });

  // --- where to start: #rules, #rule-N or #question-N --------------------------------------------------

  function remember(fragment) { history.replaceState(null, "", fragment); }

  function open() {
    const [, kind, digits] = /^#(rules|rule|question)(?:-(\d+))?$/.exec(location.hash) || [];
    const number = Number(digits);
    const button = kind === "rules" ? ruleButtons[0] : kind === "rule" ? ruleButtons[number] : undefined;
    chooseRule(button || ruleButtons[data.first]);
    if (kind === "question" && boxes.has(number)) {
      chooseRule(ruleButtons[0]);
      choose(number);
      boxes.get(number).scrollIntoView({ block: "center", inline: "center" });
    }
  }

  work.querySelectorAll("nav, .tools").forEach((part) => { part.hidden = false; });
  window.addEventListener("hashchange", open);
  open();
})();
