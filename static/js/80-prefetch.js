// Ahead: the message that is probably opened next is fetched before it is, and
// held in the memory of this page for a minute, never in a cache. Fetching ahead
// marks nothing read; one request does, when a held message is opened.

const held = new Map(); // by address, oldest first
const likely = "#list .subj, #reader :is([rel=next], [rel=prev])";
let running; // the one piece that is being fetched

const addressOf = (link) => link.pathname + link.search;
const refOf = (link) => link.pathname.slice(3);
// stateOf is what the list shows of a message: when it changed, a piece is old.
const stateOf = (ref) => {
  const row = rowOf(ref);
  return row && ("unread" in row.dataset ? "unread" : "") + ("flagged" in row.dataset);
};

// ahead fetches the piece behind a link, in place of whatever is being fetched.
const ahead = (link) => {
  const url = addressOf(link);
  const ref = refOf(link);
  if (held.has(url) || ref === open()?.dataset.msg) return;
  if (running) forget(running);
  const stop = new AbortController();
  const piece = { url, ref, stop, was: stateOf(ref), frames: [] };
  running = piece;
  held.set(url, piece);
  if (held.size > 12) forget(held.values().next().value);
  setTimeout(forget, 60000, piece);
  const headers = { "HX-Request": "true", "HX-Target": "section#reader", "Oriel-Prefetch": "1", Accept: "text/html" };
  piece.answer = fetch(url, { headers, signal: stop.signal, priority: "low" })
    .then((r) => r.ok && !r.headers.has("HX-Redirect") && r.text())
    .then((text) => text && keep(piece, text))
    .catch(() => "")
    .then((text) => {
      if (running === piece) running = null;
      if (!text) forget(piece);
      return (piece.text = text);
    });
};
const forget = (piece) => {
  if (held.get(piece.url) !== piece) return;
  held.delete(piece.url);
  if (running === piece) running = null;
  discard(piece);
};
const discard = (piece) => {
  piece.over = true;
  piece.stop.abort();
  piece.frames.forEach((f) => f.remove());
};
addEventListener("pagehide", () => held.forEach(forget));

// keep takes out of an answer what would be old when it is shown, which are the
// counts, and lets its frames load where nobody sees them: a frame can move to its
// place without loading again. Only the frames of the last pieces stay loaded.
const keep = (piece, text) => {
  if (piece.over) return "";
  const { head, body } = new DOMParser().parseFromString(text, "text/html");
  $$("[hx-swap-oob]", body).forEach((e) => e.remove());
  piece.frames = $$("iframe.frame", body);
  for (const frame of piece.frames) {
    const place = document.createElement("i");
    place.className = "held";
    frame.replaceWith(place);
  }
  let hall = $("#ahead");
  if (!hall) {
    hall = document.createElement("div");
    hall.id = "ahead";
    hall.inert = true;
    document.body.append(hall);
  }
  // As wide as the place they will move to: then they are laid out already.
  hall.style.inlineSize = ($("#reader .frame, #reader .text") || hall).clientWidth + "px";
  if (hall.moveBefore) hall.append(...piece.frames);
  [...held.values()].slice(0, -3).forEach((p) => p.frames.forEach((f) => f.remove()));
  return head.innerHTML + body.innerHTML;
};

// take answers htmx from what is held, else from the server. A piece that is
// still on its way is waited for: it was asked for earlier than this.
const take = (ctx, url, request) => {
  // A list that is asked for now is to show as read what was opened before.
  const ask = () => counted(Promise.resolve(telling).then(() => fetch(url, request)));
  const piece = held.get(url);
  if (!piece || ctx.request.headers["HX-Target"] !== "section#reader" || piece.was !== stateOf(piece.ref)) return ask();
  held.delete(url);
  if (running === piece) running = null;
  const give = (text) => {
    if (!text) return ask();
    ctx.piece = arriving = piece;
    // What htmx reads of a Response. A real one would take a turn of the loop more.
    return { status: 200, headers: new Headers(), text: () => text };
  };
  if (piece.text) return give(piece.text);
  const left = new Promise((_, leave) => request.signal.addEventListener("abort", () => {
    discard(piece);
    leave(request.signal.reason);
  }));
  return counted(Promise.race([piece.answer, left])).then(give);
};

// What was taken is completed as soon as htmx has put it there, before anything
// makes the browser look at the page: its frames move in, the counts follow.
let arriving;
on("htmx:before:settle", () => {
  const piece = arriving;
  arriving = null;
  if (!piece) return;
  $$("#reader .held").forEach((place, i) => {
    const frame = piece.frames[i];
    try {
      place.parentNode.moveBefore(frame, place);
    } catch {
      place.before(frame); // it loads again, or now
    }
    place.remove();
  });
  // A neighbour may have been moved away since.
  for (const link of $$("#reader :is([rel=next], [rel=prev])")) {
    if (!leaving.has(refOf(link))) continue;
    const row = rowOf(piece.ref) && beside(rowOf(piece.ref), link.rel === "next" ? 1 : -1);
    if (row) link.href = linkOf(row).href;
    else link.remove();
    $("#reader .bar > .num")?.replaceChildren();
  }
  if (unread(piece) && piece.was) oneRead(piece.ref);
});
// Of a message that is not in the list nobody knows.
const unread = ({ was }) => !was || was.startsWith("unread");

// tell says that a held message was opened, once it is on the screen.
const tell = async ({ ref, was }) => {
  pending++;
  await new Promise((go) => setTimeout(go, 50));
  const answer = await send("/m/" + ref.split("/")[0], { do: "read", msg: ref }, { "Oriel-Opened": "1" }).catch(() => ({}));
  pending--;
  if (!answer || (answer.ok && was)) return;
  // Not there any more: what is open has to go. Else the list says what is true.
  if (!answer.ok && answer.status < 500 && open()?.dataset.msg === ref) {
    replacing = true;
    $("#back").click();
  } else refresh();
};

// oneRead counts one unread message less.
const oneRead = (ref) => {
  const link = linkTo(ref.split("/")[0]);
  if (link?.dataset.unread) count(link, link.dataset.unread - 1);
};

// What is likely: the link under the mouse or with the focus for a moment, the
// one that is being pressed, and the message after the open one.
let aimed, aiming;
const aim = (link) => {
  if (link === aimed) return;
  clearTimeout(aiming);
  if (aimed && running?.url === addressOf(aimed)) forget(running);
  aimed = link;
  if (link && !frugal()) aiming = setTimeout(ahead, 80, link);
};
const frugal = () => {
  const line = navigator.connection;
  return line?.saveData || /[23]g/.test(line?.effectiveType);
};
on("pointerover", (e) => e.pointerType === "mouse" && aim(e.target.closest?.(likely)));
on("focusin", (e) => aim(e.target.closest(likely)));
on("pointerdown", (e) => {
  const link = !e.button && e.target.closest?.(likely);
  if (link) ahead(link);
});

const following = () => {
  const row = opened();
  const next = row && beside(row, 1);
  const link = next ? linkOf(next) : $("#reader [rel=next]");
  if (open() && link && !running && !frugal()) ahead(link);
};
const idle = () => open() && (window.requestIdleCallback || setTimeout)(following);
on("htmx:after:swap", ({ detail: { ctx } }) => {
  if (ctx.piece && unread(ctx.piece)) telling = tell(ctx.piece);
  idle();
});
idle();
