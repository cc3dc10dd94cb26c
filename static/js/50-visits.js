// Visits: what htmx swaps, and where focus and scroll go with it.

// save keeps the scroll of both panes in the history entry, so that Back and
// reload find it. Nothing of the mail is stored.
let saving;
const save = () => {
  clearTimeout(saving);
  const state = { htmx: true, rows: $("#rows")?.scrollTop, reading: $("#reading")?.scrollTop };
  history.replaceState({ ...history.state, ...state }, "");
};
on("scroll", () => {
  clearTimeout(saving);
  saving = setTimeout(save, 150);
}, true);
const restoreScroll = () => {
  const { rows = 0, reading = 0 } = history.state || {};
  if ($("#rows")) $("#rows").scrollTop = rows;
  if ($("#reading")) $("#reading").scrollTop = reading;
};

// fetchInto swaps a piece in without a link. htmx names the target in a header
// only for links and forms, and the server chooses the piece by it.
const fetchInto = (target, url, swap) => {
  const name = $(target).localName + target;
  htmx.ajax("GET", url, { target, swap, headers: { "HX-Target": name } });
};

on("htmx:config:request", ({ detail: { ctx } }) => {
  // The anchor of a Back link is for browsers without script: here the list
  // never scrolled away.
  ctx.request.anchor = "";
});
on("htmx:before:request", ({ detail: { ctx } }) => {
  save();
  ctx.fetch = (...args) => take(ctx, ...args);
  ctx.list = $("#list")?.dataset.url;
});
// An answer for a list that is not shown any more is late: drop it. One that was
// drawn before a change that is still under way would take that back: ask again.
on("htmx:before:swap", (e) => {
  const { ctx } = e.detail;
  if (ctx.request.headers["HX-Target"] !== "form#list") return;
  if (pending) refresh();
  if (pending || ctx.list !== $("#list")?.dataset.url) e.preventDefault();
});
// A refused request leaves the address where it was. What comes after a message
// that has gone takes its place in the history: Back would find nothing there.
let replacing = false;
on("htmx:before:history:update", (e) => {
  if (e.detail.response?.status >= 400) e.preventDefault();
  else if (replacing) e.detail.history.type = "replace";
  replacing = false;
});
on("htmx:error", () => say("Oriel didn't answer. Check your connection and try again."));

// left is the message that was open last: Back returns the focus to its row.
let left = open()?.dataset.msg;
let restoring = false;
on("htmx:after:swap", ({ detail: { ctx } }) => {
  const target = ctx.request.headers["HX-Target"];
  arm();
  if (ctx.response.status >= 400) {
    if (ctx.response.headers.get("Oriel-Refresh") === "list") refresh();
    if (restoring) history.replaceState(history.state, "", open()?.dataset.url || $("#list").dataset.url);
    restoring = false;
    return;
  }
  mark();
  if (target === "form#list") {
    const url = $("#list").dataset.url;
    // Asked beyond the end, the server shows the last page: the address follows.
    if (!open() && url !== ctx.list) history.replaceState(history.state, "", url);
    if (!ctx.live && document.activeElement === document.body) focusRow(opened() || rowOf(left || ""));
    return;
  }
  closePopovers();
  const sameList = $("#list")?.dataset.url === ctx.list;
  if (restoring || target === "body") restoreScroll();
  else if (!sameList && $("#rows")) $("#rows").scrollTop = 0;
  restoring = false;
  if (open()) $("#subject").focus({ preventScroll: true });
  else focusRow(sameList && left ? rowOf(left) : null);
  left = open()?.dataset.msg;
});

// Back and Forward inside one list change only what differs, so that rows,
// selection and scroll stay. Other entries are fetched whole by htmx.
on("htmx:before:history:restore", (e) => {
  const url = new URL(e.detail.path, location.href);
  const [, folder, message] = url.pathname.match(/^\/m\/([^/]+)(\/[^/]+)?$/) || [];
  if (!folder || $("#list")?.dataset.url !== `/m/${folder}${url.search}`) return;
  e.preventDefault();
  restoring = true;
  if (!message) $("#reader").replaceChildren(); // a phone shows the list at once
  if (message) fetchInto("#reader", e.detail.path, "outerHTML");
  else fetchInto("#main", e.detail.path, "innerMorph");
});

mark();
arm();
if (history.state) restoreScroll();
