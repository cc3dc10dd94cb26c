// Keys: Gmail's letters, matched by the character typed. They rest in fields,
// in dialogs and with modifiers.

const click = (selector) => {
  const found = $(selector);
  if (found) found.click();
  return found;
};

// step goes to the next row; with the message in focus it opens it.
const step = (by) => {
  if (open() && !cursor()) {
    const row = opened();
    const next = row && beside(row, by);
    if (next) linkOf(next).click();
    else click(`#reader [rel=${by > 0 ? "next" : "prev"}]`);
    return;
  }
  const next = beside(cursor(), by);
  if (next) focusRow(next);
};
const extend = (by) => {
  pick(cursor(), true);
  step(by);
  pick(cursor(), true);
};

// does performs an action on what is selected, else on the row in focus, else
// on the open message, by the first of the given names that its toolbar has.
const does = (...names) => {
  const list = names.map((n) => `[name=do][value=${n}]`).join();
  const row = cursor();
  if (picked().length) return click(`.bulk :is(${list})`);
  if (!row || (open() && row === opened())) return open() && click(`#reader :is(${list})`);
  const twin = $(`.bulk :is(${list})`);
  const data = new FormData();
  if (!twin) return;
  data.set("do", twin.value);
  data.set("msg", row.dataset.msg);
  data.set("back", $("#list").dataset.url);
  act(new URL($("#list").getAttribute("action"), location.href), data);
};
const starKey = () => {
  const rowsNow = picked().length ? picked() : [cursor()].filter(Boolean);
  if (!rowsNow.length) return click("#reader .star");
  if (rowsNow.length === 1) return $(".star", rowsNow[0]).click();
  does(rowsNow.every((r) => "flagged" in r.dataset) ? "unflag" : "flag");
};

// pathOf is a folder's name with its parents', as the tree shows them.
const pathOf = (link) => {
  const names = [];
  for (let li = link.closest("li"); li; li = li.parentElement.closest("li")) names.unshift($(".cut", li).textContent);
  return names.join(" / ");
};

// jump lists the folders to go to; typing narrows them.
const jump = () => {
  const links = $$("#folders a.fold");
  if (!links.length) return;
  const box = document.createElement("section");
  box.className = "ask";
  box.innerHTML = `<header><h1 id="ask-title">Go to folder</h1></header><div class="body"><div data-filter>
    <input class="in-t" type="text" aria-label="Find a folder" placeholder="Find a folder" autocomplete="off"></div><div class="opts"></div></div>`;
  for (const link of links) {
    const twin = document.createElement("a");
    twin.className = "mi";
    twin.href = link.href;
    twin.append($("svg", link).cloneNode(true), pathOf(link));
    twin.addEventListener("click", (e) => {
      e.preventDefault();
      $("#dialog").close();
      link.click();
    });
    $(".opts", box).append(twin);
  }
  ask(box);
};

const places = { i: "inbox", s: "starred", d: "drafts", t: "sent", a: "archive" };
const second = {
  g: (key) => places[key] && (click(`#folders [data-role=${places[key]}]`) || say(`There is no ${places[key]} folder yet.`)),
  "*": (key) => ({ a: () => pickAll(() => true), n: () => pickAll(() => false), u: () => pickAll((r) => "unread" in r.dataset) })[key]?.(),
};
const keys = {
  j: () => step(1),
  k: () => step(-1),
  J: () => extend(1),
  K: () => extend(-1),
  o: () => cursor() && linkOf(cursor()).click(),
  u: () => open() && click("#back"),
  x: () => cursor() && pick(cursor(), !boxOf(cursor()).checked),
  e: () => does("archive"),
  "#": () => does("trash", "delete"),
  "!": () => does("junk", "notjunk"),
  v: () => does("move"),
  I: () => does("read"),
  U: () => does("unread"),
  s: starKey,
  z: () => click("#toasts [value=undo]"),
  "/": jump,
  "?": () => show("/shortcuts"),
  Escape: () => pickAll(() => false),
};

let prefix = "";
on("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing || !$("#list, #folders")) return;
  if ($("dialog[open]") || $(":popover-open") || e.target.closest?.("input:not([type=checkbox]), textarea, select, [contenteditable]")) return;
  const first = prefix;
  prefix = "";
  if (first) {
    e.preventDefault();
    second[first](e.key);
  } else if (e.key in second) {
    e.preventDefault();
    prefix = e.key;
    setTimeout(() => (prefix = ""), 2000);
  } else if (Object.hasOwn(keys, e.key)) {
    if (e.key !== "Escape") e.preventDefault();
    keys[e.key]();
  }
});
