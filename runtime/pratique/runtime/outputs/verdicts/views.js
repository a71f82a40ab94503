// What each table shows of the data.
pratique.views = (() => {
  const { state, element, severity, worst } = pratique;
  const most = 200;
  const marks = { pass: "\u2713", fail: "\u2717", warn: "!", error: "\u2717", skip: "-" };

  function status(name) {
    return element("span", { className: `status ${name === "skip" ? "skipped" : name}`, textContent: `${marks[name]} ${name}` });
  }

  function counts(of) {
    const there = severity.filter((name) => of[name]);
    return there.flatMap((name, index) => [
      ...(index ? [", "] : []),
      element("span", { className: name === "skip" ? "skipped" : name, textContent: `${of[name]} ${name}` }),
    ]);
  }

  function facts(pairs) {
    const told = pairs.filter(([, value]) => value !== undefined && value !== "");
    return element("dl", {}, ...told.flatMap(([name, value]) => [
      element("dt", { textContent: name }), element("dd", { textContent: value }),
    ]));
  }

  function tree(number) {
    const reason = state.reasons[number];
    const met = element("span", { className: reason.met ? "pass" : "fail", textContent: reason.met ? "\u2713 " : "\u2717 " });
    met.append(element("span", { className: "unseen", textContent: reason.met ? "met: " : "not met: " }));
    const small = (text) => element("small", { textContent: text });
    const children = (reason.children || []).map(tree);
    return element("li", {}, met, `${reason.text} [${reason.code}]`,
      ...(reason.details || []).map(([name, value]) => small(`${name}: ${value}`)),
      ...(reason.place ? [small(`demanded at ${reason.place}`)] : []),
      ...(children.length ? [element("ul", {}, ...children)] : []));
  }

  function check(number) {
    const { stage, result, message, image, container, digest, reason } = state.checks[number];
    const what = image === undefined ? "the whole rule" : state.images[image].image;
    const head = element("h3", {}, status(result), ` ${stage} ${what}${container ? ` (container ${container})` : ""}`);
    return [head, facts([["message", message], ["digest", digest]]),
      ...(reason === undefined ? [] : [element("ul", { className: "tree" }, tree(reason))])];
  }

  function checks(numbers) {
    const shown = [...numbers].slice(0, most).flatMap(check), left = [...numbers].length - most;
    return left > 0 ? [...shown, element("p", { className: "note", textContent: `and ${left} more` })] : shown;
  }

  function moment(seconds) {
    return seconds === undefined ? "" : new Date(seconds * 1000).toISOString().replace("T", " ").replace(".000Z", " UTC");
  }

  const policyName = (number) => state.policies[number].name;
  const resource = (row) => [row.namespace, row.kind, row.name].filter(Boolean).join("/");
  const row = (number) => state.rows[number];
  const timed = state.rows.some((each) => each.at !== undefined);
  const foreign = state.rows.some((each) => each.origin);

  const results = {
    noun: "result",
    columns: [
      { title: "Result", value: (n) => severity.indexOf(row(n).result), cell: (n) => status(row(n).result), kind: "short" },
      { title: "Policy", value: (n) => policyName(row(n).policy) },
      { title: "Rule", value: (n) => row(n).rule },
      ...(timed ? [{ title: "Time", value: (n) => row(n).at || 0, cell: (n) => moment(row(n).at) }] : []),
      ...(foreign ? [{ title: "By", value: (n) => row(n).origin || "" }] : []),
      { title: "Message", value: (n) => row(n).message, kind: "message" },
      { title: "Resource", value: (n) => resource(row(n)) },
    ],
    key: (n) => n,
    opened: (n) => {
      const of = row(n);
      const told = [["rule at", of.place], ["resource at", of.resourcePlace], ["severity", of.severity], ["category", of.category]];
      return [facts(told), ...checks(of.checks)];
    },
  };

  const images = {
    noun: "image",
    columns: [
      { title: "Verdict", value: (i) => severity.indexOf(worst(i.counts)), cell: (i) => status(worst(i.counts)), kind: "short" },
      { title: "Checks", value: (i) => Object.values(i.counts).reduce((a, b) => a + b, 0), cell: (i) => counts(i.counts) },
      { title: "Results", value: (i) => i.rows.size, kind: "number" },
      { title: "Policies", value: (i) => [...i.policies].map(policyName).join(", ") },
      { title: "Signed by", value: (i) => signers(i.image) },
      { title: "Digest", value: (i) => state.images[i.image].digest || "" },
      { title: "Image", value: (i) => state.images[i.image].image },
    ],
    key: (i) => i.image,
    opened: (i) => checks(i.checks),
  };

  function signer(of) { return of.signer || `key ${of.key}`; }

  function signers(image) {
    return [...new Set(state.images[image].signatures.map((number) => signer(state.signatures[number])))].join(", ");
  }

  const signatures = {
    noun: "signature",
    columns: [
      { title: "Signer", value: (s) => s.signer || "" },
      { title: "Issuer", value: (s) => s.issuer || "" },
      { title: "Key", value: (s) => s.key || "" },
      { title: "Signed", value: (s) => s.signedAt || "" },
      { title: "Log entry", value: (s) => s.logIndex || "" },
      { title: "What", value: (s) => s.what || "the image" },
      { title: "Accepted by", value: (s) => s.accepted.map(policyName).join(", ") },
      { title: "Not by", value: (s) => s.refused.map(policyName).join(", ") },
      { title: "Images", value: (s) => s.images.map((number) => state.images[number].image).join(", ") },
      { title: "Digest", value: (s) => s.digest || "" },
    ],
  };

  const policies = {
    noun: "policy",
    nouns: "policies",
    columns: [
      { title: "Kind", value: (p) => p.kind },
      { title: "A failure", value: (p) => (p.actions || []).map((action) => (action === "Enforce" ? "refuses" : "reports")).join(", ") },
      { title: "Rules", value: (p) => p.rules.filter(Boolean).join(", ") },
      { title: "Results", value: (p) => Object.values(p.counts).reduce((a, b) => a + b, 0), cell: (p) => counts(p.counts) },
      { title: "Policy", value: (p) => p.name },
    ],
  };

  return { results, images, signatures, policies };
})();
