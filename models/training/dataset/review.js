// What the review page does apart from drawing itself. Choices are "keep", "drop" or "label:CLASS" by file.
"use strict";

function has(choices, file) {
  return Object.prototype.hasOwnProperty.call(choices, file);
}

function quoted(value) {
  return /[",\r\n]/.test(value) ? '"' + value.replace(/"/g, '""') + '"' : value;
}

// The corrections as `dataset.build --corrections` reads them, in the order of the files given.
function correctionsCsv(files, choices) {
  const lines = ["file,action,label"];
  for (const file of files) {
    if (!has(choices, file)) continue;
    const [action, label = ""] = choices[file].split(":");
    lines.push([file, action, label].map(quoted).join(","));
  }
  return lines.join("\n") + "\n";
}

// Indices of the rows to show. Rows come in the order of disagreement.
function chosenRows(rows, choices, filter) {
  const shown = rows.map((_, i) => i).filter((i) => {
    const [file, , split, label] = rows[i];
    const decided = has(choices, file);
    return (!filter.label || label === filter.label) && (!filter.split || split === filter.split)
      && (!filter.state || (filter.state === "decided") === decided);
  });
  if (filter.order === "entropy") shown.sort((a, b) => (rows[b][6] ?? -1) - (rows[a][6] ?? -1));
  return shown;
}

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function select(options, value, changed) {
  const made = element("select");
  for (const [key, text] of options) {
    const option = element("option", text);
    option.value = key;
    made.append(option);
  }
  made.value = value;
  made.addEventListener("change", () => changed(made.value));
  return made;
}

const VOTE_WORDS = ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt",
  "unknown", "no face"];
const A_PAGE = 60;

function show(data) {
  let choices = {};
  let page = 0;
  const filter = { label: "", split: "", state: "", order: "" };
  const by = (id) => document.getElementById(id);
  try {
    choices = JSON.parse(localStorage.getItem(data.key) ?? "{}");
  } catch {
    by("note").textContent = "This browser does not keep choices for this page: save the corrections before you close it.";
  }

  function decide(file, choice) {
    if (choice) choices[file] = choice;
    else delete choices[file];
    try {
      localStorage.setItem(data.key, JSON.stringify(choices));
    } catch { /* said above */ }
    count();
  }

  function count() {
    const decided = data.rows.filter(([file]) => has(choices, file)).length;
    by("count").textContent = `${decided} of ${data.rows.length} pictures reviewed`;
  }

  function card([file, face, split, label, p, votes, bits]) {
    const made = element("article");
    const picture = element("img");
    picture.src = face;
    picture.alt = file;
    picture.loading = "lazy";
    const said = element("div", undefined, "said");
    const order = p.map((_, c) => c).sort((a, b) => p[b] - p[a]);
    for (const c of order.filter((c, place) => place < 3 || data.labels[c] === label)) {
      const bar = element("div", `${data.labels[c]} ${p[c].toFixed(2)}`, data.labels[c] === label ? "bar own" : "bar");
      bar.style.setProperty("--p", `${100 * p[c]}%`);
      said.append(bar);
    }
    const own = element("p", "label: ");
    own.append(element("b", label));
    if (split === "validation") own.append(" (validation)");
    made.append(picture, own, said);
    if (votes) {
      const given = votes.map((n, i) => (n ? `${VOTE_WORDS[i]} ${n}` : "")).filter(Boolean).join(", ");
      made.append(element("p", `votes: ${given}; ${bits} bits`, "small"));
    }
    const actions = [["", "not reviewed"], ["keep", "keep as it is"], ["drop", "drop"],
      ...data.labels.map((l) => [`label:${l}`, `is ${l}`])];
    const chosen = select(actions, choices[file] ?? "", (value) => {
      decide(file, value);
      made.classList.toggle("decided", value !== "");
    });
    made.classList.toggle("decided", has(choices, file));
    made.append(chosen, element("p", file, "small"));
    return made;
  }

  function draw() {
    const shown = chosenRows(data.rows, choices, filter);
    const pages = Math.max(1, Math.ceil(shown.length / A_PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    const part = shown.slice(page * A_PAGE, (page + 1) * A_PAGE);
    by("cards").replaceChildren(...part.map((i) => card(data.rows[i])));
    by("place").textContent = `page ${page + 1} of ${pages}, ${shown.length} pictures`;
    count();
  }

  function turn(by_) {
    page += by_;
    draw();
    scrollTo(0, 0);
  }

  function set(key) {
    return (value) => {
      filter[key] = value;
      page = 0;
      draw();
    };
  }

  by("model").textContent = data.model;
  by("filters").append(
    select([["", "all labels"], ...data.labels.map((l) => [l, l])], "", set("label")),
    select([["", "both splits"], ["validation", "validation"], ["train", "training"]], "", set("split")),
    select([["", "reviewed or not"], ["open", "not reviewed"], ["decided", "reviewed"]], "", set("state")),
    select([["", "most disagreement first"], ["entropy", "least agreement of votes first"]], "", set("order")),
  );
  for (const id of ["back", "back2"]) by(id).addEventListener("click", () => turn(-1));
  for (const id of ["next", "next2"]) by(id).addEventListener("click", () => turn(1));
  by("save").addEventListener("click", () => {
    const csv = correctionsCsv(data.rows.map(([file]) => file), choices);
    const link = element("a");
    link.href = URL.createObjectURL(new Blob([csv], { type: "text/csv" }));
    link.download = "corrections.csv";
    link.click();
  });
  by("forget").addEventListener("click", () => {
    if (!confirm("Forget all choices made on this page?")) return;
    for (const file of Object.keys(choices)) decide(file, "");
    draw();
  });
  draw();
}

if (typeof document !== "undefined") show(JSON.parse(document.getElementById("data").textContent));
