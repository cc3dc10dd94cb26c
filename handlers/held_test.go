package handlers

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"oriel/mail"
)

// TestHeld: a document is given away once, to its owner, and not for long; all of
// them together stay below the limit.
func TestHeld(t *testing.T) {
	now := time.Now()
	h := newHeld(func() time.Time { return now })
	k := heldKey{"ann", mail.Ref{Folder: "INBOX", Validity: 1, UID: 2}, "1"}
	h.put(k, "one")
	h.put(k, "two")
	if _, ok := h.take(heldKey{"bob", k.ref, k.part}); ok {
		t.Error("another login has it")
	}
	if doc, ok := h.take(k); !ok || doc != "two" {
		t.Errorf("got %q, %v", doc, ok)
	}
	if _, ok := h.take(k); ok {
		t.Error("it is given away twice")
	}
	h.put(k, "three")
	now = now.Add(heldTime)
	if _, ok := h.take(k); ok {
		t.Error("it is kept for too long")
	}
	h.put(k, "four")
	h.forget("ann")
	if _, ok := h.take(k); ok {
		t.Error("it survives the sign-out")
	}
	large := string(strings.Repeat("x", heldOne))
	for i := range 100 {
		k.part = fmt.Sprint(i)
		h.put(k, large)
		if h.bytes > heldAll {
			t.Fatalf("%d octets are held", h.bytes)
		}
	}
	k.part = "too large"
	h.put(k, large+"x")
	if _, ok := h.take(k); ok {
		t.Error("a document over the limit is held")
	}
	now = now.Add(heldTime)
	if h.expire(); h.bytes != 0 || len(h.docs) != 0 {
		t.Errorf("%d octets in %d documents are left", h.bytes, len(h.docs))
	}
}
