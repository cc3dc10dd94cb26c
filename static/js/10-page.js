// The pages work without any of this: every change is a form, every view a
// link. These files make them quick, and keep focus and scroll where they were.
// They are joined into one script with one scope, in the order of their names.

const $ = (selector, root = document) => root.querySelector(selector);
const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
const page = document.documentElement.classList; // swaps leave it alone
page.add("js");
const on = (type, listener, capture = false) => document.addEventListener(type, listener, capture);

// The server draws times and days in the reader's zone, which only the browser knows.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (zone) {
  document.cookie = `oriel-tz=${encodeURIComponent(zone)}; path=/; max-age=31536000; samesite=lax` +
    (location.protocol === "https:" ? "; secure" : "");
}

// wait counts requests under way. The hairline shows itself after 100 ms (CSS).
let waiting = 0;
const wait = (step) => {
  waiting += step;
  const line = $("#busy");
  if (line) line.hidden = waiting < 1;
};
const counted = (request) => {
  wait(1);
  return request.finally(() => wait(-1));
};

const closePopovers = () => $$(":popover-open").forEach((p) => p.hidePopover());

// A mail frame runs no script, but shares our origin: we may measure it. Its
// root element is as tall as its content, whatever the height of the frame.
const fit = (frame) => {
  const root = frame.contentDocument?.documentElement;
  if (!root || frame.contentWindow.location.href === "about:blank") return;
  const set = () => {
    const bar = root.scrollWidth > root.clientWidth ? 18 : 2;
    frame.style.blockSize = Math.min(Math.ceil(root.getBoundingClientRect().height) + bar, 30000) + "px";
  };
  new ResizeObserver(set).observe(root);
  set();
};
on("load", (e) => e.target.matches?.("iframe.frame") && fit(e.target), true);
$$("#reader iframe.frame").forEach((f) => f.contentDocument?.readyState === "complete" && fit(f));
