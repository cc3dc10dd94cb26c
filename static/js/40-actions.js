// Actions on messages. Flags and moves change the page at once and go back when
// the server refuses; what destroys or asks waits for its answer.

const moves = ["archive", "junk", "notjunk", "trash", "move"];
let pending = 0;
let acts = 0; // so far
let telling; // the last message that was opened without a request

on("submit", (e) => {
  const form = e.target;
  const url = new URL(e.submitter?.getAttribute("formaction") || form.getAttribute("action"), location.href);
  if (!/^\/(m\/|undo$)/.test(url.pathname)) return;
  e.preventDefault();
  if (form.closest("#dialog")) $("#dialog").close();
  closePopovers();
  act(url, new FormData(form, e.submitter));
});

// act sends one action. The messages are the form's, or the one in the URL.
const act = async (url, data) => {
  const action = data.get("do");
  const one = url.searchParams.get("one");
  const refs = one ? [url.pathname.slice(3) + "/" + one] : data.getAll("msg");
  const goes = moves.includes(action) && (action !== "move" || data.has("to"));
  if (action === "undo") $$("#toasts > :not([data-error])").forEach((t) => t.remove());
  else if (!refs.length) return say("Select a message first.");

  const back = goes ? hide(refs) : flag(action, refs);
  pending++;
  acts++;
  let answer;
  try {
    await telling; // what was opened is marked read before it goes elsewhere
    answer = await send(url, data);
  } catch {
    back();
    say("Oriel didn't answer, so this may not have happened. Refresh the list to see.");
  } finally {
    pending--;
  }
  if (!answer) return;
  const question = $("[data-dialog]", answer.content);
  if (question || !answer.ok) {
    back();
    if (question) ask(question);
    else if (!answer.said) say("That didn't work, and nothing was changed. Try again.");
    if (answer.refresh) refresh();
    return;
  }
  if (action === "undo") leaving.clear();
  if (action === "delete") hide(refs);
  // Not all went as asked: the list that comes now says which rows stay.
  if (answer.refresh) refs.forEach((r) => leaving.delete(r));
  if (goes || action === "delete" || action === "undo" || answer.refresh) refresh();
  if (open() && refs.includes(open().dataset.msg)) leave(action, goes || action === "delete");
};

// hide takes rows out of the list and returns how to put them back.
const hide = (refs) => {
  const list = refs.map(rowOf).filter(Boolean);
  // The focus is on a row that goes, or on the bar that goes with the selection.
  const from = document.activeElement.closest(".bulk") ? list.at(-1) : cursor();
  const next = list.includes(from) ? remaining(from, list) : from;
  refs.forEach((r) => leaving.add(r));
  list.forEach((row) => {
    pick(row, false);
    row.hidden = true;
  });
  countPicked();
  if (next !== from) focusRow(next);
  return () => {
    refs.forEach((r) => leaving.delete(r));
    list.forEach((row) => (row.hidden = false));
  };
};
// remaining is the row that takes over: the next that stays, else the one before.
const remaining = (row, going) => {
  const all = rows();
  const at = all.indexOf(row);
  const stays = (r) => !going.includes(r);
  return all.slice(at + 1).find(stays) || all.slice(0, at).reverse().find(stays) || null;
};

// flag shows a changed flag and returns how to show the old one again.
const flag = (action, refs) => {
  const undo = [];
  for (const ref of refs) {
    const row = rowOf(ref);
    const places = [row, open()?.dataset.msg === ref && open()].filter(Boolean);
    if (/^(un)?flag$/.test(action)) {
      for (const p of places) {
        const was = $(".star", p).ariaPressed === "true";
        setFlagged(p, action === "flag");
        undo.push(() => setFlagged(p, was));
      }
    } else if (row && /^(un)?read$/.test(action)) {
      const was = "unread" in row.dataset;
      setUnread(row, action === "unread");
      undo.push(() => setUnread(row, was));
    }
  }
  return () => undo.forEach((f) => f());
};

// leave turns away from the open message after it went: to the next one, or to
// the list. Marked unread it must not stay open, which would read it again.
const leave = (action, gone) => {
  if (!gone && action !== "unread") return;
  replacing = true;
  if (!gone) return $("#back").click();
  const row = opened();
  const next = row && rows().find((r) => row.compareDocumentPosition(r) & Node.DOCUMENT_POSITION_FOLLOWING);
  const link = next ? linkOf(next) : $("#reader [rel=next]");
  (link || $("#back")).click();
};

// refresh fetches the list again, beside whatever is open, when no action is
// under way any more: an answer drawn before it would bring rows back.
let later;
const refresh = () => {
  clearTimeout(later);
  later = setTimeout(() => {
    if (pending) return refresh();
    if ($("#list")) fetchInto("#list", listURL(), "outerMorph");
  }, 50);
};
const listURL = () => {
  const url = new URL($("#list").dataset.url, location.href);
  if (open()) url.searchParams.set("open", open().dataset.msg);
  return url.pathname + url.search;
};
