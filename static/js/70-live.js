// Live: what happens in the mailbox shows in the pages that are open. One tab of
// the browser holds the stream and tells the others; when it goes, another takes
// over after the last event that it heard of. Without https there are no locks:
// then each visible tab has a stream of its own.

const locks = navigator.locks;
const user = $("meta[name=oriel-user]")?.content;
const crew = "oriel " + user;
const others = new BroadcastChannel(crew);
const stale = new Set(); // folders whose list is not as shown any more
let last = document.body.dataset.live; // id of the last event
let heard = Date.now();
let trouble = ""; // away, lost or expired: which sentence the bar says
let stream, doubt, quit;

const connect = () => {
  stream?.close();
  const own = (stream = new EventSource("/events?last=" + last));
  own.onmessage = (e) => {
    doubt = clearTimeout(doubt);
    pass({ ...JSON.parse(e.data), id: e.lastEventId });
  };
  // The browser tries again by itself, unless the answer was a refusal.
  own.onerror = async () => {
    if (trouble === "away") pass({ kind: "away" });
    doubt ||= setTimeout(pass, navigator.onLine ? 3000 : 0, { kind: "away" });
    if (own.readyState < 2) return;
    const { status } = await fetch("/events", { method: "HEAD" }).catch(() => ({}));
    if (own !== stream) return;
    if (status === 401) pass({ kind: "expired" });
    else setTimeout(() => own === stream && connect(), 5000);
  };
};
const close = () => {
  stream?.close();
  stream = null;
  doubt = clearTimeout(doubt);
};
const lead = (steal) => {
  quit = close;
  if (!locks) return connect();
  const wait = new AbortController();
  quit = () => wait.abort();
  const hold = () => new Promise((done) => {
    quit = () => done(close());
    connect();
  });
  // Refused: given up before it was granted, or taken by a tab that heard nothing.
  locks.request(crew, steal ? { steal } : { signal: wait.signal }, hold).catch(() => {
    if (!stream) return;
    quit();
    lead();
  });
};

const pass = (news) => {
  if (locks) others.postMessage(news);
  hear(news);
};
others.onmessage = ({ data }) => {
  if (data.kind === "try") stream && connect();
  else if (data.kind !== "who") hear(data);
  else if (stream && last) others.postMessage({ kind: trouble || "here", id: last });
};

// hear is what every tab does with an event.
const hear = ({ kind, folder, unread, arrived, reason, id = last }) => {
  const was = trouble;
  heard = Date.now();
  if (/away|lost|expired/.test(kind)) trouble = kind;
  else if (kind === "alert") say(reason);
  // A change may be known from an answer, while the watch is not back yet.
  else if (kind === "changed") changed(folder, unread, arrived);
  else {
    trouble = "";
    if (kind === "all" || (last && id !== last)) stale.add(listed());
  }
  last = id;
  if (was !== trouble) {
    bar(reason);
    if (trouble === "expired") quit();
    else if (was === "expired" && !stream) lead();
  }
  update();
};
const bar = (why) => {
  const focused = $("#net :focus");
  for (const line of $$("#net > p")) line.hidden = line.dataset.when !== trouble;
  const link = $("#net a");
  if (link) link.search = "?next=" + encodeURIComponent(location.pathname + location.search) + "&why=" + (why || "");
  if (focused?.closest("[hidden]")) refocus();
};
on("click", (e) => {
  if (!e.target.closest("[data-try]")) return;
  if (trouble === "lost") click("#refresh");
  if (stream) connect();
  else others.postMessage({ kind: "try" });
});

const linkTo = (folder) => $(`#folders a[data-folder="${CSS.escape(folder)}"]`);
const listed = () => $("#list")?.dataset.url.split(/[/?]/)[2];

const changed = (folder, unread, arrived) => {
  const link = linkTo(folder);
  stale.add(folder);
  if (unread >= 0) count(link, unread);
  crest();
  if (arrived && link && (folder === listed() || link.dataset.role === "inbox")) {
    $("#news").textContent = `${arrived} new message${arrived > 1 ? "s" : ""} in ${$(".cut", link).textContent}`;
  }
};

// count shows how many of a folder's messages are unread.
const count = (link, n) => {
  if (!link) return;
  $(".n", link)?.remove();
  link.classList.toggle("has-new", n > 0 && !/junk|trash/.test(link.dataset.role));
  delete link.dataset.unread;
  const words = n ? n.toLocaleString("en") : "";
  if (n) {
    link.dataset.unread = n;
    link.insertAdjacentHTML("beforeend", `<span class="n">${words}<span class="vh"> unread</span></span>`);
  }
  if (link.ariaCurrent) $("#unread").textContent = words && words + " unread";
};

// crest keeps the number in the title and the dot on the icon. Pieces come with
// a title without a number, whole documents with one.
let title, written;
const crest = (whole) => {
  const n = linkTo(listed() || "")?.dataset.unread;
  const prefix = n ? `(${n}) ` : "";
  if (document.title !== written) title = document.title;
  if (whole && title.startsWith(prefix)) title = title.slice(prefix.length);
  document.title = prefix + title;
  written = document.title;
  const icon = $("link[rel=icon]");
  const inbox = $("#folders [data-role=inbox]");
  const url = icon.dataset[inbox?.dataset.unread ? "new" : "old"];
  if (inbox && icon.getAttribute("href") !== url) icon.href = url;
};

