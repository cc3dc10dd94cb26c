package handlers

import (
	"context"
	"errors"
	"html"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"oriel/mail"
	"oriel/sanitize"
	"oriel/views"
)

// answer is what the user sees of an error: a status, a heading and a sentence.
// "%s" in the sentence is the error's Reason.
type answer struct {
	status   int
	title    string
	sentence string
}

// answers is the one table from what happened to what is said about it. The
// cause goes to the log, never to the browser.
var answers = map[mail.Kind]answer{
	mail.Internal:    {500, "Something went wrong", "Oriel made a mistake here. Nothing was changed as far as it knows."},
	mail.Denied:      {401, "Signed out", "The mail server no longer accepts your password. Sign in again."},
	mail.Throttled:   {429, "Too many attempts", "There were too many failed sign-ins. Wait a little before you try again."},
	mail.Unreachable: {503, "The mail server is away", "Oriel can't reach the mail server right now. Your mail is safe there; try again in a moment."},
	mail.Timeout:     {504, "The mail server is slow", "The mail server didn't answer in time. Try again in a moment."},
	mail.Dropped:     {502, "The connection broke", "The mail server closed the connection in the middle. Try again."},
	mail.BadTLS:      {503, "No safe connection", "Oriel can't make a safe connection to the mail server: %s."},
	mail.PlainPort:   {503, "No safe connection", "Oriel and the mail server don't agree on encryption: %s."},
	mail.WrongServer: {503, "Not a mailbox server", "The configured address answers, but not as an IMAP server: %s."},
	mail.NoStartTLS:  {503, "No safe connection", "The mail server doesn't offer the encryption (STARTTLS) that Oriel requires."},
	mail.NoFolder:    {404, "That folder isn't here any more", "It was renamed or deleted, perhaps on another device."},
	mail.NoMessage:   {404, "That message isn't here any more", "It was moved or deleted, perhaps on your phone."},
	mail.Stale:       {410, "This page is out of date", "The folder was rebuilt on the server since the page was drawn, so Oriel left its messages alone. Open the folder again."},
	mail.NoRole:      {409, "A folder is missing", "There is no folder for that yet."},
	mail.Refused:     {409, "The mail server refused", "The mail server said no: %s"},
	mail.OverQuota:   {409, "The mailbox is full", "The mail server has no room left for that. Delete some mail first."},
	mail.Unsupported: {409, "Not on this server", "The mail server can't do that: %s."},
	mail.Invalid:     {400, "That makes no sense", "The request is not one Oriel understands."},
	mail.TooLarge:    {413, "Too large", "That is larger than Oriel handles."},
	mail.Unknown:     {502, "Perhaps done, perhaps not", "The connection broke before the mail server confirmed it. Look at the folder before you try again."},
	mail.Busy:        {503, "Too much at once", "All connections to your mailbox are in use. Try again in a moment."},
}

// spoken is an error that knows its own words, for what has no Kind.
type spoken struct{ answer }

func (s spoken) Error() string { return s.title }

func says(status int, title, sentence string) error { return spoken{answer{status, title, sentence}} }

// plainAnswers are for errors that come from HTTP itself.
var plainAnswers = map[int]answer{
	403: {403, "Not from here", "That request came from another site, so Oriel refused it."},
	404: {404, "Nothing here", "There is no page at this address."},
	405: {405, "Not like this", "This address doesn't answer that kind of request."},
	413: {413, "Too large", "That form is larger than Oriel reads."},
}

// describe turns an error into the words for it.
func describe(err error) answer {
	var own spoken
	if errors.As(err, &own) {
		return own.answer
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		if p, ok := plainAnswers[h.Code]; ok {
			return p
		}
		if h.Code < 500 {
			return answer{h.Code, "That makes no sense", "The request is not one Oriel understands."}
		}
	}
	kind := mail.KindOf(err)
	if kind == mail.Internal && errors.Is(err, context.DeadlineExceeded) {
		kind = mail.Timeout
	}
	d := answers[kind]
	d.sentence = withReason(d.sentence, err)
	return d
}

// withReason puts the error's Reason where the sentence has a place for it, and
// drops the place when there is none.
func withReason(sentence string, err error) string {
	var e *mail.Error
	reason := ""
	if errors.As(err, &e) {
		reason = e.Reason
	}
	return fill(sentence, reason)
}

