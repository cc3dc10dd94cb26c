// Toasts and dialogs: what the server answers to a form that the script sent.

// arm gives new toasts their button and their ten seconds. A new one takes the
// place of the last, because only the last action can be undone by z; errors
// stay until dismissed.
const arm = () => {
  for (const toast of $$("#toasts > :not([data-armed])")) {
    toast.dataset.armed = "";
    $$("#toasts > [data-armed]:not([data-error])").forEach((t) => t !== toast && drop(t));
    $("[data-dismiss]", toast)?.removeAttribute("hidden");
    if (!("error" in toast.dataset)) setTimeout(expire, 10000, toast);
  }
};
// A toast under the pointer or with the focus stays a little longer.
const expire = (toast) => {
  if (toast.matches(":hover, :focus-within")) setTimeout(expire, 3000, toast);
  else drop(toast);
};
const drop = (toast) => {
  const focused = toast.contains(document.activeElement);
  toast.remove();
  if (focused) refocus();
};
const refocus = () => ($("#subject") || $("#list-title") || $("main")).focus({ preventScroll: true });
on("click", (e) => {
  const button = e.target.closest("[data-dismiss]");
  if (button) drop(button.closest("[data-toast]"));
});

// say shows a sentence of our own, for when no server could answer. A calm one is
// no error and goes by itself.
const say = (text, calm) => {
  const toast = document.createElement("div");
  const words = document.createElement("span");
  const button = document.createElement("button");
  toast.className = calm ? "toast" : "toast bad";
  toast.dataset.toast = button.dataset.dismiss = "";
  if (!calm) toast.dataset.error = "";
  words.textContent = text;
  button.className = "btn sm";
  button.textContent = "Dismiss";
  toast.append(words, button);
  $("#toasts").append(toast);
  arm();
};

// ask shows a question or a list in the dialog. Focus starts on the field, on
// Cancel when the answer destroys something, else where the browser puts it.
const ask = (content) => {
  const dialog = $("#dialog");
  closePopovers();
  dialog.replaceChildren(content);
  const filter = $("[data-filter]", dialog);
  if (filter) filter.hidden = false;
  if (!dialog.open) dialog.showModal();
  (filter ? $("input", filter) : $(".danger", dialog)?.previousElementSibling)?.focus();
};
on("click", (e) => {
  const dialog = $("#dialog");
  const cancel = e.target.closest("[data-cancel]");
  if (!dialog?.open || (e.target !== dialog && !(cancel && dialog.contains(cancel)))) return;
  e.preventDefault();
  dialog.close();
});
// A link that asks for a dialog gets one; its page is for everybody else.
on("click", (e) => {
  const link = e.target.closest("a[data-ask]");
  if (!link || e.ctrlKey || e.metaKey || e.shiftKey) return;
  e.preventDefault();
  show(link.href);
});
const show = async (url) => {
  const answer = await send(url);
  const content = answer && $("[data-dialog]", answer.content);
  if (content) ask(content);
};

// Typing narrows a list of folders; Enter takes the first that is left.
const choices = (field) => $$(".opts > :is(label, a)", field.closest(".ask"));
on("input", (e) => {
  if (!e.target.closest("[data-filter]")) return;
  const words = e.target.value.toLowerCase().split(/\s+/);
  for (const c of choices(e.target)) {
    const text = c.textContent.toLowerCase();
    c.hidden = !words.every((w) => text.includes(w));
  }
});
on("keydown", (e) => {
  if (e.key !== "Enter" || !e.target.closest?.("[data-filter]")) return;
  e.preventDefault();
  const found = choices(e.target).filter((c) => !c.hidden);
  const choice = found.find((c) => $(":checked", c)) || found[0];
  choice?.click();
  if (choice?.matches("label")) choice.closest("form").requestSubmit();
});

// send asks the server for a piece: a POST when there is a body. It returns the
// answer's content, or nothing when the page is being left.
const send = async (url, body, more) => {
  const response = await counted(fetch(url, {
    method: body ? "POST" : "GET",
    body: body && new URLSearchParams(body),
    headers: { "HX-Request": "true", Accept: "text/html", ...more },
  }));
  const away = response.headers.get("HX-Redirect");
  if (away) {
    location.href = away;
    return;
  }
  const { body: content } = new DOMParser().parseFromString(await response.text(), "text/html");
  const toasts = $$("[data-toast]", content);
  $("#toasts").append(...toasts);
  arm();
  return { ok: response.ok, status: response.status, refresh: response.headers.get("Oriel-Refresh") === "list", said: toasts.length > 0, content };
};
