package handlers

import (
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	// sendTime is how long a browser may take to send a form.
	sendTime = 15 * time.Second
	// answerTime is how long an answer may take, the mail server's part included.
	answerTime = 5 * time.Minute
	// stall is how long a browser may take none of a stream before it is dropped.
	stall = time.Minute
	// chunk is the piece in which streams are copied: it bounds a download's memory.
	chunk = 32 << 10
)

// patient gives each request its own deadlines. The server has none for whole
// requests, because they would cut long downloads; without these a client that
// sends or takes a byte a minute would hold a connection for ever. They also
// replace what the request before has left on the connection.
func patient(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w) // an error means that the writer is no network's
		_ = c.SetWriteDeadline(time.Now().Add(answerTime))
		if r.ContentLength != 0 {
			_ = c.SetReadDeadline(time.Now().Add(sendTime))
		}
		h.ServeHTTP(w, r)
	})
}

// stream answers with what r holds. An error in the middle breaks the answer
// off: a short file must never look whole.
func (a *App) stream(v visit, r io.Reader) error {
	v.Response().WriteHeader(http.StatusOK)
	if v.Request().Method == http.MethodHead {
		return nil
	}
	return pour(patientWriter{v.Response()}, r)
}

// pour copies with flat memory, in whole chunks: a decoder gives its content by
// the line or so, and each write is a call of the system and a deadline.
func pour(w io.Writer, r io.Reader) error {
	buf := make([]byte, chunk)
	for {
		n := 0
		var err error
		for n < len(buf) && err == nil {
			var got int
			got, err = r.Read(buf[n:])
			n += got
		}
		if _, werr := w.Write(buf[:n]); werr != nil {
			return werr
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err // a cut is one too, and must not look like the end
		}
	}
}

// patientWriter gives each piece its own deadline, so that a slow line may take
// hours and a dead one a minute.
type patientWriter struct{ *echo.Response }

func (w patientWriter) Write(b []byte) (int, error) {
	if err := http.NewResponseController(w.Response).SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	return w.Response.Write(b)
}