// fail is echo's error handler: the only writer of error pages.
func (a *App) fail(err error, c echo.Context) {
	d := describe(err)
	a.logFailure(c, d.status, err)
	if c.Response().Committed {
		// The status is out, so the only honest thing left is to break the answer off.
		panic(http.ErrAbortHandler)
	}
	answerAs := page
	if r, _ := c.Get(routeKey).(route); r.kind == framed {
		answerAs = framed // as a page the frame would not show it
	}
	h := c.Response().Header()
	a.setHeaders(h, answerAs)
	for _, name := range []string{"Content-Disposition", "Content-Length", "ETag", "Oriel-Refresh"} {
		h.Del(name)
	}
	if d.status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	write := a.writeFailure
	if answerAs == framed {
		write = writeFramed
	}
	if err := write(c, d); err != nil {
		a.Log.Error("error page", "id", idOf(c), "error", err)
		if !c.Response().Committed {
			_ = c.NoContent(d.status) // net/http would call an answer that was never begun a success
		}
	}
}

// writeFramed says what is wrong where the body would be.
func writeFramed(c echo.Context, d answer) error {
	doc, err := sanitize.Mail("<p><b>"+html.EscapeString(d.title)+"</b></p><p>"+html.EscapeString(d.sentence)+"</p>", sanitize.MailOptions{})
	if err != nil {
		return err
	}
	return c.HTMLBlob(d.status, []byte(doc.HTML))
}

func (a *App) writeFailure(c echo.Context, d answer) error {
	if c.Request().Method == http.MethodHead {
		return c.NoContent(d.status)
	}
	v, signedIn := c.Get(visitKey).(visit)
	_, known := a.Login.Current(c.Request()) // no visit yet, but a session: an address that does not exist
	e := views.ErrorView{Title: d.title, Sentence: d.sentence, Request: idOf(c), Actions: waysOn(c, d, known)}
	if wanted(c.Request()) != wholePage {
		h := c.Response().Header()
		h.Set("HX-Retarget", "#toasts")
		h.Set("HX-Reswap", "beforeend")
		if d.status == http.StatusNotFound || d.status == http.StatusGone {
			h.Set("Oriel-Refresh", "list")
		}
		return render(c, d.status, views.ErrorToast(e))
	}
	if signedIn && d.status < 500 {
		// The folders are a way on; they are cached, and without them the page still says what is wrong.
		ctx, cancel := context.WithTimeout(c.Request().Context(), 2*time.Second)
		defer cancel()
		if folders, err := v.mail.Folders(ctx, false); err == nil {
			return render(c, d.status, views.Page(a.frame(v, d.title, folders, mail.ListQuery{}), views.Error(e)))
		}
	}
	user := ""
	if signedIn {
		user = v.login.User
	}
	return render(c, d.status, views.SignedOutError(a.context(c, user), e))
}

// waysOn are the links of an error page: never a dead end.
func waysOn(c echo.Context, d answer, signedIn bool) []views.Action {
	var ways []views.Action
	if d.status >= 500 && c.Request().Method == http.MethodGet {
		ways = append(ways, views.Action{Label: "Try again", URL: c.Request().URL.RequestURI()})
	}
	if key := c.Param("folder"); signedIn && key != "" && (c.Param("msg") != "" || d.status == http.StatusGone) {
		if name, ok := mail.ParseKey(key); ok {
			ways = append(ways, views.Action{Label: "Open the folder", URL: views.FolderURL(mail.ListQuery{Folder: name})})
		}
	}
	if signedIn {
		return append(ways, views.Action{Label: "Go to Inbox", URL: views.HomeURL()})
	}
	return append(ways, views.Action{Label: "Sign in", URL: views.LoginURL("")})
}

// logFailure keeps the cause: loud when it is ours, quiet when the outside did it.
func (a *App) logFailure(c echo.Context, status int, err error) {
	switch {
	case c.Request().Context().Err() != nil:
		a.Log.Debug("the browser left", "id", idOf(c), "error", err)
	case status == 500:
		a.Log.Error("failed", "id", idOf(c), "error", err)
	case status > 500:
		a.Log.Warn("failed", "id", idOf(c), "error", err)
	default:
		a.Log.Debug("refused", "id", idOf(c), "status", status, "error", err)
	}
}

// refuseCrossSite answers a change that another site asked for. It runs outside
// echo, so it writes a plain page of its own.
func (a *App) refuseCrossSite(w http.ResponseWriter, r *http.Request) {
	a.setHeaders(w.Header(), page)
	d := plainAnswers[http.StatusForbidden]
	e := views.ErrorView{Title: d.title, Sentence: d.sentence, Actions: []views.Action{{Label: "Go to Inbox", URL: views.HomeURL()}}}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(d.status)
	ctx := views.Context{Now: a.Now(), Zone: a.zone(r), Prefs: prefs(r)}
	if err := views.SignedOutError(ctx, e).Render(r.Context(), w); err != nil {
		a.Log.Debug("refusal not delivered", "error", err)
	}
}