// taken says that the list must stay as it is: something is selected, open,
// pressed or dragged, or the pointer is about to press.
let dragged, moved;
on("dragstart", () => (dragged = true));
on("dragend", () => (dragged = false));
on("pointermove", () => (moved = Date.now()));
const taken = () => pending || dragged || picked().length || $("dialog[open], :popover-open, #list:active") ||
  (Date.now() - moved < 4000 && $(".row :is(.quick, .pick, .star):hover"));

// update fetches the list again, when the page is seen and nobody has a hand on it.
// What is answered too late, because something was done meanwhile, is dropped.
let fetching, again;
const update = async () => {
  clearTimeout(again);
  const list = $("#list");
  const folder = listed();
  const shown = list?.dataset.url;
  // Beside or behind an open message the list is looked at too: see follow.
  if (trouble || document.hidden || !list || !stale.has(folder)) return;
  if (fetching || taken()) return (again = setTimeout(update, 200));
  fetching = true;
  stale.delete(folder);
  const before = acts;
  const reading = open()?.dataset.msg;
  const target = { "HX-Target": "form#list" };
  const headers = { "HX-Request": "true", "Oriel-Live": "1", Accept: "text/html", ...target };
  const answer = await fetch(listURL(), { headers }).catch(() => ({}));
  const text = answer.ok && !answer.headers.has("HX-Redirect") && (await answer.text().catch(() => ""));
  fetching = false;
  if (!text) return stale.add(folder); // until the next sign of life
  if ($("#list")?.dataset.url !== shown) return update();
  if (taken() || before !== acts) {
    stale.add(folder);
    return update();
  }
  const restore = spot();
  await htmx.swap({
    text, target: $("#list"), swap: "outerMorph", sourceElement: document.body,
    request: { headers: target }, response: answer, list: shown, live: true,
  });
  restore();
  follow(reading);
};

// spot notes where the eyes and the focus are, and returns how to bring them
// back. A list that stands at its top stays there, so that new mail is seen.
const spot = () => {
  const topOf = (e) => e.getBoundingClientRect().top;
  const box = $("#rows");
  const all = rows();
  const rest = all.filter((r) => topOf(r) + r.offsetHeight > topOf(box)).map((r) => [r.id, topOf(r)]);
  const from = box.scrollTop;
  const at = all.indexOf(cursor());
  const near = at < 0 ? [] : [...all.slice(at), ...all.slice(0, at).reverse()].map((r) => r.id);
  const there = (id) => $(`#${id}:not([hidden])`);
  return () => {
    const [id, y] = (from && rest.find(([i]) => there(i))) || [];
    if (id) $("#rows").scrollTop += topOf(there(id)) - y;
    const next = near.find(there);
    if (next && document.activeElement === document.body) linkOf(there(next)).focus({ preventScroll: true });
    if (hovered?.isConnected && !$(".quick", hovered)) hovered.append(quick(hovered));
  };
};

// follow makes the open message agree with its row. One that was taken away
// elsewhere stays until the reader goes on, and says so once.
let missed;
const follow = (reading) => {
  const now = open();
  if (!now || now.dataset.msg !== reading) return;
  const row = opened();
  if (row) setFlagged(now, "flagged" in row.dataset);
  else if ("gone" in $("#list").dataset && !leaving.has(reading) && missed !== reading) {
    missed = reading;
    say("This message was moved or deleted elsewhere. It stays here until you go on.", true);
  }
};

if (user) {
  lead();
  others.postMessage({ kind: "who" });
  crest(true);
  on("htmx:before:request", ({ detail: { ctx } }) => stale.delete(ctx.request.action.match(/^\/m\/([^/?]+)(\?|$)/)?.[1]));
  on("htmx:after:swap", update);
  on("htmx:finally:swap", ({ detail: { ctx } }) => crest(ctx.target === document.body));
  addEventListener("pagehide", () => quit());
  addEventListener("pageshow", (e) => e.persisted && (lead(), look()));
  addEventListener("online", () => stream && connect());
  addEventListener("offline", () => stream && connect());

  // A stream that says nothing for long has died without a word, or the tab that
  // holds it sleeps.
  const check = () => {
    if (Date.now() - heard < 60000 || trouble === "expired" || (!stream && document.hidden)) return;
    heard = Date.now();
    if (stream) connect();
    else {
      quit();
      lead(true);
    }
  };
  setInterval(check, 15000);
  // The mailbox is watched where it was looked at last: a tab that comes to the
  // front looks again.
  const look = () => {
    stale.add(listed());
    update();
  };
  let resting;
  on("visibilitychange", () => {
    clearTimeout(resting);
    if (document.hidden) {
      if (!locks) resting = setTimeout(close, 10000);
      return;
    }
    if (!locks && !stream) connect();
    check();
    look();
  });
}
