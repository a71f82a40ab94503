"use strict";
// What the page knows: the data, which rows the filters keep, and what these rows say of images and signatures.
const pratique = (() => {
  const state = JSON.parse(document.getElementById("state").textContent);
  const severity = ["error", "fail", "warn", "pass", "skip"];

  function worst(counts) { return severity.find((status) => counts[status]) || "skip"; }

  // Texts are compared in lower case; those of checks and reasons are made once, when something is first sought.
  let texts = null;
  function reasonText(number, made) {
    if (made[number] === undefined) {
      const reason = state.reasons[number];
      const details = (reason.details || []).map((pair) => pair.join(" "));
      const below = (reason.children || []).map((child) => reasonText(child, made));
      made[number] = [reason.code, reason.text, ...details, ...below].join("\n").toLowerCase();
    }
    return made[number];
  }
  function searchable() {
    if (!texts) {
      const made = [];
      const checks = state.checks.map((check) => [
        check.message, check.container || "", check.digest || "",
        check.image === undefined ? "" : state.images[check.image].image,
        check.reason === undefined ? "" : reasonText(check.reason, made),
      ].join("\n").toLowerCase());
      const rows = state.rows.map((row) => [
        state.policies[row.policy].name, row.rule, row.kind, row.namespace || "", row.name, row.message, row.origin || "",
      ].join("\n").toLowerCase());
      texts = { checks, rows };
    }
    return texts;
  }

  // The numbers of the rows that pass: `results` is a set (empty for all), `policy` a number or null.
  function rows({ results, policy, namespace, text }) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const sought = words.length ? searchable() : null;
    const has = (row, number, word) =>
      sought.rows[number].includes(word) || row.checks.some((check) => sought.checks[check].includes(word));
    const found = [];
    state.rows.forEach((row, number) => {
      if (results.size && !results.has(row.result)) { return; }
      if (policy !== null && row.policy !== policy) { return; }
      if (namespace !== null && (row.namespace || "") !== namespace) { return; }
      if (words.every((word) => has(row, number, word))) { found.push(number); }
    });
    return found;
  }

  function images(kept) {
    const found = new Map();
    for (const number of kept) {
      const row = state.rows[number];
      for (const place of row.checks) {
        const check = state.checks[place];
        if (check.image === undefined) { continue; }
        if (!found.has(check.image)) {
          found.set(check.image, { image: check.image, counts: {}, rows: new Set(), policies: new Set(), checks: new Set() });
        }
        const image = found.get(check.image);
        image.counts[check.result] = (image.counts[check.result] || 0) + 1;
        image.rows.add(number); image.policies.add(row.policy); image.checks.add(place);
      }
    }
    return [...found.values()];
  }

  function signatures(kept) {
    const there = new Set(kept);
    return state.signatures.filter((signature) => signature.rows.some((row) => there.has(row)));
  }

  function policies(kept) {
    const counts = state.policies.map(() => ({}));
    for (const number of kept) {
      const { policy, result } = state.rows[number];
      counts[policy][result] = (counts[policy][result] || 0) + 1;
    }
    return state.policies.map((policy, number) => ({ ...policy, counts: counts[number] }));
  }

  return { state, severity, worst, rows, images, signatures, policies };
})();
