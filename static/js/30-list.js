// Rows: which one the keyboard is on, which are selected, which is open.

const rows = () => $$("#list .row:not([hidden])");
const rowOf = (ref) => $(`#list .row[data-msg="${CSS.escape(ref)}"]`);
const linkOf = (row) => $("a[href]", row);
const boxOf = (row) => $("input[name=msg]", row);
const picked = () => rows().filter((r) => boxOf(r).checked);
const open = () => $("#reader [data-view=message]");
const cursor = () => document.activeElement.closest?.(".row");
const opened = () => open() && rowOf(open().dataset.msg);

// beside is the next row in a direction, skipping rows that are leaving.
const beside = (row, step) => {
  const all = rows();
  return row ? all[all.indexOf(row) + step] : all[step > 0 ? 0 : all.length - 1];
};
const focusRow = (row) => {
  const place = row ? linkOf(row) : $("#list-title");
  place?.focus({ preventScroll: !row });
};

const countPicked = () => {
  const out = $("#picked");
  const n = picked().length;
  page.toggle("some", n); // the stylesheet need not look for it
  if (out && out.value !== String(n)) out.value = n; // each change costs a look at all rows
};
const pick = (row, checked) => {
  if (row) boxOf(row).checked = checked;
  countPicked();
};
const pickAll = (test) => rows().forEach((r) => pick(r, test(r)));

// Shift with a click selects from the last row that was clicked.
let anchor;
on("click", (e) => {
  if (!e.target.matches("input[name=msg]")) return;
  const row = e.target.closest(".row");
  if (e.shiftKey && anchor?.isConnected) {
    const all = rows();
    const [from, to] = [all.indexOf(anchor), all.indexOf(row)].sort((a, b) => a - b);
    all.slice(Math.max(from, 0), to + 1).forEach((r) => pick(r, e.target.checked));
  }
  anchor = row;
});
on("change", countPicked);
// The bar with the button that had the focus is gone then.
on("reset", () => setTimeout(() => {
  countPicked();
  focusRow(anchor?.isConnected && !anchor.hidden ? anchor : rows()[0]);
}));

// mark makes row and reader agree: the open one is current and no longer unread,
// and there is one main heading. Rows whose departure the server has not
// confirmed yet stay hidden, even if an older answer still has them.
const leaving = new Set();
const stayAway = () => $$("#list .row").forEach((r) => leaving.has(r.dataset.msg) && (r.hidden = true));
on("htmx:before:settle", stayAway); // before they show for a moment
let seen;
const mark = () => {
  const now = open()?.dataset.msg;
  const fresh = now !== seen;
  seen = now;
  for (const row of $$("#list .row")) {
    const link = linkOf(row);
    if (row.dataset.msg === now) {
      link.setAttribute("aria-current", "true");
      if (fresh) setUnread(row, false);
    } else link.removeAttribute("aria-current");
  }
  stayAway();
  const title = $("#list-title");
  if (title) title.ariaLevel = now ? "2" : null;
  countPicked();
};
const setUnread = (row, unread) => {
  row.toggleAttribute("data-unread", unread);
  if (!unread) $(".who .vh", row)?.remove();
};
const setFlagged = (place, flagged) => {
  if (place.matches(".row")) place.toggleAttribute("data-flagged", flagged);
  const star = $(".star", place);
  star.ariaPressed = String(flagged);
  star.value = flagged ? "unflag" : "flag";
};

// Quick actions: the toolbar's buttons, once, in the row under the pointer.
let hovered;
on("pointerover", (e) => {
  const row = e.pointerType === "mouse" ? e.target.closest?.("#list .row") : null;
  if (row === hovered) return;
  $$(".quick").forEach((q) => q.remove());
  hovered = row;
  if (row) row.append(quick(row));
});
const quick = (row) => {
  const [folder, id] = row.dataset.msg.split("/");
  const bar = document.createElement("span");
  bar.className = "quick";
  const toggle = "unread" in row.dataset ? "read" : "unread";
  const twins = $$(".bulk > :is([value=archive], [value=trash], [value=notjunk], [value=delete])");
  for (const twin of [...twins, $(`#bulk-more [value=${toggle}]`)]) {
    const b = document.createElement("button");
    b.className = "ib";
    b.tabIndex = -1;
    b.name = "do";
    b.value = twin.value;
    b.setAttribute("formaction", `/m/${folder}?one=${id}`);
    b.title = b.ariaLabel = ($(".vh", twin) || twin.childNodes[1] || twin).textContent.trim();
    b.append($("svg", twin).cloneNode(true));
    bar.append(b);
  }
  return bar;
};
