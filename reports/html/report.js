"use strict";
// The script of the page. It writes texts of models into text nodes only, and never parses these texts as markup.
(() => {
  const byId = (id) => document.getElementById(id);
  const read = (id) => JSON.parse(byId(id).textContent);
  const el = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value !== "" && value !== null && value !== undefined) made.setAttribute(name, value);
    }
    made.append(...children.filter((child) => child !== null && child !== ""));
    return made;
  };
  const words = (text) => text.replaceAll("_", " ");

  // Theme: the setting of the reader's system applies until the button is used.
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const toggle = byId("theme");
  const labelToggle = () => { toggle.textContent = isDark() ? "Light" : "Dark"; };
  toggle.hidden = false;
  labelToggle();

  // Figures: a colour "@NAME" stands for the custom property --NAME of the style sheet.
  const { figures } = read("data");
  const coloured = (value, style) => {
    if (typeof value === "string") return value.startsWith("@") ? style.getPropertyValue(`--${value.slice(1)}`).trim() : value;
    if (Array.isArray(value)) return value.map((inner) => coloured(inner, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, coloured(inner, style)]));
    }
    return value;
  };
  const axis = ({ title, ...given } = {}) => ({ title: { ...title, font: { size: 12, color: "@muted" } }, gridcolor: "@grid", zerolinecolor: "@muted", linecolor: "@rule", fixedrange: true, automargin: true, ...given });
  const draw = (id) => {
    const place = byId(`plot-${id}`);
    const pick = byId(`pick-${id}`);
    const variants = figures[id];
    const { data, layout } = variants[pick ? pick.selectedIndex : 0];
    const whole = {
      autosize: true,
      height: Number(place.dataset.height),
      margin: { l: 10, r: 16, t: 10, b: 40 },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      hoverlabel: { bgcolor: "@paper", bordercolor: "@rule", font: { color: "@ink" } },
      hovermode: "closest",
      dragmode: false,
      ...layout,
      font: { family: "system-ui, 'Noto Sans', 'Liberation Sans', sans-serif", size: 13, color: "@ink", ...layout.font },
      xaxis: axis(layout.xaxis),
      yaxis: axis(layout.yaxis),
    };
    if (layout.yaxis2) whole.yaxis2 = axis(layout.yaxis2);
    const style = getComputedStyle(root);
    return Plotly.react(place, coloured(data, style), coloured(whole, style), { displayModeBar: false, responsive: true });
  };
  let waiting = Object.keys(figures);
  const drawn = new Set();
  const drawNow = (id) => { drawn.add(id); return draw(id); };
  const drawNext = () => {
    const id = waiting.shift();
    if (id === undefined) { root.dataset.drawn = "all"; return; }
    if (!drawn.has(id)) drawNow(id);
    setTimeout(drawNext, 0);
  };
  const redraw = () => { labelToggle(); for (const id of drawn) draw(id); };
  addEventListener("load", () => {
    if (typeof Plotly === "undefined") return;
    for (const pick of document.querySelectorAll("select[data-figure]")) {
      pick.addEventListener("change", () => draw(pick.dataset.figure));
    }
    requestAnimationFrame(() => setTimeout(drawNext, 0));
  });
  addEventListener("beforeprint", () => { for (const id of waiting.splice(0)) drawNow(id); });
  toggle.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; redraw(); });
  system.addEventListener("change", () => { if (!root.dataset.theme) redraw(); });

  // The list of cases.
  const explorer = read("explorer");
  if (!explorer) return;
  const causeLabel = (cause) => explorer.causes[cause] ?? cause;
  const cases = read("case-data");
  const shownAtOnce = 20;
  const control = Object.fromEntries(
    ["candidate", "measure", "search", "tag", "tool", "cause"].map((id) => [id, byId(id)]),
  );
  let limit = shownAtOnce;
  let pinned = null;
  let fate = null;

  const option = (value, text = value) => new Option(text, value);
  const flipIndex = () => explorer.flips.findIndex(
    (flip) => flip.column === Number(control.candidate.value) && flip.measure === control.measure.value,
  );
  const textOf = (item) => {
    if (item.index === undefined) {
      const calls = (list) => list.map((call) => `${call.name} ${call.arguments.map((a) => `${a.name} ${a.value}`).join(" ")}`);
      item.index = [
        item.id, item.source, item.tool ?? "", ...item.turns.map((turn) => turn.text), ...calls(item.expected),
        ...item.answers.map((answer) => (answer ? `${answer.text} ${answer.detail}` : "")),
      ].join("\n").toLocaleLowerCase();
    }
    return item.index;
  };
  const judged = () => Number(control.candidate.value);
  const baselineOf = (column) => explorer.columns[column].baseline;
  const answerOf = (item) => item.answers[judged()];
  const fateOf = (item, index) => item.fates[index];

  const fill = (select, values) => {
    const kept = select.value;
    select.replaceChildren(option("", "all"), ...[...values].sort((a, b) => a.localeCompare(b)).map((value) => option(value)));
    select.value = values.has(kept) ? kept : "";
  };
  const fillFilters = () => {
    const tags = new Set();
    const tools = new Set();
    const causes = new Set();
    for (const item of cases) {
      for (const [name, value] of Object.entries(item.tags)) if (name !== "tool") tags.add(`${name}: ${value}`);
      if (item.tool) tools.add(item.tool);
      for (const answer of item.answers) if (answer?.cause) causes.add(answer.cause);
    }
    fill(control.tag, tags);
    fill(control.tool, tools);
    fill(control.cause, causes);
    for (const choice of control.cause.options) if (choice.value) choice.textContent = causeLabel(choice.value);
  };

  const fillFates = () => {
    const { counts } = explorer.flips[flipIndex()];
    const codes = Object.keys(counts);
    const waived = cases.filter((item) => item.waived !== null).length;
    const offered = [...codes.map((code) => [code, explorer.fates[code], counts[code]])];
    if (waived) offered.push(["v", "waived", waived]);
    offered.push(["", "all", explorer.total]);
    if (!offered.some(([code]) => code === fate)) fate = codes[0] ?? "";
    byId("fates").replaceChildren(...offered.map(([code, name, count]) => {
      const input = el("input", { type: "radio", name: "fate", value: code });
      input.setAttribute("value", code);
      input.checked = code === fate;
      input.addEventListener("change", () => { fate = code; changed(); });
      return el("label", {}, input, `${name} ${count.toLocaleString("en")}`);
    }));
  };

  const matching = () => {
    const index = flipIndex();
    const query = control.search.value.trim().toLocaleLowerCase();
    const tag = control.tag.value;
    const cause = control.cause.value;
    return cases.filter((item) => {
      if (item === pinned) return true;
      if (fate === "v" ? item.waived === null : fate && fateOf(item, index) !== fate) return false;
      if (control.tool.value && item.tool !== control.tool.value) return false;
      if (tag && !Object.entries(item.tags).some(([name, value]) => `${name}: ${value}` === tag)) return false;
      if (cause && answerOf(item)?.cause !== cause && item.answers[baselineOf(judged())]?.cause !== cause) return false;
      return !query || textOf(item).includes(query);
    });
  };

  const faultOf = (fault) => (fault ? el("span", { class: "mistake" }, ` ← ${fault}`) : "");
  const leftOut = (count, what, kind = "p") => (count ? [el(kind, { class: "because" }, `… ${count} more ${what}${count === 1 ? "" : "s"}`)] : []);
  const callShown = (call) => el(
    "div", { class: "call" },
    el("span", { class: call.fault ? "tool fault" : "tool" }, call.name, faultOf(call.fault)),
    ...call.arguments.map((argument) => el(
      "span", { class: argument.fault ? "argument fault" : "argument" },
      `${argument.name}: ${argument.value}`,
      argument.rule ? el("span", { class: "rule" }, `  ${argument.rule}`) : "",
      faultOf(argument.fault),
    )),
    ...leftOut(call.more_arguments, "argument", "span"),
    ...call.missing.map((name) => el("span", { class: "argument fault" }, name, faultOf("missing"))),
    call.result === null ? "" : el("span", { class: call.failed ? "result fault" : "result" }, `→ ${call.result}`),
  );
  const expectedSide = (item) => {
    const side = el("div", { class: "side" }, el("h4", {}, "Expected"));
    if (item.action === "abstain") side.append(el("p", { class: "prose" }, `no call: ${words(item.reason ?? "")}`));
    side.append(...item.expected.map(callShown), ...leftOut(item.more_expected, "call"));
    if (item.others) side.append(el("p", { class: "because" }, `${item.others} other ${item.others === 1 ? "answer is" : "answers are"} also right`));
    return side;
  };
  const answerSide = (item, column) => {
    const answer = item.answers[column];
    const { name } = explorer.columns[column];
    if (!answer) return el("div", { class: "side" }, el("h4", {}, name), el("p", { class: "because" }, "no answer to this case"));
    const state = answer.right === 1 ? "right" : "wrong";
    const mark = el("span", { class: "mark-text" }, state === "right" ? " ✓ right" : " ✗ wrong");
    const side = el("div", { class: `side ${state}` }, el("h4", {}, el("bdi", {}, name), mark));
    side.append(...answer.calls.map(callShown));
    if (!answer.calls.length && !answer.played.length) side.append(el("p", { class: "prose" }, answer.said || "(no text for the user)"));
    if (answer.cause) {
      side.append(el("p", { class: "because" }, `${causeLabel(answer.cause)}${answer.detail ? `: ${answer.detail}` : ""}`));
    }
    side.append(el("details", { class: "raw" }, el("summary", {}, "The whole completion"), el("pre", { tabindex: "0" }, answer.text)));
    return side;
  };

  // Scenarios: what the gold and the sides did in each turn.
  const changeShown = ({ path, before, after }) => el(
    "li", {}, el("span", { class: "path" }, path || "/"),
    before === null ? "" : el("del", {}, before), after === null ? "" : el("ins", {}, after),
  );
  // Whole calls are compared, because the shown arguments can be cut.
  const callsOf = (turn) => (turn ? [...turn.calls.map((call) => call.digest), ...(turn.rest ? [turn.rest] : [])] : []);
  // The place of the first call that differs between two sides: [turn, call]. Other words in an answer do not count.
  const partingOf = (one, other) => {
    for (let turn = 0; turn < Math.max(one.length, other.length); turn += 1) {
      const [left, right] = [callsOf(one[turn]), callsOf(other[turn])];
      const call = Array.from({ length: Math.max(left.length, right.length) }, (_, at) => at).find((at) => left[at] !== right[at]);
      if (call !== undefined) return [turn, call];
    }
    return null;
  };
  const playedSide = (name, turn, judge, parted) => {
    const side = el("div", { class: "side" }, el("h4", {}, el("bdi", {}, name)));
    if (!turn) { side.append(el("p", { class: "because" }, "this turn was not played")); return side; }
    if (judge) {
      const right = turn.unmet.length === 0;
      side.classList.add(right ? "right" : "wrong");
      side.querySelector("h4").append(el("span", { class: "mark-text" }, right ? " ✓ demands met" : " ✗ not met"));
    }
    const parting = () => el("p", { class: "parting" }, "The two sides part here.");
    side.append(...turn.calls.flatMap((call, at) => (at === parted ? [parting(), callShown(call)] : [callShown(call)])));
    if (parted !== null && parted >= turn.calls.length) side.append(parting());
    side.append(...leftOut(turn.more_calls, "call"));
    side.append(el("p", { class: "prose said" }, turn.said));
    if (turn.changes.length) side.append(el("h5", {}, "Changes of the state"), el("ul", { class: "changes" }, ...turn.changes.map(changeShown)), ...leftOut(turn.more_changes, "change"));
    side.append(...turn.unmet.map((unmet) => el("p", { class: "because" }, `not met: ${unmet}`)));
    return side;
  };
  const conversation = (item, columns) => {
    const held = columns.filter((column) => item.answers[column]);
    const [one, other] = held.map((column) => item.answers[column].played);
    const parting = held.length === 2 ? partingOf(one, other) : null;
    const users = item.turns.filter((turn) => turn.role === "user");
    return item.gold.map((gold, at) => el(
      "section", { class: "exchange" },
      el("div", { class: "turn" }, el("span", { class: "role" }, `user, turn ${at + 1}`), el("p", {}, users[at].text)),
      el("div", { class: "sides" }, playedSide("One right way", gold, false, null), ...held.map((column) => playedSide(
        explorer.columns[column].name, item.answers[column].played[at], true, parting?.[0] === at ? parting[1] : null,
      ))),
    ));
  };
  const filled = (item) => {
    const column = judged();
    const baseline = baselineOf(column);
    const order = [baseline, column].filter((place) => place !== null);
    const others = explorer.columns.map((_, place) => place).filter((place) => !order.includes(place));
    const tags = Object.entries(item.tags).map(([name, value]) => `${name}: ${value}`);
    const more = others.length
      ? el("details", { class: "raw" }, el("summary", {}, `The other ${others.length === 1 ? "candidate" : `${others.length} candidates`}`),
        el("div", { class: "sides" }, ...others.map((place) => answerSide(item, place))))
      : "";
    return el(
      "div", { class: "body" },
      ...(item.turns.length > 1 ? item.turns : []).filter((turn) => !item.gold.length || turn.role !== "user").map((turn) => el("div", { class: "turn" }, el("span", { class: "role" }, turn.role), el("p", {}, turn.text))),
      ...conversation(item, order),
      el("div", { class: "sides" }, item.gold.length ? "" : expectedSide(item), ...order.map((place) => answerSide(item, place))),
      more,
      item.waived === null ? "" : el("p", { class: "because" }, `waived (counts in no metric): ${item.waived}`),
      el("div", { class: "meta" },
        el("a", { href: `#case-${encodeURIComponent(item.id)}` }, "link to this case"),
        el("span", {}, item.source), el("span", {}, `${item.offered.length} offered: ${item.offered.join(", ")}`),
        ...tags.map((tag) => el("span", {}, tag))),
    );
  };
  const line = (item, index) => {
    const code = fateOf(item, index);
    const asked = item.turns.filter((turn) => turn.role === "user");
    const question = (item.gold.length ? asked[0] : asked.at(-1)) ?? item.turns[item.turns.length - 1];
    const causes = [item.answers[baselineOf(judged())]?.cause, answerOf(item)?.cause];
    const why = baselineOf(judged()) === null ? causeLabel(causes[1] ?? "") : causes.map((cause) => cause ? causeLabel(cause) : "right").join(" → ");
    const details = el(
      "details", { class: "case" },
      el("summary", {},
        el("span", { class: `fate ${code}` }, item.waived !== null ? "waived" : explorer.fates[code] ?? "not judged"),
        el("span", { class: "asked" }, question.text),
        el("span", { class: "why" }, why)),
    );
    details.addEventListener("toggle", () => {
      if (details.open && details.childElementCount === 1) details.append(filled(item));
    });
    if (item === pinned) { details.append(filled(item)); details.open = true; }
    return el("li", {}, details);
  };

  const changed = () => {
    const index = flipIndex();
    const matches = matching();
    if (pinned) matches.sort((a, b) => (b === pinned) - (a === pinned));
    byId("list").replaceChildren(...matches.slice(0, limit).map((item) => line(item, index)));
    byId("more").hidden = matches.length <= limit;
    const rest = cases.length < explorer.total
      ? ` This page holds ${cases.length.toLocaleString("en")} of ${explorer.total.toLocaleString("en")} cases. Cases that changed come first.` : "";
    const narrowed = pinned || control.search.value.trim() || control.tag.value || control.tool.value || control.cause.value;
    const all = fate === "" ? explorer.total : explorer.flips[index].counts[fate] ?? matches.length;
    const of = rest && !narrowed && matches.length < all ? ` of ${all.toLocaleString("en")}` : "";
    byId("count").textContent = `${matches.length.toLocaleString("en")}${of} ${matches.length === 1 && !of ? "case" : "cases"}.${rest}`;
  };
  const refilled = () => { limit = shownAtOnce; pinned = null; changed(); };

  const visit = () => {
    let id;
    try { id = decodeURIComponent(location.hash); } catch { return; }
    if (!id.startsWith("#case-")) return;
    const item = cases.find((one) => one.id === id.slice(6));
    if (!item) { byId("count").textContent = "The case in the address is not in this page."; return; }
    pinned = item;
    limit = shownAtOnce;
    changed();
    const first = byId("list").querySelector("summary");
    first.focus({ preventScroll: true });
    first.scrollIntoView({ block: "center" });
  };

  const judgedColumns = explorer.columns.map((_, index) => index);
  const order = [...judgedColumns].sort((a, b) => (explorer.columns[a].baseline === null) - (explorer.columns[b].baseline === null));
  control.candidate.append(...order.map((index) => option(String(index), explorer.columns[index].name)));
  const measures = new Map(explorer.flips.map((flip) => [flip.measure, flip.meaning]));
  control.measure.append(...[...measures].map(([measure, meaning]) => option(measure, meaning)));
  byId("candidate-label").hidden = order.length < 2;
  byId("filters").hidden = false;
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  for (const id of ["candidate", "measure"]) {
    control[id].addEventListener("change", () => { fillFates(); refilled(); });
  }
  for (const id of ["tag", "tool", "cause"]) control[id].addEventListener("change", refilled);
  let typing = 0;
  control.search.addEventListener("input", () => { clearTimeout(typing); typing = setTimeout(refilled, 120); });
  byId("more").addEventListener("click", () => {
    const first = limit;
    limit += shownAtOnce * 3;
    changed();
    byId("list").children[first]?.querySelector("summary").focus();
  });
  const begin = () => { fillFilters(); fillFates(); changed(); visit(); };

  // A browser lets a page that is opened from disk load scripts, but no data. So the further cases are in scripts.
  // Each of these scripts calls toolmarkCases.
  globalThis.toolmarkCases = (more) => cases.push(...more);
  const rest = byId("rest");
  rest.hidden = explorer.beside.length === 0;
  rest.addEventListener("click", () => {
    rest.hidden = true;
    const load = (names) => {
      if (!names.length) { begin(); return; }
      const script = el("script", { src: names[0] });
      script.addEventListener("load", () => load(names.slice(1)));
      script.addEventListener("error", () => { byId("count").textContent = `${names[0]} cannot be loaded. Put this file into the folder of the page.`; });
      document.body.append(script);
    };
    load(explorer.beside);
  });
  addEventListener("hashchange", visit);
  begin();
})();
